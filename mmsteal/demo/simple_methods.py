"""What a person would try first in place of a refinement.

Objects are maps of their indices (H, W), int32, -1 where there is none.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage


def outline_band(object_map: NDArray[np.int32], error_px: float) -> NDArray[np.bool_]:
    """Pixels (H, W) that are no further than the error from an outline."""
    step = np.zeros(object_map.shape, bool)
    step[:, 1:] |= object_map[:, 1:] != object_map[:, :-1]
    step[1:] |= object_map[1:] != object_map[:-1]
    return ndimage.distance_transform_edt(~step) <= error_px


def nearest_labels(object_map: NDArray[np.int32], reach_px: float) -> NDArray[np.int32]:
    """Give pixels of no object to the nearest one, if it is no further than `reach_px`."""
    none = object_map < 0
    distance, (y, x) = ndimage.distance_transform_edt(none, return_indices=True)
    return np.where(distance <= reach_px, object_map[y, x], object_map)


def grabcut_in_band(
    image: NDArray[np.uint8],
    object_map: NDArray[np.int32],
    band: NDArray[np.bool_],
    *,
    background: bool = True,
) -> NDArray[np.int32]:
    """GrabCut (Rother, Kolmogorov, Blake, 2004) of one object after the other.

    Args:
        image: RGB (H, W, 3) uint8.
        object_map: The objects as they are labelled.
        band: Pixels (H, W) that are open; all others keep their label.
        background: Whether open pixels that no object wins are of no object; otherwise they keep
            their label.

    Returns:
        The objects; pixels that several win keep their label.
    """
    bgr = np.ascontiguousarray(image[..., ::-1])
    claims = np.zeros(object_map.shape, np.int32)
    result = object_map.copy()
    present = [int(index) for index in np.unique(object_map) if index >= 0]
    masks = [_cut(bgr, object_map == index, band) for index in present]
    for mask in masks:
        claims += mask
    if background:
        result[band & (claims == 0)] = -1
    for index, mask in zip(present, masks, strict=True):
        result[band & mask & ((claims == 1) | (object_map == index))] = index
    return result


def _cut(
    bgr: NDArray[np.uint8], mask: NDArray[np.bool_], band: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    sure = np.where(mask, cv2.GC_FGD, cv2.GC_BGD)
    maybe = np.where(mask, cv2.GC_PR_FGD, cv2.GC_PR_BGD)
    trimap = np.where(band, maybe, sure).astype(np.uint8)
    inside = (trimap & 1).astype(bool)
    if inside.any() and not inside.all():
        cv2.setRNGSeed(0)
        models = np.zeros((1, 65)), np.zeros((1, 65))
        box = (0, 0, 1, 1)  # not looked at
        cv2.grabCut(bgr, trimap, box, *models, 3, cv2.GC_INIT_WITH_MASK)
    return (trimap & 1).astype(bool)
