"""What a refinement did to each object, whichever engine it was.

Shape shorthand: M objects; H, W height and width of the labels.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mmsteal.functional.alignment.step_choice import MaskAlignment
from mmsteal.functional.edge_maps.edges import mask_edges
from mmsteal.functional.joint.object_guard import JointObject
from mmsteal.functional.labels.bounding_box import bounding_box
from mmsteal.functional.labels.outline_distance import outline_distances

Status = Literal['moved', 'kept', 'rejected']


@dataclass(frozen=True)
class ObjectRefinement:
    """What happened to one object; lengths and areas in pixels of the labels.

    Attributes:
        status: 'moved'; 'kept' where no better outline was found; 'rejected' where one was found
            that is not believed. For the last two the object is as it was given.
        reason: Why it was not moved, else ''. Of all engines: 'no edge map' for an object without
            a class, 'empty', 'too small' for one that cannot be seen at the size of the edge maps,
            'no room' where others held all the ground that it would have moved to, and 'swallowed'
            where they left nothing of it; 'by choice' where a person took it back. For others see
            :class:`~mmsteal.functional.joint.object_guard.JointObject` and
            :class:`~mmsteal.functional.MaskAlignment`.
        area_given: Pixels before.
        area_refined: Pixels after.
        iou_with_given: Intersection over union of both; 1 where nothing has changed.
        mean_displacement_px: Mean distance between the outlines before and after. Of a level set:
            between the given and the proposed one, before overlaps were settled.
        max_displacement_px: Largest such distance.
        offset_px: How far the outline was drawn too small on average, as the image says; negative
            for too large. NaN for engines that do not tell, as the next two.
        expected_gain: Difference of the IoU with the truth that the refinement promised.
        estimated_iou: Estimate of the final IoU with the truth.
        alignment: What happened to its level set before overlaps were settled, in pixels of the
            edge maps: step, stopping evidence, losses. That of an empty mask if it did not take
            part; None for other engines.
        scale: Size at which it was refined, as a fraction of the size of the labels.
    """

    status: Status
    reason: str
    area_given: int
    area_refined: int
    iou_with_given: float
    mean_displacement_px: float
    max_displacement_px: float
    offset_px: float
    expected_gain: float
    estimated_iou: float
    alignment: MaskAlignment | None
    scale: float

    @property
    def loss_given(self) -> float:
        """Mean of -log f along its outline before; NaN without a level set, or an outline."""
        return math.nan if self.alignment is None else self.alignment.loss_given

    @property
    def loss(self) -> float:
        """The same along its outline after, as proposed if it moved."""
        if self.alignment is None:
            return math.nan
        moved = self.status == 'moved'
        return self.alignment.loss_proposed if moved else self.alignment.loss_given


@dataclass(frozen=True)
class Outcome:
    """What an engine says of one object, in pixels of the size that it worked at."""

    status: Status
    reason: str
    offset_px: float = math.nan
    expected_gain: float = math.nan
    estimated_iou: float = math.nan
    alignment: MaskAlignment | None = None

    @classmethod
    def of_joint(cls, found: JointObject) -> Outcome:
        """From the joint labelling."""
        status: Status = 'moved' if found.status == 'moved' else 'kept'
        if found.status == 'rejected':
            status = 'rejected'
        gain, iou = found.expected_gain, found.estimated_iou
        return cls(status, found.reason, found.offset_px, gain, iou)

    @classmethod
    def of_alignment(cls, found: MaskAlignment) -> Outcome:
        """From a level set."""
        return cls(found.status, found.reason, alignment=found)


def report_objects(
    given: NDArray[np.int32],
    refined: NDArray[np.int32],
    classes: Sequence[int],
    outcomes: Mapping[int, Outcome],
    swallowed: Collection[int],
    scale: float,
    alignment: MaskAlignment | None = None,
) -> list[ObjectRefinement]:
    """One report an object.

    Args:
        given: Map of objects before (H, W), int32, -1 for none.
        refined: The same after.
        classes: Edge map of each object (M,), -1 for none.
        outcomes: What the engine says of the objects that took part.
        swallowed: Objects of which the others left nothing.
        scale: Size at which the engine worked, as a fraction of the size of the labels.
        alignment: That of objects that took no part.

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
        reason = 'no edge map' if classes[m] < 0 else 'empty'
        if reason == 'empty' and before[m]:
            reason = 'too small'
        outcome = outcomes.get(m, Outcome(status, reason, alignment=alignment))
        if m in outcomes and classes[m] >= 0:
            status, reason = outcome.status, outcome.reason
        same = bool(both[m] == before[m] == after[m])
        if m in swallowed:
            status, reason = 'rejected', 'swallowed'
        elif status == 'moved' and same:
            status, reason = 'kept', 'no room'
        if outcome.alignment is not None:
            mean_px = outcome.alignment.mean_displacement_px / scale
            max_px = outcome.alignment.max_displacement_px / scale
        else:
            mean_px, max_px = (0.0, 0.0) if same else _displacement(given == m, refined == m)
        found.append(
            ObjectRefinement(
                status=status,
                reason=reason,
                area_given=int(before[m]),
                area_refined=int(after[m]),
                iou_with_given=float(both[m] / max(before[m] + after[m] - both[m], 1)),
                mean_displacement_px=mean_px,
                max_displacement_px=max_px,
                offset_px=outcome.offset_px / scale,
                expected_gain=outcome.expected_gain,
                estimated_iou=outcome.estimated_iou,
                alignment=outcome.alignment,
                scale=scale,
            )
        )
    return found


def take_back(
    given: NDArray[np.int32],
    refined: NDArray[np.int32],
    objects: Sequence[ObjectRefinement],
    chosen: Collection[int],
) -> tuple[NDArray[np.int32], list[ObjectRefinement]]:
    """Return objects to how they were given, as a person has chosen.

    What they had won goes back to its owner before.

    Args:
        given: Map of objects before (H, W), int32, -1 for none.
        refined: The same after.
        objects: What happened to each object (M,).
        chosen: Indices of the objects to take back.

    Returns:
        The map after it (H, W), int32, and what happened to each object (M,).
    """
    mine = np.append(np.isin(np.arange(len(objects)), list(chosen)), False)
    taken = np.where(mine[given] | mine[refined], given, refined)
    found = list(objects)
    for m in np.unique(np.append(taken[taken != refined], refined[taken != refined])).tolist():
        if m < 0 or m in chosen:
            continue
        before, after = given == m, taken == m
        same = bool((before == after).all())
        mean_px, max_px = (0.0, 0.0) if same else _displacement(before, after)
        found[m] = replace(
            found[m],
            area_refined=int(after.sum()),
            iou_with_given=float((before & after).sum() / max((before | after).sum(), 1)),
            mean_displacement_px=mean_px,
            max_displacement_px=max_px,
        )
    for m in chosen:
        found[m] = replace(
            found[m],
            status='rejected',
            reason='by choice',
            area_refined=found[m].area_given,
            iou_with_given=1.0,
            mean_displacement_px=0.0,
            max_displacement_px=0.0,
        )
    return taken.astype(np.int32, copy=False), found


def _displacement(given: NDArray[np.bool_], refined: NDArray[np.bool_]) -> tuple[float, float]:
    """Mean and largest distance between the outlines of two masks."""
    box = bounding_box(given | refined, reach=1)
    first, second = (
        mask_edges(np.ascontiguousarray(mask[box]), radius=1) != 0 for mask in (given, refined)
    )
    distances = outline_distances(first, second)
    if not len(distances):
        return math.inf, math.inf
    return float(distances.mean()), float(distances.max())
