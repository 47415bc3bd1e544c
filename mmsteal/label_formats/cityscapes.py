"""Cityscapes: labelIds, instanceIds, labelTrainIds, color and polygons of gtFine or gtCoarse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mmsteal.label_formats.annotation import AnnotatedObject, Annotation
from mmsteal.label_formats.base import (
    LabelFormat,
    LabelItem,
    LabelProblem,
    Unclaimed,
    as_values,
    check_unclaimed,
    integer_values,
)
from mmsteal.label_formats.cityscapes_labels import CITYSCAPES_LABELS, FIXED_IDS, NO_TRAIN_ID
from mmsteal.label_formats.cityscapes_maps import (
    COLORS,
    DECIDING_ROLES,
    read_ids,
    read_picture,
    role_values,
)
from mmsteal.label_formats.cityscapes_polygons import (
    Outlines,
    follow_map,
    new_entries,
    polygon_size,
    read_shapes,
    shape_values,
)
from mmsteal.label_formats.image_files import check_size, find_files, pair_files
from mmsteal.label_formats.json_layout import dump_json, load_json
from mmsteal.label_formats.label_maps import (
    annotated_objects,
    encode_map,
    encode_png,
    map_values,
    read_map,
    unclaimed_value,
)
from mmsteal.label_formats.painting import Painting

_ROLES = (*DECIDING_ROLES, 'color', 'polygons')


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
        root: Folder with leftImg8bit and gtFine or gtCoarse.
        images: Folder of the images, if it is not `ROOT/leftImg8bit/SPLIT`.
        split: train, train_extra, val or test; None: whatever is there.
        annotation: `'gtFine'` or `'gtCoarse'`.
        ignore: Ids of pixels to leave alone: ego vehicle, rectification border, out of roi. 0,
            unlabeled, is no object, and objects may grow into it.
        tolerance_px: How far polygons may leave the pixels to save vertices, see
            :func:`mmsteal.label_formats.pixel_polygons.trace_mask`.
        classes: Names of another format -> Cityscapes' own ids, 0 to 33; names of Cityscapes need
            none.
        unclaimed: Id of pixels that nobody claims and no polygon lies beneath; by default 0,
            unlabeled.

    Raises:
        ValueError: If an id is none of Cityscapes.
    """

    name: ClassVar[str] = 'cityscapes'
    has_background: ClassVar[bool] = False

    def __init__(
        self,
        root: str | Path | None = None,
        *,
        images: str | Path | None = None,
        split: str | None = None,
        annotation: Literal['gtFine', 'gtCoarse'] = 'gtFine',
        ignore: int | Sequence[int] = FIXED_IDS,
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
        # A picture in colors alone is no label.
        labels = {
            name: paths for name, paths in labels.items() if {*map(self._role, paths)} != {'color'}
        }
        return pair_files(images, labels)

    def _ending(self, role: str) -> str:
        return f'_{self.annotation}_{role}.{"json" if role == "polygons" else "png"}'

    def _role(self, path: Path) -> str:
        return path.stem.rsplit('_', 1)[-1]

    def _read(self, item: LabelItem) -> Annotation:
        maps: dict[str, Image.Image] = {}
        polygons: Path | None = None
        for path in item.labels:
            role = self._role(path)
            if role == 'polygons':
                polygons = path
                continue
            maps[role] = read_picture(path) if role == 'color' else read_map(path)
            check_size(path, maps[role].size[::-1], item)
        source = next((role for role in DECIDING_ROLES if role in maps), '')
        values = None
        if source:
            path = next(path for path in item.labels if self._role(path) == source)
            values = read_ids(path, maps[source], source)
        if polygons is not None:
            return self._read_polygons(item, polygons, maps, values, source)
        assert values is not None  # a picture in colors alone is no label
        return self._read_maps(item, maps, values, source)

    def _read_maps(
        self,
        item: LabelItem,
        maps: dict[str, Image.Image],
        values: NDArray[np.int32],
        source: str,
    ) -> Annotation:
        object_map, found, ignored = annotated_objects(
            np.where(values >= 1000, values // 1000, values),
            values if source == 'instanceIds' else None,
            background=(0,),
            ignore=(*self.ignore, NO_TRAIN_ID),
            names={label.id: label.name for label in CITYSCAPES_LABELS},
        )
        found = tuple(
            AnnotatedObject(
                entry.category, entry.name, entry.instance if entry.instance >= 1000 else 0
            )
            for entry in found
        )
        content = (maps, None, b'', None)
        return Annotation(item.name, object_map, found, ignored, format=self.name, content=content)

    def _read_polygons(
        self,
        item: LabelItem,
        path: Path,
        maps: dict[str, Image.Image],
        values: NDArray[np.int32] | None,
        source: str,
    ) -> Annotation:
        document, raw = load_json(path)
        notes: list[str] = []
        size = polygon_size(path, document)
        check_size(path, size, item)
        shapes = read_shapes(path, document['objects'], size, notes)
        objects: list[AnnotatedObject] = []
        of_shape: list[int] = []
        for index, (_, label, instance) in enumerate(shapes):
            if label is None or label.id == 0 or label.id in self.ignore:
                of_shape.append(-1)
            else:
                of_shape.append(len(objects))
                objects.append(AnnotatedObject(label.id, label.name, instance, (index,)))
        painting = Painting.of([each.region for each in shapes], of_shape, size)
        if values is not None:
            painting = follow_map(painting, shapes, values, source, path, notes)
        label_of_shape = np.append(shape_values(shapes, 'labelIds'), np.int32(0))
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

    def outputs(self, item: LabelItem, out_dir: str | Path) -> list[Path]:
        """The files that are written for an image; see the parent."""
        return [self._path(item, self._role(path), out_dir) for path in item.labels]

    def _path(self, item: LabelItem, role: str, out_dir: str | Path) -> Path:
        folder = Path(out_dir) / self.annotation / self.split
        return folder / f'{item.name}{self._ending(role)}'

    def _outlines(self, path: Path, annotation: Annotation, *, mapped: bool) -> Outlines:
        return Outlines(path, annotation.ignore, mapped, self.tolerance_px)

    def _update(
        self, item: LabelItem, annotation: Annotation, object_map: NDArray[np.int32], out_dir: Path
    ) -> dict[Path, bytes]:
        maps, document, raw, painted = annotation.content
        files = {}
        if painted is None:
            ids = np.array([entry.category for entry in annotation.objects], np.int32)
            instances = np.array([entry.instance for entry in annotation.objects], np.int32)
            owner = np.maximum(object_map, -1)
        else:
            painting, shapes = painted
            owner, masks = painting.repaint(annotation.object_map, object_map)
            ids = shape_values(shapes, 'labelIds')
            instances = shape_values(shapes, 'instanceIds')
            path = self._path(item, 'polygons', out_dir)
            outlines = self._outlines(path, annotation, mapped=bool(maps))
            entries = new_entries(document['objects'], shapes, masks, owner, outlines)
            files[path] = dump_json({**document, 'objects': entries}, raw)
        unclaimed = unclaimed_value(self.unclaimed, (0,), (0,), what='Cityscapes')
        ids = np.append(ids, np.int32(unclaimed))
        instances = np.append(instances, np.int32(0))
        changed = object_map != annotation.object_map
        owners = owner[changed]
        for role, image in maps.items():
            path = self._path(item, role, out_dir)
            if role == 'color':
                picture = np.array(image)
                picture[changed, :3] = COLORS[ids[owners]]
                files[path] = encode_png(Image.fromarray(picture))
                continue
            values = map_values(image)
            values[changed] = role_values(ids, instances, role)[owners]
            files[path] = encode_map(values, path, like=image)
        return files

    def _convert(
        self, item: LabelItem, annotation: Annotation, object_map: NDArray[np.int32], out_dir: Path
    ) -> dict[Path, bytes]:
        height, width = object_map.shape
        entries: list[dict[str, Any]] = []
        ids, instances = [], []
        counts: dict[int, int] = {}
        path = self._path(item, 'polygons', out_dir)
        outlines = self._outlines(path, annotation, mapped=True)
        whole = slice(None), slice(None)
        for index, source in enumerate(annotation.objects):
            label = CITYSCAPES_LABELS[int(self.class_value(annotation, source))]
            # Without an instance nobody knows how many there are: a group.
            single = bool(source.instance or source.sources)
            mask = object_map == index
            if label.has_instances and single:
                polygons = outlines.instance(mask, whole, np.zeros_like(mask), label.name)
            else:
                polygons = outlines.parts(mask)
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
            files[path] = encode_map(role_values(*table, role)[object_map], path, like=like)
        return files
