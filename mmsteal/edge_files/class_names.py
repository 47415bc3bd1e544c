"""Classes by their names and numbers, as people and folders write them."""

from __future__ import annotations

import re
from collections.abc import Sequence

# A folder of the edge maps of one class: class_1, class_001, ...
CLASS_FOLDER = re.compile(r'class_?0*([1-9]\d*)', re.IGNORECASE)


def plain_name(name: str) -> str:
    """A class's name as folders are called: spaces, underscores and case do not matter."""
    return re.sub(r'[\s_-]', '', name).lower()


def class_indices(chosen: Sequence[str] | None, class_names: Sequence[str]) -> list[int] | None:
    """Look classes up by name, or by number from 1.

    Args:
        chosen: The classes; None for all.
        class_names: Names of the K classes, in their order.

    Returns:
        Indices from 0, ascending; None for all.

    Raises:
        ValueError: If there is no such class.

    Example:
        >>> class_indices(['traffic_light', '1'], ['road', 'car', 'traffic light'])
        [0, 2]
    """
    if chosen is None:
        return None
    by_name = {plain_name(name): k for k, name in enumerate(class_names)}
    by_name.update({str(k + 1): k for k in range(len(class_names))})
    unknown = [name for name in chosen if plain_name(name) not in by_name]
    if unknown:
        raise ValueError(
            f'Expected classes out of {", ".join(class_names)}, or their numbers from 1, but got '
            f'{unknown}.'
        )
    return sorted({by_name[plain_name(name)] for name in chosen})
