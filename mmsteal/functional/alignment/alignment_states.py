"""The states of masks on their way to the edges, and how likely the outline of each is.

Shape shorthand: M masks; N images; K classes; C states to choose from; H, W height and width.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mmsteal.functional.alignment.align_options import AlignOptions
from mmsteal.functional.alignment.alignment_input import AlignmentInput
from mmsteal.functional.edge_maps.edges import mask_edges
from mmsteal.functional.labels.bounding_box import Box, bounding_box
from mmsteal.functional.level_sets import _level_set_torch as device_ops
from mmsteal.functional.level_sets.speed import evidence_terms, speed_function

# Costs are summed as integers, so that a sum does not depend on its order, nor on the device.
COST_UNIT = 2.0**-16


@dataclass(frozen=True)
class MaskStates:
    """The way of one mask, in a part of the image that it does not leave.

    Attributes:
        index: Which mask it is.
        box: The part of the image.
        losses: Mean of -log f along the outline of each state (C,); NaN where none counts.
        state: The mask in the box at one of the states (h, w), bool.
        cost: -log f in the box (h, w) in units of `COST_UNIT`, int32; -1 where pixels do not count.
    """

    index: int
    box: Box
    losses: NDArray[np.float64]
    state: Callable[[int], NDArray[np.bool_]]
    cost: Tensor


class _Fields:
    """What the masks of an image share: evidence, and what an outline costs."""

    def __init__(self, given: AlignmentInput, options: AlignOptions) -> None:
        self.given = given
        self.options = options
        self.terms = [
            evidence_terms(p, peak_floor=options.peak_floor, other_weight=options.other_weight)
            for p in given.edge_prob
        ]

    def speed_and_cost(self, m: int, box: Box) -> tuple[Tensor, Tensor]:
        """Speed and cost of a mask in a box; see :class:`MaskStates`."""
        n, k, options = self.given.images[m], self.given.classes[m], self.options
        prob = self.given.edge_prob[n, k][box]
        own, shared = self.terms[n]
        evidence = torch.addcmul(shared[box], prob, own[k])
        edges = mask_edges(self.given.masks[m][box], radius=1) if options.lam > 0 else None
        speed = speed_function(evidence, edges, alpha=options.alpha, lam=options.lam)
        cost = prob.clamp_min(options.prob_floor).log_().mul_(-1 / COST_UNIT).to(torch.int32)
        return speed, cost.masked_fill_(self.given.ignored[n][box], -1)


def evolve_on_cpu(given: AlignmentInput, options: AlignOptions) -> Iterator[MaskStates]:
    """Mask after mask, each in the part of the image that it can reach."""
    # Where it is used, since numba takes a while to import.
    from mmsteal.functional.level_sets import _level_set_kernel as kernel

    fields, steps, num_iters = _Fields(given, options), options.steps, options.total_iters
    runs = options.evolutions()
    reach = reach_of(num_iters, options.balloon)
    for m in given.present:
        mask = given.masks[m]
        box = bounding_box(mask.numpy(), reach)
        speed, cost = fields.speed_and_cost(m, box)
        histories = [
            kernel.evolve_mask(mask[box].numpy(), speed.numpy(), num_iters, steps, run)
            for run in runs
        ]
        losses = np.concatenate([h.mean_cost(cost.numpy()) for h in histories]) * COST_UNIT

        def state(index: int, histories: Any = histories, shape: Any = speed.shape) -> NDArray:
            run, index = divmod(index, len(steps))
            return histories[run].unpack(index, np.empty(shape, bool))

        yield MaskStates(m, box, losses, state, cost)


def evolve_on_device(given: AlignmentInput, options: AlignOptions) -> Iterator[MaskStates]:
    """All masks at once, in whole images: what a device is good at."""
    fields, steps, num_iters = _Fields(given, options), options.steps, options.total_iters
    present, runs = given.present, options.evolutions()
    whole = (slice(None), slice(None))
    for first in range(0, len(present), device_ops.MAX_MASKS):
        group = present[first : first + device_ops.MAX_MASKS]
        pairs = [fields.speed_and_cost(m, whole) for m in group]
        speed = torch.stack([speed for speed, _ in pairs])
        cost = torch.stack([cost for _, cost in pairs])
        states, means = [], []
        for words in chain.from_iterable(
            device_ops.evolve_words(given.masks[group], speed, num_iters, steps, run)
            for run in runs
        ):
            curve = mask_edges(device_ops.unpack_masks(words, len(group)), radius=1).bool()
            curve &= cost >= 0
            total = torch.where(curve, cost, 0).sum(dim=(1, 2), dtype=torch.float64)
            states.append(words)
            means.append(total / curve.sum(dim=(1, 2)))
        losses = torch.stack(means, dim=1).cpu().numpy() * COST_UNIT
        for i, m in enumerate(group):

            def state(index: int, states: Any = states, bit: int = i) -> NDArray:
                return ((states[index] >> bit) & 1).bool().cpu().numpy()

            yield MaskStates(m, whole, losses[i], state, cost[i])


def reach_of(num_iters: int, balloon: float) -> int:
    """How far from its bounding box a mask may get, with room for one-sided gradients of a cut.

    One pixel an iteration by the attachment and one by the balloon; smoothing never leaves the
    bounding box.
    """
    return num_iters * (2 if balloon > 0 else 1) + 2
