"""Alignment of masks with predicted edges: evolve, choose the step, and keep what was not improved.

Shape shorthand: M masks; N images; K classes; C checkpoints; H, W height and width.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Literal, TypeVar

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mmsteal.functional import _level_set_torch as device_ops
from mmsteal.functional.bounding_box import Box, bounding_box
from mmsteal.functional.distance import inner_distance
from mmsteal.functional.edges import mask_edges
from mmsteal.functional.evolution_options import (
    Border,
    EvolutionOptions,
    check_checkpoints,
    check_count,
)
from mmsteal.functional.speed import (
    balloon_threshold,
    check_edge_prob,
    evidence_terms,
    speed_function,
)

Array = TypeVar('Array', NDArray[Any], Tensor)
Status = Literal['moved', 'kept', 'rejected']
Reason = Literal['', 'empty', 'no outline', 'no gain', 'vanished', 'displacement']
# mask, box, loss of each checkpoint (C,), the state at one of them, -log f
Evolved = tuple[int, Box, NDArray[np.float64], Callable[[int], NDArray[np.bool_]], Tensor]

# The released code's threshold of 0.99 on the speed, as an edge probability.
STOP_PROB = 0.02
# Costs are summed as integers, so that a sum does not depend on its order, nor on the device.
_COST_UNIT = 2.0**-16


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
        stop_prob: The one of several stopping evidences that led there; NaN for the given mask.
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
    stop_prob: float
    loss_given: float
    loss_proposed: float
    mean_displacement_px: float
    max_displacement_px: float
    area_given: int
    area_proposed: int
    num_restored: int


def align_masks(
    masks: Array,
    edge_prob: Array,
    *,
    classes: Sequence[int] | None = None,
    images: Sequence[int] | None = None,
    ignore: Array | None = None,
    num_iters: int = 60,
    checkpoints: Iterable[int] | None = None,
    smoothing: int = 1,
    balloon: float = 1.0,
    stop_prob: float | Sequence[float] = STOP_PROB,
    alpha: float = 1.0,
    lam: float = 0.0,
    peak_floor: float = 0.5,
    other_weight: float = 0.5,
    prob_floor: float = 0.01,
    min_gain: float = 0.1,
    max_displacement_px: float | None = None,
    restore_vanished: bool = True,
    border: Border = 'replicate',
    phase: int = 0,
) -> tuple[Array, list[MaskAlignment]]:
    r"""Move masks to where their edges are likely, if that makes the outline more likely (Eq. 15).

    Each mask evolves by :func:`~mmsteal.functional.level_set.evolve_level_set` with the speed of
    its class, and the checkpoint t of the most likely outline is taken:

    .. math::
        t^* = \arg\min_t \ell(t), \qquad
        \ell(t) = \frac{1}{|\hat y^t|} \sum_{p \in \hat y^t} -\log \max(f(p),\, \epsilon)

    where the outline :math:`\hat y^t` are the pixels with a 4-neighbour on the other side. The mean
    in place of the sum keeps short outlines, and none at all, from winning where f < 1/2.

    The given mask is returned as it was where the gain :math:`\ell(0) - \ell(t^*)` is below
    `min_gain`, and where every step that gains so much moves the outline further than
    `max_displacement_px`: evidence is weak in many places, and there the label knows more. A
    component of a mask that vanished (thin objects do) is put back as it was.

    Args:
        masks: Masks of shape (M, H, W), bool or uint8; an array, or a tensor on any device.
        edge_prob: Edge probabilities f in [0, 1], of the kind of `masks`: (K, H, W), or
            (N, K, H, W) for masks of several images.
        classes: Class of each mask, as an index into K. By default mask m is of class m, and there
            are as many masks as classes. Instances are masks with the same class.
        images: Image of each mask, as an index into N; needed with four axes.
        ignore: Pixels (H, W) or (N, H, W), bool, that say nothing: they do not count in the
            likelihood, and keep the value that they had in the given mask.
        num_iters: Iterations to evolve.
        checkpoints: Iterations to choose from; 0 is always one of them. By default all even ones:
            an outline that has settled may still flicker from one iteration to the next.
        smoothing: Curvature operators an iteration.
        balloon: Balloon force: above 0 to grow, below 0 to shrink, 0 for labels that may err
            either way.
        stop_prob: Edge evidence at which the balloon stops; see
            :func:`~mmsteal.functional.speed.balloon_threshold`. Several: the mask evolves once
            with each, and the most likely outline of all is taken. How high an edge stands above
            its surroundings differs from network to network, and from object to object.
        alpha: Contrast of the speed.
        lam: Weight of the given outline in the speed.
        peak_floor: See :func:`~mmsteal.functional.speed.edge_evidence`.
        other_weight: See :func:`~mmsteal.functional.speed.edge_evidence`.
        prob_floor: :math:`\epsilon`, in (0, 1): probabilities below it are no evidence, and alike.
        min_gain: Least gain, in nats an outline pixel: 0.1 asks for a likelihood 10 % higher.
        max_displacement_px: Largest distance between the outlines before and after; None for no
            limit. Twice the error that the labels may have is the guard rail that helps most where
            the edges are weak.
        restore_vanished: Whether vanished components are put back.
        border: What lies outside of the image; see `evolve_level_set`.
        phase: Which curvature operator comes first; see `evolve_level_set`.

    Returns:
        The aligned masks (M, H, W), bool, of the kind and on the device of `masks`, and a
        :class:`MaskAlignment` for each of them.

    Raises:
        TypeError: An array has another type, or `masks` and `edge_prob` are of different kinds.
        ValueError: Shapes do not fit, `edge_prob` holds NaN or values outside [0, 1], or an option
            is out of its range.

    Example:
        >>> y, x = np.mgrid[:60, :60]
        >>> distance = np.hypot(y - 30, x - 30)
        >>> edge_prob = np.exp(-((distance - 20) ** 2) / 4)[None]
        >>> aligned, report = align_masks(distance[None] < 14, edge_prob, num_iters=20)
        >>> report[0].status, bool(abs(np.sqrt(aligned.sum() / np.pi) - 20) < 1)
        ('moved', True)
    """
    check_count('num_iters', num_iters)
    if checkpoints is None:
        checkpoints = range(0, num_iters + 1, 2)
    steps = check_checkpoints(chain([0], checkpoints), num_iters)
    stops = _stopping_evidences(stop_prob, balloon)
    # the threshold is for a force of magnitude 1, so only the direction of the balloon is passed on
    options = [
        EvolutionOptions(
            smoothing,
            float(np.sign(balloon)),
            balloon_threshold(stop, alpha=alpha, lam=lam),
            phase,
            border,
        )
        for stop in stops
    ]
    candidates = tuple((step, stop) for stop in stops for step in steps)
    guards = _Guards(candidates, len(steps), min_gain, max_displacement_px, restore_vanished)
    given, prob, class_index, image_index, ignored = _check_arrays(
        masks, edge_prob, classes, images, ignore
    )
    fields = _Fields(
        prob,
        [evidence_terms(p, peak_floor=peak_floor, other_weight=other_weight) for p in prob],
        ignored,
        alpha,
        lam,
        prob_floor,
    )

    evolve = _evolve_on_cpu if given.device.type == 'cpu' else _evolve_on_device
    present = [m for m, some in enumerate(given.flatten(1).any(dim=1).tolist()) if some]
    aligned = given.clone()
    reports = [_unmoved('empty')] * len(given)
    for m, box, losses, state, cost in evolve(
        given, present, fields, class_index, image_index, num_iters, options, steps
    ):
        start = given[m][box].cpu().numpy()
        proposal, reports[m] = _choose(start, losses, state, cost.cpu().numpy(), guards)
        if proposal is not None:
            aligned[m][box] = torch.from_numpy(proposal).to(aligned.device)
    return (aligned.numpy() if isinstance(masks, np.ndarray) else aligned), reports


@dataclass(frozen=True)
class _Guards:
    """Which states there are to choose from, and when one may be.

    `candidates` are step and stopping evidence of each, `num_steps` states with one evidence.
    """

    candidates: tuple[tuple[int, float], ...]
    num_steps: int
    min_gain: float
    max_displacement_px: float | None
    restore_vanished: bool

    def __post_init__(self) -> None:
        if not 0 <= self.min_gain < math.inf:
            raise ValueError(
                f'Expected argument `min_gain` to be finite and >= 0, but got {self.min_gain}.'
            )
        if self.max_displacement_px is not None and not self.max_displacement_px >= 0:
            raise ValueError(
                'Expected argument `max_displacement_px` to be >= 0 or None, '
                f'but got {self.max_displacement_px}.'
            )


@dataclass(frozen=True)
class _Fields:
    """What the masks of an image share: probabilities (N, K, H, W), ignored pixels (N, H, W)."""

    prob: Tensor
    terms: list[tuple[Tensor, Tensor]]
    ignored: Tensor
    alpha: float
    lam: float
    prob_floor: float

    def __post_init__(self) -> None:
        if not 0 < self.prob_floor < 1:
            raise ValueError(
                f'Expected argument `prob_floor` to be in (0, 1), but got {self.prob_floor}.'
            )

    def speed_and_cost(self, n: int, k: int, box: Box, given: Tensor) -> tuple[Tensor, Tensor]:
        """For a mask of class k in image n, given in a box: the speed there, and -log f.

        The cost is in units of `_COST_UNIT`, and -1 where pixels do not count.
        """
        prob = self.prob[n, k][box]
        own, shared = self.terms[n]
        evidence = torch.addcmul(shared[box], prob, own[k])
        edges = mask_edges(given, radius=1) if self.lam > 0 else None
        speed = speed_function(evidence, edges, alpha=self.alpha, lam=self.lam)
        cost = prob.clamp_min(self.prob_floor).log_().mul_(-1 / _COST_UNIT).to(torch.int32)
        return speed, cost.masked_fill_(self.ignored[n][box], -1)


def _evolve_on_cpu(
    given: Tensor,
    present: list[int],
    fields: _Fields,
    classes: list[int],
    images: list[int],
    num_iters: int,
    options: list[EvolutionOptions],
    steps: list[int],
) -> Iterator[Evolved]:
    """Mask after mask, each in the part of the image that it can reach."""
    # Where it is used, since numba takes a while to import.
    from mmsteal.functional import _level_set_kernel as kernel

    # one pixel an iteration by the attachment and one by the balloon; smoothing never leaves the
    # bounding box. One more keeps the one-sided gradients of the cut out of reach.
    reach = num_iters * (2 if options[0].balloon > 0 else 1) + 2
    for m in present:
        mask = given[m]
        box = bounding_box(mask.numpy(), reach)
        speed, cost = fields.speed_and_cost(images[m], classes[m], box, mask[box])
        histories = [
            kernel.evolve_mask(mask[box].numpy(), speed.numpy(), num_iters, steps, run)
            for run in options
        ]
        losses = np.concatenate([h.mean_cost(cost.numpy()) for h in histories]) * _COST_UNIT

        def state(index: int, histories: Any = histories, shape: Any = speed.shape) -> NDArray:
            run, index = divmod(index, len(steps))
            return histories[run].unpack(index, np.empty(shape, bool))

        yield m, box, losses, state, cost


def _evolve_on_device(
    given: Tensor,
    present: list[int],
    fields: _Fields,
    classes: list[int],
    images: list[int],
    num_iters: int,
    options: list[EvolutionOptions],
    steps: list[int],
) -> Iterator[Evolved]:
    """All masks at once, in whole images: what a device is good at."""
    whole = (slice(None), slice(None))
    for first in range(0, len(present), device_ops.MAX_MASKS):
        group = present[first : first + device_ops.MAX_MASKS]
        pairs = [fields.speed_and_cost(images[m], classes[m], whole, given[m]) for m in group]
        speed = torch.stack([speed for speed, _ in pairs])
        cost = torch.stack([cost for _, cost in pairs])
        states, means = [], []
        for words in chain.from_iterable(
            device_ops.evolve_words(given[group], speed, num_iters, steps, run) for run in options
        ):
            curve = mask_edges(device_ops.unpack_masks(words, len(group)), radius=1).bool()
            curve &= cost >= 0
            total = torch.where(curve, cost, 0).sum(dim=(1, 2), dtype=torch.float64)
            states.append(words)
            means.append(total / curve.sum(dim=(1, 2)))
        losses = torch.stack(means, dim=1).cpu().numpy() * _COST_UNIT
        for i, m in enumerate(group):

            def state(index: int, states: Any = states, bit: int = i) -> NDArray:
                return ((states[index] >> bit) & 1).bool().cpu().numpy()

            yield m, whole, losses[i], state, cost[i]


def _choose(
    given: NDArray[np.bool_],
    losses: NDArray[np.float64],
    state: Callable[[int], NDArray[np.bool_]],
    cost: NDArray[np.int32],
    guards: _Guards,
) -> tuple[NDArray[np.bool_] | None, MaskAlignment]:
    """The most likely state that breaks no guard rail, or None, and what to report of it."""
    if math.isnan(losses[0]):
        return None, _unmoved('no outline', area=int(given.sum()))
    gains = np.nan_to_num(losses[0] - losses, nan=-math.inf)
    ignored = cost < 0
    refused = None
    for index in np.argsort(-gains, kind='stable'):
        if index == 0 or gains[index] < guards.min_gain:
            break
        proposal = np.where(ignored, given, state(index))
        num_restored, loss = 0, float(losses[index])
        if guards.restore_vanished:
            num_restored = _restore_components(given, proposal)
            if num_restored:
                on_curve = cost[(mask_edges(proposal, radius=1) != 0) & ~ignored]
                loss = float(on_curve.mean()) * _COST_UNIT
        if losses[0] - loss < guards.min_gain:
            continue
        mean_px, max_px = _displacement(given, proposal)
        too_far = guards.max_displacement_px is not None and max_px > guards.max_displacement_px
        report = MaskAlignment(
            status='rejected' if too_far else 'moved',
            reason='displacement' if too_far else '',
            step=guards.candidates[index][0],
            stop_prob=guards.candidates[index][1],
            loss_given=float(losses[0]),
            loss_proposed=loss,
            mean_displacement_px=mean_px,
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
    ends = range(guards.num_steps - 1, len(losses), guards.num_steps)
    vanished = all(math.isnan(losses[i]) and not state(i).any() for i in ends)
    reason: Reason = 'vanished' if vanished else 'no gain'
    return None, _unmoved(reason, loss=float(losses[0]), area=int(given.sum()))


def _unmoved(reason: Reason, *, loss: float = math.nan, area: int = 0) -> MaskAlignment:
    status: Status = 'rejected' if reason == 'vanished' else 'kept'
    return MaskAlignment(status, reason, 0, math.nan, loss, loss, 0.0, 0.0, area, area, 0)


def _stopping_evidences(stop_prob: float | Sequence[float], balloon: float) -> tuple[float, ...]:
    try:
        stops = tuple(np.atleast_1d(np.asarray(stop_prob, np.float64)).tolist())
    except (TypeError, ValueError) as error:
        raise TypeError(
            'Expected argument `stop_prob` to be a number, or several to choose from, '
            f'but got {stop_prob!r}.'
        ) from error
    if not stops:
        raise ValueError('Expected argument `stop_prob` to be one number or more, but got none.')
    # Without a balloon none of them has an effect.
    return stops if balloon else stops[:1]


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


def _displacement(before: NDArray[np.bool_], after: NDArray[np.bool_]) -> tuple[float, float]:
    """Mean and largest distance in pixels from each outline to the other, over both."""
    box = bounding_box(before | after, reach=1)
    outlines = [mask_edges(np.ascontiguousarray(m[box]), radius=1) != 0 for m in (before, after)]
    if not (outlines[0].any() and outlines[1].any()):
        return math.inf, math.inf
    distances = []
    for here, other in (outlines, outlines[::-1]):
        distances.append(inner_distance(~other)[here])
    both = np.concatenate(distances)
    return float(both.mean()), float(both.max())


def _check_arrays(
    masks: Any, edge_prob: Any, classes: Any, images: Any, ignore: Any
) -> tuple[Tensor, Tensor, list[int], list[int], Tensor]:
    """Masks (M, H, W), probabilities (N, K, H, W), classes, images, ignored pixels (N, H, W)."""
    if isinstance(masks, np.ndarray) != isinstance(edge_prob, np.ndarray):
        raise TypeError(
            'Expected arguments `masks` and `edge_prob` to be both arrays or both tensors, '
            f'but got {type(masks)} and {type(edge_prob)}; convert one of them.'
        )
    if getattr(masks, 'dtype', None) not in (np.bool_, np.uint8, torch.bool, torch.uint8):
        raise TypeError(
            'Expected argument `masks` to be a bool or uint8 array or tensor, but got '
            f'{getattr(masks, "dtype", type(masks))}; compare it with a value first.'
        )
    prob = check_edge_prob(edge_prob)
    if prob.ndim == 3:
        prob = prob[None]
        images = [0] * len(masks) if images is None else images
    # `.bool()` of a bool tensor is free; `!= 0` is a pass over all masks.
    given = torch.from_numpy(masks != 0) if isinstance(masks, np.ndarray) else masks.bool()
    if given.ndim != 3 or given.shape[1:] != prob.shape[2:]:
        raise ValueError(
            'Expected argument `masks` to have shape (M, H, W) and the size of `edge_prob`, '
            f'{tuple(prob.shape[2:])}, but got shape {tuple(given.shape)}; resize one of them.'
        )
    if given.device != prob.device:
        raise ValueError(
            'Expected argument `edge_prob` to be on the device of `masks`, '
            f'{given.device}, but got {prob.device}; move it there.'
        )
    if classes is None:
        if len(given) != prob.shape[1] or len(prob) > 1:
            raise ValueError(
                'Expected argument `classes` to name the class of each mask, but got None for '
                f'{len(given)} masks, {len(prob)} images and {prob.shape[1]} classes.'
            )
        classes = range(len(given))
    if images is None:
        raise ValueError(
            'Expected argument `images` to name the image of each mask where `edge_prob` has '
            'four axes, but got None.'
        )
    indices = []
    for name, index, size in (('classes', classes, prob.shape[1]), ('images', images, len(prob))):
        values = [int(i) for i in index]
        if len(values) != len(given) or any(not 0 <= i < size for i in values):
            raise ValueError(
                f'Expected argument `{name}` to be {len(given)} indices from 0 to {size - 1}, '
                f'but got {values}.'
            )
        indices.append(values)
    shape = (len(prob), *prob.shape[2:])
    if ignore is None:
        ignore = torch.zeros(shape, dtype=torch.bool, device=prob.device)
    ignored = torch.as_tensor(ignore, device=prob.device)
    if ignored.dtype != torch.bool or ignored.shape not in (shape, shape[1:]):
        raise ValueError(
            f'Expected argument `ignore` to be bool of shape {shape} or {shape[1:]}, '
            f'but got {ignored.dtype} of shape {tuple(ignored.shape)}.'
        )
    return given, prob, indices[0], indices[1], ignored.expand(shape)
