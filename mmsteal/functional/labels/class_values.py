"""Which values of a label map are classes."""

from __future__ import annotations

from collections.abc import Collection
from itertools import count, islice


def class_values(num_classes: int, *, without: Collection[int | None] = ()) -> list[int]:
    """The values of the classes of a label map: the smallest ones that stand for nothing else.

    Args:
        num_classes: Number of classes K.
        without: Values that are no class: background and ignored ones. None among them is skipped,
            so that an option that may be None can be passed on as it is.

    Returns:
        K values, ascending: 0, 1, 2, ... but for those in `without`.

    Example:
        >>> class_values(3, without=(1, None, 255))
        [0, 2, 3]
    """
    taken = set(without)
    return list(islice((value for value in count() if value not in taken), num_classes))
