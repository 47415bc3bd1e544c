"""LabelMe: one JSON of shapes for each image."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from mmsteal.input_files import load_image
from mmsteal.label_formats.annotation import AnnotatedObject, Annotation, LabelError, Region
from mmsteal.label_formats.base import LabelFormat, LabelItem, LabelProblem, as_values
from mmsteal.label_formats.image_files import IMAGE_SUFFIXES, check_size, find_files, pair_files
from mmsteal.label_formats.json_layout import dump_json, load_json
from mmsteal.label_formats.label_maps import encode_png, require_objects
from mmsteal.label_formats.painting import Painting
from mmsteal.label_formats.pixel_polygons import fill_polygon, trace_mask
from mmsteal.label_formats.polygons import check_points, polygon_region

_AREAS = ('polygon', 'rectangle', 'circle', 'mask')


class LabelmeFormat(LabelFormat):
    """LabelMe's JSON files. Shapes are painted in their order, the last one in front.

    Polygons, rectangles, circles and masks are shapes; points and lines are carried along.
    Shapes with one label and one `group_id` are one object. A shape that changes becomes a polygon
    (a mask stays a mask); several polygons, of a `group_id` of their own, where its parts do not
    touch. Everything else in the file is kept.

    Output: `OUT/NAME.json`, with `imagePath` leading to the image from there.

    Args:
        root: Folder of the JSON files, searched with its subfolders.
        images: Folder of the images; None: beside the JSON files.
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
        images = find_files(self.images, IMAGE_SUFFIXES, what='images')
        found = find_files(root, ('.json',), what='labels')
        return pair_files(images, {name: (path,) for name, path in found.items()})

    def read(self, item: LabelItem) -> Annotation:
        """Read the labels of an image; see the parent."""
        (path,) = item.labels
        document, raw = load_json(path)
        notes: list[str] = []
        objects: list[AnnotatedObject] = []
        of_shape, regions = [], []
        groups: dict[tuple[str, Any], int] = {}
        try:
            shape = (int(document['imageHeight']), int(document['imageWidth']))
            entries = [
                (
                    entry['label'],
                    # Shapes without points are carried along: each keeps its place in the file.
                    (entry.get('shape_type') or 'polygon') if entry['points'] is not None else None,
                    entry.get('group_id'),
                    entry,
                )
                for entry in document['shapes']
            ]
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise LabelError(
                f'{path}: expected imageHeight, imageWidth and shapes with label and points, but '
                f'{type(error).__name__}: {error}.'
            ) from error
        check_size(path, shape, item)
        for index, (label, kind, group, entry) in enumerate(entries):
            region = None
            if kind in _AREAS:
                region = _region(path, f'shape {index} ({label})', kind, entry, shape, notes)
            regions.append(region)
            if region is None or label in self.ignore or label in self.background:
                of_shape.append(-1)
                continue
            if self.classes and label not in self.class_names:
                raise LabelError(
                    f'{path}: shape {index} has the unknown label {label!r}; expected one of '
                    f'{sorted(map(str, self.class_names))}.'
                )
            known = None if group is None else groups.get((label, group))
            if known is None:
                known = len(objects)
                name = self.class_names.get(label, label)
                objects.append(AnnotatedObject(label, name, 0, ()))
                if group is not None:
                    groups[label, group] = known
            of_shape.append(known)
        for index, entry in enumerate(objects):
            sources = tuple(np.flatnonzero(np.array(of_shape) == index).tolist())
            objects[index] = AnnotatedObject(entry.category, entry.name, index + 1, sources)
        painting = Painting.of(regions, of_shape, shape)
        is_ignored = np.array([label in self.ignore for label, *_ in entries] + [False])
        is_background = np.array([label in self.background for label, *_ in entries] + [False])
        negative = bool(is_background[painting.owner].any())
        require_objects(path, objects, negative=negative or None)
        return Annotation(
            item.name,
            painting.object_map(),
            tuple(objects),
            is_ignored[painting.owner],
            painting.hidden(),
            tuple(notes),
            self.name,
            (painting, document, raw),
        )

    def outputs(self, item: LabelItem, out_dir: str | Path) -> list[Path]:
        """The file that is written for an image; see the parent."""
        return [Path(out_dir) / f'{item.name}.json']

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
                region = masks[index]
                height, width = region.mask.shape
                top, left = region.top, region.left
                points = [[left, top], [left + width - 1, top + height - 1]]
                points = [[float(x), float(y)] for x, y in points]
                new.append({**shape, 'points': points, 'mask': _encode_mask(region.mask)})
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
        (path,) = self.outputs(item, out_dir)
        height, width = object_map.shape
        shapes = []
        for index, source in enumerate(annotation.objects):
            label = self.class_label(annotation, source)
            rings = trace_mask(object_map == index, tolerance_px=self.tolerance_px)
            group = index if len(rings) > 1 else None
            shapes += [_polygon_shape(label, ring, group) for ring in rings]
        ignored = annotation.ignore & (object_map < 0)
        for label in sorted(self.ignore)[:1]:
            shapes += [_polygon_shape(label, ring, None) for ring in trace_mask(ignored)]
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


def _polygon_shape(label: str, ring: NDArray[np.int64], group: int | None) -> dict[str, Any]:
    return {
        'label': label,
        'points': ring.astype(float).tolist(),
        'group_id': group,
        'shape_type': 'polygon',
        'flags': {},
    }


def _region(
    path: Path,
    what: str,
    kind: str,
    entry: dict[str, Any],
    shape: tuple[int, int],
    notes: list[str],
) -> Region | None:
    """Mask of a shape, as LabelMe draws it; None if it has too few points."""
    if kind == 'polygon':
        return polygon_region(path, what, entry['points'], shape, notes, fill=fill_polygon)
    points = check_points(path, what, entry['points'])
    if len(points) != 2:
        notes.append(f'{path}: {what} is a {kind} of {len(points)} points; left as it is.')
        return None
    low, high = points.min(axis=0), points.max(axis=0)
    if kind == 'mask':
        mask = _decode_mask(path, what, entry)
        left, top = (int(v) for v in low)
        whole = np.zeros(shape, bool)
        rows = slice(max(top, 0), min(top + mask.shape[0], shape[0]))
        columns = slice(max(left, 0), min(left + mask.shape[1], shape[1]))
        if (columns.stop - columns.start, rows.stop - rows.start) != mask.shape[::-1]:
            notes.append(f'{path}: {what} reaches out of the image; cut off there.')
        if rows.stop > rows.start and columns.stop > columns.start:
            whole[rows, columns] = mask[
                rows.start - top : rows.stop - top, columns.start - left : columns.stop - left
            ]
        return Region.of(whole)
    canvas = Image.new('L', (shape[1], shape[0]))
    draw = ImageDraw.Draw(canvas)
    if kind == 'circle':
        radius = float(np.hypot(*(points[1] - points[0])))
        low, high = points[0] - radius, points[0] + radius
        draw.ellipse([*low.tolist(), *high.tolist()], fill=1, outline=1)
    else:
        draw.rectangle([*low.tolist(), *high.tolist()], fill=1, outline=1)
    if (low < 0).any() or (high > (shape[1], shape[0])).any():
        notes.append(f'{path}: {what} reaches out of the image; cut off there.')
    return Region.of(np.asarray(canvas) != 0)


def _decode_mask(path: Path, what: str, entry: dict[str, Any]) -> NDArray[np.bool_]:
    try:
        image = load_image(BytesIO(base64.b64decode(entry['mask'])))
        return np.asarray(image.convert('L')) != 0
    except (KeyError, TypeError, OSError, ValueError) as error:
        raise LabelError(
            f'{path}: {what} has no mask that can be read ({type(error).__name__}: {error}).'
        ) from error


def _encode_mask(mask: NDArray[np.bool_]) -> str:
    return base64.b64encode(encode_png(Image.fromarray(mask))).decode('ascii')


def _relative(image: Path, folder: Path) -> str:
    try:
        return Path(os.path.relpath(image.resolve(), folder.resolve())).as_posix()
    except ValueError:  # another drive
        return image.resolve().as_posix()
