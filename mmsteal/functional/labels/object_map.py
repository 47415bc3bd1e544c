"""Maps of objects: which occur, and how a change at one size is drawn at another.

Shape shorthand: M objects; H, W height and width; h, w of the small maps.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from mmsteal.functional.labels.bounding_box import bounding_box
from mmsteal.functional.labels.resize import resample


def present_objects(object_map: NDArray[np.int32]) -> list[int]:
    """Indices that occur in a map of objects.

    Args:
        object_map: Index of the object of each pixel (H, W), int32, -1 for none.

    Returns:
        The indices in ascending order, -1 among them.
    """
    # np.unique would sort all pixels.
    found: list[int] = (np.flatnonzero(np.bincount(object_map.ravel() + 1)) - 1).tolist()
    return found


def enlarge(
    refined: NDArray[np.int32],
    small: NDArray[np.int32],
    given: NDArray[np.int32],
    protected: NDArray[np.bool_],
) -> NDArray[np.int32]:
    """Draw what has changed between two small maps into the given one.

    Args:
        refined: Small map after the evolution.
        small: Small map before it.
        given: Map at full size.
        protected: Objects that no other may run over (M + 1,); the last entry is no object.

    Returns:
        The map at full size: as given wherever nothing has changed nearby.
    """
    if refined.shape == given.shape:
        return refined
    full = given.copy()
    scale_y, scale_x = given.shape[0] / small.shape[0], given.shape[1] / small.shape[1]
    changed = refined != small
    if not changed.any():
        return full
    near = cv2.dilate(changed.view(np.uint8), np.ones((3, 3), np.uint8))
    box = bounding_box(near)
    drawn = resample(near != 0, given.shape)
    if protected.any():
        drawn &= ~protected[given]
    best = np.zeros(given.shape, np.float32)
    for m in present_objects(refined[box][near[box] != 0]):
        inside = refined == m
        rows, columns = bounding_box(inside & (near != 0))
        # Two more on each side: interpolation reaches over one.
        top, left = max(rows.start - 2, 0), max(columns.start - 2, 0)
        bottom = min(rows.stop + 2, inside.shape[0])
        right = min(columns.stop + 2, inside.shape[1])
        y0, y1 = int(top * scale_y), math.ceil(bottom * scale_y)
        x0, x1 = int(left * scale_x), math.ceil(right * scale_x)
        # From the middle of a pixel at full size to the same place in the small map.
        to_small = np.array(
            [
                [1 / scale_x, 0, (x0 + 0.5) / scale_x - 0.5 - left],
                [0, 1 / scale_y, (y0 + 0.5) / scale_y - 0.5 - top],
            ]
        )
        share = cv2.warpAffine(
            inside[top:bottom, left:right].astype(np.float32),
            to_small,
            (x1 - x0, y1 - y0),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        part = (slice(y0, y1), slice(x0, x1))
        wins = drawn[part] & (share > best[part])
        best[part][wins] = share[wins]
        full[part][wins] = m
    return full
