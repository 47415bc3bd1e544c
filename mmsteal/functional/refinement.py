"""Coarse labels to fine ones: every object moves to its edges, and one label map comes out.

Shape shorthand: M objects; K edge maps; H, W height and width of the labels; h, w of the edge maps.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mmsteal.functional.alignment import MaskAlignment, align_masks
from mmsteal.functional.bounding_box import bounding_box
from mmsteal.functional.class_values import class_values
from mmsteal.functional.label_merge import Claim, settle_claims
from mmsteal.functional.label_objects import check_map, label_objects
from mmsteal.functional.resize import resample
from mmsteal.functional.speed import check_edge_prob

# Where the balloon stops is not guessed: with each of these an object evolves, and the most likely
# outline is taken. From a network that is sure of what is no edge (first) over one whose responses
# are low, as an unbalanced cross entropy leaves them (0.1, 0.3), to one that was trained with a
# balanced one, which answers about 0.5 near any object, for many classes (last).
STOP_PROBS = (0.02, 0.1, 0.3, 0.6, 0.9, 1.5, 2.5)
# Masks that evolve in one call: few enough to hold 2048 x 1024 masks of many objects in memory.
_GROUP = 32


@dataclass(frozen=True)
class ObjectRefinement:
    """What happened to one object; lengths and areas in pixels of the labels.

    Attributes:
        status: 'moved', 'kept' or 'rejected'; see :class:`MaskAlignment`.
        reason: Why it was not moved; also 'no edge map' for an object without a class, 'too small'
            for one that cannot be seen at the size of the edge maps, 'no room'
            where others held all the ground that it would have moved to, and 'swallowed' where
            they left nothing of it.
        step: Iterations of the proposed mask.
        stop_prob: The stopping evidence that led there; NaN for the given mask.
        loss_given: Mean of -log f along its outline before; NaN if it has none.
        loss_proposed: The same of the proposed mask.
        mean_displacement_px: Mean distance between the outlines of the given and the proposed mask.
        max_displacement_px: Largest such distance.
        area_given: Pixels before.
        area_refined: Pixels after overlaps were settled.
        iou_with_given: Intersection over union of both; 1 where nothing has changed.
        num_restored: Connected components that had vanished and were put back.
    """

    status: str
    reason: str
    step: int
    stop_prob: float
    loss_given: float
    loss_proposed: float
    mean_displacement_px: float
    max_displacement_px: float
    area_given: int
    area_refined: int
    iou_with_given: float
    num_restored: int


@dataclass(frozen=True)
class RefinedLabelMap:
    """A refined label map.

    Attributes:
        label_map: Labels (H, W) of the type of the given ones.
        instance_map: Instance ids (H, W) of the type of the given ones, 0 where an object gave a
            pixel up and no other one took it; None if none were given.
        values: Label of each object (M,).
        instances: Instance id of each object (M,); 0 where instances are not told apart.
        objects: What happened to each object (M,).
    """

    label_map: NDArray[Any]
    instance_map: NDArray[Any] | None
    values: list[int]
    instances: list[int]
    objects: list[ObjectRefinement]


def refine_label_map(
    label_map: NDArray[Any],
    edge_prob: NDArray[np.floating] | Tensor,
    *,
    classes: Mapping[int, int] | None = None,
    instance_map: NDArray[Any] | None = None,
    components: bool = False,
    background: int | None = None,
    ignore_index: int | None = 255,
    unclaimed: int | None = None,
    error_px: float | None = None,
    **align: Any,
) -> RefinedLabelMap:
    """Move every object of a label map to its edges (sections 3.6 and 4.3 of the paper).

    Args:
        label_map: Labels (H, W), integers.
        edge_prob: Edge probabilities (K, h, w) in [0, 1], array or tensor on any device. At another
            size than the labels the objects evolve at that size, and what has moved is drawn at the
            size of the labels: half the size takes a quarter of the time.
        classes: Edge map of each label: ``{label: index}``. Objects of other labels stay as they
            are, and where they are. None: with K = 1 that map for every label; otherwise the labels
            0, 1, 2, ... without `background` and `ignore_index` have the edge maps 0, 1, 2, ....
        instance_map: Instance ids (H, W): then objects are instances. None: an object is all that
            has one label, or with `components` each of its connected components.
        components: Whether each 8-connected component is an object of its own.
        background: Label of pixels of no object, into which objects may grow.
        ignore_index: Label of pixels that are left alone; None for none.
        unclaimed: Label of pixels that an object gave up and no other one claims. None: that of the
            background where there is one, or the ignored label.
        error_px: See :func:`refine_objects`.
        **align: See :func:`refine_objects`.

    Returns:
        The refined map, and what happened to each object.

    Raises:
        TypeError: An array has another type.
        ValueError: Shapes do not fit, a label has no edge map, or an option is out of its range.

    Example:
        >>> y, x = np.mgrid[:60, :60]
        >>> distance = np.hypot(y - 30, x - 30)
        >>> edge_prob = np.exp(-((distance - 20) ** 2) / 4)[None]
        >>> label_map = np.where(distance < 14, 7, 0).astype(np.uint8)
        >>> refined = refine_label_map(label_map, edge_prob, background=0, error_px=8)
        >>> disk = refined.objects[0]
        >>> disk.status, disk.area_given, disk.area_refined
        ('moved', 609, 1245)
    """
    labels = check_map('label_map', label_map)
    prob = as_edge_maps(edge_prob)
    without = {value for value in (background, ignore_index) if value is not None}
    if unclaimed is None:
        unclaimed = background if background is not None else ignore_index
    info = np.iinfo(labels.dtype)
    for name, value in (('unclaimed', unclaimed), ('background', background)):
        if value is not None and not info.min <= value <= info.max:
            raise ValueError(
                f'Expected argument `{name}` to fit the type of `label_map`, {labels.dtype}, '
                f'but got {value}; convert `label_map` to a wider type.'
            )
    if unclaimed is None:
        raise ValueError(
            'Expected argument `unclaimed` to be the label of pixels that an object gave up, but '
            'got None without `background` and `ignore_index`; set one of the three.'
        )
    found = label_objects(labels, instance_map, without=without, components=components)
    refined, reports = refine_objects(
        found.object_map,
        prob,
        classes=[_edge_map_of(value, classes, len(prob), without) for value in found.values],
        frozen=None if ignore_index is None else labels == ignore_index,
        error_px=error_px,
        **align,
    )
    changed = refined != found.object_map
    new_labels = labels.copy()
    new_labels[changed] = np.array([*found.values, unclaimed], labels.dtype)[refined[changed]]
    new_ids = None
    if instance_map is not None:
        new_ids = instance_map.copy()
        new_ids[changed] = np.array([*found.instances, 0], instance_map.dtype)[refined[changed]]
    return RefinedLabelMap(new_labels, new_ids, found.values, found.instances, reports)


def refine_objects(
    object_map: NDArray[np.int32],
    edge_prob: NDArray[np.floating] | Tensor,
    *,
    classes: Sequence[int],
    frozen: NDArray[np.bool_] | None = None,
    error_px: float | None = None,
    **align: Any,
) -> tuple[NDArray[np.int32], list[ObjectRefinement]]:
    r"""Move objects to their edges and settle who owns each pixel.

    Each object evolves alone (:func:`~mmsteal.functional.alignment.align_masks`). A pixel of
    several goes to its owner by :func:`~mmsteal.functional.label_merge.settle_overlaps`; a pixel
    that none claims any more has no owner. Objects that did not move keep their outline to the
    pixel, whatever the size of the edge maps.

    Args:
        object_map: Index of the object of each pixel (H, W), int32, -1 for none.
        edge_prob: Edge probabilities (K, h, w) in [0, 1]; see :func:`refine_label_map`.
        classes: Edge map of each object (M,); -1 for an object that stays as it is.
        frozen: Pixels (H, W), bool, that are left alone and say nothing, as ignored ones.
        error_px: How far the outlines may be off, in pixels of the labels. It sets
            `max_displacement_px` to twice that and `num_iters` to what it takes to get there,
            unless they are given.
        **align: Options of :func:`~mmsteal.functional.alignment.align_masks` for the evolution, in
            pixels of the edge maps. By default all of `STOP_PROBS` are tried.

    Returns:
        The refined map (H, W), int32, and what happened to each object (M,).

    Raises:
        TypeError: An array has another type.
        ValueError: Shapes do not fit, or an option is out of its range.
    """
    given = check_map('object_map', object_map).astype(np.int32, copy=False)
    if not given.size:
        raise ValueError(f'Expected argument `object_map` to have pixels, but got {given.shape}.')
    prob = as_edge_maps(edge_prob)
    fixed = np.array([index < 0 for index in classes], bool)
    _check_objects(given, prob, classes, frozen)
    size = (int(prob.shape[1]), int(prob.shape[2]))
    scale = math.sqrt(size[0] * size[1] / max(given.size, 1))
    small = resample(given, size)
    barred = np.zeros(size, bool) if frozen is None else resample(frozen, size)
    claims, reports = _evolve(small, prob, classes, barred, _options(error_px, scale, align))
    # Objects that do not evolve hold their ground.
    held = barred | np.append(fixed, False)[small]
    for claim in claims:
        claim.mask[held[claim.box] & (small[claim.box] != claim.index)] = False
    evidence = prob.float().cpu().numpy()
    refined = settle_claims(small, claims, evidence, classes)
    refined[held] = small[held]
    # What is too small for the edge maps does not take part, nor do others run over it.
    count = np.bincount(small.ravel() + 1, minlength=len(classes) + 1)[1:]
    left = np.bincount(refined.ravel() + 1, minlength=len(classes) + 1)[1:]
    swallowed = np.flatnonzero((count > 0) & (left == 0))
    if len(swallowed):
        lost = np.isin(small, swallowed)
        refined[lost] = small[lost]
    full = enlarge(refined, small, given, protected=np.append(count == 0, False))
    # Objects of which nothing has changed keep every pixel, whoever is drawn beside them.
    same = np.bincount(small[refined == small] + 1, minlength=len(classes) + 1)[1:]
    still = np.append(fixed | ((same == count) & (same == left)), False)
    np.copyto(full, given, where=still[given] | still[full])
    if frozen is not None:
        np.copyto(full, given, where=frozen)
    return full, _report(given, full, fixed, reports, set(swallowed.tolist()), scale)


def as_edge_maps(edge_prob: Any) -> Tensor:
    """`edge_prob` as a tensor (K, h, w) of probabilities."""
    if isinstance(edge_prob, (np.ndarray, Tensor)) and edge_prob.ndim != 3:
        raise ValueError(
            'Expected argument `edge_prob` to have shape (K, h, w), but got shape '
            f'{tuple(edge_prob.shape)}; a single map is edge_prob[None], and images are refined '
            'one at a time.'
        )
    return check_edge_prob(edge_prob)


def _evolve(
    small: NDArray[np.int32],
    prob: Tensor,
    classes: Sequence[int],
    barred: NDArray[np.bool_],
    options: dict[str, Any],
) -> tuple[list[Claim], dict[int, MaskAlignment]]:
    """What each object claims, and what happened to it; a few objects at a time."""
    present = [m for m in indices(small) if m >= 0 and classes[m] >= 0]
    labels = torch.from_numpy(small).to(prob.device)
    ignore = torch.from_numpy(barred).to(prob.device)
    claims, reports = [], {}
    for first in range(0, len(present), _GROUP):
        group = present[first : first + _GROUP]
        masks, found = align_masks(
            labels == torch.tensor(group, device=prob.device)[:, None, None],
            prob,
            classes=[classes[m] for m in group],
            ignore=ignore,
            **options,
        )
        for m, mask, report in zip(group, masks.cpu().numpy(), found, strict=True):
            box = bounding_box(mask | (small == m))
            claims.append(Claim(m, box, mask[box].copy()))
            reports[m] = report
    return claims, reports


def _options(error_px: float | None, scale: float, align: dict[str, Any]) -> dict[str, Any]:
    """What the error of the labels means for the evolution, at the size of the edge maps."""
    taken = sorted({'classes', 'images', 'ignore'} & set(align))
    if taken:
        raise ValueError(
            f'Expected no option {taken} of align_masks, which follows from the labels; pass '
            '`frozen` or `ignore_index` for pixels to be left alone.'
        )
    align = {'stop_prob': STOP_PROBS, **align}
    if error_px is None:
        return align
    if not (isinstance(error_px, Real) and 0 < error_px < math.inf):
        raise ValueError(
            f'Expected argument `error_px` to be a number > 0 and finite, but got {error_px!r}.'
        )
    reach = error_px * scale
    # Curvature takes back about half of what the balloon gains in corners.
    default = dict(num_iters=2 * math.ceil(reach) + 2, max_displacement_px=2 * reach)
    return {**default, **align}


def enlarge(
    refined: NDArray[np.int32],
    small: NDArray[np.int32],
    given: NDArray[np.int32],
    protected: NDArray[np.bool_],
) -> NDArray[np.int32]:
    """Draw what has changed between two small maps into the given one.

    Args:
        refined: Small map after the evolution.
        small: Small map before it.
        given: Map at full size.
        protected: Objects that no other may run over (M + 1,); the last entry is no object.

    Returns:
        The map at full size: as given wherever nothing has changed nearby.
    """
    if refined.shape == given.shape:
        return refined
    full = given.copy()
    scale_y, scale_x = given.shape[0] / small.shape[0], given.shape[1] / small.shape[1]
    changed = refined != small
    if not changed.any():
        return full
    near = cv2.dilate(changed.view(np.uint8), np.ones((3, 3), np.uint8))
    box = bounding_box(near)
    drawn = resample(near != 0, given.shape)
    if protected.any():
        drawn &= ~protected[given]
    best = np.zeros(given.shape, np.float32)
    for m in indices(refined[box][near[box] != 0]):
        inside = refined == m
        rows, columns = bounding_box(inside & (near != 0))
        # Two more on each side: interpolation reaches over one.
        top, left = max(rows.start - 2, 0), max(columns.start - 2, 0)
        bottom = min(rows.stop + 2, inside.shape[0])
        right = min(columns.stop + 2, inside.shape[1])
        y0, y1 = int(top * scale_y), math.ceil(bottom * scale_y)
        x0, x1 = int(left * scale_x), math.ceil(right * scale_x)
        # From the middle of a pixel at full size to the same place in the small map.
        to_small = np.array(
            [
                [1 / scale_x, 0, (x0 + 0.5) / scale_x - 0.5 - left],
                [0, 1 / scale_y, (y0 + 0.5) / scale_y - 0.5 - top],
            ]
        )
        share = cv2.warpAffine(
            inside[top:bottom, left:right].astype(np.float32),
            to_small,
            (x1 - x0, y1 - y0),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        part = (slice(y0, y1), slice(x0, x1))
        wins = drawn[part] & (share > best[part])
        best[part][wins] = share[wins]
        full[part][wins] = m
    return full


def _report(
    given: NDArray[np.int32],
    refined: NDArray[np.int32],
    fixed: NDArray[np.bool_],
    reports: dict[int, MaskAlignment],
    swallowed: set[int],
    scale: float,
) -> list[ObjectRefinement]:
    """One report an object, in pixels of the labels."""
    num = len(fixed)
    # Few pixels change: the two other counts follow from theirs.
    changed = given != refined
    before = np.bincount(given.ravel() + 1, minlength=num + 1)[1:]
    both = before - np.bincount(given[changed] + 1, minlength=num + 1)[1:]
    after = both + np.bincount(refined[changed] + 1, minlength=num + 1)[1:]
    found = []
    for m in range(num):
        report = reports.get(m)
        status, reason = 'kept', 'no edge map' if fixed[m] else 'empty'
        if reason == 'empty' and before[m]:
            reason = 'too small'
        if report is not None:
            status, reason = report.status, report.reason
        if m in swallowed:
            status, reason = 'rejected', 'swallowed'
        elif status == 'moved' and both[m] == before[m] == after[m]:
            status, reason = 'kept', 'no room'
        found.append(
            ObjectRefinement(
                status=status,
                reason=reason,
                step=report.step if report else 0,
                stop_prob=report.stop_prob if report else math.nan,
                loss_given=report.loss_given if report else math.nan,
                loss_proposed=report.loss_proposed if report else math.nan,
                mean_displacement_px=report.mean_displacement_px / scale if report else 0.0,
                max_displacement_px=report.max_displacement_px / scale if report else 0.0,
                area_given=int(before[m]),
                area_refined=int(after[m]),
                iou_with_given=float(both[m] / max(before[m] + after[m] - both[m], 1)),
                num_restored=report.num_restored if report else 0,
            )
        )
    return found


def _edge_map_of(
    value: int, classes: Mapping[int, int] | None, num_maps: int, without: set[int]
) -> int:
    """Index of the edge map of a label; -1 for none."""
    if classes is not None:
        return classes.get(value, -1)
    if num_maps == 1:
        return 0
    values = class_values(num_maps, without=without)
    if value not in values:
        raise ValueError(
            f'Expected the label {value} to have one of {num_maps} edge maps, but the labels 0, 1, '
            f'2, ... without {sorted(without)} have them in order; pass `classes`, a mapping from '
            'labels to edge maps.'
        )
    return values.index(value)


def _check_objects(
    given: NDArray[np.int32], prob: Tensor, classes: Sequence[int], frozen: Any
) -> None:
    low, high = (int(given.min()), int(given.max())) if given.size else (-1, -1)
    if low < -1 or high >= len(classes):
        raise ValueError(
            f'Expected argument `object_map` to hold -1 to {len(classes) - 1}, one index an entry '
            f'of `classes`, but got values from {low} to {high}.'
        )
    if any(not -1 <= index < len(prob) for index in classes):
        raise ValueError(
            f'Expected argument `classes` to hold indices from 0 to {len(prob) - 1}, or -1, '
            f'but got {sorted({int(i) for i in classes})}.'
        )
    if frozen is not None and (frozen.dtype != np.bool_ or frozen.shape != given.shape):
        raise ValueError(
            f'Expected argument `frozen` to be bool of shape {given.shape}, '
            f'but got {frozen.dtype} of shape {frozen.shape}.'
        )
    height, width = given.shape
    h, w = prob.shape[1:]
    # The same picture: a pixel of rounding either way.
    if min(h, w) < 1 or abs(h * width - w * height) > max(height, width):
        raise ValueError(
            f'Expected argument `edge_prob` to have the aspect ratio of the labels, {height} x '
            f'{width} (height x width), but got {h} x {w}; they must be of one image.'
        )


def indices(object_map: NDArray[np.int32]) -> list[int]:
    """The indices that occur, in ascending order; np.unique would sort all pixels."""
    found: list[int] = (np.flatnonzero(np.bincount(object_map.ravel() + 1)) - 1).tolist()
    return found
