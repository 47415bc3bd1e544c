"""GrabCut (Rother, Kolmogorov, Blake, 2004) of coarse objects: what the paper compares with."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from mmsteal.functional import settle_overlaps


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
    number = int(object_map.max(initial=-1)) + 1
    if not number:
        return object_map.copy()
    given = object_map == np.arange(number)[:, None, None]
    masks = []
    for mask in given:
        trimap = np.full(mask.shape, cv2.GC_PR_BGD, np.uint8)
        trimap[mask] = cv2.GC_PR_FGD
        if ring_px is not None:
            disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * ring_px + 1,) * 2)
            trimap[cv2.dilate(mask.view(np.uint8), disk) == 0] = cv2.GC_BGD
            trimap[mask] = cv2.GC_FGD
        inside = (trimap & 1).astype(bool)
        if inside.any() and not inside.all():  # it needs pixels on both sides
            cv2.setRNGSeed(0)
            models = np.zeros((1, 65)), np.zeros((1, 65))
            cv2.grabCut(image, trimap, None, *models, num_iters, cv2.GC_INIT_WITH_MASK)
        masks.append((trimap & 1).astype(bool))
    return settle_overlaps(np.stack(masks), given)
