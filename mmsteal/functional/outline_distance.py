"""How far the outlines of two masks are apart."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmsteal.functional.bounding_box import bounding_box
from mmsteal.functional.distance import inner_distance
from mmsteal.functional.edges import mask_edges


def outline_distances(
    first: NDArray[Any], second: NDArray[Any], *, inner: bool = False
) -> NDArray[np.float64]:
    """Distance of each outline pixel of either mask to the outline of the other one.

    The mean says how far the outlines are apart, the largest one is the Hausdorff distance.

    Args:
        first: Mask (H, W), bool or uint8.
        second: Mask of the same shape.
        inner: Whether the outline is only the pixels of the mask that have a 4-neighbour outside of
            it. Otherwise the pixels on both sides count.

    Returns:
        Distances in px, those of `first` before those of `second`, each in row-major order; none at
        all where one of the masks has no outline.

    Raises:
        ValueError: If the shapes differ.

    Example:
        >>> first, second = np.zeros((2, 9, 9), bool)
        >>> first[2:7, 2:7] = second[3:6, 3:6] = True
        >>> distances = outline_distances(first, second, inner=True)
        >>> len(distances), distances.mean().round(2).item(), distances.max().round(2).item()
        (24, 1.07, 1.41)
    """
    if first.shape != second.shape:
        raise ValueError(
            f'Expected two masks of one shape, but got {first.shape} and {second.shape}; '
            'they must be of one image.'
        )
    masks = first != 0, second != 0
    # A pixel of surroundings, for the outer side of the outlines.
    box = bounding_box(masks[0] | masks[1], reach=1)
    outlines = []
    for mask in masks:
        part = np.ascontiguousarray(mask[box])
        edges = mask_edges(part, radius=1) != 0
        outlines.append(edges & part if inner else edges)
    if not (outlines[0].any() and outlines[1].any()):
        return np.empty(0)
    return np.concatenate(
        [inner_distance(~outlines[1])[outlines[0]], inner_distance(~outlines[0])[outlines[1]]]
    )
