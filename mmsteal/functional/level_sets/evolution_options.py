"""How a level set evolves: the options that its implementations share."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np

Border = Literal['constant', 'replicate']


@dataclass(frozen=True)
class EvolutionOptions:
    """Options of :func:`~mmsteal.functional.evolve_level_set`.

    Args:
        smoothing: Curvature operators an iteration, at least 0; each rounds off more.
        balloon: Balloon force c. Positive values push the outline outwards, negative ones inwards,
            by one pixel an iteration; the magnitude only divides the threshold.
        threshold: Speed below which the balloon stops, times abs(c); see
            :func:`mmsteal.functional.balloon_threshold`.
        phase: 0 to begin with SI∘IS, 1 to begin with IS∘SI. To continue an evolution of n
            iterations, pass `(phase + n * smoothing) % 2`.
        border: What lies outside of the image. `'constant'`: nothing, so that a mask that fills a
            corner of the image is rounded off there. `'replicate'`: the mask goes on.

    Raises:
        ValueError: An option is out of its range.
    """

    smoothing: int = 1
    balloon: float = 0.0
    threshold: float = 0.0
    phase: int = 0
    border: Border = 'constant'

    def __post_init__(self) -> None:
        check_count('smoothing', self.smoothing)
        if self.phase not in (0, 1):
            raise ValueError(f'Expected argument `phase` to be 0 or 1, but got {self.phase!r}.')
        if self.border not in ('constant', 'replicate'):
            raise ValueError(
                "Expected argument `border` to be 'constant' or 'replicate', but got "
                f'{self.border!r}.'
            )
        for name in ('balloon', 'threshold'):
            value = getattr(self, name)
            if not math.isfinite(value):
                raise ValueError(f'Expected argument `{name}` to be finite, but got {value}.')

    @property
    def direction(self) -> int:
        """Where the balloon pushes: 1 outwards, -1 inwards, 0 nowhere."""
        return (self.balloon > 0) - (self.balloon < 0)

    @property
    def balloon_speed(self) -> float:
        """The balloon acts where the speed is above this."""
        return float(self.threshold) / abs(self.balloon) if self.balloon else 0.0

    @property
    def replicate(self) -> bool:
        """Whether the mask goes on beyond the border of the image."""
        return self.border == 'replicate'


def check_count(name: str, value: int) -> None:
    """Raise a ValueError unless `value` is an integer, at least 0."""
    if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < 0:
        raise ValueError(f'Expected argument `{name}` to be an integer >= 0, but got {value!r}.')


def check_checkpoints(checkpoints: Iterable[int], num_iters: int) -> list[int]:
    """The checkpoints in ascending order, each once; a ValueError unless `num_iters` has them."""
    steps = sorted(set(checkpoints))
    for step in steps:
        check_count('checkpoints', step)
    if not steps or steps[-1] > num_iters:
        raise ValueError(
            f'Expected argument `checkpoints` to be numbers from 0 to `num_iters`, {num_iters}, '
            f'but got {steps}; raise `num_iters` or leave them out.'
        )
    return [int(step) for step in steps]
