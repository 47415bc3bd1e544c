"""Label Studio's results: the brushes and polygons of an annotation, a draft or a prediction."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmsteal.label_formats.annotation import AnnotatedObject, Annotation, LabelError, Region
from mmsteal.label_formats.corner_polygons import corner_region, outline_corners
from mmsteal.label_formats.painting import Painting
from mmsteal.label_formats.run_lengths import decode_brush, encode_brush

FORMAT_NAME = 'label_studio'
_BRUSHES = ('brushlabels', 'brush')
_POLYGONS = ('polygonlabels', 'polygon')
_LABELS = ('brushlabels', 'polygonlabels', 'labels')

Result = Mapping[str, Any]


def read_results(
    what: str,
    results: Any,
    shape: tuple[int, int],
    *,
    name: str = '',
    class_names: Mapping[Any, str] | None = None,
) -> Annotation:
    """Read the regions of an annotation, a draft or a prediction of one image.

    Args:
        what: What to call it in messages.
        results: The list of results, as it came from JSON.
        shape: Height and width of the image.
        name: Name of the image.
        class_names: Labels -> names; None: labels are the names.

    Returns:
        Brushes and polygons as objects.

    Raises:
        LabelError: If a region is damaged, of an image of another size, of a rotated image, or has
            an unknown label.
    """
    if not isinstance(results, list) or not all(isinstance(entry, dict) for entry in results):
        raise LabelError(f'{what}: expected a list of results, but got none.')
    labels = _labels_of_regions(results)
    regions: list[Region | None] = []
    of_shape: list[int] = []
    objects: list[AnnotatedObject] = []
    notes: list[str] = []
    for index, entry in enumerate(results):
        kind = entry.get('type')
        region = None
        if kind in (*_BRUSHES, *_POLYGONS):
            which = f'result {index} ({kind})'
            _check_frame(what, which, entry, shape)
            region = _region(what, which, entry, shape, notes)
        label = labels.get(_key(entry, index))
        if region is not None and label is None:
            notes.append(f'{what}: result {index} has no label; left as it is.')
            region = None
        regions.append(region)
        if region is None or label is None:
            of_shape.append(-1)
            continue
        if class_names and label not in class_names:
            raise LabelError(
                f'{what}: result {index} has the unknown label {label!r}; expected one of '
                f'{sorted(map(str, class_names))}.'
            )
        of_shape.append(len(objects))
        known = str((class_names or {}).get(label, label))
        objects.append(AnnotatedObject(label, known, len(objects) + 1, (index,)))
    painting = Painting.of(regions, of_shape, shape)
    return Annotation(
        name,
        painting.object_map(),
        tuple(objects),
        np.zeros(shape, bool),
        painting.hidden(),
        tuple(notes),
        FORMAT_NAME,
        (painting, results),
    )


def write_results(
    annotation: Annotation, object_map: NDArray[np.integer], *, tolerance_px: float = 0.0
) -> list[dict[str, Any]]:
    """The results of :func:`read_results` with the outlines of another object map.

    Args:
        annotation: What :func:`read_results` gave.
        object_map: (H, W) index of the object that each pixel belongs to; -1: none.
        tolerance_px: How far polygons may leave the pixels to save vertices.

    Returns:
        All results; those that did not change are the same. Regions of which nothing is left are
        not among them. Where a polygon came apart, the further parts have ids of their own, and
        copies of what else hung on the id.
    """
    painting, results = annotation.content
    _, masks = painting.repaint(annotation.object_map, object_map.astype(np.int32, copy=False))
    height, width = annotation.object_map.shape
    gone: set[str] = set()
    parts: dict[str, int] = {}
    outlines = {}
    for index, region in masks.items():
        entry = results[index]
        values = mask_values(entry['type'], region, (height, width), tolerance_px)
        outlines[index] = [{**entry, 'value': {**entry['value'], **value}} for value in values]
        parts[_key(entry, index)] = len(values)
        if not values:
            gone.add(_key(entry, index))
    new = []
    for index, entry in enumerate(results):
        key = _key(entry, index)
        if gone.isdisjoint((key, str(entry.get('from_id')), str(entry.get('to_id')))):
            copies = outlines.get(index, [entry] * parts.get(key, 1))
            new.append(copies[0])
            new += [{**copy, 'id': f'{key}-{number}'} for number, copy in enumerate(copies[1:], 2)]
    return new


def mask_values(
    kind: str, region: Region, shape: tuple[int, int], tolerance_px: float
) -> list[dict[str, Any]]:
    """What describes a mask: nothing if it is empty, one brush, or a polygon for each part.

    Args:
        kind: Type of the results.
        region: The mask.
        shape: Height and width of the image.
        tolerance_px: How far polygons may leave the pixels to save vertices.
    """
    if not region.mask.any():
        return []
    if kind in _BRUSHES:
        return [{'format': 'rle', 'rle': encode_brush(region.full(shape))}]
    rings = outline_corners(region.mask, tolerance_px=tolerance_px)
    scale = 100 / np.array((shape[1], shape[0]))
    corner = np.array((region.left, region.top))
    return [{'points': ((ring + corner) * scale).tolist(), 'closed': True} for ring in rings]


def _key(entry: Result, index: int) -> str:
    """What tells a region from others: its id, or its place."""
    return str(entry.get('id', f'result-{index}'))


def _labels_of_regions(results: Sequence[Result]) -> dict[str, str]:
    """Label of each region, by its id or its place; labels may come as results of their own."""
    found: dict[str, str] = {}
    for index, entry in enumerate(results):
        value = entry.get('value')
        for key in _LABELS:
            names = value.get(key) if isinstance(value, dict) else None
            if isinstance(names, list) and names and isinstance(names[0], str):
                found[_key(entry, index)] = names[0]
    return found


def _check_frame(what: str, which: str, entry: Result, shape: tuple[int, int]) -> None:
    size = (entry.get('original_height'), entry.get('original_width'))
    if size != shape:
        raise LabelError(
            f'{what}: {which} is of an image of {size[1]} x {size[0]} (original_width x '
            f'original_height), but the image is {shape[1]} x {shape[0]}.'
        )
    if entry.get('image_rotation'):
        raise LabelError(
            f'{what}: {which} is of an image turned by {entry["image_rotation"]} degrees in Label '
            'Studio; turn it back.'
        )


def _region(
    what: str, which: str, entry: Result, shape: tuple[int, int], notes: list[str]
) -> Region | None:
    value = entry.get('value')
    if not isinstance(value, dict):
        raise LabelError(f'{what}: {which} has no value.')
    if entry['type'] in _BRUSHES:
        if value.get('format') != 'rle' or not isinstance(value.get('rle'), list):
            raise LabelError(f'{what}: {which} has no RLE.')
        try:
            return Region.of(decode_brush(value['rle'], shape))
        except ValueError as error:
            raise LabelError(f'{what}: {which} has a damaged RLE. {error}') from error
    points = value.get('points')
    if not isinstance(points, list):
        raise LabelError(f'{what}: {which} has no points.')
    if value.get('closed') is False:
        notes.append(f'{what}: {which} is not closed; left as it is.')
        return None
    scale = (shape[1] / 100, shape[0] / 100)
    try:
        pixels = [(float(x) * scale[0], float(y) * scale[1]) for x, y in points]
    except (TypeError, ValueError) as error:
        raise LabelError(f'{what}: {which} has points that are not pairs of numbers.') from error
    if not all(map(math.isfinite, (one for pair in pixels for one in pair))):
        raise LabelError(f'{what}: {which} has a coordinate that is not finite.')
    return corner_region(Path(what), which, pixels, shape, notes)
