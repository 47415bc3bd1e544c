"""What the values of label files mean: classes, background, ignored.

Training and evaluation have 0..K-1 for the K classes, K for background and 255 for ignored pixels,
whatever the files hold.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mmsteal.functional.labels.class_values import class_values
from mmsteal.functional.labels.mask_values import INSIDE, are_mask_values


def label_value_map(
    label_values: Sequence[int] | int,
    *,
    background: int | Sequence[int] | None = None,
    ignore_values: Sequence[int] = (),
    ignore_index: int = 255,
    other_values: Literal['error', 'background', 'ignore'] = 'error',
    found: Collection[int] = (),
) -> dict[int, int]:
    """Map the values of label files to 0..K-1 (classes), K (background), 255 (ignore).

    Args:
        label_values: Value of each class in the files; or the number of classes K, whose values are
            then 0..K-1, leaving out those of background and ignored pixels.
        background: Values of pixels of no class.
        ignore_values: Values to ignore.
        ignore_index: A further value to ignore, unless it stands for a class or background.
        other_values: What all other values are; `'error'` leaves them out.
        found: Values that the files of the set hold. With one class whose value is not told, 0 and
            255 are a mask: the class is 255, unless `ignore_values` has it.

    Returns:
        File value -> training value; the key -1 holds what all others become.

    Raises:
        ValueError: If a value stands for two things.

    Example:
        >>> label_value_map([1, 2], background=0)
        {255: 255, 0: 2, 1: 0, 2: 1}
        >>> label_value_map(1, background=0, found=[0, 255])
        {0: 1, 255: 0}
    """
    backgrounds = background_values(background)
    if isinstance(label_values, int):
        if may_be_mask(label_values, background, ignore_values) and are_mask_values(found):
            return {0: 1, INSIDE: 0}
        without = (*backgrounds, *(int(v) for v in ignore_values), ignore_index)
        label_values = class_values(label_values, without=without)
    label_values = [int(v) for v in label_values]
    num_classes = len(label_values)
    taken = [*label_values, *backgrounds, *(int(v) for v in ignore_values)]
    if len(set(taken)) != len(taken):
        raise ValueError(
            'Expected every class, the background and what is ignored to have values of their '
            f'own, but got label_values={label_values}, background={background} and '
            f'ignore_values={list(ignore_values)}.'
        )
    mapping = {ignore_index: 255, **{int(v): 255 for v in ignore_values}}
    mapping.update(dict.fromkeys(backgrounds, num_classes))
    mapping.update({value: k for k, value in enumerate(label_values)})
    if other_values != 'error':
        mapping[-1] = num_classes if other_values == 'background' else 255
    return mapping


def may_be_mask(
    label_values: Sequence[int] | int,
    background: int | Sequence[int] | None,
    ignore_values: Sequence[int],
    *,
    instances: bool = False,
) -> bool:
    """Whether 0 and 255 would be a mask; see :func:`label_value_map`.

    Args:
        label_values: See there, as the others.
        background: Values of pixels of no class.
        ignore_values: Values to ignore.
        instances: Whether there are instance maps: without background they divide the class 0.
    """
    backgrounds = background_values(background)
    told = {*backgrounds, *(int(value) for value in ignore_values)}
    divided = instances and not backgrounds
    return label_values == 1 and told <= {0} and 0 not in ignore_values and not divided


def value_meaning(label: int, class_names: Sequence[str]) -> str:
    """What a training value is, in words: a class, 'background', 'ignored', or 'unknown'."""
    special = {len(class_names): 'background', 255: 'ignored'}
    return class_names[label] if 0 <= label < len(class_names) else special.get(label, 'unknown')


def told_values(meanings: Mapping[int, str]) -> str:
    """Values and what they are, for a message.

    Example:
        >>> told_values({255: 'ignored', 0: 'background'})
        '0 (background), 255 (ignored)'
    """
    told = [f'{value} ({meaning})' for value, meaning in sorted(meanings.items())]
    more = f', ... {len(told)} in all' if len(told) > 12 else ''
    return (', '.join(told[:12]) or 'nothing') + more


def background_values(background: int | Sequence[int] | None) -> list[int]:
    """Values of pixels of no class: none, one or several."""
    return [] if background is None else [int(value) for value in np.ravel(background)]


def lookup_table(value_map: Mapping[int, int], size: int) -> NDArray[np.int16]:
    """Turn a value map into an array for indexing: (size,) int16, -1 where there is no value."""
    table = np.full(size, value_map.get(-1, -1), np.int16)
    for value, label in value_map.items():
        if 0 <= value < size:
            table[value] = label
    return table


def map_labels(
    labels: NDArray[Any], value_map: Mapping[int, int], path: str | Path
) -> NDArray[np.uint8]:
    """A label map in the values of training.

    Args:
        labels: (H, W) the values of the file, integers.
        value_map: What they mean, see :func:`label_value_map`.
        path: The file, to be named.

    Returns:
        (H, W): 0..K-1 for classes, K for background, 255 for ignore.

    Raises:
        ValueError: If the file holds a value that is not in the map.
    """
    if labels.dtype not in (np.uint8, np.uint16):
        # Other integer types, -1 for void among them: values that cannot index a table of 2^16
        # become one that no dataset uses, and then an error or `other_values`.
        labels = np.where((labels >= 0) & (labels < 65535), labels, 65535).astype(np.uint16)
    table = lookup_table(value_map, 256 if labels.dtype == np.uint8 else 65536)
    mapped = table[labels]
    if mapped.min() < 0:
        unknown = np.unique(labels[mapped < 0])
        raise ValueError(
            f'Expected the label file {path} to hold the values '
            f'{sorted(v for v in value_map if v >= 0)}, but it also holds {unknown[:10].tolist()}; '
            'fix the file, or set `label_values`, `background`, `ignore_values` or '
            '`other_values` of the dataset.'
        )
    return mapped.astype(np.uint8)
