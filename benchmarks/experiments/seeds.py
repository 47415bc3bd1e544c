"""A value over several seeds, as the tables of the experiments print it."""

from __future__ import annotations

import statistics


def mean_and_spread(values: list[float], digits: int) -> str:
    """Mean and sample standard deviation; of a single value the value."""
    mean = f'{statistics.mean(values):.{digits}f}'
    return f'{mean} ± {statistics.stdev(values):.{digits}f}' if len(values) > 1 else mean
