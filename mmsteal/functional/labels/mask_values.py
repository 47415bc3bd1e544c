"""Masks of 0 and 255, as most tools write the mask of one object."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from numpy.typing import NDArray

INSIDE = 255


def are_mask_values(values: Iterable[int]) -> bool:
    """Whether label maps of one class that hold these values are masks.

    With one class, 0 and 255 and nothing else are its background and itself: 255 is not the ignored
    value then, as it is among other values.

    Args:
        values: All values of the set, or of a label map that stands alone.

    Example:
        >>> are_mask_values([0, 255]), are_mask_values([0, 1, 255]), are_mask_values([0])
        (True, False, False)
    """
    return set(values) == {0, INSIDE}


def is_mask(label_map: NDArray[Any]) -> bool:
    """Whether a label map (H, W) holds 0 and 255 and nothing else; see :func:`are_mask_values`."""
    inside = label_map == INSIDE
    return bool(inside.any() and not inside.all() and ((label_map == 0) | inside).all())
