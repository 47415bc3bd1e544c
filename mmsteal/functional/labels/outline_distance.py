"""How far two outlines are apart."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mmsteal.functional.labels.bounding_box import bounding_box
from mmsteal.functional.labels.distance import inner_distance


def outline_distances(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> NDArray[np.float64]:
    r"""Distance of each pixel of either outline to the nearest one of the other.

    With outlines A and B these are

    .. math::
        \bigl(d(p, B)\bigr)_{p \in A}, \; \bigl(d(q, A)\bigr)_{q \in B}

    Their mean says how far the outlines are apart; the largest one is the Hausdorff distance.

    Args:
        first: Outline (H, W), bool, such as `mask_edges(mask, radius=1) != 0`.
        second: Outline of the same shape.

    Returns:
        Distances in px, those of `first` before those of `second`, each in row-major order; none at
        all where one of the outlines has no pixel.

    Raises:
        ValueError: If the shapes differ.

    Example:
        >>> first, second = np.zeros((2, 5, 9), bool)
        >>> first[:, 2] = second[:4, 5] = True
        >>> distances = outline_distances(first, second)
        >>> len(distances), distances.mean().round(2).item(), distances.max().round(2).item()
        (9, 3.02, 3.16)
    """
    if first.shape != second.shape:
        raise ValueError(
            f'Expected two outlines of one shape, but got {first.shape} and {second.shape}; '
            'they must be of one image.'
        )
    if not (first.any() and second.any()):
        return np.empty(0)
    box = bounding_box(first | second)
    one, other = first[box], second[box]
    return np.concatenate([inner_distance(~other)[one], inner_distance(~one)[other]])
