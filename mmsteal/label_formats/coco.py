"""COCO: one JSON of instances for all images; polygons and RLE."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from mmsteal.label_formats.annotation import AnnotatedObject, Annotation, LabelError, Region
from mmsteal.label_formats.base import LabelItem, LabelProblem
from mmsteal.label_formats.coco_index import CocoImage, CocoIndex
from mmsteal.label_formats.coco_masks import (
    ANYBODY,
    decode_segmentation,
    encode_segmentation,
    keep_in_front,
    mask_api,
)
from mmsteal.label_formats.image_files import find_named, item_name, size_in_file
from mmsteal.label_formats.json_layout import dump_json, load_json
from mmsteal.label_formats.label_maps import require_objects
from mmsteal.label_formats.painting import Painting
from mmsteal.label_formats.set_file import SetFileFormat, image_file_name

# COCO's own crowds are run lengths, uncompressed.
_NEW_CROWD: dict[str, Any] = {'counts': []}


class CocoFormat(SetFileFormat):
    """COCO's instances JSON.

    Masks may lie over each other and the file does not say which is in front: the smaller one is
    taken to be, and of equal ones the later. What others hide of a mask is kept and united with
    what is visible; where its area would put a mask in front of one that it lies behind, it loses
    those pixels. Pixels that only crowds cover are ignored. An annotation that does not
    change is written as it came; of others segmentation, bbox and area are new. RLE stays RLE
    (compressed or not), polygons stay polygons; holes are cut open to the outline, as a polygon of
    COCO has none. Annotations without a segmentation (boxes alone) are kept as they are, and
    counted. Images without annotations are images without objects.

    Ignored pixels of labels of another format become a crowd (`iscrowd` 1) of each category that
    the image has, since evaluators ignore crowds by category. In an image without objects they are
    lost.

    :meth:`write` makes one file an image in `OUT/.NAME_parts`, :meth:`finish` the JSON
    `OUT/NAME.json` of all; the parts may be removed after that.

    Args:
        root: The JSON file.
        images: Folder of the images.
        file_name: Name of the JSON when labels of another format are written.
        classes: When labels of another format are written: names -> category ids.
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
        super().__init__(root, images=images, file_name=file_name, classes=classes)
        if root is not None and images is None:
            raise ValueError('Expected argument `images`, the folder of the images, to be given.')
        mask_api()  # an error now rather than at the first image
        self._document: dict[str, Any] = {}
        self._index = CocoIndex({}, {}, ())
        self._images: dict[str, CocoImage] = {}

    def _find(self, root: Path) -> tuple[list[LabelItem], list[LabelProblem]]:
        assert self.images is not None  # __init__ has seen to it
        self._document, self._raw = load_json(root)
        self._index = CocoIndex.of(root, self._document)
        problems = [LabelProblem(root, message) for message in self._index.problems]
        found: dict[str, list[tuple[Path, CocoImage]]] = {}
        for file_name, image in self._index.images.items():
            try:
                path = find_named(self.images, file_name)
            except ValueError as error:
                problems.append(LabelProblem(root, f'image {image.entry["id"]}: {error}'))
                continue
            if path is None:
                path = self.images / file_name
                problems.append(LabelProblem(path, f'{root} names the image, but it is gone.'))
            else:
                found.setdefault(item_name(path, self.images), []).append((path, image))
        items = []
        for name, images in found.items():
            if len(images) == 1:
                ((path, self._images[name]),) = images
                items.append(LabelItem(name, path, (root,)))
            else:
                paths = ' and '.join(path.name for path, _ in images)
                message = f'two images are named {name!r}, {paths}; rename one.'
                problems.append(LabelProblem(root, message))
        return sorted(items, key=lambda item: item.name), problems

    def _read(self, item: LabelItem) -> Annotation:
        self._scan()
        (path,) = item.labels
        image = self._images[item.name]
        sides = (image.entry.get('height'), image.entry.get('width'))
        shape = size_in_file(path, f'the image {item.name}', sides, item)
        notes: list[str] = []
        every = self._document['annotations']
        # An annotation of a box alone stays in the file as it is.
        indices = [index for index in image.annotations if every[index].get('segmentation')]
        entries = [every[index] for index in indices]
        masks = [
            decode_segmentation(
                path,
                f'annotation {entry.get("id")} of {item.name}',
                entry['segmentation'],
                shape,
                notes,
            )
            for entry in entries
        ]
        crowd = [bool(entry.get('iscrowd')) for entry in entries]
        area = [int(mask.sum()) for mask in masks]
        order = sorted(range(len(masks)), key=lambda i: (not crowd[i], -area[i], i))
        objects: list[AnnotatedObject] = []
        of_mask = []
        for index in order:
            of_mask.append(-1 if crowd[index] else len(objects))
            if not crowd[index]:
                category = self._index.category(entries[index].get('category_id'))
                if category is None:
                    raise LabelError(
                        f'{path}: annotation {entries[index].get("id")} of {item.name} has the '
                        f'unknown category {entries[index].get("category_id")!r}; expected one of '
                        f'{list(self._index.categories)}.'
                    )
                key = entries[index].get('id')
                number = int(key) if isinstance(key, int | float) else index + 1
                objects.append(AnnotatedObject(*category, number, (indices[index],)))
        regions = [Region.of(masks[index]) for index in order]
        painting = Painting.of(regions, of_mask, shape)
        object_map = painting.object_map()
        # Pixels without annotation are background: no annotation or crowds alone say so too.
        require_objects(path, objects, negative=bool((painting.owner < 0).any()))
        left = len(image.annotations) - len(indices)
        return Annotation(
            item.name,
            object_map,
            tuple(objects),
            (painting.owner >= 0) & (object_map < 0),
            painting.hidden(),
            tuple(notes),
            self.name,
            (painting, [entries[index] for index in order], [indices[index] for index in order]),
            {'annotation without a mask': left} if left else {},
        )

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
        regions = keep_in_front(regions, owner, painting.objects < 0, sources)
        part: dict[str, Any] = {}
        for index, (region, entry) in enumerate(zip(regions, entries, strict=True)):
            mask = region.full(owner.shape)
            if (mask != painting.regions[index].full(owner.shape)).any():
                new = encode_segmentation(mask, entry.get('segmentation', []))
                part[str(sources[index])] = {**entry, **new}
        return self._part(item, out_dir, {'changed': part})

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
            owner[mask & (object_map < 0) & ~annotation.ignore] = ANYBODY
        numbers = range(len(regions))
        regions = keep_in_front(regions, owner, np.zeros(len(regions), bool), numbers)
        entries = []
        for category, region in zip(categories, regions, strict=True):
            mask = region.full((height, width))
            if mask.any():
                shape = encode_segmentation(mask, [])
                entries.append({'category_id': category, 'iscrowd': 0, **shape})
        ignored = annotation.ignore & (object_map < 0)
        if ignored.any():
            crowd = {'iscrowd': 1, **encode_segmentation(ignored, _NEW_CROWD)}
            crowd['segmentation']['size'] = [height, width]
            for category in dict.fromkeys(entry['category_id'] for entry in entries):
                entries.append({'category_id': category, **crowd})
        image = {'file_name': image_file_name(item), 'height': height, 'width': width}
        return self._part(item, out_dir, {'image': image, 'annotations': entries})

    def _new_set(self, parts: list[dict[str, Any]]) -> str:
        images: list[dict[str, Any]] = []
        annotations: list[dict[str, Any]] = []
        for image_id, part in enumerate(parts, 1):
            images.append({'id': image_id, **part['image']})
            for entry in part['annotations']:
                annotations.append({'id': len(annotations) + 1, 'image_id': image_id, **entry})
        categories = [{'id': key, 'name': name} for name, key in self.classes.items()]
        document = {'images': images, 'annotations': annotations, 'categories': categories}
        return json.dumps(document)

    def _changed_set(self, parts: list[tuple[LabelItem, dict[str, Any]]]) -> bytes:
        changed = {int(key): entry for _, part in parts for key, entry in part['changed'].items()}
        if not changed:
            return self._raw
        annotations = [
            changed.get(index, entry) for index, entry in enumerate(self._document['annotations'])
        ]
        return dump_json({**self._document, 'annotations': annotations}, self._raw)
