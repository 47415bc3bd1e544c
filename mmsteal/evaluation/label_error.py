"""How far labels are from the exact ones: distance of the outlines, and overlap."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmsteal.functional.labels.mask_outline import mask_outline
from mmsteal.functional.labels.outline_distance import outline_distances


@dataclass(frozen=True)
class MeanLabelError:
    """Error of labels, averaged over the objects of a set.

    Attributes:
        px (float): Distance from outline to outline in pixels, both ways, averaged over the pixels
            of an object and then over the objects that still have an outline; NaN without any.
        iou (float): Mean intersection over union of an object; NaN without objects.
        lost (int): Objects without a pixel.
        num_objects (int): Exact objects.
    """

    px: float
    iou: float
    lost: int
    num_objects: int


def label_error(pairs: Iterable[tuple[NDArray, NDArray]]) -> MeanLabelError:
    """Compare maps of objects with the exact ones.

    Args:
        pairs (Iterable): Exact map and map to judge of each image, both (H, W) integers: ids of
            objects above 0, the same in both. Pixels that are negative in the exact map do not
            count.

    Returns:
        MeanLabelError: Averaged over all exact objects of all images.

    Raises:
        ValueError: If two maps differ in shape.

    Example:
        >>> exact, coarse = np.zeros((2, 9, 9), int)
        >>> exact[2:7, 2:7] = coarse[3:6, 3:6] = 1
        >>> found = label_error([(exact, coarse)])
        >>> round(found.px, 2), found.iou, found.lost
        (1.07, 0.36, 0)
    """
    distances, ious, lost = [], [], 0
    for exact, given in pairs:
        if exact.shape != given.shape:
            raise ValueError(
                f'Expected two maps of one shape, but got {exact.shape} and {given.shape}; '
                'they must be of one image.'
            )
        counted = exact >= 0
        for number in np.unique(exact[exact > 0]):
            masks = exact == number, (given == number) & counted
            ious.append((masks[0] & masks[1]).sum() / (masks[0] | masks[1]).sum())
            found = outline_distances(*map(mask_outline, masks))
            if len(found):
                distances.append(found.mean())
            lost += not masks[1].any()
    px = float(np.mean(distances)) if distances else float('nan')
    iou = float(np.mean(ious)) if ious else float('nan')
    return MeanLabelError(px, iou, int(lost), len(ious))
