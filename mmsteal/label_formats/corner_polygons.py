"""Polygons whose vertices lie between pixels: x = 3 is the line from pixel 2 to pixel 3.

CVAT, Label Studio and COCO have them. A pixel belongs to such a polygon where its middle does.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from mmsteal.label_formats.annotation import Region
from mmsteal.label_formats.polygons import polygon_region, simplify, splice


def fill_corners(polygon: ArrayLike, shape: tuple[int, int]) -> Region:
    """Fill a polygon by the even-odd rule: the pixels whose middle is inside.

    The inverse of :func:`trace_corners`, exactly.

    Args:
        polygon: Vertices (N, 2) as x, y; finite.
        shape: Height and width of the image; what lies outside is cut off.

    Returns:
        The mask; 0 by 0 if nothing is inside the image.

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
    return Region.of(inside, top, left)


def corner_region(
    path: Path, what: str, polygon: Any, shape: tuple[int, int], notes: list[str]
) -> Region | None:
    """:func:`mmsteal.label_formats.polygons.polygon_region` of such a polygon."""
    # Tools round, so a hundredth of a pixel is no matter.
    return polygon_region(path, what, polygon, shape, notes, fill=fill_corners, slack_px=0.01)


def trace_corners(mask: NDArray[np.bool_]) -> list[NDArray[np.int64]]:
    """Outline a mask by polygons whose vertices are corners of pixels, as COCO has them.

    One polygon for each 4-connected component. pycocotools gives the mask back exactly.

    Args:
        mask: (H, W) bool.

    Returns:
        Vertices (N, 2) as x, y; largest component first.

    Example:
        >>> mask = np.zeros((6, 6), bool)
        >>> mask[1:5, 2:4] = True
        >>> trace_corners(mask)[0].tolist()
        [[2, 1], [4, 1], [4, 5], [2, 5]]
    """
    region = Region.of(mask)
    if not region.mask.size:
        return []
    inside = np.pad(region.mask, 1)
    width = inside.shape[1] + 1
    # Sides of pixels, with the object to the right of the way: along the top, down the right side,
    # back along the bottom, up the left side. A corner is a number: row * width + column.
    sides = (
        (inside & ~np.roll(inside, 1, axis=0), 0, 1),
        (inside & ~np.roll(inside, -1, axis=1), 1, width),
        (inside & ~np.roll(inside, -1, axis=0), width + 1, -1),
        (inside & ~np.roll(inside, 1, axis=1), width, -width),
    )
    leaves: dict[tuple[int, int], int] = {}  # (corner, direction) -> the next corner
    owner: dict[tuple[int, int], int] = {}
    _, components = cv2.connectedComponents(inside.astype(np.uint8), connectivity=4)
    for direction, (has, start, step) in enumerate(sides):
        rows, columns = np.nonzero(has)
        corners = (rows * width + columns + start).tolist()
        for corner, component in zip(corners, components[has].tolist(), strict=True):
            leaves[corner, direction] = corner + step
            owner[corner, direction] = component
    outlines: dict[int, NDArray] = {}
    holes: list[tuple[int, NDArray]] = []
    while leaves:
        first = next(iter(leaves))
        corner, direction = first
        ring, turns = [], 0
        while (corner, direction) in leaves:
            corner = leaves.pop((corner, direction))
            # Right first: two pixels that touch at a corner only are not neighbors.
            for turn in (1, 0, -1):
                onward = (corner, (direction + turn) % 4)
                if onward in leaves or onward == first:
                    break
            if turn:
                ring.append(corner)
                turns += turn
            direction = onward[1]
        rows, columns = np.divmod(np.array(ring), width)
        vertices = np.stack([columns + region.left - 1, rows + region.top - 1], axis=1)
        vertices = np.roll(vertices, 1, axis=0)
        if turns > 0:
            outlines[owner[first]] = vertices
        else:
            holes.append((owner[first], vertices))
    for component, hole in holes:
        outline = outlines[component]
        # A cut of no width may run anywhere: what it adds and what it takes away are the same.
        distances, nearest = scipy.spatial.cKDTree(outline).query(hole)
        at_hole = int(distances.argmin())
        outlines[component] = splice(outline, int(nearest[at_hole]), hole, at_hole)
    return sorted(outlines.values(), key=lambda ring: (-np.ptp(ring, axis=0).prod(), *ring[0]))


def outline_corners(mask: NDArray[np.bool_], *, tolerance_px: float = 0.0) -> list[NDArray]:
    """Outline a mask by polygons, one for each 4-connected component; holes are cut open.

    Args:
        mask: (H, W) bool.
        tolerance_px: How far the outline may leave the sides of the pixels to save vertices; .75
            takes the stairs out of slanted lines. It is halved for a component until its polygon
            has an IoU of at least .99 with it. 0: :func:`fill_corners` gives the mask back exactly.

    Returns:
        Vertices (N, 2) as x, y; largest component first.

    Example:
        >>> stairs = np.tri(20, dtype=bool)
        >>> len(outline_corners(stairs)[0]), len(outline_corners(stairs, tolerance_px=0.75)[0])
        (42, 6)
    """
    return [
        simplify(ring, tolerance_px, mask.shape, fill=fill_corners, reduce=_reduce)
        for ring in trace_corners(mask)
    ]


def _reduce(ring: NDArray, tolerance_px: float) -> list[NDArray]:
    # A slanted line runs through the middles of the sides, a straight one through the corners.
    ways = [
        cv2.approxPolyDP(each.astype(np.float32)[:, None], tolerance_px, True)[:, 0]
        for each in (ring, _middles(ring))
    ]
    return [way for way in sorted(ways, key=len) if 3 <= len(way) < len(ring)]


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
