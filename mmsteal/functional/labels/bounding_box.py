"""The part of an image that holds a mask."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Box = tuple[slice, slice]


def bounding_box(mask: NDArray[Any], reach: int = 0) -> Box:
    """Rows and columns of the pixels that are set, and `reach` pixels more on each side.

    Args:
        mask: Mask (H, W); every pixel that is not 0 is set.
        reach: Pixels by which the box is wider, at least 0. At the top and the left it ends with
            the image; at the bottom and the right it may run past it, which slicing allows.

    Returns:
        Slices of the rows and of the columns; empty ones where no pixel is set.

    Example:
        >>> mask = np.zeros((9, 9), bool)
        >>> mask[1:4, 5] = True
        >>> bounding_box(mask, reach=2)
        (slice(0, 6, None), slice(3, 8, None))
    """
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return slice(0, 0), slice(0, 0)
    return (
        slice(max(0, int(rows[0]) - reach), int(rows[-1]) + 1 + reach),
        slice(max(0, int(columns[0]) - reach), int(columns[-1]) + 1 + reach),
    )
