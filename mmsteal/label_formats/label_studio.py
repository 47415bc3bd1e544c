"""Label Studio: brushes and polygons of tasks, as it exports, imports and sends them."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal
from urllib.parse import parse_qs, unquote, urlsplit

import numpy as np
from numpy.typing import NDArray

from mmsteal.files import write_file
from mmsteal.label_formats.annotation import AnnotatedObject, Annotation, LabelError, Region
from mmsteal.label_formats.base import LabelItem, LabelProblem, dump_json, image_size, load_json
from mmsteal.label_formats.brush_rle import decode_brush, encode_brush
from mmsteal.label_formats.corner_polygons import corner_region, outline_corners
from mmsteal.label_formats.label_maps import require_objects
from mmsteal.label_formats.painting import Painting
from mmsteal.label_formats.set_file import SetFileFormat, image_file_name

_BRUSHES = ('brushlabels', 'brush')
_POLYGONS = ('polygonlabels', 'polygon')
_LABELS = ('brushlabels', 'polygonlabels', 'labels')

Result = Mapping[str, Any]


class LabelStudioFormat(SetFileFormat):
    """Label Studio's JSON of tasks (export "JSON", not "JSON-MIN").

    Of each task the latest annotation that was not skipped counts. Its brushes and polygons are
    objects, painted in their order, the last one in front; all else is kept. A brush that changes
    stays a brush, a polygon a polygon; where that came apart there are several.

    :meth:`write` makes one file an image in `OUT/.NAME_parts`, :meth:`finish` the JSON
    `OUT/NAME.json` of all; the parts may be removed after that.

    Args:
        root (str | Path | None): The JSON file.
        images (str | Path | None): Folder that the addresses of images lead into, see
            :func:`find_image`; None: that of the JSON.
        data_key (str): Name of the image in the data of a task.
        tolerance_px (float): How far polygons may leave the pixels to save vertices, see
            :func:`mmsteal.label_formats.corner_polygons.outline_corners`.
        shape (str): When labels of another format are written: `'brush'` or `'polygon'`.
        from_name, to_name (str): The same: names of the tags of the labelling interface.
        file_name (str): The same: name of the JSON.
        classes (Mapping[str, int | str] | None): Names -> labels. When given, other labels in the
            file are refused; names of other formats that are not in it are refused too. None:
            names are the labels.
    """

    name: ClassVar[str] = 'label_studio'

    def __init__(
        self,
        root: str | Path | None = None,
        *,
        images: str | Path | None = None,
        data_key: str = 'image',
        tolerance_px: float = 0.0,
        shape: Literal['brush', 'polygon'] = 'brush',
        from_name: str = 'label',
        to_name: str = 'image',
        file_name: str = 'tasks.json',
        classes: Mapping[str, int | str] | None = None,
    ) -> None:
        super().__init__(root, classes=classes)
        if shape not in ('brush', 'polygon'):
            raise ValueError(
                f"Expected argument `shape` to be 'brush' or 'polygon', but got {shape!r}."
            )
        self.file_name = file_name if self.root is None else self.root.name
        if images is None and self.root is not None:
            images = self.root.parent
        self.images = None if images is None else Path(images)
        self.data_key = data_key
        self.tolerance_px = tolerance_px
        self.shape = shape
        self.tags = (from_name, to_name)
        self._document: list[Any] = []
        self._raw = b''
        self._places: dict[str, tuple[int, int]] = {}

    def _find(self, root: Path) -> tuple[list[LabelItem], list[LabelProblem]]:
        assert self.images is not None  # __init__ has seen to it
        self._document, self._raw = load_json(root)
        if not isinstance(self._document, list):
            raise LabelError(f'{root}: expected a list of tasks, but got no list.')
        items, problems = [], []
        for index, task in enumerate(self._document):
            what = f'task {index}'
            if not isinstance(task, dict) or not isinstance(task.get('data'), dict):
                raise LabelError(
                    f'{root}: {what} has no data; expected the export "JSON" of Label Studio.'
                )
            what = f'task {task.get("id", index)}'
            chosen = latest_annotation(task)
            if chosen is None:
                continue
            try:
                image = find_image(task['data'].get(self.data_key), self.images)
            except (LabelError, FileNotFoundError) as error:
                problems.append(LabelProblem(root, f'{what}: {error}'))
                continue
            name = image.relative_to(self.images.resolve()).with_suffix('').as_posix()
            if name in self._places:
                raise LabelError(f'{root}: two tasks have the image {name!r}; remove one.')
            self._places[name] = (index, chosen)
            items.append(LabelItem(name, image, (root,)))
        return sorted(items, key=lambda item: item.name), problems

    def read(self, item: LabelItem) -> Annotation:
        """Read the labels of an image; see the parent."""
        self._scan()
        index, chosen = self._places[item.name]
        task = self._document[index]
        (path,) = item.labels
        annotation = read_results(
            f'{path}: task {task.get("id", index)}',
            task['annotations'][chosen].get('result'),
            image_size(item.image),
            name=item.name,
            class_names=self.class_names,
        )
        require_objects(path, annotation.objects)
        return annotation

    def _update(
        self, item: LabelItem, annotation: Annotation, object_map: NDArray[np.int32], out_dir: Path
    ) -> dict[Path, bytes]:
        part = None
        if (object_map != annotation.object_map).any():
            part = write_results(annotation, object_map, tolerance_px=self.tolerance_px)
        (path,) = self.outputs(item, out_dir)
        return {path: json.dumps({'result': part}).encode()}

    def _convert(
        self, item: LabelItem, annotation: Annotation, object_map: NDArray[np.int32], out_dir: Path
    ) -> dict[Path, bytes]:
        result: list[dict[str, Any]] = []
        kind = f'{self.shape}labels'
        height, width = object_map.shape
        for index, source in enumerate(annotation.objects):
            label = str(source.category if source.name is None else source.name)
            if self.classes:
                label = str(self.class_value(annotation, source))
            mask = object_map == index
            frame = {
                'type': kind, 'from_name': self.tags[0], 'to_name': self.tags[1],
                'original_width': width, 'original_height': height, 'image_rotation': 0,
                'value': {kind: [label]},
            }  # fmt: skip
            for value in _values(kind, Region.of(mask), (height, width), self.tolerance_px):
                number = {'id': f'r{len(result)}'}
                result.append({**number, **frame, 'value': {**value, **frame['value']}})
        file_name = image_file_name(item)
        task = {
            'data': {self.data_key: f'/data/local-files/?d={file_name}'},
            'annotations': [{'result': result}],
        }
        (path,) = self.outputs(item, out_dir)
        return {path: json.dumps(task).encode()}

    def finish(self, out_dir: str | Path, items: Sequence[LabelItem]) -> list[Path]:
        """Write the JSON of all images from the parts; see the parent.

        Tasks that are not among `items` keep their annotations as they came.

        Raises:
            LabelError: If the part of an item is missing or damaged.
        """
        loaded = self.load_parts(out_dir, items)
        parts = [part for _, part in loaded]
        target = Path(out_dir) / self.file_name
        if self.root is None:
            write_file(target, json.dumps(parts))
            return [target]
        self._scan()
        document = list(self._document)
        for item, part in loaded:
            if part['result'] is not None:
                index, chosen = self._places[item.name]
                annotations = list(document[index]['annotations'])
                annotations[chosen] = {**annotations[chosen], 'result': part['result']}
                document[index] = {**document[index], 'annotations': annotations}
        changed = any(part['result'] is not None for part in parts)
        write_file(target, dump_json(document, self._raw) if changed else self._raw)
        return [target]


def latest_annotation(task: Mapping[str, Any]) -> int | None:
    """Place of the latest annotation of a task that was not skipped and holds something.

    Returns:
        int | None: None if there is none.
    """
    annotations = task.get('annotations')
    if not isinstance(annotations, list):
        return None
    found = [
        (str(entry.get('updated_at') or entry.get('created_at') or ''), index)
        for index, entry in enumerate(annotations)
        if isinstance(entry, dict) and entry.get('result') and not entry.get('was_cancelled')
    ]
    return max(found)[1] if found else None


def find_image(address: Any, folder: str | Path) -> Path:
    """The file that the address of an image in a task leads to; nothing is fetched.

    `/data/local-files/?d=FILE` is `FOLDER/FILE`. `/data/upload/1/FILE` is that below the folder,
    or without `data`, or without `data/upload`: so the folder may be Label Studio's media folder.
    Any other path is looked up below the folder; host and scheme of http do not count.

    Args:
        address (Any): What the task says.
        folder (str | Path): The folder of all images.

    Returns:
        Path: The file, all links resolved.

    Raises:
        FileNotFoundError: If there is no such file.
        LabelError: If the address is none, leads out of the folder, or is of a place that is not
            a file.
    """
    if not isinstance(address, str) or not address:
        raise LabelError(f'Expected the address of an image, but got {str(address)[:100]!r}.')
    try:
        split = urlsplit(address)
    except ValueError as error:
        raise LabelError(f'Expected the address of an image, but got {address[:100]!r}.') from error
    if split.scheme not in ('', 'http', 'https'):
        raise LabelError(
            f'Expected a local file, but got {address[:100]!r}; images are never fetched. Sync the '
            'storage into the folder and use local files.'
        )
    path = unquote(split.path).lstrip('/')
    if path.rstrip('/').endswith('data/local-files'):
        path = parse_qs(split.query).get('d', [''])[0].lstrip('/')
    root = Path(folder).resolve()
    starts = ('', 'data/', 'data/upload/')
    ways = [path[len(start) :] for start in starts if path.startswith(start)]
    outside = False
    for way in [*ways, f'/{path}']:  # the last: a whole path of a file below the folder
        try:
            found = (root / way).resolve()
            if found.is_relative_to(root):
                if found.is_file():
                    return found
            elif way in ways:
                outside = True
        except (OSError, RuntimeError, ValueError):  # names too long, links in circles
            continue
    if outside:
        raise LabelError(f'Expected an image below the data folder, but {address!r} leads out.')
    raise FileNotFoundError(f'There is no image {path!r} below the data folder.')


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
        what (str): What to call it in messages.
        results (Any): The list of results, as it came from JSON.
        shape (tuple[int, int]): Height and width of the image.
        name (str): Name of the image.
        class_names (Mapping | None): Labels -> names; None: labels are the names.

    Returns:
        Annotation: Brushes and polygons as objects.

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
        LabelStudioFormat.name,
        (painting, results),
    )


def write_results(
    annotation: Annotation, object_map: NDArray[np.integer], *, tolerance_px: float = 0.0
) -> list[dict[str, Any]]:
    """The results of :func:`read_results` with the outlines of another object map.

    Args:
        annotation (Annotation): What :func:`read_results` gave.
        object_map (np.ndarray): (H, W) index of the object that each pixel belongs to; -1: none.
        tolerance_px (float): How far polygons may leave the pixels to save vertices.

    Returns:
        list[dict]: All results; those that did not change are the same. Regions of which nothing
        is left are not among them. Where a polygon came apart, the further parts have ids of their
        own, and copies of what else hung on the id.
    """
    painting, results = annotation.content
    _, masks = painting.repaint(annotation.object_map, object_map.astype(np.int32, copy=False))
    height, width = annotation.object_map.shape
    gone: set[str] = set()
    parts: dict[str, int] = {}
    outlines = {}
    for index, region in masks.items():
        entry = results[index]
        values = _values(entry['type'], region, (height, width), tolerance_px)
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


def _values(
    kind: str, region: Region, shape: tuple[int, int], tolerance_px: float
) -> list[dict[str, Any]]:
    """What describes a mask: nothing if it is empty, one brush, or a polygon for each part."""
    if not region.mask.any():
        return []
    if kind in _BRUSHES:
        return [{'format': 'rle', 'rle': encode_brush(region.full(shape))}]
    rings = outline_corners(region.mask, tolerance_px=tolerance_px)
    scale = 100 / np.array((shape[1], shape[0]))
    corner = np.array((region.left, region.top))
    return [{'points': ((ring + corner) * scale).tolist(), 'closed': True} for ring in rings]
