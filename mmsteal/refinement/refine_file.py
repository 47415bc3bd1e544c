"""One image: read its label, refine it, write it, and leave a record of it."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mmsteal.files import write_file
from mmsteal.functional.bounding_box import bounding_box
from mmsteal.functional.object_refinement import ObjectRefinement
from mmsteal.functional.refinement import refine_objects
from mmsteal.functional.resize import resize_edge_prob
from mmsteal.label_formats import Annotation, LabelFormat, LabelItem
from mmsteal.refinement.class_mapping import NO_EDGE_MAP, EdgeClasses, category_name
from mmsteal.refinement.edge_folder import EdgeFolder
from mmsteal.refinement.records import input_stamp, report_path, write_json
from mmsteal.refinement.settings import RefineSettings

# Longer side of the crops of the contact sheet.
CROP_PX = 400


class OutputError(OSError):
    """The results cannot be written, which no other image would change."""


class FileRefiner:
    """Refine the labels of one image after another.

    Args:
        settings (RefineSettings): What to do.
        source (LabelFormat | None): The labels, if they are open already.
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
        self.fingerprint = settings.fingerprint()

    def edge_file(self, item: LabelItem) -> Path | None:
        """One of the files of the edge maps of an image, if they come from files."""
        return None if self.edges is None else self.edges.first_file(item.name)

    def __call__(self, item: LabelItem, edge_prob: np.ndarray | None = None) -> None:
        """Refine the labels of an image and write them, then its record.

        Args:
            item (LabelItem): The image.
            edge_prob (np.ndarray | None): Edge maps (K, h, w) of a model; None reads them.

        Raises:
            ValueError: If a file of the image cannot be used; named.
            OutputError: If the disk refuses the results.
        """
        try:
            # What is not recorded is not done, whatever an earlier run left there.
            report_path(self.settings.out_dir, item.name).unlink(missing_ok=True)
        except OSError as error:
            raise self._output_error(error) from error
        stamp = input_stamp(item, self.edge_file(item))
        annotation = self.source.read(item)
        if edge_prob is None:
            if self.edges is None:
                raise ValueError(f'Expected edge maps of {item.name}, but got None.')
            edge_prob = self.edges.read(item.name)
        shape = (annotation.object_map.shape[0], annotation.object_map.shape[1])
        prob = resize_edge_prob(edge_prob, shape, self.settings.scale)
        classes = [self.edge_classes(entry) for entry in annotation.objects]
        refined, objects = refine_objects(
            annotation.object_map,
            prob,
            self.settings.align,
            classes=classes,
            frozen=annotation.ignore,
            error_px=self.settings.error_px,
        )
        try:
            files = self.target.write(item, annotation, refined, self.settings.labels_dir)
        except OSError as error:
            raise self._output_error(error) from error
        record: dict[str, Any] = {
            'name': item.name,
            'fingerprint': self.fingerprint,
            'input': stamp,
            'files': [path.relative_to(self.settings.labels_dir).as_posix() for path in files],
            'notes': list(annotation.notes),
            'objects': [
                _object_record(index, annotation, entry, classes[index])
                for index, entry in enumerate(objects)
            ],
        }
        try:
            record['crop'] = self._write_crop(item, annotation, refined, objects)
            write_json(report_path(self.settings.out_dir, item.name), record)
        except OSError as error:
            raise self._output_error(error) from error

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
        write_file(report_path(self.settings.out_dir, item.name, '.png'), png.tobytes())
        return {
            'object': worst, 'top': top, 'left': left, 'bottom': bottom, 'right': right,
            'stride': stride,
        }  # fmt: skip

    def _output_error(self, error: OSError) -> OSError:
        """An error of the disk that would hit every image; or that of a source file, as it is."""
        out_dir = Path(self.settings.out_dir).resolve()
        if error.filename is not None and out_dir not in Path(error.filename).resolve().parents:
            return error
        reason = error.strerror or str(error)
        hint = ''
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            hint = '; make room'
        elif error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
            hint = '; the folder must be writable'
        return OutputError(
            f'Cannot write to {out_dir}: {reason}{hint}, and the same command goes on from here.'
        )


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
        'step': alignment.step,
        'stop_evidence': alignment.stop_evidence,
        'loss_given': alignment.loss_given,
        'loss_proposed': alignment.loss_proposed,
        'mean_displacement_px': report.mean_displacement_px,
        'max_displacement_px': report.max_displacement_px,
        'area_given': report.area_given,
        'area_refined': report.area_refined,
        'iou_with_given': report.iou_with_given,
        'num_restored': alignment.num_restored,
    }
