"""LabelMe's shapes: the pixels of those that cover an area, as LabelMe draws them."""

from __future__ import annotations

import base64
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from mmsteal.input_files import load_image
from mmsteal.label_formats.annotation import LabelError, Region
from mmsteal.label_formats.label_maps import encode_png
from mmsteal.label_formats.pixel_polygons import fill_polygon
from mmsteal.label_formats.polygons import check_points, check_reach, polygon_region

# Of 3 points or more. Boxes of four come from old versions, from LabelMe 6 (oriented_rectangle) and
# from X-AnyLabeling (rotation).
_POLYGONS = ('polygon', 'oriented_rectangle', 'rotation')
AREAS = (*_POLYGONS, 'rectangle', 'circle', 'mask')


def shape_region(
    path: Path,
    what: str,
    kind: str,
    entry: dict[str, Any],
    shape: tuple[int, int],
    notes: list[str],
) -> Region | None:
    """Mask of a shape that covers an area.

    Args:
        path: The file, for messages.
        what: Which shape of it.
        kind: Its type, one of `AREAS`.
        entry: The shape as it is in the file.
        shape: Height and width of the image.
        notes: Takes what is odd.

    Returns:
        None if it has too few points.

    Raises:
        LabelError: If it cannot be read.
    """
    points = check_points(path, what, entry['points'])
    if kind in _POLYGONS or (kind == 'rectangle' and len(points) == 4):
        return polygon_region(path, what, points, shape, notes, fill=fill_polygon)
    if len(points) != 2:
        notes.append(f'{path}: {what} is a {kind} of {len(points)} points; left as it is.')
        return None
    check_reach(path, what, points, shape)
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


def changed_mask(shape: dict[str, Any], region: Region) -> dict[str, Any]:
    """A shape of the type mask with another mask."""
    height, width = region.mask.shape
    points = [
        [float(region.left), float(region.top)],
        [float(region.left + width - 1), float(region.top + height - 1)],
    ]
    return {**shape, 'points': points, 'mask': _encode_mask(region.mask)}


def polygon_shape(label: str, ring: NDArray[np.int64], group: int | None) -> dict[str, Any]:
    """A new polygon."""
    return {
        'label': label,
        'points': ring.astype(float).tolist(),
        'group_id': group,
        'shape_type': 'polygon',
        'flags': {},
    }


def _decode_mask(path: Path, what: str, entry: dict[str, Any]) -> NDArray[np.bool_]:
    try:
        with load_image(BytesIO(base64.b64decode(entry['mask']))) as image:
            return np.asarray(image.convert('L')) != 0
    except Exception as error:  # base64 and PIL raise what they like on damaged text
        raise LabelError(
            f'{path}: {what} has no mask that can be read ({type(error).__name__}: {error}).'
        ) from error


def _encode_mask(mask: NDArray[np.bool_]) -> str:
    return base64.b64encode(encode_png(Image.fromarray(mask))).decode('ascii')
