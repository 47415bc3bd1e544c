"""Coarse label maps to fine ones.

Shape shorthand: M objects; K edge maps; H, W height and width of the labels; h, w of the edge maps.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from mmsteal.functional.labels.class_values import class_values
from mmsteal.functional.labels.label_objects import check_map, label_objects
from mmsteal.functional.labels.label_values import LabelValues
from mmsteal.functional.refinement.object_refinement import ObjectRefinement
from mmsteal.functional.refinement.refine_engines import Engine, EngineOptions, engine_options
from mmsteal.functional.refinement.refine_objects import as_edge_maps, refine_object_map


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
        engine: What refined them: 'joint', 'level_set' or 'geodesic'.
        error_px: How far their outlines were taken to be off; None for level sets that were not
            told.
        offset: How far outlines were drawn too small on average, in errors, as this image says; the
            mean over images of one set is :attr:`JointOptions.set_offset`. None but for the joint
            labelling.
    """

    label_map: NDArray[Any]
    instance_map: NDArray[Any] | None
    values: list[int]
    instances: list[int]
    objects: list[ObjectRefinement]
    engine: Engine
    error_px: float | None
    offset: float | None


def refine_label_map(
    label_map: NDArray[Any],
    edge_prob: NDArray[np.floating] | Tensor | None = None,
    options: EngineOptions | None = None,
    *,
    image: NDArray[np.uint8] | None = None,
    engine: Engine | None = None,
    classes: Mapping[int, int] | None = None,
    instance_map: NDArray[Any] | None = None,
    error_px: float | None = None,
    **values: Any,
) -> RefinedLabelMap:
    """Move the outlines of all objects of a label map to where they belong.

    Args:
        label_map: Labels (H, W), integers.
        edge_prob: Edge probabilities (K, h, w) in [0, 1], array or tensor on any device; None: the
            color gradient of the image. Where they are smaller than the labels, objects are
            refined at that size, and what has moved is drawn at the size of the labels: half the
            size takes a quarter of the time.
        options: :class:`JointOptions`, :class:`AlignOptions` or :class:`GeodesicOptions`; see
            :func:`refine_objects`.
        image: The photograph (H, W, 3), RGB, or grey (H, W), uint8.
        engine: 'joint', 'level_set' (sections 3.6 and 4.3 of the paper) or 'geodesic'; see
            :func:`refine_objects`. None: that of the options; without any, 'joint' where there is
            an image, otherwise 'level_set'.
        classes: Edge map of each label: `{label: index}`. Objects of other labels stay as they
            are, and where they are. None: without edge maps, and with one, all labels may move;
            otherwise the labels 0, 1, 2, ... without those that are no objects have the edge maps
            0, 1, 2, ....
        instance_map: Instance ids (H, W): then objects are instances. None: an object is all that
            has one label, or with `components` each of its connected components.
        error_px: How far outlines may be off, in pixels; see :func:`refine_objects`.
        **values: What the labels mean: `background`, `unlabelled`, `ignore_index`, `unclaimed` and
            `components`, see :class:`LabelValues`. Without `ignore_index` 255 is ignored, unless
            `classes` names it, or the map is a mask: 0 and 255 alone, and one edge map at most.

    Returns:
        The refined map, and what happened to each object.

    Raises:
        TypeError: An array or the options have another type, or there is no such argument.
        ValueError: Shapes do not fit, a label has no edge map, the engine misses something, or an
            option is out of its range.

    Example:
        >>> y, x = np.mgrid[:60, :60]
        >>> distance = np.hypot(y - 30, x - 30)
        >>> label_map = np.where(distance < 14, 7, 0).astype(np.uint8)
        >>> image = np.where(distance < 20, 200, 50).astype(np.uint8)
        >>> refined = refine_label_map(label_map, image=image, background=0, error_px=8)
        >>> disk = refined.objects[0]
        >>> disk.status, disk.area_given, disk.area_refined
        ('moved', 609, 1245)
        >>> edge_prob = np.exp(-((distance - 20) ** 2) / 4)[None]
        >>> refined = refine_label_map(label_map, edge_prob, background=0, error_px=8)
        >>> refined.engine, refined.objects[0].area_refined
        ('level_set', 1245)
    """
    labels = check_map('label_map', label_map)
    num_maps = 1 if edge_prob is None else len(as_edge_maps(edge_prob))
    # Without background instances divide the label 0.
    told = values.keys() & {'background', 'unlabelled'}
    single = num_maps == 1 and (instance_map is None or bool(told))
    meaning = LabelValues.of_map(labels, classes, single=single, **values)
    meaning.check_fit(labels.dtype)
    found = label_objects(
        labels, instance_map, without=meaning.without, components=meaning.components
    )
    refined = refine_object_map(
        found.object_map,
        edge_prob,
        engine_options(engine, options, has_image=image is not None),
        image=image,
        classes=[_edge_map_of(v, classes, num_maps, meaning.without) for v in found.values],
        background=meaning.background is not None,
        frozen=None if meaning.ignore_index is None else labels == meaning.ignore_index,
        error_px=error_px,
    )
    changed = refined.object_map != found.object_map
    owners = refined.object_map[changed]
    new_labels = labels.copy()
    new_labels[changed] = np.array([*found.values, meaning.nobody], labels.dtype)[owners]
    new_ids = None
    if instance_map is not None:
        new_ids = instance_map.copy()
        new_ids[changed] = np.array([*found.instances, 0], instance_map.dtype)[owners]
    return RefinedLabelMap(
        new_labels,
        new_ids,
        found.values,
        found.instances,
        refined.objects,
        refined.engine,
        refined.error_px,
        refined.offset,
    )


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
