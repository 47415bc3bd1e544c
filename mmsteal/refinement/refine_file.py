"""One image: read its label, refine it, write it, and leave a record of it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from mmsteal.edge_files import EdgeFolder
from mmsteal.files import json_value, write_file
from mmsteal.functional.edge_maps.edge_inputs import edges_at_scale
from mmsteal.functional.labels.bounding_box import bounding_box
from mmsteal.functional.refinement.object_refinement import ObjectRefinement, take_back
from mmsteal.functional.refinement.refine_engines import engine_options
from mmsteal.functional.refinement.refine_objects import RefinedObjects, refine_object_map
from mmsteal.jobs import Origin, fingerprint, writing_to
from mmsteal.label_formats import Annotation, LabelFormat, LabelItem
from mmsteal.label_formats.image_files import NO_LABEL, check_size, read_photo
from mmsteal.refinement.choices import rejected_objects
from mmsteal.refinement.class_mapping import NO_EDGE_MAP, EdgeClasses
from mmsteal.refinement.outline_error import drawn_together, image_error_px
from mmsteal.refinement.records import DECIMALS, crop_path, open_records
from mmsteal.refinement.settings import RefineSettings

# Longer side of the crops of the contact sheet, and how many an image has.
CROP_PX = 400
MAX_CROPS = 4


class RefineTask(NamedTuple):
    """An image to refine.

    Attributes:
        item (LabelItem): The image and its labels.
        edge_prob (np.ndarray | None): Edge maps (K, h, w) of a model; None where they come from
            files.
    """

    item: LabelItem
    edge_prob: NDArray[Any] | None = None


class ImageInput(NamedTuple):
    """What is known of an image.

    Attributes:
        annotation (Annotation): Its labels.
        photo (np.ndarray | None): The photograph (H, W, 3), RGB, where it is needed.
        edge_prob (np.ndarray | None): Edge maps (K, h, w); None for the gradient.
        classes (list[int]): Edge map of each object; -1 for none.
    """

    annotation: Annotation
    photo: NDArray[np.uint8] | None
    edge_prob: NDArray[Any] | None
    classes: list[int]


class FileRefiner:
    """Refine the labels of one image after another.

    Other processes get it as its settings, and open the labels themselves.

    Args:
        settings: What to do.
        source: The labels, if they are open already.
        images: Names of all images; None: as `source` lists them, if edge maps come from files.
    """

    def __init__(
        self,
        settings: RefineSettings,
        source: LabelFormat | None = None,
        images: tuple[str, ...] | None = None,
    ) -> None:
        self.settings = settings
        self.source = source or settings.source.open()
        self.target = self.source if settings.target is None else settings.target.open()
        self.edges = None
        self._images = images
        if settings.edges is not None:
            self._images = image_names(self.source) if images is None else images
            self.edges = EdgeFolder(
                settings.edges,
                settings.edge_names,
                label_format=settings.source.name,
                images=self._images,
            )
        self.edge_classes = EdgeClasses(settings.edge_names, settings.class_map)
        told = settings.background
        self.background = self.source.has_background if told is None else told
        self.records = open_records(settings)
        self._fingerprint = settings.fingerprint()

    def __reduce__(self) -> tuple[Callable[..., FileRefiner], tuple[Any, ...]]:
        return FileRefiner, (self.settings, None, self._images)

    def kept(self, item: LabelItem) -> dict[str, Any] | None:
        """The record of an image that an earlier run has done, with these parameters and files."""
        try:
            return self.records.read_current(item.name, self._origin(item))
        except OSError:
            return None  # a file is missing, which is told when its turn comes

    def _origin(self, item: LabelItem) -> Origin:
        edge_files = [] if self.edges is None else self.edges.files(item.name)
        rejected = self.settings.choices.get(item.name)
        known = fingerprint([self._fingerprint, rejected]) if rejected else self._fingerprint
        return Origin.of(known, [*item.labels, item.image, *edge_files], places=True)

    def __call__(self, task: RefineTask) -> dict[str, Any]:
        """Refine the labels of an image and write them, then its record.

        Args:
            task: The image.

        Returns:
            The record.

        Raises:
            ValueError: If a file of the image cannot be used; named.
            OutputError: If the disk refuses the results.
        """
        item = task.item
        with writing_to(self.settings.out_dir):
            # What is not recorded is not done, whatever an earlier run left there.
            earlier = self.records.read(item.name) or {}
            self.records.remove(item.name)
            for crop in earlier.get('crops', []):
                crop_path(self.settings.out_dir, item.name, crop['object']).unlink(missing_ok=True)
        origin = self._origin(item)
        image, settings = self.read(task), self.settings
        annotation, classes = image.annotation, image.classes
        found = self.refine(image, scale=settings.scale)
        refined, objects = found.object_map, found.objects
        rejected = rejected_objects(settings.choices, annotation)
        if rejected:
            refined, objects = take_back(annotation.object_map, refined, objects, rejected)
        with writing_to(self.settings.out_dir):
            files = self.target.write(item, annotation, refined, self.settings.labels_dir)
        content: dict[str, Any] = {
            'notes': list(annotation.notes),
            'unread': dict(annotation.unread),
            'engine': settings.engine,
            'error_px': found.error_px,
            'objects': [
                _object_record(index, annotation, entry, classes[index])
                for index, entry in enumerate(objects)
            ],
        }
        with writing_to(self.settings.out_dir):
            content['crops'] = self._write_crops(item, annotation, refined, objects)
            return self.records.write(item.name, origin, json_value(content, DECIMALS), files=files)

    def read(self, task: RefineTask) -> ImageInput:
        """Read all that an image is refined by.

        Raises:
            ValueError: If a file of the image cannot be used; named.
        """
        item, edge_prob = task
        annotation = self.source.read(item)
        if edge_prob is None and self.edges is not None:
            edge_prob = self.edges.read(item.name)
        if edge_prob is None and not self.settings.gradient:
            raise ValueError(f'Expected edge maps of {item.name}, but got None.')
        photo = None
        if self.settings.needs_photos:
            photo = read_photo(item.image)
            check_size(item.labels[0], annotation.object_map.shape, item)
        classes = [self.edge_classes(entry) for entry in annotation.objects]
        return ImageInput(annotation, photo, edge_prob, classes)

    def refine(self, image: ImageInput, *, scale: float | None) -> RefinedObjects:
        """Refine the labels of an image, and write nothing.

        Args:
            image: What :meth:`read` has found.
            scale: Size at which objects are refined, in sizes of the labels; see `RefineSettings`.

        Raises:
            ValueError: If what was read does not go together.
        """
        annotation, photo, edge_prob, classes = image
        settings, given = self.settings, annotation.object_map
        error_px = settings.error_px
        if error_px is None and photo is not None:
            own_px = image_error_px(annotation, photo, background=self.background)
            error_px = drawn_together(own_px, settings.set_error_px)
        return refine_object_map(
            given,
            edges_at_scale(edge_prob, photo, (given.shape[0], given.shape[1]), scale),
            engine_options(options=settings.options),
            image=photo,
            classes=classes,
            background=self.background,
            frozen=annotation.ignore,
            error_px=error_px,
        )

    def _write_crops(
        self,
        item: LabelItem,
        annotation: Annotation,
        refined: np.ndarray,
        objects: list[ObjectRefinement],
    ) -> list[dict[str, Any]]:
        """The surroundings of the most doubtful objects, before and after, a PNG each."""
        moved = [
            m
            for m, entry in enumerate(objects)
            if entry.iou_with_given < 1 and entry.status == 'moved'
        ]
        moved.sort(key=lambda m: (*doubt(objects[m]), m))
        crops = []
        for m in moved[:MAX_CROPS]:
            crop = _crop_box(annotation.object_map, refined, m)
            stride = crop['stride']
            part = (
                slice(crop['top'], crop['bottom'], stride),
                slice(crop['left'], crop['right'], stride),
            )
            both = np.concatenate([annotation.object_map[part], refined[part]], axis=1)
            ok, png = cv2.imencode(
                '.png', (both + 1).astype(np.uint16), [cv2.IMWRITE_PNG_COMPRESSION, 1]
            )
            if ok:
                write_file(crop_path(self.settings.out_dir, item.name, m), png.tobytes())
                crops.append({'object': m, **crop})
        return crops


def image_names(source: LabelFormat) -> tuple[str, ...]:
    """Names of all images of a set; of those without a label the path."""
    unlabelled = (problem.path for problem in source.problems() if problem.message == NO_LABEL)
    names = (path.resolve().with_suffix('').as_posix() for path in unlabelled)
    return (*(item.name for item in source.items()), *names)


def doubt(report: ObjectRefinement) -> tuple[float, float, float]:
    """Orders objects for a person to check, the most doubtful first.

    By the estimated IoU, without one by the largest displacement and then the IoU with the given
    object.
    """
    known = math.isfinite(report.estimated_iou)
    return (
        report.estimated_iou if known else 1.0,
        0.0 if known else -report.max_displacement_px,
        report.iou_with_given,
    )


def _crop_box(given: np.ndarray, refined: np.ndarray, index: int) -> dict[str, int]:
    """The surroundings of an object, and every which pixel of them is enough."""
    rows, columns = bounding_box((given == index) | (refined == index))
    margin = max(8, max(rows.stop - rows.start, columns.stop - columns.start) // 4)
    top, left = max(rows.start - margin, 0), max(columns.start - margin, 0)
    bottom = min(rows.stop + margin, given.shape[0])
    right = min(columns.stop + margin, given.shape[1])
    stride = -(-max(bottom - top, right - left) // CROP_PX)
    return {'top': top, 'left': left, 'bottom': bottom, 'right': right, 'stride': stride}


def _object_record(
    index: int, annotation: Annotation, report: ObjectRefinement, edge: int
) -> dict[str, Any]:
    entry, alignment = annotation.objects[index], report.alignment
    return {
        'object': index,
        'instance': entry.instance,
        'category': entry.category,
        'class': entry.category_name,
        'edge_map': edge + 1 if edge != NO_EDGE_MAP else None,
        'status': report.status,
        'reason': report.reason,
        'offset_px': report.offset_px,
        'expected_gain': report.expected_gain,
        'estimated_iou': report.estimated_iou,
        'step': None if alignment is None else alignment.step,
        'stop_evidence': None if alignment is None else alignment.stop_evidence,
        'loss_given': None if alignment is None else alignment.loss_given,
        'loss_proposed': None if alignment is None else alignment.loss_proposed,
        'mean_displacement_px': report.mean_displacement_px,
        'max_displacement_px': report.max_displacement_px,
        'area_given': report.area_given,
        'area_refined': report.area_refined,
        'iou_with_given': report.iou_with_given,
        'num_restored': None if alignment is None else alignment.num_restored,
    }
