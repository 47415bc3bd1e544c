"""What happened to many labels, in a few numbers that can be added up."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field

from mmsteal.functional.alignment.edge_assignment import EdgeAssignment
from mmsteal.functional.alignment.step_choice import MaskAlignment
from mmsteal.functional.refinement.object_refinement import ObjectRefinement


@dataclass
class AlignmentSummary:
    """Counts and sums over labels; two summaries add up to one.

    A label is what moves as one: a mask, or the edges of a class in an image (assignment).

    Attributes:
        num_masks (int): All labels.
        moved (int): Labels that were moved.
        kept (int): Labels for which no better place was found.
        rejected (int): Labels whose better place broke a guard rail.
        reasons (dict[str, int]): Why labels were not moved.
        sum_px (float): Sum over the moved labels of their mean displacement.
        max_px (float): Largest displacement of an outline pixel of a moved label.
        num_losses (int): Labels with an outline, over which losses are averaged.
        sum_loss_before (float): Sum of -log f along the given outlines.
        sum_loss_after (float): The same along the outlines returned.
        num_unpredicted (int): Images left as they were, since the prediction was not finite.
    """

    num_masks: int = 0
    moved: int = 0
    kept: int = 0
    rejected: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    sum_px: float = 0.0
    max_px: float = 0.0
    num_losses: int = 0
    sum_loss_before: float = 0.0
    sum_loss_after: float = 0.0
    num_unpredicted: int = 0

    @classmethod
    def of(
        cls, reports: Iterable[MaskAlignment | ObjectRefinement | EdgeAssignment]
    ) -> AlignmentSummary:
        """Sum up what `align_masks`, `refine_objects` or `assign_edges` reports."""
        summary = cls()
        for report in reports:
            summary.num_masks += 1
            setattr(summary, report.status, getattr(summary, report.status) + 1)
            if report.reason:
                summary.reasons[report.reason] = summary.reasons.get(report.reason, 0) + 1
            if report.status == 'moved':
                summary.sum_px += report.mean_displacement_px
                summary.max_px = max(summary.max_px, report.max_displacement_px)
            if not math.isnan(report.loss_given):
                summary.num_losses += 1
                summary.sum_loss_before += report.loss_given
                summary.sum_loss_after += report.loss
        return summary

    def __add__(self, other: AlignmentSummary) -> AlignmentSummary:
        """Both together."""
        mine, theirs = asdict(self), asdict(other)
        total = {key: mine[key] + theirs[key] for key in mine if key not in ('reasons', 'max_px')}
        names = sorted({*self.reasons, *other.reasons})
        reasons = {name: self.reasons.get(name, 0) + other.reasons.get(name, 0) for name in names}
        return AlignmentSummary(reasons=reasons, max_px=max(self.max_px, other.max_px), **total)

    @property
    def mean_px(self) -> float:
        """Mean displacement of the moved labels; 0 without any."""
        return self.sum_px / self.moved if self.moved else 0.0

    @property
    def loss_before(self) -> float:
        """Mean of -log f along the given outlines; 0 without any."""
        return self.sum_loss_before / self.num_losses if self.num_losses else 0.0

    @property
    def loss_after(self) -> float:
        """Mean of -log f along the outlines returned; 0 without any."""
        return self.sum_loss_after / self.num_losses if self.num_losses else 0.0

    def __str__(self) -> str:
        """One line for the log."""
        why = ', '.join(f'{count} {name}' for name, count in sorted(self.reasons.items()))
        text = (
            f'{self.num_masks} labels: {self.moved} moved by {self.mean_px:.2f} px on average '
            f'(at most {self.max_px:.1f}), {self.kept} kept, {self.rejected} rejected'
            f'{f" ({why})" if why else ""}; '
            f'-log f along the outlines {self.loss_before:.3f} -> {self.loss_after:.3f}'
        )
        if self.num_unpredicted:
            text += f'; {self.num_unpredicted} left alone, their prediction was not finite'
        return text
