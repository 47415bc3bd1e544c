"""Lengths of the runs of a mask, as several formats count them."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


def run_lengths(values: ArrayLike) -> list[int]:
    """Lengths of the runs of 0, 1, 0, ...; the first is 0 where the values begin with 1.

    Args:
        values (ArrayLike): (N,) bool, in the order in which the format counts.

    Example:
        >>> run_lengths([True, True, False])
        [0, 2, 1]
    """
    flat = np.asarray(values, bool).ravel()
    padded = np.concatenate([[False], flat])
    changes = np.flatnonzero(padded[1:] != padded[:-1])
    return np.diff(np.concatenate([[0], changes, [flat.size]])).tolist()
