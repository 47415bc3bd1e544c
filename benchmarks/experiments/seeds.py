"""A value over several seeds, as the tables of the experiments print it."""

from __future__ import annotations

import numpy as np


def mean_and_spread(values: list[float], digits: int) -> str:
    """Mean and sample standard deviation; of a single value the value; `nan` if one is."""
    mean = np.mean(values)
    if len(values) == 1 or np.isnan(mean):
        return f'{mean:.{digits}f}'
    return f'{mean:.{digits}f} ± {np.std(values, ddof=1):.{digits}f}'
