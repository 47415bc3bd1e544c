"""COCO's masks: polygons and run lengths as pycocotools has them, and which of them is in front."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmsteal.label_formats.annotation import LabelError, Region
from mmsteal.label_formats.corner_polygons import trace_corners
from mmsteal.label_formats.polygons import check_points, check_reach, crosses_itself
from mmsteal.label_formats.run_lengths import run_lengths, unpack_run_lengths

# Of a pixel: whichever of the masks that have it is in front.
ANYBODY = -2


def mask_api() -> Any:
    """Pycocotools' functions of masks.

    Raises:
        ImportError: If it is not installed.
    """
    try:
        from pycocotools import mask
    except ImportError as error:
        raise ImportError(
            'The format coco needs pycocotools; install it with `pip install mmsteal[formats]`.'
        ) from error
    return mask


def decode_segmentation(
    path: Path, what: str, segmentation: Any, shape: tuple[int, int], notes: list[str]
) -> NDArray[np.bool_]:
    """The mask of an annotation.

    Args:
        path: The file, to be named.
        what: Which annotation of it.
        segmentation: Its polygons or run lengths, as they are in the file.
        shape: Height and width of the image.
        notes: Takes what is odd.

    Returns:
        (H, W) bool.

    Raises:
        LabelError: If it is damaged, or of an image of another size.
    """
    if isinstance(segmentation, dict):
        return _decode_rle(path, what, segmentation, shape)
    if not isinstance(segmentation, list):
        raise LabelError(
            f'{path}: {what} has no segmentation that can be read; expected polygons or RLE.'
        )
    polygons = []
    for polygon in _flat_polygons(segmentation):
        if not isinstance(polygon, list) or len(polygon) % 2:
            raise LabelError(f'{path}: {what} has a polygon that is not x, y, x, y, ...')
        points = check_points(path, what, zip(polygon[::2], polygon[1::2], strict=True))
        if len(points) < 3:
            notes.append(f'{path}: {what} has a polygon of {len(points)} points; not drawn.')
            continue
        check_reach(path, what, points, shape)
        if (points < 0).any() or (points > shape[::-1]).any():
            notes.append(f'{path}: {what} reaches out of the image; cut off there.')
        if crosses_itself(points):
            notes.append(f'{path}: {what} crosses itself; filled by the even-odd rule.')
        polygons.append(points.ravel().tolist())
    if not polygons:
        return np.zeros(shape, bool)
    coco = mask_api()
    return coco.decode(coco.merge(coco.frPyObjects(polygons, *shape))).astype(bool)


def _flat_polygons(segmentation: list[Any]) -> list[Any]:
    """Polygons as x, y, x, y, ...; some tools write pairs, or a polygon that is in no list."""
    if segmentation and all(isinstance(value, int | float) for value in segmentation):
        return [segmentation]
    if len(segmentation) > 2 and all(map(_is_pair, segmentation)):
        return [[value for pair in segmentation for value in pair]]
    return [
        [value for pair in polygon for value in pair]
        if isinstance(polygon, list) and polygon and all(map(_is_pair, polygon))
        else polygon
        for polygon in segmentation
    ]


def _is_pair(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) == 2
        and all(isinstance(number, int | float) for number in value)
    )


def _decode_rle(
    path: Path, what: str, rle: dict[str, Any], shape: tuple[int, int]
) -> NDArray[np.bool_]:
    counts: Any = rle.get('counts')
    size = rle.get('size')
    size = tuple(size) if isinstance(size, list | tuple) else size
    if size != shape:
        raise LabelError(
            f'{path}: {what} has an RLE of size {size} (height, width), but the image has '
            f'{shape}; encode it again or fix the size.'
        )
    try:
        # Pycocotools makes a mask of any text, and of run lengths that end too early.
        lengths = counts if isinstance(counts, list) else unpack_run_lengths(counts)
        num_pixels = sum(lengths)
    except (TypeError, ValueError) as error:
        raise LabelError(f'{path}: {what} has a damaged RLE ({error}).') from error
    if num_pixels != shape[0] * shape[1] or min(lengths, default=0) < 0:
        raise LabelError(
            f'{path}: {what} has an RLE of {num_pixels} pixels, but the image has '
            f'{shape[0] * shape[1]}.'
        )
    coco = mask_api()
    try:
        return coco.decode(coco.frPyObjects({**rle, 'counts': lengths}, *shape)).astype(bool)
    except Exception as error:  # whatever pycocotools makes of damaged counts
        raise LabelError(f'{path}: {what} has a damaged RLE ({error}).') from error


def encode_segmentation(mask: NDArray[np.bool_], like: Any) -> dict[str, Any]:
    """Segmentation, area and box of an annotation.

    Args:
        mask: (H, W) bool.
        like: The segmentation before: polygons stay polygons, run lengths stay run lengths.
    """
    coco = mask_api()
    rle = coco.encode(np.asfortranarray(mask, np.uint8))
    segmentation: Any = like
    if isinstance(segmentation, list):
        segmentation = [ring.ravel().tolist() for ring in trace_corners(mask)]
    elif isinstance(segmentation['counts'], list):
        segmentation = {**segmentation, 'counts': run_lengths(mask.ravel(order='F'))}
    else:
        segmentation = {**segmentation, 'counts': rle['counts'].decode('ascii')}
    return {
        'segmentation': segmentation,
        'area': float(coco.area(rle)),
        'bbox': [float(v) for v in coco.toBbox(rle)],
    }


def keep_in_front(
    regions: Sequence[Region],
    owner: NDArray[np.int32],
    crowd: NDArray[np.bool_],
    sources: Sequence[int],
) -> list[Region]:
    """Cut masks where they would hide the one that is visible, once they are ordered by area.

    Args:
        regions: The masks; each has the pixels that it owns.
        owner: (H, W) index of the mask that is visible; -1 for none, `ANYBODY` where it does not
            matter.
        crowd: Which masks are behind all others.
        sources: Places in the file; of equal masks the later is in front.
    """
    regions = list(regions)
    areas = [int(region.mask.sum()) for region in regions]
    while True:  # a mask that is cut may come to the front elsewhere, but it only gets smaller
        order = sorted(range(len(regions)), key=lambda i: (not crowd[i], -areas[i], sources[i]))
        front = np.full(owner.shape, -1, np.int32)
        for index in order:
            front[regions[index].box][regions[index].mask] = index
        wrong = (front >= 0) & (front != owner) & (owner != ANYBODY)
        if not wrong.any():
            return regions
        for index in np.unique(front[wrong]).tolist():
            region = regions[index]
            cut = wrong[region.box] & (front[region.box] == index)
            regions[index] = Region(region.top, region.left, region.mask & ~cut)
            areas[index] = int(regions[index].mask.sum())
