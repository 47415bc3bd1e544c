"""Polygons whose vertices lie between pixels: x = 3 is the line from pixel 2 to pixel 3.

CVAT, Label Studio and COCO have them. A pixel belongs to such a polygon where its middle does.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from mmsteal.label_formats.annotation import Region
from mmsteal.label_formats.polygons import polygon_region, trace_corners


def fill_corners(polygon: ArrayLike, shape: tuple[int, int]) -> Region:
    """Fill a polygon by the even-odd rule: the pixels whose middle is inside.

    The inverse of :func:`mmsteal.label_formats.polygons.trace_corners`, exactly.

    Args:
        polygon (ArrayLike): Vertices (N, 2) as x, y; finite.
        shape (tuple[int, int]): Height and width of the image; what lies outside is cut off.

    Returns:
        Region: The mask; 0 by 0 if nothing is inside the image.

    Example:
        >>> region = fill_corners([(2, 1), (5, 1), (5, 4), (2, 4)], (10, 10))
        >>> region.top, region.left, region.mask.shape
        (1, 2, (3, 3))
    """
    start = np.asarray(polygon, np.float64).reshape(-1, 2)
    end = np.roll(start, -1, axis=0)
    # All edges downwards, so that the two ways of a cut round alike and cancel.
    swapped = (start[:, 1] > end[:, 1])[:, None]
    upper, lower = np.where(swapped, end, start), np.where(swapped, start, end)
    first, last = (
        np.clip(np.ceil(y - 0.5), 0, shape[0]).astype(np.int64) for y in (upper[:, 1], lower[:, 1])
    )
    count = last - first
    edge = np.repeat(np.arange(len(start)), count)
    row = np.arange(len(edge)) - np.repeat(np.cumsum(count) - count, count) + first[edge]
    way = (row + 0.5 - upper[edge, 1]) / (lower[edge, 1] - upper[edge, 1])
    x = upper[edge, 0] + way * (lower[edge, 0] - upper[edge, 0])
    column = np.clip(np.ceil(x - 0.5), 0, shape[1]).astype(np.int64)
    if not len(column) or column.min() == column.max():
        return Region(0, 0, np.zeros((0, 0), bool))
    top, left = int(row.min()), int(column.min())
    height, width = int(row.max()) + 1 - top, int(column.max()) - left
    crossings = np.bincount(
        (row - top) * (width + 1) + column - left, minlength=height * (width + 1)
    )
    inside = np.cumsum(crossings.reshape(height, width + 1), axis=1)[:, :-1] % 2 == 1
    trimmed = Region.of(inside)
    if not trimmed.mask.size:
        return trimmed
    return Region(trimmed.top + top, trimmed.left + left, trimmed.mask)


def corner_region(
    path: Path, what: str, polygon: Any, shape: tuple[int, int], notes: list[str]
) -> Region | None:
    """:func:`mmsteal.label_formats.polygons.polygon_region` of such a polygon."""
    # Tools round, so a hundredth of a pixel is no matter.
    return polygon_region(path, what, polygon, shape, notes, fill=fill_corners, slack_px=0.01)


def outline_corners(mask: NDArray[np.bool_], *, tolerance_px: float = 0.0) -> list[NDArray]:
    """Outline a mask by polygons, one for each 4-connected component; holes are cut open.

    Args:
        mask (np.ndarray): (H, W) bool.
        tolerance_px (float): How far the outline may leave the sides of the pixels to save
            vertices; .75 takes the stairs out of slanted lines. It is halved for a component until
            its polygon has an IoU of at least .99 with it. 0: :func:`fill_corners` gives the mask
            back exactly.

    Returns:
        list[np.ndarray]: Vertices (N, 2) as x, y; largest component first.

    Example:
        >>> stairs = np.tri(20, dtype=bool)
        >>> len(outline_corners(stairs)[0]), len(outline_corners(stairs, tolerance_px=0.75)[0])
        (42, 6)
    """
    return [_simplify(ring, tolerance_px, mask.shape) for ring in trace_corners(mask)]


def _simplify(ring: NDArray, tolerance_px: float, shape: tuple[int, ...]) -> NDArray:
    height, width = shape
    exact = fill_corners(ring, (height, width)).full((height, width)) if tolerance_px else None
    while exact is not None and tolerance_px >= 0.25:
        # A slanted line runs through the middles of the sides, a straight one through the corners.
        for way in sorted(
            (_reduce(each, tolerance_px) for each in (ring, _middles(ring))), key=len
        ):
            if 3 <= len(way) < len(ring):
                filled = fill_corners(way, (height, width)).full((height, width))
                if (filled & exact).sum() >= 0.99 * (filled | exact).sum():
                    return way
        tolerance_px /= 2
    return ring


def _reduce(ring: NDArray, tolerance_px: float) -> NDArray:
    return cv2.approxPolyDP(ring.astype(np.float32)[:, None], tolerance_px, True)[:, 0]


def _middles(ring: NDArray) -> NDArray:
    """Middles of the sides of pixels along an outline: a polygon with the same pixels inside."""
    steps = np.roll(ring, -1, axis=0) - ring
    if (steps != 0).all(axis=1).any():  # the cut to a hole may run slantwise
        return ring
    length = np.abs(steps).max(axis=1)
    along = np.arange(length.sum()) - np.repeat(np.cumsum(length) - length, length) + 0.5
    return np.repeat(ring, length, axis=0) + along[:, None] * np.repeat(
        np.sign(steps), length, axis=0
    )
