"""How edge pixels are assigned to likely ones: all options, checked once."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class AssignOptions:
    r"""How :func:`~mmsteal.functional.assign_edges` moves edge pixels.

    Args:
        radius_px: Radius of the window.
        sigma_along: Standard deviation in px of the displacement along the edge.
        sigma_across: The same along its normal. Both may be `math.inf`.
        smoothness: :math:`\lambda`, per squared pixel.
        neighbor_px: :math:`\delta`: pixels of the edge map no further apart are neighbors.
        num_rounds: Rounds with the smoothness; 0 leaves it out.
        prob_floor: Probabilities below it, or above 1 minus it, count as that; in (0, 0.5).

    Raises:
        ValueError: If an option is out of its range.

    References:
        Yu et al., Simultaneous Edge Alignment and Learning, ECCV 2018, section 4. Its release takes
        `sigma_along`, `sigma_across` and `smoothness` as 1, 4 and 0.02 for SBD, and 1, 3 and 0.02
        for Cityscapes. The window, the neighborhood and the floor are not from there.

    Example:
        >>> AssignOptions(sigma_across=3.0).radius_px
        5.0
    """

    radius_px: float = 5.0
    sigma_along: float = 1.0
    sigma_across: float = 4.0
    smoothness: float = 0.02
    neighbor_px: float = 5.0
    num_rounds: int = 2
    prob_floor: float = 0.01

    def __post_init__(self) -> None:
        for name, ok, bound in (
            ('radius_px', 0 <= self.radius_px < math.inf, 'finite and at least 0'),
            ('sigma_along', self.sigma_along > 0, 'above 0'),
            ('sigma_across', self.sigma_across > 0, 'above 0'),
            ('smoothness', 0 <= self.smoothness < math.inf, 'finite and at least 0'),
            ('neighbor_px', 1 <= self.neighbor_px < math.inf, 'finite and at least 1'),
            (
                'num_rounds',
                isinstance(self.num_rounds, int) and self.num_rounds >= 0,
                'an integer of at least 0',
            ),
            ('prob_floor', 0 < self.prob_floor < 0.5, 'in (0, 0.5)'),
        ):
            if not ok:
                raise ValueError(
                    f'Expected argument `{name}` to be {bound}, but got {getattr(self, name)!r}.'
                )
