"""Euclidean distance inside a mask, the same on every run."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray


def inner_distance(mask: NDArray[Any]) -> NDArray[np.float64]:
    """Distance of each pixel of a mask to the nearest pixel outside of it.

    The last bit of OpenCV's roots differs from run to run, which decides ties, and comparisons
    with whole numbers. Squared distances are whole numbers, so rounding them takes that out.

    Args:
        mask: Mask (H, W), bool or uint8.

    Returns:
        Distances (H, W) in pixels, float64; 0 outside of the mask, and large everywhere if no
        pixel is outside.

    Example:
        >>> mask = np.ones((1, 4), bool)
        >>> mask[0, 0] = False
        >>> inner_distance(mask)
        array([[0., 1., 2., 3.]])
    """
    inside = np.ascontiguousarray(mask).view(np.uint8)
    distance = cv2.distanceTransform(inside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.sqrt(np.rint(np.square(distance.astype(np.float64))))
