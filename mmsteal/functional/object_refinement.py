"""What a refinement did to each object.

Shape shorthand: M objects; H, W height and width of the labels.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mmsteal.functional.step_choice import MaskAlignment, Reason, Status

ObjectReason = Reason | Literal['no edge map', 'too small', 'no room', 'swallowed']


@dataclass(frozen=True)
class ObjectRefinement:
    """What happened to one object; lengths and areas in pixels of the labels.

    Attributes:
        status: 'moved', 'kept' or 'rejected'; see :class:`MaskAlignment`.
        reason: Why it was not moved; also 'no edge map' for an object without a class, 'too small'
            for one that cannot be seen at the size of the edge maps, 'no room'
            where others held all the ground that it would have moved to, and 'swallowed' where
            they left nothing of it.
        area_given: Pixels before.
        area_refined: Pixels after overlaps were settled.
        iou_with_given: Intersection over union of both; 1 where nothing has changed.
        alignment: What happened to its mask before overlaps were settled, in pixels of the edge
            maps: step, stopping evidence, losses. That of an empty mask if it did not take part.
        scale: Size of the edge maps in sizes of the labels.
    """

    status: Status
    reason: ObjectReason
    area_given: int
    area_refined: int
    iou_with_given: float
    alignment: MaskAlignment
    scale: float

    @property
    def mean_displacement_px(self) -> float:
        """Mean distance between the outlines of the given and the proposed mask."""
        return self.alignment.mean_displacement_px / self.scale

    @property
    def max_displacement_px(self) -> float:
        """Largest such distance."""
        return self.alignment.max_displacement_px / self.scale

    @property
    def loss_given(self) -> float:
        """Mean of -log f along its outline before; NaN if it has none."""
        return self.alignment.loss_given

    @property
    def loss(self) -> float:
        """The same along its outline after, as proposed if it moved."""
        moved = self.status == 'moved'
        return self.alignment.loss_proposed if moved else self.alignment.loss_given


def report_objects(
    given: NDArray[np.int32],
    refined: NDArray[np.int32],
    classes: Sequence[int],
    alignments: Mapping[int, MaskAlignment],
    swallowed: Collection[int],
    scale: float,
) -> list[ObjectRefinement]:
    """One report an object.

    Args:
        given: Map of objects before (H, W), int32, -1 for none.
        refined: The same after.
        classes: Edge map of each object (M,), -1 for none.
        alignments: What happened to the masks of those that evolved.
        swallowed: Objects of which the others left nothing.
        scale: Size of the edge maps in sizes of the labels.

    Returns:
        What happened to each object (M,).
    """
    num = len(classes)
    # Few pixels change: the two other counts follow from theirs.
    changed = given != refined
    before = np.bincount(given.ravel() + 1, minlength=num + 1)[1:]
    both = before - np.bincount(given[changed] + 1, minlength=num + 1)[1:]
    after = both + np.bincount(refined[changed] + 1, minlength=num + 1)[1:]
    found = []
    for m in range(num):
        status: Status = 'kept'
        reason: ObjectReason = 'no edge map' if classes[m] < 0 else 'empty'
        if reason == 'empty' and before[m]:
            reason = 'too small'
        if m in alignments:
            status, reason = alignments[m].status, alignments[m].reason
        if m in swallowed:
            status, reason = 'rejected', 'swallowed'
        elif status == 'moved' and both[m] == before[m] == after[m]:
            status, reason = 'kept', 'no room'
        found.append(
            ObjectRefinement(
                status=status,
                reason=reason,
                area_given=int(before[m]),
                area_refined=int(after[m]),
                iou_with_given=float(both[m] / max(before[m] + after[m] - both[m], 1)),
                alignment=alignments.get(m, MaskAlignment.unmoved('empty')),
                scale=scale,
            )
        )
    return found
