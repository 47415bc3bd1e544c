"""The outline of a mask as pixels: the inner one of the two sides."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmsteal.functional.edge_maps.edges import mask_edges


def mask_outline(mask: NDArray[Any]) -> NDArray[np.bool_]:
    """Pixels of a mask that have a neighbor outside of it, above, below, left or right.

    Args:
        mask: (..., H, W), bool or uint8, where not 0 is inside. What lies beyond the image counts
            as nothing.

    Returns:
        The outline, bool, of the same shape.

    Example:
        >>> mask_outline(np.array([[False, False, True, True, True]]))
        array([[False, False,  True, False, False]])
    """
    outline: NDArray[np.bool_] = (mask != 0) & (mask_edges(mask, radius=1) != 0)
    return outline
