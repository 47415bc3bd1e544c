"""Integers as scores, and what tells that they are none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Largest value of a type up to which all scores of a set are next to nothing: 0 and 1 in place of
# 0 and 255, or values of 8 bits in 16.
_NEXT_TO_NOTHING = {np.dtype(np.uint8): 1, np.dtype(np.uint16): 255}
# Files that are looked at.
_SAMPLE = 30


def scores_of(array: NDArray[Any], path: Path) -> NDArray[Any]:
    """Integers of 16 bits as fractions of their range; everything else as it is.

    Raises:
        ValueError: If the file does not hold scores; named.
    """
    if array.dtype == np.uint16:
        return array / 65535
    if array.dtype in (np.uint8, np.bool_) or array.dtype.kind == 'f':
        return array
    raise ValueError(
        f'Expected scores as float in [0, 1], or as unsigned integers of 8 or 16 bits, in {path}, '
        f'but got {array.dtype}.'
    )


def next_to_nothing(array: NDArray[Any]) -> bool:
    """Whether integers use so little of their range that they may not be meant as scores."""
    limit = _NEXT_TO_NOTHING.get(array.dtype)
    return limit is not None and bool(array.max(initial=0) <= limit)


def check_set_range(paths: Sequence[Path], read: Callable[[Path], NDArray[Any]]) -> None:
    """Refuse a set whose integers are all next to nothing: they were scaled to another range.

    Args:
        paths: Files of the set; evenly spaced ones are looked at.
        read: Reads one.

    Raises:
        ValueError: If no file has a larger score, although some are not 0; one is named.
    """
    num = min(len(paths), _SAMPLE)
    positive: tuple[Path, NDArray[Any]] | None = None
    for i in range(num):
        path = paths[i * len(paths) // num]
        array = read(path)
        if not next_to_nothing(array):
            return
        if positive is None and array.any():
            positive = path, array
    if positive is None:
        return
    path, array = positive
    values = np.unique(array)
    told = ', '.join(map(str, values[:4])) + (f', ... {values[-1]}' if len(values) > 4 else '')
    full, limit = np.iinfo(array.dtype).max, _NEXT_TO_NOTHING[array.dtype]
    cure = (
        'multiply edges of 0 and 1 by 255, or write them as PNGs of 1 bit'
        if full == 255
        else 'write values from 0 to 255 as 8 bits'
    )
    raise ValueError(
        f'Expected scores from 0 to {full}, which stands for probability 1, in files of '
        f'{array.dtype}, but got at most {limit} in all {num} files that were looked at, as {told} '
        f'in {path}: no edge would be above {limit / full:.4f}; {cure}.'
    )
