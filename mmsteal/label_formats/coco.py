"""COCO: one JSON of instances for all images; polygons and RLE."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from mmsteal.files import write_file
from mmsteal.label_formats.annotation import AnnotatedObject, Annotation, LabelError, Region
from mmsteal.label_formats.base import (
    LabelItem,
    LabelProblem,
    check_finite,
    check_size,
    dump_json,
    load_json,
)
from mmsteal.label_formats.label_maps import require_objects
from mmsteal.label_formats.painting import Painting
from mmsteal.label_formats.polygons import crosses_itself, trace_corners
from mmsteal.label_formats.run_lengths import run_lengths
from mmsteal.label_formats.set_file import SetFileFormat, image_file_name

# COCO's own crowds are run lengths, uncompressed.
_NEW_CROWD: dict[str, Any] = {'counts': []}
_ANYBODY = -2


class CocoFormat(SetFileFormat):
    """COCO's instances JSON.

    Masks may lie over each other and the file does not say which is in front: the smaller one is
    taken to be, and of equal ones the later. What others hide of a mask is kept and united with
    what is visible; where its area would put a mask in front of one that it lies behind, it loses
    those pixels. Pixels that only crowds cover are ignored. An annotation that does not
    change is written as it came; of others segmentation, bbox and area are new. RLE stays RLE
    (compressed or not), polygons stay polygons; holes are cut open to the outline, as a polygon of
    COCO has none.

    Ignored pixels of labels of another format become a crowd (`iscrowd` 1) of each category that
    the image has, since evaluators ignore crowds by category. In an image without objects they are
    lost.

    :meth:`write` makes one file an image in `OUT/.NAME_parts`, :meth:`finish` the JSON
    `OUT/NAME.json` of all; the parts may be removed after that.

    Args:
        root (str | Path | None): The JSON file.
        images (str | Path | None): Folder of the images.
        file_name (str): Name of the JSON when labels of another format are written.
        classes (Mapping[str, int | str] | None): When labels of another format are written: names
            -> category ids.
    """

    name: ClassVar[str] = 'coco'

    def __init__(
        self,
        root: str | Path | None = None,
        *,
        images: str | Path | None = None,
        file_name: str = 'instances.json',
        classes: Mapping[str, int | str] | None = None,
    ) -> None:
        super().__init__(root, classes=classes)
        if root is not None and images is None:
            raise ValueError('Expected argument `images`, the folder of the images, to be given.')
        self.images = None if images is None else Path(images)
        self.file_name = file_name if root is None else Path(root).name
        _mask_api()  # an error now rather than at the first image
        self._document: dict[str, Any] = {}
        self._raw = b''
        self._images: dict[str, dict[str, Any]] = {}
        self._of_image: dict[Any, list[int]] = {}
        self._categories: dict[Any, str] = {}

    def _find(self, root: Path) -> tuple[list[LabelItem], list[LabelProblem]]:
        assert self.images is not None  # __init__ has seen to it
        self._document, self._raw = load_json(root)
        problems = []
        try:
            images = {image['id']: image for image in self._document['images']}
            self._categories = {c['id']: c['name'] for c in self._document['categories']}
            for index, entry in enumerate(self._document['annotations']):
                if entry['image_id'] in images:
                    self._of_image.setdefault(entry['image_id'], []).append(index)
                else:
                    message = f'annotation {entry.get("id")} is of no image in the file.'
                    problems.append(LabelProblem(root, message))
            items = []
            for key, image in images.items():
                path = self.images / image['file_name']
                name = Path(image['file_name']).with_suffix('').as_posix()
                if name in self._images:
                    raise LabelError(f'{root}: two images are named {name!r}; rename one.')
                self._images[name] = image
                if not path.is_file():
                    problems.append(LabelProblem(path, f'{root} names the image, but it is gone.'))
                elif key in self._of_image:
                    items.append(LabelItem(name, path, (root,)))
        except (KeyError, TypeError) as error:
            raise LabelError(
                f'{root}: expected images, annotations and categories as COCO has them, but '
                f'{type(error).__name__}: {error}.'
            ) from error
        return sorted(items, key=lambda item: item.name), problems

    def read(self, item: LabelItem) -> Annotation:
        """Read the labels of an image; see the parent."""
        self._scan()
        image = self._images[item.name]
        try:
            shape = (int(image['height']), int(image['width']))
        except (KeyError, TypeError, ValueError) as error:
            raise LabelError(
                f'{item.labels[0]}: the image {item.name} has no height and width.'
            ) from error
        check_size(item.labels[0], shape, item)
        notes: list[str] = []
        indices = self._of_image[image['id']]
        entries = [self._document['annotations'][index] for index in indices]
        masks = [self._decode(item, entry, shape, notes) for entry in entries]
        crowd = [bool(entry.get('iscrowd')) for entry in entries]
        area = [int(mask.sum()) for mask in masks]
        order = sorted(range(len(masks)), key=lambda i: (not crowd[i], -area[i], i))
        objects: list[AnnotatedObject] = []
        of_mask = []
        for index in order:
            of_mask.append(-1 if crowd[index] else len(objects))
            if not crowd[index]:
                category = entries[index].get('category_id')
                if category not in self._categories:
                    raise LabelError(
                        f'{item.labels[0]}: annotation {entries[index].get("id")} has the unknown '
                        f'category {category!r}; expected one of {sorted(self._categories)}.'
                    )
                name = self._categories[category]
                number = int(entries[index].get('id', index + 1))
                objects.append(AnnotatedObject(category, name, number, (indices[index],)))
        regions = [Region.of(masks[index]) for index in order]
        painting = Painting.of(regions, of_mask, shape)
        object_map = painting.object_map()
        # Pixels without annotation are background: crowds alone are an answer too.
        require_objects(item.labels[0], objects, negative=bool((painting.owner < 0).any()))
        return Annotation(
            item.name,
            object_map,
            tuple(objects),
            (painting.owner >= 0) & (object_map < 0),
            painting.hidden(),
            tuple(notes),
            self.name,
            (painting, [entries[index] for index in order], [indices[index] for index in order]),
        )

    def _decode(
        self, item: LabelItem, entry: dict[str, Any], shape: tuple[int, int], notes: list[str]
    ) -> NDArray[np.bool_]:
        path, what = item.labels[0], f'annotation {entry.get("id")} of {item.name}'
        segmentation = entry.get('segmentation')
        if isinstance(segmentation, dict):
            size = tuple(segmentation.get('size', ()))
            if size != shape:
                raise LabelError(
                    f'{path}: {what} has an RLE of size {size} (height, width), but the image has '
                    f'{shape}; encode it again or mend the size.'
                )
            counts = segmentation.get('counts')
            if isinstance(counts, list) and sum(counts) != shape[0] * shape[1]:
                raise LabelError(
                    f'{path}: {what} has an RLE of {sum(counts)} pixels, but the image has '
                    f'{shape[0] * shape[1]}.'
                )
            try:
                if isinstance(counts, list):
                    segmentation = self._coco.frPyObjects(segmentation, *shape)
                return self._coco.decode(segmentation).astype(bool)
            except Exception as error:  # whatever pycocotools makes of damaged counts
                raise LabelError(f'{path}: {what} has a damaged RLE ({error}).') from error
        if not isinstance(segmentation, list):
            raise LabelError(
                f'{path}: {what} has no segmentation that can be read; expected polygons or RLE.'
            )
        polygons = []
        for polygon in segmentation:
            if not isinstance(polygon, list) or len(polygon) % 2:
                raise LabelError(f'{path}: {what} has a polygon that is not x, y, x, y, ...')
            points = check_finite(path, what, zip(polygon[::2], polygon[1::2], strict=True))
            if len(points) < 3:
                notes.append(f'{path}: {what} has a polygon of {len(points)} points; not drawn.')
                continue
            if (points < 0).any() or (points > shape[::-1]).any():
                notes.append(f'{path}: {what} reaches out of the image; cut off there.')
            if crosses_itself(points):
                notes.append(f'{path}: {what} crosses itself; filled by the even-odd rule.')
            polygons.append(points.ravel().tolist())
        if not polygons:
            return np.zeros(shape, bool)
        return self._coco.decode(self._coco.merge(self._coco.frPyObjects(polygons, *shape))).astype(
            bool
        )

    @property
    def _coco(self) -> Any:
        return _mask_api()

    def _update(
        self, item: LabelItem, annotation: Annotation, object_map: NDArray[np.int32], out_dir: Path
    ) -> dict[Path, bytes]:
        painting, entries, sources = annotation.content
        owner, _ = painting.repaint(annotation.object_map, object_map)
        regions = []
        for index, region in enumerate(painting.regions):
            behind = region.mask & (painting.owner[region.box] != index)
            mask = owner == index
            mask[region.box] |= behind
            regions.append(Region.of(mask))
        regions = _keep_in_front(regions, owner, painting.objects < 0, sources)
        part: dict[str, Any] = {}
        for index, (region, entry) in enumerate(zip(regions, entries, strict=True)):
            mask = region.full(owner.shape)
            if (mask != painting.regions[index].full(owner.shape)).any():
                part[str(sources[index])] = {**entry, **self._encode(mask, entry)}
        (path,) = self.outputs(item, out_dir)
        return {path: json.dumps({'changed': part}).encode()}

    def _encode(self, mask: NDArray[np.bool_], like: dict[str, Any]) -> dict[str, Any]:
        rle = self._coco.encode(np.asfortranarray(mask, np.uint8))
        segmentation: Any = like.get('segmentation', [])
        if isinstance(segmentation, list):
            segmentation = [ring.ravel().tolist() for ring in trace_corners(mask)]
        elif isinstance(segmentation['counts'], list):
            segmentation = {**segmentation, 'counts': run_lengths(mask.ravel(order='F'))}
        else:
            segmentation = {**segmentation, 'counts': rle['counts'].decode('ascii')}
        return {
            'segmentation': segmentation,
            'area': float(self._coco.area(rle)),
            'bbox': [float(v) for v in self._coco.toBbox(rle)],
        }

    def _convert(
        self, item: LabelItem, annotation: Annotation, object_map: NDArray[np.int32], out_dir: Path
    ) -> dict[Path, bytes]:
        height, width = object_map.shape
        categories = [self.class_value(annotation, entry) for entry in annotation.objects]
        owner = object_map.copy()
        regions = []
        for index in range(len(categories)):
            mask = object_map == index
            # Hidden parts belong to the object too: masks of COCO may lie over each other.
            if index in annotation.hidden:
                hidden = annotation.hidden[index]
                mask[hidden.box] |= hidden.mask
            regions.append(Region.of(mask))
            # What nobody owns comes to light; any of those that have it may be in front.
            owner[mask & (object_map < 0) & ~annotation.ignore] = _ANYBODY
        numbers = range(len(regions))
        regions = _keep_in_front(regions, owner, np.zeros(len(regions), bool), numbers)
        entries = []
        for category, region in zip(categories, regions, strict=True):
            mask = region.full((height, width))
            if mask.any():
                entries.append({'category_id': category, 'iscrowd': 0, **self._encode(mask, {})})
        ignored = annotation.ignore & (object_map < 0)
        if ignored.any():
            crowd = {'iscrowd': 1, **self._encode(ignored, {'segmentation': _NEW_CROWD})}
            crowd['segmentation']['size'] = [height, width]
            for category in dict.fromkeys(entry['category_id'] for entry in entries):
                entries.append({'category_id': category, **crowd})
        image = {'file_name': image_file_name(item), 'height': height, 'width': width}
        (path,) = self.outputs(item, out_dir)
        return {path: json.dumps({'image': image, 'annotations': entries}).encode()}

    def finish(self, out_dir: str | Path, items: Sequence[LabelItem]) -> list[Path]:
        """Write the JSON of all images from the parts; see the parent.

        Images that are not among `items` keep their annotations as they came.

        Raises:
            LabelError: If the part of an item is missing or damaged.
        """
        parts = [part for _, part in self.load_parts(out_dir, items)]
        target = Path(out_dir) / self.file_name
        if self.root is None:
            write_file(target, json.dumps(self._new_document(parts)))
            return [target]
        self._scan()
        changed = {int(key): entry for part in parts for key, entry in part['changed'].items()}
        if not changed:
            write_file(target, self._raw)
            return [target]
        annotations = [
            changed.get(index, entry) for index, entry in enumerate(self._document['annotations'])
        ]
        document = {**self._document, 'annotations': annotations}
        write_file(target, dump_json(document, self._raw))
        return [target]

    def _new_document(self, parts: list[dict[str, Any]]) -> dict[str, Any]:
        images: list[dict[str, Any]] = []
        annotations: list[dict[str, Any]] = []
        for image_id, part in enumerate(parts, 1):
            images.append({'id': image_id, **part['image']})
            for entry in part['annotations']:
                annotations.append({'id': len(annotations) + 1, 'image_id': image_id, **entry})
        categories = [{'id': key, 'name': name} for name, key in self.classes.items()]
        return {'images': images, 'annotations': annotations, 'categories': categories}


def _keep_in_front(
    regions: Sequence[Region],
    owner: NDArray[np.int32],
    crowd: NDArray[np.bool_],
    sources: Sequence[int],
) -> list[Region]:
    """Cut masks where they would hide the one that is visible, once they are ordered by area.

    Args:
        regions (Sequence[Region]): The masks; each has the pixels that it owns.
        owner (np.ndarray): (H, W) index of the mask that is visible; -1 for none, `_ANYBODY`
            where it does not matter.
        crowd (np.ndarray): Which masks are behind all others.
        sources (Sequence[int]): Places in the file; of equal masks the later is in front.
    """
    regions = list(regions)
    areas = [int(region.mask.sum()) for region in regions]
    while True:  # a mask that is cut may come to the front elsewhere, but it only gets smaller
        order = sorted(range(len(regions)), key=lambda i: (not crowd[i], -areas[i], sources[i]))
        front = np.full(owner.shape, -1, np.int32)
        for index in order:
            front[regions[index].box][regions[index].mask] = index
        wrong = (front >= 0) & (front != owner) & (owner != _ANYBODY)
        if not wrong.any():
            return regions
        for index in np.unique(front[wrong]).tolist():
            region = regions[index]
            cut = wrong[region.box] & (front[region.box] == index)
            regions[index] = Region(region.top, region.left, region.mask & ~cut)
            areas[index] = int(regions[index].mask.sum())


def _mask_api() -> Any:
    try:
        from pycocotools import mask
    except ImportError as error:
        raise ImportError(
            'The format coco needs pycocotools; install it with `pip install mmsteal[formats]`.'
        ) from error
    return mask
