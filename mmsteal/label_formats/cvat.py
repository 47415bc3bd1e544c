"""CVAT: the XML of "CVAT for images 1.1", one file for all images."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from mmsteal.label_formats.annotation import AnnotatedObject, Annotation, LabelError, Region
from mmsteal.label_formats.base import LabelItem, LabelProblem, as_values
from mmsteal.label_formats.corner_polygons import corner_region, outline_corners
from mmsteal.label_formats.corner_shapes import TurnedBox
from mmsteal.label_formats.cvat_xml import (
    Element,
    ImageElement,
    edit_element,
    integer_of,
    new_xml,
    number_of,
    read_xml,
)
from mmsteal.label_formats.image_files import find_named, size_in_file
from mmsteal.label_formats.painting import Painting
from mmsteal.label_formats.run_lengths import run_lengths
from mmsteal.label_formats.set_file import SetFileFormat, image_file_name

_SHAPES = ('polygon', 'mask')
_AREAS = (*_SHAPES, 'box', 'ellipse')
# Attributes that a box or an ellipse has, and the polygon that takes its place has not.
_BOX = ('xtl', 'ytl', 'xbr', 'ybr', 'cx', 'cy', 'rx', 'ry', 'rotation')
# Group of the parts of a shape that came apart; numbered when all images are there.
_NEW_GROUP = 'new'


class CvatFormat(SetFileFormat):
    """CVAT's XML for images, version 1.1.

    Polygons, masks, boxes and ellipses are objects, painted by `z_order` and then in their order,
    the last one in front; an object is one of them, or those of one label and one `group_id`.
    Points, lines, cuboids, skeletons and tags are carried along and counted. An image without
    shapes is one without objects. A mask that changes stays a mask, all else becomes a polygon;
    several of one `group_id` where it came apart. Every byte of the file that does not belong to
    the outline of a changed shape stays as it is. Tracks of video tasks are refused: export them
    for images.

    :meth:`write` makes one file an image in `OUT/.NAME_parts`, :meth:`finish` the XML
    `OUT/NAME.xml` of all; the parts may be removed after that.

    Args:
        root: The XML file, or the folder of an export with `annotations.xml`.
        images: Folder of the images; None: `images` beside the XML, else the folder of the XML.
        ignore: Labels of pixels to leave alone.
        background: Labels that are no object.
        tolerance_px: How far polygons may leave the pixels to save vertices, see
            :func:`mmsteal.label_formats.corner_polygons.outline_corners`.
        shape: When labels of another format are written: `'polygon'` or `'mask'`.
        file_name: Name of the XML when labels of another format are written.
        classes: Names -> labels. When given, other labels in the file are refused; names of other
            formats that are not in it are refused too. None: names are the labels.
    """

    name: ClassVar[str] = 'cvat'

    def __init__(
        self,
        root: str | Path | None = None,
        *,
        images: str | Path | None = None,
        ignore: str | Sequence[str] = (),
        background: str | Sequence[str] = ('background',),
        tolerance_px: float = 0.0,
        shape: Literal['polygon', 'mask'] = 'polygon',
        file_name: str = 'annotations.xml',
        classes: Mapping[str, int | str] | None = None,
    ) -> None:
        if root is not None:
            root = Path(root)
            root = root / 'annotations.xml' if root.is_dir() else root
            if images is None:
                beside = root.parent / 'images'
                images = beside if beside.is_dir() else root.parent
        super().__init__(root, images=images, file_name=file_name, classes=classes)
        if shape not in _SHAPES:
            raise ValueError(
                f'Expected argument `shape` to be one of {_SHAPES}, but got {shape!r}.'
            )
        self.ignore = frozenset(as_values(ignore))
        self.background = frozenset(as_values(background))
        self.tolerance_px = tolerance_px
        self.shape = shape
        self._images: dict[str, ImageElement] = {}
        self._labels: frozenset[str] = frozenset()

    def _find(self, root: Path) -> tuple[list[LabelItem], list[LabelProblem]]:
        assert self.images is not None  # __init__ has seen to it
        self._raw, found, self._labels = read_xml(root)
        if not self.classes:
            self.class_names = {label: label for label in self._labels}
        items, problems = [], []
        for image in found:
            file_name = image.attributes.get('name', '').replace('\\', '/')
            # Exports of whole projects sort images by subset.
            by_subset = f'{image.attributes.get("subset", "")}/{file_name}'.lstrip('/')
            try:
                path = find_named(self.images, file_name) or find_named(self.images, by_subset)
            except ValueError as error:
                message = f'image {image.attributes.get("id")}: {error}'
                problems.append(LabelProblem(root, message))
                continue
            name = Path(file_name).with_suffix('').as_posix()
            if name in self._images:
                raise LabelError(f'{root}: two images are named {name!r}; rename one.')
            self._images[name] = image
            if path is None:
                path = self.images / file_name
                problems.append(LabelProblem(path, f'{root} names the image, but it is gone.'))
            else:
                items.append(LabelItem(name, path, (root,)))
        return sorted(items, key=lambda item: item.name), problems

    def _read(self, item: LabelItem) -> Annotation:
        self._scan()
        (path,) = item.labels
        image = self._images[item.name]
        what = f'image {item.name!r}'
        sides = (image.attributes.get('height'), image.attributes.get('width'))
        shape = size_in_file(path, what, sides, item)
        notes: list[str] = []
        order = sorted(
            (index for index, entry in enumerate(image.shapes) if entry.tag in _AREAS),
            key=lambda index: (
                integer_of(path, f'shape {index} of {what}', image.shapes[index], 'z_order', 0),
                index,
            ),
        )
        objects: list[AnnotatedObject] = []
        groups: dict[tuple[str, str], int] = {}
        sources: dict[int, list[int]] = {}
        regions, of_shape, is_ignored = [], [], []
        for index in order:
            entry = image.shapes[index]
            label = entry.attributes.get('label', '')
            which = f'shape {index} ({entry.tag} {label!r}) of {what}'
            known = self.class_names if self.classes else self._labels
            passed_over = label in self.ignore or label in self.background
            if known and label not in known and not passed_over:
                raise LabelError(
                    f'{path}: {which} has an unknown label; expected one of '
                    f'{sorted(map(str, known))}.'
                )
            region = _READERS[entry.tag](path, which, entry, shape, notes)
            regions.append(region)
            is_ignored.append(label in self.ignore)
            if region is None or passed_over:
                of_shape.append(-1)
                continue
            group = entry.attributes.get('group_id', '0')
            number = len(objects)
            if group != '0':
                number = groups.setdefault((label, group), number)
            if number == len(objects):
                name = str(self.class_names.get(label, label))
                objects.append(AnnotatedObject(label, name, number + 1))
            sources.setdefault(number, []).append(index)
            of_shape.append(number)
        painting = Painting.of(regions, of_shape, shape)
        return Annotation(
            item.name,
            painting.object_map(),
            tuple(
                AnnotatedObject(entry.category, entry.name, entry.instance, tuple(sources[number]))
                for number, entry in enumerate(objects)
            ),
            np.array([*is_ignored, False])[painting.owner],
            painting.hidden(),
            tuple(notes),
            self.name,
            (painting, order, [image.shapes[index] for index in order]),
            Counter(entry.tag for entry in image.shapes if entry.tag not in _AREAS),
        )

    def _update(
        self, item: LabelItem, annotation: Annotation, object_map: NDArray[np.int32], out_dir: Path
    ) -> dict[Path, bytes]:
        painting, order, entries = annotation.content
        _, masks = painting.repaint(annotation.object_map, object_map)
        changed = {
            str(order[index]): self._outlines(entries[index], region)
            for index, region in masks.items()
        }
        return self._part(item, out_dir, {'changed': changed})

    def _outlines(self, entry: Element, region: Region) -> list[dict[str, str]]:
        """Attributes of the shapes that take the place of one."""
        if not region.mask.any():
            return []
        if entry.tag == 'mask':
            return [_mask_attributes(region)]
        rings = outline_corners(region.mask, tolerance_px=self.tolerance_px)
        changes = [
            {'points': _points(ring + np.array((region.left, region.top)))} for ring in rings
        ]
        if len(rings) > 1 and entry.attributes.get('group_id', '0') == '0':
            changes = [{**change, 'group_id': _NEW_GROUP} for change in changes]
        return changes

    def _convert(
        self, item: LabelItem, annotation: Annotation, object_map: NDArray[np.int32], out_dir: Path
    ) -> dict[Path, bytes]:
        height, width = object_map.shape
        masks = []
        for index, source in enumerate(annotation.objects):
            label = self.class_label(annotation, source)
            masks.append((label, object_map == index))
        for label in sorted(self.ignore)[:1]:
            masks.append((label, annotation.ignore & (object_map < 0)))
        shapes = []
        for label, mask in masks:
            if mask.any():
                like = Element(self.shape, {})
                outlines = self._outlines(like, Region.of(mask))
                shapes.append([{'label': label, **outline} for outline in outlines])
        file_name = image_file_name(item)
        if not _is_text(file_name):
            raise LabelError(
                f'{item.image}: the name of the image is no text, which XML has no place for; '
                'rename it.'
            )
        image = {'name': file_name, 'width': str(width), 'height': str(height)}
        return self._part(item, out_dir, {'image': image, 'shapes': shapes})

    def _changed_set(self, parts: list[tuple[LabelItem, dict[str, Any]]]) -> bytes:
        group = 1 + max(
            (int(entry.attributes.get('group_id', 0)) for entry in self._all_shapes()), default=0
        )
        edits = []
        for item, part in parts:
            for index, changes in part['changed'].items():
                entry = self._images[item.name].shapes[int(index)]
                came_apart = any(change.get('group_id') == _NEW_GROUP for change in changes)
                numbered = [
                    {**change, 'group_id': str(group)} if came_apart else change
                    for change in changes
                ]
                group += came_apart
                if entry.tag in _SHAPES:
                    edits.append(edit_element(self._raw, entry, numbered))
                else:
                    polygon = replace(entry, tag='polygon')
                    edits.append(edit_element(self._raw, polygon, numbered, without=_BOX))
        edits.sort()
        pieces, done = [], 0
        for start, end, content in edits:
            pieces += [self._raw[done:start], content]
            done = end
        return b''.join([*pieces, self._raw[done:]])

    def _all_shapes(self) -> Iterable[Element]:
        return (
            entry
            for image in self._images.values()
            for entry in image.shapes
            if entry.attributes.get('group_id', '0').isdigit()
        )

    def _new_set(self, parts: list[dict[str, Any]]) -> bytes:
        return new_xml(parts, self.shape)


def _is_text(name: str) -> bool:
    """Whether a file name is UTF-8 on the disk."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _polygon(
    path: Path, what: str, entry: Element, shape: tuple[int, int], notes: list[str]
) -> Region | None:
    words = [pair.split(',') for pair in entry.attributes.get('points', '').split(';') if pair]
    return corner_region(path, what, words, shape, notes)


def _box(
    path: Path, what: str, entry: Element, shape: tuple[int, int], notes: list[str]
) -> Region | None:
    left, top, right, bottom = (
        number_of(path, what, entry, key) for key in ('xtl', 'ytl', 'xbr', 'ybr')
    )
    turn = number_of(path, what, entry, 'rotation', 0)
    box = TurnedBox.read(path, what, (left, top, right - left, bottom - top, turn))
    return corner_region(path, what, box.corners, shape, notes)


def _ellipse(
    path: Path, what: str, entry: Element, shape: tuple[int, int], notes: list[str]
) -> Region | None:
    x, y, across, down = (number_of(path, what, entry, key) for key in ('cx', 'cy', 'rx', 'ry'))
    turn = number_of(path, what, entry, 'rotation', 0)
    values = (x - across, y - down, 2 * across, 2 * down, turn)
    return TurnedBox.read(path, what, values).ellipse(shape)


def _mask(
    path: Path, what: str, entry: Element, shape: tuple[int, int], notes: list[str]
) -> Region:
    """A mask: runs of 0, 1, 0, ... along the rows of its box."""
    left, top, width, height = (
        integer_of(path, what, entry, key) for key in ('left', 'top', 'width', 'height')
    )
    if not (0 <= left <= left + width <= shape[1] and 0 <= top <= top + height <= shape[0]):
        raise LabelError(
            f'{path}: {what} lies at {left}, {top} and is {width} x {height} (width x height), but '
            f'the image is {shape[1]} x {shape[0]}; fix it.'
        )
    try:
        runs = np.array(entry.attributes.get('rle', '').split(','), np.int64)
    except (ValueError, OverflowError) as error:
        raise LabelError(f'{path}: {what} has an RLE that is not numbers.') from error
    if (runs < 0).any() or (runs > width * height).any() or runs.sum() != width * height:
        raise LabelError(
            f'{path}: {what} has an RLE of {runs.sum()} pixels, but it is {width} x {height}; '
            'fix it.'
        )
    values = np.repeat(np.arange(len(runs)) % 2 == 1, runs).reshape(height, width)
    return Region.of(values, top, left)


_READERS = {'polygon': _polygon, 'mask': _mask, 'box': _box, 'ellipse': _ellipse}


def _mask_attributes(region: Region) -> dict[str, str]:
    height, width = region.mask.shape
    return {
        'rle': ', '.join(map(str, run_lengths(region.mask))),
        'left': str(region.left),
        'top': str(region.top),
        'width': str(width),
        'height': str(height),
    }


def _points(ring: NDArray) -> str:
    return ';'.join(f'{x:.2f},{y:.2f}' for x, y in ring.tolist())
