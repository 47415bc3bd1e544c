"""Coarse labels to fine ones: every object moves to its edges, and one label map comes out.

Shape shorthand: M objects; K edge maps; H, W height and width of the labels; h, w of the edge maps.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from mmsteal.functional.align_options import REFINE_OPTIONS, AlignOptions
from mmsteal.functional.class_values import class_values
from mmsteal.functional.label_objects import check_map, label_objects
from mmsteal.functional.object_evolution import evolve_objects
from mmsteal.functional.object_map import enlarge
from mmsteal.functional.object_refinement import ObjectRefinement, report_objects
from mmsteal.functional.resize import resample
from mmsteal.functional.speed import check_edge_prob


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
    options: AlignOptions = REFINE_OPTIONS,
    *,
    classes: Mapping[int, int] | None = None,
    instance_map: NDArray[Any] | None = None,
    components: bool = False,
    background: int | None = None,
    ignore_index: int | None = 255,
    unclaimed: int | None = None,
    error_px: float | None = None,
) -> RefinedLabelMap:
    """Move every object of a label map to its edges (sections 3.6 and 4.3 of the paper).

    Args:
        label_map: Labels (H, W), integers.
        edge_prob: Edge probabilities (K, h, w) in [0, 1], array or tensor on any device. At another
            size than the labels the objects evolve at that size, and what has moved is drawn at the
            size of the labels: half the size takes a quarter of the time.
        options: See :func:`refine_objects`.
        classes: Edge map of each label: `{label: index}`. Objects of other labels stay as they
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
        options,
        classes=[_edge_map_of(value, classes, len(prob), without) for value in found.values],
        frozen=None if ignore_index is None else labels == ignore_index,
        error_px=error_px,
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
    options: AlignOptions = REFINE_OPTIONS,
    *,
    classes: Sequence[int],
    frozen: NDArray[np.bool_] | None = None,
    error_px: float | None = None,
) -> tuple[NDArray[np.int32], list[ObjectRefinement]]:
    """Move objects to their edges and settle who owns each pixel.

    They evolve at the size of the edge maps
    (:func:`~mmsteal.functional.object_evolution.evolve_objects`), and what has changed is drawn
    into the given map. Objects that did not move keep their outline to the pixel, whatever the size
    of the edge maps.

    Args:
        object_map: Index of the object of each pixel (H, W), int32, -1 for none.
        edge_prob: Edge probabilities (K, h, w) in [0, 1]; see :func:`refine_label_map`.
        options: How the objects evolve, in pixels of the edge maps. By default all of
            `STOP_EVIDENCES` are tried; `dataclasses.replace(REFINE_OPTIONS, min_gain=0.2)` changes
            something else.
        classes: Edge map of each object (M,); -1 for an object that stays as it is.
        frozen: Pixels (H, W), bool, that are left alone and say nothing, as ignored ones.
        error_px: How far the outlines may be off, in pixels of the labels: sets what is None in the
            options, see :meth:`~mmsteal.functional.align_options.AlignOptions.for_error`.

    Returns:
        The refined map (H, W), int32, and what happened to each object (M,).

    Raises:
        TypeError: An array has another type.
        ValueError: Shapes do not fit, or `error_px` is out of its range.
    """
    given = check_map('object_map', object_map).astype(np.int32, copy=False)
    if not given.size:
        raise ValueError(f'Expected argument `object_map` to have pixels, but got {given.shape}.')
    prob = as_edge_maps(edge_prob)
    _check_objects(given, prob, classes, frozen)
    size = (int(prob.shape[1]), int(prob.shape[2]))
    scale = math.sqrt(size[0] * size[1] / given.size)
    if error_px is not None:
        options = options.for_error(error_px, scale)
    small = resample(given, size)
    barred = np.zeros(size, bool) if frozen is None else resample(frozen, size)
    refined, alignments = evolve_objects(small, prob, classes, barred, options)
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
    fixed = np.array([k < 0 for k in classes], bool)
    still = np.append(fixed | ((same == count) & (same == left)), False)
    np.copyto(full, given, where=still[given] | still[full])
    if frozen is not None:
        np.copyto(full, given, where=frozen)
    return full, report_objects(given, full, classes, alignments, set(swallowed.tolist()), scale)


def as_edge_maps(edge_prob: Any) -> Tensor:
    """`edge_prob` as a tensor (K, h, w) of probabilities."""
    if isinstance(edge_prob, (np.ndarray, Tensor)) and edge_prob.ndim != 3:
        raise ValueError(
            'Expected argument `edge_prob` to have shape (K, h, w), but got shape '
            f'{tuple(edge_prob.shape)}; a single map is edge_prob[None], and images are refined '
            'one at a time.'
        )
    return check_edge_prob(edge_prob)


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
