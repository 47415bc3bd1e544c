"""Label Studio's results: the regions of an annotation, a draft or a prediction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmsteal.label_formats.annotation import AnnotatedObject, Annotation, LabelError, Region
from mmsteal.label_formats.corner_polygons import outline_corners
from mmsteal.label_formats.image_files import TURNED
from mmsteal.label_formats.label_studio_regions import READERS, bitmask_value, plain_kind
from mmsteal.label_formats.painting import Painting
from mmsteal.label_formats.run_lengths import encode_brush

FORMAT_NAME = 'label_studio'
# Results that say something of a region, or of the image; not regions themselves.
_NO_REGIONS = ('labels', 'choices', 'textarea', 'rating', 'number', 'taxonomy', 'relation')

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
        Brushes, bitmasks, polygons, closed vectors, rectangles and ellipses as objects.

    Raises:
        LabelError: If a region is damaged, of an image of another size, of a rotated image, or has
            an unknown label.
    """
    if not isinstance(results, list) or not all(isinstance(entry, dict) for entry in results):
        raise LabelError(f'{what}: expected a list of results, but got none.')
    notes: list[str] = []
    labels = _labels_of_regions(what, results, class_names or {}, notes)
    regions: list[Region | None] = []
    of_shape: list[int] = []
    objects: list[AnnotatedObject] = []
    unread: Counter[str] = Counter()
    for index, entry in enumerate(results):
        kind = str(entry.get('type'))
        label = labels.get(_key(entry, index))
        which = f'result {index} ({kind})'
        region = None
        if plain_kind(kind) not in READERS:
            if kind not in _NO_REGIONS:
                unread[kind] += 1
        elif not isinstance(entry.get('value'), dict):
            raise LabelError(f'{what}: {which} has no value.')
        else:
            _check_frame(what, which, entry, shape)
            region = READERS[plain_kind(kind)](what, which, entry['value'], shape, notes)
            if region is None:
                unread[kind] += 1
            elif label is None:
                notes.append(f'{what}: result {index} has no label; left as it is.')
                unread[f'{kind} without a label'] += 1
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
        unread,
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
        values = mask_values(entry['type'], region, (height, width), tolerance_px, entry['value'])
        outlines[index] = [_changed(entry, value, results) for value in values]
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
    kind: str,
    region: Region,
    shape: tuple[int, int],
    tolerance_px: float,
    given: Result | None = None,
) -> list[dict[str, Any]]:
    """What describes a mask: nothing if it is empty, one brush, or a polygon for each part.

    Args:
        kind: Type of the results.
        region: The mask.
        shape: Height and width of the image.
        tolerance_px: How far polygons may leave the pixels to save vertices.
        given: The value before, whose color a bitmask keeps.
    """
    if not region.mask.any():
        return []
    if plain_kind(kind) == 'brush':
        return [{'format': 'rle', 'rle': encode_brush(region.full(shape))}]
    if plain_kind(kind) == 'bitmask':
        return [bitmask_value(region.full(shape), given or {})]
    rings = outline_corners(region.mask, tolerance_px=tolerance_px)
    scale = 100 / np.array((shape[1], shape[0]))
    corner = np.array((region.left, region.top))
    return [{'points': ((ring + corner) * scale).tolist(), 'closed': True} for ring in rings]


def _key(entry: Result, index: int) -> str:
    """What tells a region from others: its id, or its place."""
    return str(entry.get('id', f'result-{index}'))


def _labels_of_regions(
    what: str, results: Sequence[Result], known: Mapping[Any, str], notes: list[str]
) -> dict[str, str]:
    """Label of each region, by its id or its place; labels may come as results of their own."""
    found: dict[str, str] = {}
    for index, entry in enumerate(results):
        value = entry.get('value')
        for key, names in value.items() if isinstance(value, dict) else ():
            if not key.endswith('labels') or not isinstance(names, list):
                continue
            texts = [name for name in names if isinstance(name, str)]
            if texts:
                label = next((name for name in texts if name in known), texts[0])
                found[_key(entry, index)] = label
            if len(texts) > 1:
                others = ', '.join(texts)
                notes.append(f'{what}: result {index} has the labels {others}; {label} counts.')
    return found


def _changed(entry: Result, value: Result, results: Sequence[Result]) -> dict[str, Any]:
    """A region with another outline; what was no polygon, brush or bitmask becomes a polygon."""
    kind = entry['type']
    if plain_kind(kind) in ('brush', 'bitmask', 'polygon'):
        return {**entry, 'value': {**entry['value'], **value}}
    new_kind = kind.replace(plain_kind(kind), 'polygon')
    labels = {'polygonlabels' if key == kind else key: names for key, names in
              entry['value'].items() if key.endswith('labels')}  # fmt: skip
    # The tag of the interface for polygons, where the task tells its name.
    tag = next((one['from_name'] for one in results
                if one.get('type') == new_kind and 'from_name' in one), None)  # fmt: skip
    named = {} if tag is None else {'from_name': tag}
    return {**entry, 'type': new_kind, **named, 'value': {**labels, **value}}


def _check_frame(what: str, which: str, entry: Result, shape: tuple[int, int]) -> None:
    size = (entry.get('original_height'), entry.get('original_width'))
    if size not in (shape, (None, None)):
        raise LabelError(
            f'{what}: {which} is of an image of {size[1]} x {size[0]} (original_width x '
            f'original_height), but the image is {shape[1]} x {shape[0]}'
            f'{TURNED if size == shape[::-1] else ""}.'
        )
    if entry.get('image_rotation'):
        raise LabelError(
            f'{what}: {which} is of an image turned by {entry["image_rotation"]} degrees in Label '
            'Studio; turn it back.'
        )
