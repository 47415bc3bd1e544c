"""Which state of a mask is taken, and what is to be said of it.

Shape shorthand: C states to choose from; H, W height and width.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from mmsteal.functional.alignment.align_options import AlignOptions
from mmsteal.functional.alignment.alignment_states import COST_UNIT, MaskStates
from mmsteal.functional.edge_maps.edges import mask_edges
from mmsteal.functional.labels.bounding_box import bounding_box
from mmsteal.functional.labels.outline_distance import outline_distances

Status = Literal['moved', 'kept', 'rejected']
Reason = Literal['', 'empty', 'no outline', 'no gain', 'vanished', 'displacement']


@dataclass(frozen=True)
class MaskAlignment:
    """What happened to one mask.

    Args:
        status: 'moved': the aligned mask is returned. 'kept': no step was better by the margin.
            'rejected': a better step broke a guard rail. For both the given mask is returned.
        reason: Why it was not moved. 'empty': no pixel inside. 'no outline': none that counts, as
            of a mask that fills the image. 'no gain': the likelihood did not rise by the margin.
            'vanished': it did not, and the mask was gone in the end. 'displacement': the outline
            moved too far. '' if it was moved.
        step: Iterations of the proposed mask; 0 for the given one.
        stop_evidence: The one of several stopping evidences that led there; NaN for the given mask.
        loss_given: Mean of -log f along the outline of the given mask; NaN if it has none.
        loss_proposed: The same of the proposed mask.
        mean_displacement_px: Mean distance between the outlines of the given and the proposed mask,
            over the pixels of both.
        max_displacement_px: Largest such distance (the Hausdorff distance).
        area_given: Pixels of the given mask.
        area_proposed: Pixels of the proposed mask.
        num_restored: Connected components that had vanished and were put back.
    """

    status: Status
    reason: Reason
    step: int
    stop_evidence: float
    loss_given: float
    loss_proposed: float
    mean_displacement_px: float
    max_displacement_px: float
    area_given: int
    area_proposed: int
    num_restored: int

    @classmethod
    def unmoved(cls, reason: Reason, *, loss: float = math.nan, area: int = 0) -> MaskAlignment:
        """Of a mask for which no state was even proposed."""
        status: Status = 'rejected' if reason == 'vanished' else 'kept'
        return cls(status, reason, 0, math.nan, loss, loss, 0.0, 0.0, area, area, 0)

    @property
    def loss(self) -> float:
        """Mean of -log f along the outline that is returned."""
        return self.loss_proposed if self.status == 'moved' else self.loss_given


def choose_step(
    given: NDArray[np.bool_], states: MaskStates, options: AlignOptions
) -> tuple[NDArray[np.bool_] | None, MaskAlignment]:
    """The most likely state that breaks no guard rail, or None, and what to report of it.

    Args:
        given: The mask as it was, in the box of the states, bool.
        states: What there is to choose from.
        options: The guard rails.

    Returns:
        The state taken, bool, in the box; None if the mask stays as it was. And what happened.
    """
    losses = states.losses
    if math.isnan(losses[0]):
        return None, MaskAlignment.unmoved('no outline', area=int(given.sum()))
    cost, limit = states.cost.cpu().numpy(), options.max_displacement_px
    candidates = options.candidates
    gains = np.nan_to_num(losses[0] - losses, nan=-math.inf)
    ignored = cost < 0
    refused = None
    for index in np.argsort(-gains, kind='stable'):
        if index == 0 or gains[index] < options.min_gain:
            break
        proposal = np.where(ignored, given, states.state(index))
        num_restored, loss = 0, float(losses[index])
        if options.restore_vanished:
            num_restored = _restore_components(given, proposal)
            if num_restored:
                on_curve = cost[(mask_edges(proposal, radius=1) != 0) & ~ignored]
                loss = float(on_curve.mean()) * COST_UNIT
        if losses[0] - loss < options.min_gain:
            continue
        distances = outline_distances(*_outlines(given, proposal))
        max_px = float(distances.max(initial=0.0)) if len(distances) else math.inf
        too_far = limit is not None and max_px > limit
        step, stop = candidates[index]
        report = MaskAlignment(
            status='rejected' if too_far else 'moved',
            reason='displacement' if too_far else '',
            step=step,
            stop_evidence=stop,
            loss_given=float(losses[0]),
            loss_proposed=loss,
            mean_displacement_px=float(distances.mean()) if len(distances) else math.inf,
            max_displacement_px=max_px,
            area_given=int(given.sum()),
            area_proposed=int(proposal.sum()),
            num_restored=num_restored,
        )
        if not too_far:
            return proposal, report
        refused = refused or report
    if refused is not None:
        return None, refused
    # In the end, whatever the stopping evidence was.
    num_steps = len(options.steps)
    ends = range(num_steps - 1, len(losses), num_steps)
    vanished = all(math.isnan(losses[i]) and not states.state(i).any() for i in ends)
    reason: Reason = 'vanished' if vanished else 'no gain'
    return None, MaskAlignment.unmoved(reason, loss=float(losses[0]), area=int(given.sum()))


def _outlines(*masks: NDArray[np.bool_]) -> list[NDArray[np.bool_]]:
    """Outlines of masks, in the part of the image that holds them all."""
    box = bounding_box(np.logical_or.reduce(masks), reach=1)
    return [mask_edges(np.ascontiguousarray(mask[box]), radius=1) != 0 for mask in masks]


def _restore_components(given: NDArray[np.bool_], proposal: NDArray[np.bool_]) -> int:
    """Put components of `given` that have no pixel left in `proposal` back into it, in place."""
    box = bounding_box(given)
    inside = np.ascontiguousarray(given[box]).view(np.uint8)
    num_labels, labels = cv2.connectedComponents(inside, connectivity=8)
    gone = np.ones(num_labels, bool)
    gone[0] = False
    gone[labels[proposal[box]]] = False
    if gone.any():
        proposal[box] |= gone[labels]
    return int(gone.sum())
