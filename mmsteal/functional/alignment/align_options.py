"""How masks are aligned with predicted edges: all options, checked once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from numbers import Real
from typing import Any

import numpy as np

from mmsteal.functional.level_sets.evolution_options import (
    Border,
    EvolutionOptions,
    check_checkpoints,
    check_count,
)
from mmsteal.functional.level_sets.speed import balloon_threshold, check_evidence_weights

# The released code's threshold of 0.99 on the speed, as edge evidence.
STOP_EVIDENCE = 0.02
# Where the balloon stops is not guessed: with each of these an object evolves, and the most likely
# outline is taken. From a network that is sure of what is no edge (first) over one whose responses
# are low, as an unbalanced cross entropy leaves them (0.1, 0.3), to one that was trained with a
# balanced one, which answers about 0.5 near any object, for many classes (last).
STOP_EVIDENCES = (0.02, 0.1, 0.3, 0.6, 0.9, 1.5, 2.5)
_NUM_ITERS = 60


@dataclass(frozen=True)
class AlignOptions:
    r"""How :func:`~mmsteal.functional.align_masks` moves masks, and when it may not.

    Lengths are in pixels of the edge maps.

    Args:
        num_iters: Iterations to evolve. None: 60, or what a known error asks for, see
            :meth:`for_error`.
        checkpoints: Iterations to choose from; 0 is always one of them. None: all even ones, for an
            outline that has settled may still flicker from one iteration to the next.
        smoothing: Curvature operators an iteration.
        balloon: Balloon force: above 0 to grow, below 0 to shrink, 0 for labels that may err
            either way.
        stop_evidence: Edge evidence at which the balloon stops; see
            :func:`~mmsteal.functional.balloon_threshold`. Several: the mask evolves once
            with each, and the most likely outline of all is taken. How high an edge stands above
            its surroundings differs from network to network, and from object to object.
        alpha: Contrast of the speed.
        lam: Weight of the given outline in the speed.
        peak_floor: See :func:`~mmsteal.functional.edge_evidence`.
        other_weight: See :func:`~mmsteal.functional.edge_evidence`.
        prob_floor: :math:`\epsilon`, in (0, 1): probabilities below it are no evidence, and alike.
        min_gain: Least gain, in nats an outline pixel: 0.1 asks for a likelihood 10 % higher.
        max_displacement_px: Largest distance between the outlines before and after. Twice the error
            that the labels may have is the guard rail that helps most where the edges are weak.
            None: no limit, or that of a known error, see :meth:`within_error`; `math.inf`: no limit
            whatever is known.
        restore_vanished: Whether vanished components are put back.
        border: What lies outside of the image; see
            :func:`~mmsteal.functional.evolve_level_set`.
        phase: Which curvature operator comes first; see the same.

    Raises:
        TypeError: `stop_evidence` holds something that is no number.
        ValueError: An option is out of its range.

    Example:
        >>> AlignOptions(num_iters=4, stop_evidence=(0.1, 0.5)).candidates
        ((0, 0.1), (2, 0.1), (4, 0.1), (0, 0.5), (2, 0.5), (4, 0.5))
    """

    num_iters: int | None = None
    checkpoints: Sequence[int] | None = None
    smoothing: int = 1
    balloon: float = 1.0
    stop_evidence: float | Sequence[float] = STOP_EVIDENCE
    alpha: float = 1.0
    lam: float = 0.0
    peak_floor: float = 0.5
    other_weight: float = 0.5
    prob_floor: float = 0.01
    min_gain: float = 0.1
    max_displacement_px: float | None = None
    restore_vanished: bool = True
    border: Border = 'replicate'
    phase: int = 0

    def __post_init__(self) -> None:
        if self.num_iters is not None:
            check_count('num_iters', self.num_iters)
        if self.checkpoints is not None:
            steps = (0, *self.checkpoints)
            last = max(steps) if self.num_iters is None else self.num_iters
            object.__setattr__(self, 'checkpoints', tuple(check_checkpoints(steps, last)))
        object.__setattr__(self, 'stop_evidence', _stop_evidence(self.stop_evidence))
        self.evolutions()  # checks what it is made of
        check_evidence_weights(self.peak_floor, self.other_weight)
        if not 0 < self.prob_floor < 1:
            raise ValueError(
                f'Expected argument `prob_floor` to be in (0, 1), but got {self.prob_floor}.'
            )
        if not 0 <= self.min_gain < math.inf:
            raise ValueError(
                f'Expected argument `min_gain` to be finite and >= 0, but got {self.min_gain}.'
            )
        if self.max_displacement_px is not None and not self.max_displacement_px >= 0:
            raise ValueError(
                'Expected argument `max_displacement_px` to be >= 0 or None, '
                f'but got {self.max_displacement_px}.'
            )

    @property
    def total_iters(self) -> int:
        """Iterations to evolve."""
        return _NUM_ITERS if self.num_iters is None else self.num_iters

    @property
    def steps(self) -> list[int]:
        """Iterations to choose from, in ascending order, 0 first."""
        steps = range(0, self.total_iters + 1, 2) if self.checkpoints is None else self.checkpoints
        return check_checkpoints(steps, self.total_iters)

    @property
    def stops(self) -> tuple[float, ...]:
        """The stopping evidences to try: without a balloon none has an effect, so one is enough."""
        several = self.stop_evidence
        stops = tuple(several) if isinstance(several, Sequence) else (several,)
        return stops if self.balloon else stops[:1]

    @property
    def candidates(self) -> tuple[tuple[int, float], ...]:
        """Step and stopping evidence of each state to choose from."""
        return tuple((step, stop) for stop in self.stops for step in self.steps)

    def evolutions(self) -> list[EvolutionOptions]:
        """How a mask evolves with each of the stopping evidences."""
        # The threshold is for a force of magnitude 1, so only the direction of the balloon counts.
        direction = float(np.sign(self.balloon))
        thresholds = [balloon_threshold(s, alpha=self.alpha, lam=self.lam) for s in self.stops]
        return [
            EvolutionOptions(self.smoothing, direction, threshold, self.phase, self.border)
            for threshold in thresholds
        ]

    def for_error(self, error_px: float, scale: float = 1.0) -> AlignOptions:
        """The options for labels whose outlines may be off by so much.

        `num_iters` becomes what it takes to get there, and `max_displacement_px` what
        :meth:`within_error` says, where they are None.

        Args:
            error_px: How far outlines may be off, in pixels of the labels.
            scale: Size of the edge maps as a fraction of that of the labels.

        Raises:
            ValueError: If `error_px` is not above 0 and finite, or a checkpoint comes too late.

        Example:
            >>> options = AlignOptions().for_error(16, scale=0.5)
            >>> options.num_iters, options.max_displacement_px
            (18, 16.0)
        """
        if not (isinstance(error_px, Real) and 0 < error_px < math.inf):
            raise ValueError(
                f'Expected argument `error_px` to be a number > 0 and finite, but got {error_px!r}.'
            )
        options = self.within_error(error_px, scale)
        if options.num_iters is not None:
            return options
        # Curvature takes back about half of what the balloon gains in corners.
        return replace(options, num_iters=2 * math.ceil(error_px * scale) + 2)

    def within_error(self, error_px: float, scale: float = 1.0) -> AlignOptions:
        """The options with a limit of twice the error, unless `max_displacement_px` is set."""
        if self.max_displacement_px is not None:
            return self
        return replace(self, max_displacement_px=2 * (error_px * scale))


def _stop_evidence(given: Any) -> float | tuple[float, ...]:
    """One number or several, as Python's own."""
    try:
        values = np.asarray(given, np.float64)
    except (TypeError, ValueError):
        values = None
    if values is None or values.ndim > 1:
        raise TypeError(
            'Expected argument `stop_evidence` to be a number, or several to choose from, '
            f'but got {given!r}.'
        )
    if not values.size:
        raise ValueError(
            'Expected argument `stop_evidence` to be one number or more, but got none.'
        )
    if not (values >= 0).all():
        raise ValueError(f'Expected argument `stop_evidence` to be >= 0, but got {given!r}.')
    return tuple(values.tolist()) if values.ndim else float(values)


# Of any network, for labels that may be far off: see STOP_EVIDENCES.
REFINE_OPTIONS = AlignOptions(stop_evidence=STOP_EVIDENCES)
