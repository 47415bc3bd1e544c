"""Edge maps at the size at which objects are to be refined.

Shape shorthand: K edge maps; H, W height and width of the labels; h, w of the edge maps.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mmsteal.functional.edge_maps.gradient_edges import gradient_edges
from mmsteal.functional.labels.resize import resize_edge_prob


def edges_at_scale(
    edge_prob: NDArray[Any] | None,
    image: NDArray[np.uint8] | None,
    shape: tuple[int, int],
    scale: float | None,
) -> NDArray[np.float32] | None:
    """Edge maps for :func:`mmsteal.functional.refine_objects`, which works at their size.

    Args:
        edge_prob: (K, h, w), float in [0, 1], or uint8 with 255 = 1; None for the color gradient.
        image: RGB image (H, W, 3), uint8; needed without edge maps.
        shape: Height and width of the labels.
        scale: Size at which objects are refined, as a fraction of the size of the labels. None:
            that of the edge maps.

    Returns:
        (K, h', w') float32 in [0, 1]; None for the gradient at the size of the labels.

    Raises:
        ValueError: If `scale` is not above 0, or an array is of another shape.
    """
    if edge_prob is not None:
        return resize_edge_prob(edge_prob, shape, scale)
    if scale is None or scale >= 1 or image is None:
        return None
    if not scale > 0:
        raise ValueError(f'Expected argument `scale` to be > 0 and finite, but got {scale}.')
    size = (max(round(shape[1] * scale), 1), max(round(shape[0] * scale), 1))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
    return gradient_edges(small)[None]
