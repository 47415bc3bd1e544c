"""One image: read its label, refine it, write it, and leave a record of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from mmsteal.edge_files import EdgeFolder
from mmsteal.files import write_file
from mmsteal.functional.bounding_box import bounding_box
from mmsteal.functional.edge_inputs import edges_at_scale
from mmsteal.functional.object_refinement import ObjectRefinement
from mmsteal.functional.refine_objects import refine_objects
from mmsteal.jobs import Origin, writing_to
from mmsteal.label_formats import Annotation, LabelFormat, LabelItem
from mmsteal.label_formats.image_files import check_size, read_photo
from mmsteal.refinement.class_mapping import NO_EDGE_MAP, EdgeClasses, category_name
from mmsteal.refinement.outline_error import drawn_together, image_error_px
from mmsteal.refinement.records import crop_path, open_records, plain
from mmsteal.refinement.settings import RefineSettings

# Longer side of the crops of the contact sheet.
CROP_PX = 400


class RefineTask(NamedTuple):
    """An image to refine.

    Attributes:
        item (LabelItem): The image and its labels.
        edge_prob (np.ndarray | None): Edge maps (K, h, w) of a model; None where they come from
            files.
    """

    item: LabelItem
    edge_prob: NDArray[Any] | None = None


class FileRefiner:
    """Refine the labels of one image after another.

    Other processes get it as its settings, and open the labels themselves.

    Args:
        settings: What to do.
        source: The labels, if they are open already.
    """

    def __init__(self, settings: RefineSettings, source: LabelFormat | None = None) -> None:
        self.settings = settings
        self.source = source or settings.source.open()
        self.target = self.source if settings.target is None else settings.target.open()
        self.edges = None
        if settings.edges is not None:
            self.edges = EdgeFolder(
                settings.edges, settings.edge_names, label_format=settings.source.name
            )
        self.edge_classes = EdgeClasses(settings.edge_names, settings.class_map)
        told = settings.background
        self.background = self.source.has_background if told is None else told
        self.records = open_records(settings)
        self._fingerprint = settings.fingerprint()

    def __reduce__(self) -> tuple[Callable[..., FileRefiner], tuple[RefineSettings]]:
        return FileRefiner, (self.settings,)

    def kept(self, item: LabelItem) -> dict[str, Any] | None:
        """The record of an image that an earlier run has done, with these parameters and files."""
        try:
            return self.records.read_current(item.name, self._origin(item))
        except OSError:
            return None  # a file is missing, which is told when its turn comes

    def _origin(self, item: LabelItem) -> Origin:
        edge_files = [] if self.edges is None else self.edges.files(item.name)
        return Origin.of(self._fingerprint, [*item.labels, item.image, *edge_files])

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
        item, edge_prob = task
        with writing_to(self.settings.out_dir):
            # What is not recorded is not done, whatever an earlier run left there.
            self.records.remove(item.name)
        origin = self._origin(item)
        annotation = self.source.read(item)
        settings = self.settings
        if edge_prob is None and self.edges is not None:
            edge_prob = self.edges.read(item.name)
        if edge_prob is None and not settings.gradient:
            raise ValueError(f'Expected edge maps of {item.name}, but got None.')
        shape = (annotation.object_map.shape[0], annotation.object_map.shape[1])
        photo = None
        if settings.needs_photos:
            photo = read_photo(item.image)
            check_size(item.labels[0], shape, item)
        classes = [self.edge_classes(entry) for entry in annotation.objects]
        error_px = settings.error_px
        if error_px is None and photo is not None:
            own_px = image_error_px(annotation, photo, background=self.background)
            error_px = drawn_together(own_px, settings.set_error_px)
        refined, objects = refine_objects(
            annotation.object_map,
            edges_at_scale(edge_prob, photo, shape, settings.scale),
            settings.options,
            image=photo,
            classes=classes,
            background=self.background,
            frozen=annotation.ignore,
            error_px=error_px,
        )
        with writing_to(self.settings.out_dir):
            files = self.target.write(item, annotation, refined, self.settings.labels_dir)
        content: dict[str, Any] = {
            'notes': list(annotation.notes),
            'engine': settings.engine,
            'error_px': error_px,
            'objects': [
                _object_record(index, annotation, entry, classes[index])
                for index, entry in enumerate(objects)
            ],
        }
        with writing_to(self.settings.out_dir):
            content['crop'] = self._write_crop(item, annotation, refined, objects)
            return self.records.write(item.name, origin, plain(content), files=files)

    def _write_crop(
        self,
        item: LabelItem,
        annotation: Annotation,
        refined: np.ndarray,
        objects: list[ObjectRefinement],
    ) -> dict[str, Any] | None:
        """The surroundings of the object that moved furthest, before and after, as one PNG."""
        moved = [
            m
            for m, entry in enumerate(objects)
            if entry.status == 'moved' and entry.iou_with_given < 1
        ]
        if not moved:
            return None
        worst = max(moved, key=lambda m: (objects[m].max_displacement_px, -m))
        given = annotation.object_map
        rows, columns = bounding_box((given == worst) | (refined == worst))
        margin = max(8, max(rows.stop - rows.start, columns.stop - columns.start) // 4)
        top, left = max(rows.start - margin, 0), max(columns.start - margin, 0)
        bottom = min(rows.stop + margin, given.shape[0])
        right = min(columns.stop + margin, given.shape[1])
        stride = -(-max(bottom - top, right - left) // CROP_PX)
        part = (slice(top, bottom, stride), slice(left, right, stride))
        both = np.concatenate([given[part], refined[part]], axis=1)
        ok, png = cv2.imencode(
            '.png', (both + 1).astype(np.uint16), [cv2.IMWRITE_PNG_COMPRESSION, 1]
        )
        if not ok:
            return None
        write_file(crop_path(self.settings.out_dir, item.name), png.tobytes())
        return {
            'object': worst, 'top': top, 'left': left, 'bottom': bottom, 'right': right,
            'stride': stride,
        }  # fmt: skip


def _object_record(
    index: int, annotation: Annotation, report: ObjectRefinement, edge: int
) -> dict[str, Any]:
    entry, alignment = annotation.objects[index], report.alignment
    return {
        'object': index,
        'instance': entry.instance,
        'category': entry.category,
        'class': category_name(entry),
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
