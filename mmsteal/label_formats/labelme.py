"""LabelMe: one JSON of shapes for each image."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from mmsteal.label_formats.annotation import AnnotatedObject, Annotation, LabelError, Region
from mmsteal.label_formats.base import LabelFormat, LabelItem, LabelProblem, as_values
from mmsteal.label_formats.image_files import size_in_file
from mmsteal.label_formats.json_layout import dump_json, load_json
from mmsteal.label_formats.labelme_files import labelme_items
from mmsteal.label_formats.labelme_shapes import AREAS, changed_mask, polygon_shape, shape_region
from mmsteal.label_formats.painting import Painting
from mmsteal.label_formats.pixel_polygons import trace_mask


class LabelmeFormat(LabelFormat):
    """LabelMe's JSON files. Shapes are painted in their order, the last one in front.

    Polygons, rectangles (turned ones too), circles and masks are objects; points and lines are
    carried along and counted. A file without shapes is an image without objects. Shapes with one
    label and one `group_id` are one object. A shape that changes becomes a polygon (a mask stays a
    mask); several polygons, of a `group_id` of their own, where its parts do not touch. Everything
    else in the file is kept.

    Output: `OUT/NAME.json`, with `imagePath` leading to the image from there.

    Args:
        root: Folder of the JSON files, searched with its subfolders.
        images: Folder of the images; None: beside the JSON files, or where their `imagePath` says.
        ignore: Labels of pixels to leave alone.
        background: Labels that are no object.
        tolerance_px: How far polygons may leave the pixels to save vertices, see
            :func:`mmsteal.label_formats.pixel_polygons.trace_mask`.
        classes: Names -> labels. When given, other labels in the files are refused; names of other
            formats that are not in it are refused too. None: names are the labels.
    """

    name: ClassVar[str] = 'labelme'
    verbatim: ClassVar[bool] = False

    def __init__(
        self,
        root: str | Path | None = None,
        *,
        images: str | Path | None = None,
        ignore: str | Sequence[str] = ('__ignore__',),
        background: str | Sequence[str] = ('_background_',),
        tolerance_px: float = 0.0,
        classes: Mapping[str, int | str] | None = None,
    ) -> None:
        super().__init__(root, classes=classes)
        self.images = Path(images) if images is not None else self.root
        self.ignore = frozenset(as_values(ignore))
        self.background = frozenset(as_values(background))
        self.tolerance_px = tolerance_px

    def _find(self, root: Path) -> tuple[list[LabelItem], list[LabelProblem]]:
        assert self.images is not None  # it is root by default
        return labelme_items(root, self.images)

    def _read(self, item: LabelItem) -> Annotation:
        (path,) = item.labels
        document, raw = load_json(path)
        if not isinstance(document, dict) or 'shapes' not in document:
            raise LabelError(f'{path}: expected an object with shapes, as LabelMe writes it.')
        sides = (document.get('imageHeight'), document.get('imageWidth'))
        shape = size_in_file(path, 'the image', sides, item)
        notes: list[str] = []
        unread: Counter[str] = Counter()
        objects: list[AnnotatedObject] = []
        of_shape: list[int] = []
        regions: list[Region | None] = []
        groups: dict[tuple[str, Any], int] = {}
        labels: list[str] = []
        names = {str(label): name for label, name in self.class_names.items()}
        for index, entry in enumerate(document.get('shapes') or []):
            label, kind, group = _parts(path, index, entry)
            labels.append(label)
            region = None
            if kind in AREAS:
                what = f'shape {index} ({label})'
                region = shape_region(path, what, kind, entry, shape, notes)
            if region is None:
                unread[kind] += 1
            regions.append(region)
            if region is None or label in self.ignore or label in self.background:
                of_shape.append(-1)
                continue
            if names and label not in names:
                raise LabelError(
                    f'{path}: shape {index} has the unknown label {label!r}; expected one of '
                    f'{sorted(names)}.'
                )
            known = None if group is None else groups.get((label, group))
            if known is None:
                known = len(objects)
                objects.append(AnnotatedObject(label, names.get(label, label), 0, ()))
                if group is not None:
                    groups[label, group] = known
            of_shape.append(known)
        for index, entry in enumerate(objects):
            sources = tuple(np.flatnonzero(np.array(of_shape) == index).tolist())
            objects[index] = AnnotatedObject(entry.category, entry.name, index + 1, sources)
        painting = Painting.of(regions, of_shape, shape)
        is_ignored = np.array([label in self.ignore for label in labels] + [False])
        return Annotation(
            item.name,
            painting.object_map(),
            tuple(objects),
            is_ignored[painting.owner],
            painting.hidden(),
            tuple(notes),
            self.name,
            (painting, document, raw),
            unread,
        )

    def outputs(self, item: LabelItem, out_dir: str | Path) -> list[Path]:
        """The file that is written for an image; see the parent."""
        (path,) = item.labels
        return [Path(out_dir) / path.relative_to(self.root or path.parent)]

    def _update(
        self, item: LabelItem, annotation: Annotation, object_map: NDArray[np.int32], out_dir: Path
    ) -> dict[Path, bytes]:
        painting, document, raw = annotation.content
        (path,) = self.outputs(item, out_dir)
        new = dict(document)
        if 'imagePath' in document:
            # Left as it is as long as it leads to the image.
            kept = path.parent / str(document['imagePath']).replace('\\', '/')
            if kept.resolve() != item.image.resolve():
                new['imagePath'] = _relative(item.image, path.parent)
        _, masks = painting.repaint(annotation.object_map, object_map)
        if masks:
            new['shapes'] = self._new_shapes(document['shapes'], masks)
        return {path: raw if new == document else dump_json(new, raw)}

    def _new_shapes(
        self, shapes: list[dict[str, Any]], masks: dict[int, Region]
    ) -> list[dict[str, Any]]:
        groups = [shape.get('group_id') for shape in shapes]
        next_group = max((group for group in groups if isinstance(group, int)), default=-1) + 1
        new = []
        for index, shape in enumerate(shapes):
            if index not in masks:
                new.append(shape)
            elif not masks[index].mask.any():
                continue  # nothing of it is left, and LabelMe does not read shapes without points
            elif shape.get('shape_type') == 'mask':
                new.append(changed_mask(shape, masks[index]))
            else:
                corner = (masks[index].left, masks[index].top)
                rings = trace_mask(masks[index].mask, tolerance_px=self.tolerance_px)
                rings = [ring + corner for ring in rings]
                changed = {**shape, 'shape_type': 'polygon'}
                if len(rings) > 1 and shape.get('group_id') is None:
                    changed['group_id'] = next_group
                    next_group += 1
                new += [{**changed, 'points': ring.astype(float).tolist()} for ring in rings]
        return new

    def _convert(
        self, item: LabelItem, annotation: Annotation, object_map: NDArray[np.int32], out_dir: Path
    ) -> dict[Path, bytes]:
        path = out_dir / f'{item.name}.json'
        height, width = object_map.shape
        shapes = []
        for index, source in enumerate(annotation.objects):
            label = self.class_label(annotation, source)
            rings = trace_mask(object_map == index, tolerance_px=self.tolerance_px)
            group = index if len(rings) > 1 else None
            shapes += [polygon_shape(label, ring, group) for ring in rings]
        ignored = annotation.ignore & (object_map < 0)
        for label in sorted(self.ignore)[:1]:
            shapes += [polygon_shape(label, ring, None) for ring in trace_mask(ignored)]
        document = {
            'version': '5.0.0',
            'flags': {},
            'shapes': shapes,
            'imagePath': _relative(item.image, path.parent),
            'imageData': None,
            'imageHeight': height,
            'imageWidth': width,
        }
        return {path: dump_json(document, b'{\n  "version": ')}


def _parts(path: Path, index: int, entry: Any) -> tuple[str, str, Any]:
    """Label, type and group of a shape.

    Raises:
        LabelError: If it has no label, or a group that is a list.
    """
    label = entry.get('label') if isinstance(entry, dict) else None
    if not isinstance(label, str | int | float):
        raise LabelError(
            f'{path}: shape {index} has the label {label!r}; expected text, or a number.'
        )
    if 'points' not in entry:
        raise LabelError(f'{path}: shape {index} has no points; expected a list of them.')
    group = entry.get('group_id')
    if not isinstance(group, str | int | float | None):
        raise LabelError(
            f'{path}: shape {index} ({label}) has the group_id {group!r}; expected a number, text '
            'or null.'
        )
    kind = str(entry.get('shape_type') or 'polygon')
    # LabelMe itself does not read shapes without points; here each keeps its place in the file.
    return str(label).strip(), kind if entry.get('points') is not None else f'{kind} (empty)', group


def _relative(image: Path, folder: Path) -> str:
    try:
        return Path(os.path.relpath(image.resolve(), folder.resolve())).as_posix()
    except ValueError:  # another drive
        return image.resolve().as_posix()
