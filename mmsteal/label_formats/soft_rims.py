"""Masks with soft rims, whose grey values look like classes and are none."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

# Antialiasing leaves dozens of values; a label map may well have a few thin classes.
_MIN_VALUES = 5
# Of the pixels of these values, how many lie between a lower and a higher value beside them.
_MIN_SHARE = 0.5


def soft_rim_values(values: NDArray[np.integer]) -> list[int]:
    """Values that a label map has on thin rims alone, between lower and higher ones.

    Antialiasing, smooth scaling and JPEG leave them where two classes meet.

    Args:
        values: (H, W).

    Returns:
        The values, ascending; empty where they are fewer than five, or look like classes.

    Example:
        >>> hard = np.zeros((20, 20), np.uint8)
        >>> hard[5:15, 5:15] = 255
        >>> soft = cv2.GaussianBlur(hard, (5, 5), 1)
        >>> soft_rim_values(hard), len(soft_rim_values(soft)) > 4
        ([], True)
    """
    if int(values.max(initial=0)) - int(values.min(initial=0)) < _MIN_VALUES:
        return []
    exact = values.astype(np.float32)  # up to 2^24
    kernel = np.ones((3, 3), np.uint8)
    low, high = cv2.erode(exact, kernel), cv2.dilate(exact, kernel)
    thin = np.setdiff1d(values, values[low == high])
    if len(thin) < _MIN_VALUES:
        return []
    of_thin = np.isin(values, thin)
    between = (low < exact) & (exact < high)
    found: list[int] = thin.tolist() if between[of_thin].mean() >= _MIN_SHARE else []
    return found
