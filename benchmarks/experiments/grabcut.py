"""GrabCut (Rother, Kolmogorov, Blake, 2004) of coarse objects: what the paper compares with."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from mmsteal.functional import settle_overlaps
from mmsteal.functional.labels.bounding_box import bounding_box


def grabcut(
    image: NDArray[np.uint8],
    object_map: NDArray[np.int32],
    *,
    ring_px: int | None,
    num_iters: int = 5,
) -> NDArray[np.int32]:
    """Cut out every object, then settle overlaps as the refinement does.

    Args:
        image: BGR (H, W, 3) uint8.
        object_map: Index of the coarse object of each pixel (H, W), -1 for none.
        ring_px: Width of the ring around an object in which nobody knows; the object's own pixels
            are sure, and what lies beyond is not the object. None: the whole image is open, and
            the object's own pixels are only probable.
        num_iters: Iterations of GrabCut.

    Returns:
        Index of the object of each pixel after it (H, W).
    """
    present = np.unique(object_map[object_map >= 0])
    if not len(present):
        return object_map.copy()
    given = object_map == present[:, None, None]
    masks = [_cut(image, mask, ring_px, num_iters) for mask in given]
    owner = settle_overlaps(np.stack(masks), given)
    return np.append(present, -1)[owner].astype(np.int32)


def _cut(
    image: NDArray[np.uint8], mask: NDArray[np.bool_], ring_px: int | None, num_iters: int
) -> NDArray[np.bool_]:
    trimap = np.full(mask.shape, cv2.GC_PR_BGD, np.uint8)
    trimap[mask] = cv2.GC_PR_FGD
    box = (slice(None), slice(None))
    if ring_px is not None and mask.any():
        disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * ring_px + 1,) * 2)
        trimap[cv2.dilate(mask.view(np.uint8), disk) == 0] = cv2.GC_BGD
        trimap[mask] = cv2.GC_FGD
        # As much again around the ring stands for all that is not the object.
        box = bounding_box(mask, reach=2 * ring_px)
    part = np.ascontiguousarray(trimap[box])
    inside = (part & 1).astype(bool)
    if inside.any() and not inside.all():  # it needs pixels on both sides
        cv2.setRNGSeed(0)
        models = np.zeros((1, 65)), np.zeros((1, 65))
        cv2.grabCut(
            np.ascontiguousarray(image[box]), part, None, *models, num_iters, cv2.GC_INIT_WITH_MASK
        )
    cut = mask.copy()
    cut[box] = part & 1
    return cut
