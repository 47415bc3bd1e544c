"""Cityscapes: labelIds, instanceIds, labelTrainIds, color and polygons of gtFine or gtCoarse."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mmsteal.label_formats.annotation import AnnotatedObject, Annotation, LabelError, Region
from mmsteal.label_formats.base import (
    LabelFormat,
    LabelItem,
    LabelProblem,
    Unclaimed,
    as_values,
    check_size,
    check_unclaimed,
    dump_json,
    encode_png,
    find_files,
    integer_values,
    load_json,
    pair_files,
)
from mmsteal.label_formats.label_maps import (
    annotated_objects,
    encode_map,
    map_values,
    present_values,
    read_map,
    require_objects,
    unclaimed_value,
)
from mmsteal.label_formats.painting import Painting
from mmsteal.label_formats.polygons import (
    connect_parts,
    polygon_region,
    trace_mask,
)


class CityscapesLabel(NamedTuple):
    """A row of the table of Cityscapes' labels."""

    id: int
    name: str
    train_id: int
    has_instances: bool
    color: tuple[int, int, int]


# The published table of labels (cityscapesScripts, labels.py); id is the place in it.
_TABLE = (
    ('unlabeled', 255, False, (0, 0, 0)),
    ('ego vehicle', 255, False, (0, 0, 0)),
    ('rectification border', 255, False, (0, 0, 0)),
    ('out of roi', 255, False, (0, 0, 0)),
    ('static', 255, False, (0, 0, 0)),
    ('dynamic', 255, False, (111, 74, 0)),
    ('ground', 255, False, (81, 0, 81)),
    ('road', 0, False, (128, 64, 128)),
    ('sidewalk', 1, False, (244, 35, 232)),
    ('parking', 255, False, (250, 170, 160)),
    ('rail track', 255, False, (230, 150, 140)),
    ('building', 2, False, (70, 70, 70)),
    ('wall', 3, False, (102, 102, 156)),
    ('fence', 4, False, (190, 153, 153)),
    ('guard rail', 255, False, (180, 165, 180)),
    ('bridge', 255, False, (150, 100, 100)),
    ('tunnel', 255, False, (150, 120, 90)),
    ('pole', 5, False, (153, 153, 153)),
    ('polegroup', 255, False, (153, 153, 153)),
    ('traffic light', 6, False, (250, 170, 30)),
    ('traffic sign', 7, False, (220, 220, 0)),
    ('vegetation', 8, False, (107, 142, 35)),
    ('terrain', 9, False, (152, 251, 152)),
    ('sky', 10, False, (70, 130, 180)),
    ('person', 11, True, (220, 20, 60)),
    ('rider', 12, True, (255, 0, 0)),
    ('car', 13, True, (0, 0, 142)),
    ('truck', 14, True, (0, 0, 70)),
    ('bus', 15, True, (0, 60, 100)),
    ('caravan', 255, True, (0, 0, 90)),
    ('trailer', 255, True, (0, 0, 110)),
    ('train', 16, True, (0, 80, 100)),
    ('motorcycle', 17, True, (0, 0, 230)),
    ('bicycle', 18, True, (119, 11, 32)),
)
CITYSCAPES_LABELS = tuple(CityscapesLabel(i, *row) for i, row in enumerate(_TABLE))
_BY_NAME = {label.name: label for label in CITYSCAPES_LABELS}
_BY_TRAIN_ID = {label.train_id: label for label in CITYSCAPES_LABELS if label.train_id != 255}
_NOT_PAINTED = 'license plate'  # id -1: drawn by no tool

# Order in which the maps of an image decide: the first one tells the objects.
_ROLES = ('instanceIds', 'labelIds', 'labelTrainIds', 'color', 'polygons')
# Disagreement of polygons and label map, in pixels, that is more than different rasterising.
_NOTED_DISAGREEMENT = 0.01


class CityscapesFormat(LabelFormat):
    """Cityscapes as released; the output has the files that the input has.

    With `_polygons.json` an object is a polygon; otherwise the pixels of one value in
    `_instanceIds.png`, else in `_labelIds.png` or `_labelTrainIds.png`. Where there are both, the
    label map says which object a pixel shows, and the polygons what lies behind. The two differ
    by the line of the outlines (0.4 to 0.6 % of the pixels of released files), which today's PIL
    draws a little differently.

    A polygon is changed only if painting the file in its order would not give the result: then it
    is the outline of what is visible and of what others hide. Parts of one instance that do not
    touch are joined by a line one pixel wide, behind others where it can be, since a polygon is
    one instance; those of classes without instances and of groups become several polygons. Lines
    keep off ignored pixels. Where they cannot and no label map says whose the pixels are, the
    parts become polygons, that is instances, of their own, with a warning.

    Labels of another format are written as polygons, labelIds and instanceIds. Their ignored
    pixels become 0, unlabeled: trainers and evaluators ignore it too, but it is read as pixels
    that objects may grow into. Which pixels were background is not told either.

    Output: `OUT/gtFine/SPLIT/CITY/NAME_gtFine_*`.

    Args:
        root (str | Path | None): Folder with leftImg8bit and gtFine or gtCoarse.
        images (str | Path | None): Folder of the images, if it is not `ROOT/leftImg8bit/SPLIT`.
        split (str | None): train, train_extra, val or test; None: whatever is there.
        annotation (str): `'gtFine'` or `'gtCoarse'`.
        ignore (int | Sequence[int]): Ids of pixels to leave alone: ego vehicle, rectification
            border, out of roi. 0, unlabeled, is no object, and objects may grow into it.
        tolerance_px (float): How far polygons may leave the pixels to save vertices, see
            :func:`mmsteal.label_formats.polygons.trace_mask`.
        classes (Mapping[str, int | str] | None): Names of another format -> Cityscapes' own ids,
            0 to 33; names of Cityscapes need none.
        unclaimed (str | int | None): Id of pixels that nobody claims and no polygon lies beneath;
            by default 0, unlabeled.

    Raises:
        ValueError: If an id is none of Cityscapes.
    """

    name: ClassVar[str] = 'cityscapes'

    def __init__(
        self,
        root: str | Path | None = None,
        *,
        images: str | Path | None = None,
        split: str | None = None,
        annotation: Literal['gtFine', 'gtCoarse'] = 'gtFine',
        ignore: int | Sequence[int] = (1, 2, 3),
        tolerance_px: float = 0.0,
        classes: Mapping[str, int | str] | None = None,
        unclaimed: Unclaimed = None,
    ) -> None:
        own = {label.name: label.id for label in CITYSCAPES_LABELS}
        last = len(CITYSCAPES_LABELS) - 1
        classes = integer_values(classes or {}, 0, last, what='the table of Cityscapes')
        check_unclaimed(unclaimed, 0, last, what='the table of Cityscapes')
        super().__init__(root, classes={**own, **classes}, unclaimed=unclaimed)
        if annotation not in ('gtFine', 'gtCoarse'):
            raise ValueError(
                "Expected argument `annotation` to be 'gtFine' or 'gtCoarse', but got "
                f'{annotation!r}.'
            )
        self.split = split or ''
        self.annotation = annotation
        if root is not None and images is None:
            images = Path(root) / 'leftImg8bit' / self.split
        self.images = None if images is None else Path(images)
        self.ignore = frozenset(as_values(ignore))
        self.tolerance_px = tolerance_px

    def _find(self, root: Path) -> tuple[list[LabelItem], list[LabelProblem]]:
        assert self.images is not None  # __init__ has seen to it
        images = find_files(self.images, ('_leftImg8bit.png', '_leftImg8bit.jpg'), what='images')
        folder = root / self.annotation / self.split
        labels: dict[str, tuple[Path, ...]] = {}
        for role in _ROLES:
            for name, path in find_files(folder, (self._ending(role),), what='labels').items():
                labels[name] = (*labels.get(name, ()), path)
        # A picture in colours alone is no label.
        labels = {
            name: paths for name, paths in labels.items() if {*map(self._role, paths)} != {'color'}
        }
        return pair_files(images, labels)

    def _ending(self, role: str) -> str:
        return f'_{self.annotation}_{role}.{"json" if role == "polygons" else "png"}'

    def _role(self, path: Path) -> str:
        return path.stem.rsplit('_', 1)[-1]

    def read(self, item: LabelItem) -> Annotation:
        """Read the labels of an image; see the parent."""
        maps: dict[str, Image.Image] = {}
        document: Any = None
        raw = b''
        notes: list[str] = []
        for path in item.labels:
            role = self._role(path)
            if role == 'polygons':
                document, raw = load_json(path)
                continue
            maps[role] = _read_picture(path) if role == 'color' else read_map(path)
            check_size(path, maps[role].size[::-1], item)
        values, source = self._map_ids(item, maps)
        if values is not None and document is None:
            labels = np.where(values >= 1000, values // 1000, values)
            object_map, found, ignored = annotated_objects(
                labels,
                values if source == 'instanceIds' else None,
                background=(0,),
                ignore=(*self.ignore, 255),
                names={label.id: label.name for label in CITYSCAPES_LABELS},
            )
            found = tuple(
                AnnotatedObject(
                    entry.category, entry.name, entry.instance if entry.instance >= 1000 else 0
                )
                for entry in found
            )
            require_objects(item.labels[0], found)
            content = (maps, None, b'', None)
            return Annotation(
                item.name, object_map, found, ignored, format=self.name, content=content
            )

        path = next(path for path in item.labels if self._role(path) == 'polygons')
        shapes = self._shapes(path, document, item, notes)
        objects: list[AnnotatedObject] = []
        of_shape: list[int] = []
        for index, (_, label, instance) in enumerate(shapes):
            if label is None or label.id == 0 or label.id in self.ignore:
                of_shape.append(-1)
            else:
                of_shape.append(len(objects))
                objects.append(AnnotatedObject(label.id, label.name, instance, (index,)))
        require_objects(path, objects)
        shape = (int(document['imgHeight']), int(document['imgWidth']))
        painting = Painting.of([region for region, *_ in shapes], of_shape, shape)
        if values is not None:
            ids = _shape_values(shapes, source)
            painting = _follow_map(painting, values, ids, source, path, notes)
        label_of_shape = np.append(_shape_values(shapes, 'labelIds'), np.int32(0))
        ignored = np.isin(label_of_shape[painting.owner], list(self.ignore))
        return Annotation(
            item.name,
            painting.object_map(),
            tuple(objects),
            ignored,
            painting.hidden(),
            tuple(notes),
            self.name,
            (maps, document, raw, (painting, shapes)),
        )

    def _map_ids(
        self, item: LabelItem, maps: dict[str, Image.Image]
    ) -> tuple[NDArray[np.int32] | None, str]:
        """Values of the map that decides, and its role; train ids become label ids."""
        role = next((role for role in _ROLES[:3] if role in maps), None)
        if role is None:
            return None, ''
        path = next(path for path in item.labels if self._role(path) == role)
        values = map_values(maps[role])
        found = present_values(values)
        if role == 'labelTrainIds':
            unknown = [v for v in found if v != 255 and v not in _BY_TRAIN_ID]
            table = np.zeros(256, np.int32)
            for train_id, label in _BY_TRAIN_ID.items():
                table[train_id] = label.id
            table[255] = 255
            values = values if unknown else table[values]
        elif role == 'instanceIds':
            unknown = [v for v in found if (v // 1000 if v >= 1000 else v) >= len(_TABLE)]
        else:
            unknown = [v for v in found if v >= len(_TABLE)]
        if unknown:
            raise LabelError(
                f'{path}: unknown ids {unknown[:8]}; expected those of Cityscapes '
                f'(up to {len(_TABLE) - 1}, instances as id * 1000 + number).'
            )
        return values, role

    def _shapes(
        self, path: Path, document: Any, item: LabelItem, notes: list[str]
    ) -> list[tuple[Region | None, CityscapesLabel | None, int]]:
        """Mask, label and instance id of each entry of the file; None where it is not painted."""
        try:
            shape = (int(document['imgHeight']), int(document['imgWidth']))
            entries = [(entry['label'], entry['polygon'], entry) for entry in document['objects']]
        except (KeyError, TypeError, ValueError) as error:
            raise LabelError(
                f'{path}: expected imgHeight, imgWidth and objects with label and polygon, but '
                f'{type(error).__name__}: {error}.'
            ) from error
        check_size(path, shape, item)
        counts: dict[int, int] = {}
        shapes: list[tuple[Region | None, CityscapesLabel | None, int]] = []
        for index, (name, polygon, entry) in enumerate(entries):
            label = _BY_NAME.get(name)
            group = label is None and str(name).endswith('group')
            if group:
                label = _BY_NAME.get(name[: -len('group')])
            if name == _NOT_PAINTED or entry.get('deleted'):
                shapes.append((None, None, 0))
                continue
            if label is None:
                raise LabelError(
                    f'{path}: object {index} has the unknown label {name!r}; expected the labels '
                    'of Cityscapes.'
                )
            instance = 0
            if label.has_instances and not group:
                instance = label.id * 1000 + counts.get(label.id, 0)
                counts[label.id] = counts.get(label.id, 0) + 1
            what = f'object {index} ({name})'
            region = polygon_region(path, what, polygon, shape, notes)
            shapes.append((region, label, instance))
        return shapes

    def outputs(self, item: LabelItem, out_dir: str | Path) -> list[Path]:
        """The files that are written for an image; see the parent."""
        return [self._path(item, self._role(path), out_dir) for path in item.labels]

    def _path(self, item: LabelItem, role: str, out_dir: str | Path) -> Path:
        folder = Path(out_dir) / self.annotation / self.split
        return folder / f'{item.name}{self._ending(role)}'

    def _unclaimed(self) -> int:
        return unclaimed_value(self.unclaimed, (0,), (0,), what='Cityscapes')

    def _update(
        self, item: LabelItem, annotation: Annotation, object_map: NDArray[np.int32], out_dir: Path
    ) -> dict[Path, bytes]:
        maps, document, raw, painted = annotation.content
        changed = object_map != annotation.object_map
        files = {}
        if painted is None:
            ids = np.array([entry.category for entry in annotation.objects], np.int32)
            instances = np.array([entry.instance for entry in annotation.objects], np.int32)
            owner = np.maximum(object_map, -1)
        else:
            painting, shapes = painted
            owner, masks = painting.repaint(annotation.object_map, object_map)
            ids = _shape_values(shapes, 'labelIds')
            instances = _shape_values(shapes, 'instanceIds')
            path = self._path(item, 'polygons', out_dir)
            joins = _Joins(path, annotation.ignore, mapped=bool(maps))
            new = self._new_document(document, masks, shapes, owner, joins)
            files[path] = dump_json(new, raw)
        ids = np.append(ids, np.int32(self._unclaimed()))
        instances = np.append(instances, np.int32(0))
        owners = owner[changed]
        for role, image in maps.items():
            path = self._path(item, role, out_dir)
            if role == 'color':
                picture = np.array(image)
                picture[changed, :3] = _colors()[ids[owners]]
                files[path] = encode_png(Image.fromarray(picture))
                continue
            values = map_values(image)
            values[changed] = _role_values(ids, instances, role)[owners]
            files[path] = encode_map(values, path, like=image)
        return files

    def _new_document(
        self,
        document: dict[str, Any],
        masks: dict[int, Region],
        shapes: list[tuple[Region | None, CityscapesLabel | None, int]],
        owner: NDArray[np.int32],
        joins: _Joins,
    ) -> dict[str, Any]:
        entries = []
        for index, entry in enumerate(document['objects']):
            if index not in masks:
                entries.append(entry)
                continue
            region = masks[index]
            mask = region.mask
            if shapes[index][2] and mask.any():
                mask = joins(mask, region.box, owner[region.box] > index, entry['label'])
            polygons = trace_mask(mask, tolerance_px=self.tolerance_px)
            if not polygons:
                # Kept for its place in the file; fewer than three points are not painted.
                entries.append({**entry, 'polygon': []})
                continue
            corner = (region.left, region.top)
            entries += [{**entry, 'polygon': (ring + corner).tolist()} for ring in polygons]
        return {**document, 'objects': entries}

    def _convert(
        self, item: LabelItem, annotation: Annotation, object_map: NDArray[np.int32], out_dir: Path
    ) -> dict[Path, bytes]:
        height, width = object_map.shape
        entries: list[dict[str, Any]] = []
        ids, instances = [], []
        counts: dict[int, int] = {}
        path = self._path(item, 'polygons', out_dir)
        joins = _Joins(path, annotation.ignore, mapped=True)
        for index, source in enumerate(annotation.objects):
            label = CITYSCAPES_LABELS[int(self.class_value(annotation, source))]
            # Without an instance nobody knows how many there are: a group.
            single = bool(source.instance or source.sources)
            mask = object_map == index
            if label.has_instances and single and mask.any():
                mask = joins(mask, (slice(None), slice(None)), np.zeros_like(mask), label.name)
            polygons = trace_mask(mask, tolerance_px=self.tolerance_px)
            name, instance = label.name, label.id
            if label.has_instances and not single:
                name = f'{label.name}group'
            elif label.has_instances and polygons:
                instance = label.id * 1000 + counts.get(label.id, 0)
                counts[label.id] = counts.get(label.id, 0) + 1
            ids.append(label.id)
            instances.append(instance)
            entries += [{'label': name, 'polygon': polygon.tolist()} for polygon in polygons]
        document = {'imgHeight': height, 'imgWidth': width, 'objects': entries}
        table = np.array([*ids, 0], np.int32), np.array([*instances, 0], np.int32)
        files = {path: dump_json(document, b'{\n    "imgHeight": ')}
        for role in ('labelIds', 'instanceIds'):
            path = self._path(item, role, out_dir)
            like = Image.new('I;16', (1, 1)) if role == 'instanceIds' else None
            files[path] = encode_map(_role_values(*table, role)[object_map], path, like=like)
        return files


class _Joins(NamedTuple):
    """Makes one part of the instances of a file."""

    path: Path
    ignore: NDArray[np.bool_]
    mapped: bool  # label maps say whose each pixel is, whatever a polygon draws over it

    def __call__(
        self,
        mask: NDArray[np.bool_],
        box: tuple[slice, slice],
        covered: NDArray[np.bool_],
        label: str,
    ) -> NDArray[np.bool_]:
        joined = connect_parts(mask, covered, self.ignore[box] & ~covered)
        if self.mapped:
            return connect_parts(joined, covered)
        count = cv2.connectedComponents(joined.astype(np.uint8), connectivity=8)[0] - 1
        if count > 1:
            warnings.warn(
                f'{self.path}: ignored pixels part an instance of {label!r}; it is written as '
                f'{count} polygons, which are read as {count} instances.',
                stacklevel=2,
            )
        return joined


def _shape_values(
    shapes: list[tuple[Region | None, CityscapesLabel | None, int]], role: str
) -> NDArray[np.int32]:
    ids = np.array([0 if label is None else label.id for _, label, _ in shapes], np.int32)
    instances = np.array([instance for *_, instance in shapes], np.int32)
    if role == 'labelTrainIds':  # read as ids of the classes that have a train id, else 255
        return np.where(_role_values(ids, instances, role) == 255, 255, ids).astype(np.int32)
    return _role_values(ids, instances, role)


def _role_values(
    ids: NDArray[np.int32], instances: NDArray[np.int32], role: str
) -> NDArray[np.int32]:
    """Value of label ids and instance ids in one kind of map."""
    if role == 'instanceIds':
        return np.where(instances > 0, instances, ids)
    if role == 'labelTrainIds':
        return np.array([label.train_id for label in CITYSCAPES_LABELS], np.int32)[ids]
    return ids


def _colors() -> NDArray[np.uint8]:
    return np.array([label.color for label in CITYSCAPES_LABELS], np.uint8)


def _read_picture(path: Path) -> Image.Image:
    try:
        with Image.open(path) as image:
            return image.convert('RGBA' if 'A' in image.getbands() else 'RGB')
    except (OSError, ValueError, SyntaxError) as error:
        raise LabelError(f'{path}: cannot read the picture ({error}); remove it.') from error


def _follow_map(
    painting: Painting,
    values: NDArray[np.int32],
    ids: NDArray[np.int32],
    role: str,
    path: Path,
    notes: list[str],
) -> Painting:
    """Give pixels on which polygons and label map disagree to the shape that the map means."""
    table = np.append(ids, np.int32(255 if role == 'labelTrainIds' else 0))
    owner = painting.owner.copy()
    rows, columns = np.nonzero(table[owner] != values)
    if len(rows) > _NOTED_DISAGREEMENT * owner.size:
        notes.append(
            f'{path}: polygons and {role}.png differ on {len(rows) / owner.size:.1%} of the '
            'pixels; the map is followed.'
        )
    for _ in range(3):
        padded = np.pad(owner, 1, constant_values=-1)
        done = np.zeros(len(rows), bool)
        for dy, dx in ((0, 1), (1, 0), (1, 2), (2, 1), (0, 0), (0, 2), (2, 0), (2, 2)):
            neighbour = padded[rows + dy, columns + dx]
            fits = ~done & (table[neighbour] == values[rows, columns])
            owner[rows[fits], columns[fits]] = neighbour[fits]
            done |= fits
        rows, columns = rows[~done], columns[~done]
    last = {int(value): index for index, value in enumerate(ids.tolist())}
    for value in np.unique(values[rows, columns]).tolist():
        # Far from any polygon of that id: the last one of it, or nobody's.
        of_value = values[rows, columns] == value
        owner[rows[of_value], columns[of_value]] = last.get(value, -1)
    return Painting(painting.regions, owner, painting.objects)
