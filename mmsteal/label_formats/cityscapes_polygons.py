"""Cityscapes' polygon files: entries as shapes, outlines as entries again."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from mmsteal.label_formats.annotation import LabelError, Region
from mmsteal.label_formats.cityscapes_labels import (
    CITYSCAPES_LABELS,
    NO_TRAIN_ID,
    CityscapesLabel,
)
from mmsteal.label_formats.cityscapes_maps import role_values
from mmsteal.label_formats.connected_parts import connect_parts
from mmsteal.label_formats.painting import Painting
from mmsteal.label_formats.pixel_polygons import fill_polygon, trace_mask
from mmsteal.label_formats.polygons import polygon_region

_BY_NAME = {label.name: label for label in CITYSCAPES_LABELS}
_NOT_PAINTED = 'license plate'  # id -1: drawn by no tool
# Disagreement of polygons and label map, in pixels, that is more than different rasterising.
_NOTED_DISAGREEMENT = 0.01


class CityscapesShape(NamedTuple):
    """An entry of a polygon file.

    Attributes:
        region: Its pixels; None where it is not painted.
        label: Its label; None where it is not painted.
        instance: Its instance id, label id * 1000 + number; 0 where it is no single instance.
    """

    region: Region | None
    label: CityscapesLabel | None
    instance: int


def polygon_size(path: Path, document: Any) -> tuple[int, int]:
    """Height and width that a polygon file states.

    Raises:
        LabelError: If it states none, or has no list of objects.
    """
    try:
        for entry in document['objects']:
            _ = entry['label'], entry['polygon']
        return int(document['imgHeight']), int(document['imgWidth'])
    except (KeyError, TypeError, ValueError) as error:
        raise LabelError(
            f'{path}: expected imgHeight, imgWidth and objects with label and polygon, but '
            f'{type(error).__name__}: {error}.'
        ) from error


def read_shapes(
    path: Path, entries: list[dict[str, Any]], size: tuple[int, int], notes: list[str]
) -> list[CityscapesShape]:
    """The entries of a polygon file as shapes.

    Args:
        path: The file, to be named.
        entries: Its objects.
        size: Height and width of the image.
        notes: Takes what is odd.

    Raises:
        LabelError: If a label is unknown or a polygon damaged.
    """
    counts: dict[int, int] = {}
    shapes = []
    for index, entry in enumerate(entries):
        name = entry['label']
        label = _BY_NAME.get(name)
        group = label is None and str(name).endswith('group')
        if group:
            label = _BY_NAME.get(name[: -len('group')])
        if name == _NOT_PAINTED or entry.get('deleted'):
            shapes.append(CityscapesShape(None, None, 0))
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
        region = polygon_region(path, what, entry['polygon'], size, notes, fill=fill_polygon)
        shapes.append(CityscapesShape(region, label, instance))
    return shapes


def shape_values(shapes: list[CityscapesShape], role: str) -> NDArray[np.int32]:
    """Value of each shape in one kind of map, as that map is read.

    Of train ids the label ids are read; 255 where a label has none.
    """
    ids = np.array([0 if each.label is None else each.label.id for each in shapes], np.int32)
    instances = np.array([each.instance for each in shapes], np.int32)
    values = role_values(ids, instances, role)
    if role == 'labelTrainIds':
        return np.where(values == NO_TRAIN_ID, NO_TRAIN_ID, ids).astype(np.int32)
    return values


def follow_map(
    painting: Painting,
    shapes: list[CityscapesShape],
    values: NDArray[np.int32],
    role: str,
    path: Path,
    notes: list[str],
) -> Painting:
    """Give pixels on which polygons and label map disagree to the shape that the map means.

    Args:
        painting: The polygons as they are drawn.
        shapes: What they are.
        values: (H, W) the map as it is read.
        role: Which map it is.
        path: The polygon file, to be named.
        notes: Takes a note where the two disagree about more than the line of the outlines.
    """
    ids = shape_values(shapes, role)
    table = np.append(ids, np.int32(NO_TRAIN_ID if role == 'labelTrainIds' else 0))
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
            neighbor = padded[rows + dy, columns + dx]
            fits = ~done & (table[neighbor] == values[rows, columns])
            owner[rows[fits], columns[fits]] = neighbor[fits]
            done |= fits
        rows, columns = rows[~done], columns[~done]
    last = {int(value): index for index, value in enumerate(ids.tolist())}
    for value in np.unique(values[rows, columns]).tolist():
        # Far from any polygon of that id: the last one of it, or nobody's.
        of_value = values[rows, columns] == value
        owner[rows[of_value], columns[of_value]] = last.get(value, -1)
    return Painting(painting.regions, owner, painting.objects)


class Outlines(NamedTuple):
    """Outlines of the objects of one polygon file.

    Attributes:
        path: The file, to be named.
        ignore: (H, W) bool, pixels that no line may take.
        mapped: Whether label maps say whose each pixel is, whatever a polygon draws over it.
        tolerance_px: How far an outline may leave the pixels.
    """

    path: Path
    ignore: NDArray[np.bool_]
    mapped: bool
    tolerance_px: float

    def instance(
        self,
        mask: NDArray[np.bool_],
        box: tuple[slice, slice],
        covered: NDArray[np.bool_],
        label: str,
    ) -> list[NDArray[np.int64]]:
        """One polygon, with lines between the parts; several where ignored pixels part them.

        Args:
            mask: (h, w) bool, the instance.
            box: Where in the image that is.
            covered: (h, w) bool, pixels that other objects are painted over.
            label: Its label, to be named.
        """
        if not mask.any():
            return []
        joined = connect_parts(mask, covered, self.ignore[box] & ~covered)
        if self.mapped:
            joined = connect_parts(joined, covered)
            return self.parts(joined)
        count = cv2.connectedComponents(joined.astype(np.uint8), connectivity=8)[0] - 1
        if count > 1:
            warnings.warn(
                f'{self.path}: ignored pixels part an instance of {label!r}; it is written as '
                f'{count} polygons, which are read as {count} instances.',
                stacklevel=2,
            )
        return self.parts(joined)

    def parts(self, mask: NDArray[np.bool_]) -> list[NDArray[np.int64]]:
        """A polygon for each part."""
        return trace_mask(mask, tolerance_px=self.tolerance_px)


def new_entries(
    entries: list[dict[str, Any]],
    shapes: list[CityscapesShape],
    masks: dict[int, Region],
    owner: NDArray[np.int32],
    outlines: Outlines,
) -> list[dict[str, Any]]:
    """The entries of a file, with the polygons of those that have to change.

    Args:
        entries: The entries that were read.
        shapes: What they are.
        masks: New masks by the index of the entry.
        owner: (H, W) index of the visible entry.
        outlines: How masks are outlined.
    """
    new = []
    for index, entry in enumerate(entries):
        if index not in masks:
            new.append(entry)
            continue
        region = masks[index]
        if shapes[index].instance:
            covered = owner[region.box] > index
            polygons = outlines.instance(region.mask, region.box, covered, entry['label'])
        else:
            polygons = outlines.parts(region.mask)
        if not polygons:
            # Kept for its place in the file; fewer than three points are not painted.
            new.append({**entry, 'polygon': []})
            continue
        corner = (region.left, region.top)
        new += [{**entry, 'polygon': (ring + corner).tolist()} for ring in polygons]
    return new
