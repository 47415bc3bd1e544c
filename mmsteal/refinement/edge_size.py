"""Edge probabilities at the size at which objects evolve."""

from __future__ import annotations

import cv2
import numpy as np


def resize_edge_prob(
    edge_prob: np.ndarray, shape: tuple[int, int], scale: float | None
) -> np.ndarray:
    """Bring edge maps to `scale` times the size of the labels.

    The aspect ratio stays as it is, so that maps of another image are still noticed.

    Args:
        edge_prob (np.ndarray): (K, h, w), float in [0, 1], or uint8 with 255 = 1.
        shape (tuple[int, int]): Height and width of the labels.
        scale (float | None): Above 0; 0.5 is a quarter of the pixels and of the time. None keeps
            the size of the maps.

    Returns:
        np.ndarray: (K, h', w') float32 in [0, 1].

    Raises:
        ValueError: If `scale` is not above 0, or an array is of another shape.
    """
    if edge_prob.ndim != 3:
        raise ValueError(
            f'Expected argument `edge_prob` to have shape (K, h, w), but got {edge_prob.shape}.'
        )
    if scale is not None and not 0 < scale < np.inf:
        raise ValueError(f'Expected argument `scale` to be > 0 and finite, but got {scale}.')
    maps = edge_prob.view(np.uint8) * np.uint8(255) if edge_prob.dtype == bool else edge_prob
    if maps.dtype != np.uint8:
        maps = maps.astype(np.float32, copy=False)
    height, width = maps.shape[1:]
    if scale is not None:
        factor = scale * shape[0] / height
        size = (max(round(width * factor), 1), max(round(height * factor), 1))
        if size != (width, height):
            way = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
            maps = np.stack([cv2.resize(one, size, interpolation=way) for one in maps])
    if maps.dtype == np.uint8:
        return np.multiply(maps, np.float32(1 / 255), dtype=np.float32)
    return maps
