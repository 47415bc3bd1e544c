"""Label Studio: the JSON of tasks, as it exports and imports them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal
from unicodedata import normalize
from urllib.parse import parse_qs, unquote, urlsplit

import numpy as np
from numpy.typing import NDArray

from mmsteal.label_formats.annotation import Annotation, LabelError, Region
from mmsteal.label_formats.base import LabelItem, LabelProblem
from mmsteal.label_formats.image_files import image_size
from mmsteal.label_formats.json_layout import dump_json, load_json
from mmsteal.label_formats.label_studio_results import (
    FORMAT_NAME,
    mask_values,
    read_results,
    write_results,
)
from mmsteal.label_formats.set_file import SetFileFormat, image_file_name

_DATA_KEY = 'image'


class LabelStudioFormat(SetFileFormat):
    """Label Studio's JSON of tasks (export "JSON", not "JSON-MIN").

    Of each task the latest annotation that was not skipped counts; one without results says that
    there is no object. Its brushes, bitmasks, polygons, closed vectors, rectangles and ellipses are
    objects, painted in their order, the last one in front; all else is kept. A brush or bitmask
    that changes stays one, all else becomes a polygon; where that came apart there are several.

    :meth:`write` makes one file an image in `OUT/.NAME_parts`, :meth:`finish` the JSON
    `OUT/NAME.json` of all; the parts may be removed after that.

    Args:
        root: The JSON file.
        images: Folder that the addresses of images lead into, see :func:`find_image`; None: that of
            the JSON.
        data_key: Name of the image in the data of a task. None: the only value, or `'image'`.
        tolerance_px: How far polygons may leave the pixels to save vertices, see
            :func:`mmsteal.label_formats.corner_polygons.outline_corners`.
        shape: When labels of another format are written: `'brush'` or `'polygon'`.
        from_name, to_name: The same: names of the tags of the labelling interface.
        file_name: The same: name of the JSON.
        classes: Names -> labels. When given, other labels in the file are refused; names of other
            formats that are not in it are refused too. None: names are the labels.
    """

    name: ClassVar[str] = FORMAT_NAME

    def __init__(
        self,
        root: str | Path | None = None,
        *,
        images: str | Path | None = None,
        data_key: str | None = None,
        tolerance_px: float = 0.0,
        shape: Literal['brush', 'polygon'] = 'brush',
        from_name: str = 'label',
        to_name: str = 'image',
        file_name: str = 'tasks.json',
        classes: Mapping[str, int | str] | None = None,
    ) -> None:
        if root is not None and images is None:
            images = Path(root).parent
        super().__init__(root, images=images, file_name=file_name, classes=classes)
        if shape not in ('brush', 'polygon'):
            raise ValueError(
                f"Expected argument `shape` to be 'brush' or 'polygon', but got {shape!r}."
            )
        self.data_key = data_key
        self.tolerance_px = tolerance_px
        self.shape = shape
        self.tags = (from_name, to_name)
        self._document: list[Any] = []
        self._places: dict[str, tuple[int, int]] = {}

    def _find(self, root: Path) -> tuple[list[LabelItem], list[LabelProblem]]:
        assert self.images is not None  # __init__ has seen to it
        self._document, self._raw = load_json(root)
        if not isinstance(self._document, list):
            raise LabelError(f'{root}: expected a list of tasks, but got no list.')
        found: dict[str, list[tuple[int, int, Path]]] = {}
        problems = []
        unlabelled = None
        for index, task in enumerate(self._document):
            if not isinstance(task, dict) or not isinstance(task.get('data'), dict):
                raise LabelError(
                    f'{root}: task {index} has no data; expected the export "JSON" of Label Studio.'
                )
            what = f'task {task.get("id", index)}'
            chosen = latest_annotation(task)
            if chosen is None:
                unlabelled = (
                    unlabelled or f'{what} has no annotation; drafts and predictions are none.'
                )
                continue
            try:
                image = find_image(image_address(task['data'], self.data_key), self.images)
            except (LabelError, FileNotFoundError) as error:
                problems.append(LabelProblem(root, f'{what}: {error}'))
                continue
            name = image.relative_to(self.images.resolve()).with_suffix('').as_posix()
            found.setdefault(name, []).append((index, chosen, image))
        items = []
        for name, tasks in found.items():
            # A task that says that there is nothing takes nothing from one that holds something.
            full = [entry for entry in tasks if self._results(*entry[:2])] or tasks[:1]
            if len(full) == 1:
                ((index, chosen, image),) = full
                self._places[name] = (index, chosen)
                items.append(LabelItem(name, image, (root,)))
            else:
                ids = ', '.join(str(self._document[one].get('id', one)) for one, *_ in full)
                told = f'two tasks have the image {name!r}, {ids}; remove one.'
                problems.append(LabelProblem(root, told))
        if not items and not problems and unlabelled:
            problems.append(LabelProblem(root, unlabelled))
        return sorted(items, key=lambda item: item.name), problems

    def _results(self, index: int, chosen: int) -> list[Any]:
        results: list[Any] = self._document[index]['annotations'][chosen]['result']
        return results

    def _read(self, item: LabelItem) -> Annotation:
        self._scan()
        index, chosen = self._places[item.name]
        (path,) = item.labels
        return read_results(
            f'{path}: task {self._document[index].get("id", index)}',
            self._results(index, chosen),
            image_size(item.image),
            name=item.name,
            class_names=self.class_names,
        )

    def _update(
        self, item: LabelItem, annotation: Annotation, object_map: NDArray[np.int32], out_dir: Path
    ) -> dict[Path, bytes]:
        part = None
        if (object_map != annotation.object_map).any():
            part = write_results(annotation, object_map, tolerance_px=self.tolerance_px)
        return self._part(item, out_dir, {'result': part})

    def _convert(
        self, item: LabelItem, annotation: Annotation, object_map: NDArray[np.int32], out_dir: Path
    ) -> dict[Path, bytes]:
        result: list[dict[str, Any]] = []
        kind = f'{self.shape}labels'
        height, width = object_map.shape
        for index, source in enumerate(annotation.objects):
            label = self.class_label(annotation, source)
            mask = object_map == index
            frame = {
                'type': kind, 'from_name': self.tags[0], 'to_name': self.tags[1],
                'original_width': width, 'original_height': height, 'image_rotation': 0,
                'value': {kind: [label]},
            }  # fmt: skip
            for value in mask_values(kind, Region.of(mask), (height, width), self.tolerance_px):
                number = {'id': f'r{len(result)}'}
                result.append({**number, **frame, 'value': {**value, **frame['value']}})
        file_name = image_file_name(item)
        task = {
            'data': {self.data_key or _DATA_KEY: f'/data/local-files/?d={file_name}'},
            'annotations': [{'result': result}],
        }
        return self._part(item, out_dir, task)

    def _new_set(self, parts: list[dict[str, Any]]) -> str:
        return json.dumps(parts)

    def _changed_set(self, parts: list[tuple[LabelItem, dict[str, Any]]]) -> bytes:
        changed = [(item, part['result']) for item, part in parts if part['result'] is not None]
        if not changed:
            return self._raw
        document = list(self._document)
        for item, result in changed:
            index, chosen = self._places[item.name]
            annotations = list(document[index]['annotations'])
            annotations[chosen] = {**annotations[chosen], 'result': result}
            document[index] = {**document[index], 'annotations': annotations}
        return dump_json(document, self._raw)


def latest_annotation(task: Mapping[str, Any]) -> int | None:
    """Place of the latest annotation of a task that was not skipped.

    One that holds something goes before those that say that there is nothing.

    Returns:
        None if there is none.
    """
    annotations = task.get('annotations')
    if not isinstance(annotations, list):
        return None
    found = [
        (
            bool(entry['result']),
            str(entry.get('updated_at') or entry.get('created_at') or ''),
            index,
        )
        for index, entry in enumerate(annotations)
        if isinstance(entry, dict)
        and isinstance(entry.get('result'), list)
        and not entry.get('was_cancelled')
    ]
    return max(found)[2] if found else None


def image_address(data: Mapping[str, Any], key: str | None) -> Any:
    """Address of the image in the data of a task.

    Args:
        data: The data.
        key: Its name there; None: the only value, or `'image'`.

    Raises:
        LabelError: If there is nothing of that name; the names that there are come with it.
    """
    if key is None:
        key = next(iter(data)) if len(data) == 1 else _DATA_KEY
    if key not in data:
        raise LabelError(
            f'Expected the address of an image in {key!r} of the data, but got '
            f'{", ".join(map(repr, data)) or "nothing"}; say which one with `data_key`.'
        )
    return data[key]


def find_image(address: Any, folder: str | Path) -> Path:
    """The file that the address of an image in a task leads to; nothing is fetched.

    `/data/local-files/?d=FILE` is `FOLDER/FILE`. `/data/upload/1/FILE` is that below the folder,
    or without `data`, or without `data/upload`: so the folder may be Label Studio's media folder.
    Any other path is looked up below the folder; host and scheme of http do not count.

    Args:
        address: What the task says.
        folder: The folder of all images.

    Returns:
        The file, all links resolved.

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
    ways += [way.replace('\\', '/') for way in ways]
    ways += [normalize(form, way) for way in ways for form in ('NFC', 'NFD')]
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
