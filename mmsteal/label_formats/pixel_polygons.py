"""Polygons whose vertices are pixels: the outline belongs to the mask, as PIL draws it.

Cityscapes and LabelMe have them.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image, ImageDraw

from mmsteal.label_formats.annotation import Region
from mmsteal.label_formats.polygons import simplify, splice


def fill_polygon(polygon: ArrayLike, shape: tuple[int, int]) -> Region:
    """Draw a polygon whose vertices are pixels, as PIL does: even-odd, outline included.

    The tools of Cityscapes and LabelMe draw with PIL too, so the mask is the one they make.

    Args:
        polygon: Vertices (N, 2) as x, y in pixels; at least 2, finite.
        shape: Height and width of the image; what lies outside is cut off.

    Returns:
        The mask; 0 by 0 if nothing is inside the image.

    Example:
        >>> region = fill_polygon([(2, 1), (5, 1), (5, 4), (2, 4)], (10, 10))
        >>> int(region.mask.sum())
        16
    """
    points = np.asarray(polygon, np.float64)
    height, width = shape
    # A pixel wider than the vertices: PIL rounds.
    low = np.maximum(np.floor(points.min(axis=0)) - 1, 0)
    high = np.minimum(np.ceil(points.max(axis=0)) + 2, (width, height))
    if (high <= low).any():
        return Region(0, 0, np.zeros((0, 0), bool))
    (left, top), (right, bottom) = low.astype(int).tolist(), high.astype(int).tolist()
    canvas = Image.new('L', (right - left, bottom - top))
    shifted = (points - (left, top)).ravel().tolist()
    draw = ImageDraw.Draw(canvas)
    draw.polygon(shifted, fill=1, outline=1)
    return Region(top, left, np.asarray(canvas) != 0)


def trace_mask(mask: NDArray[np.bool_], *, tolerance_px: float = 0.0) -> list[NDArray[np.int64]]:
    """Outline a mask by polygons whose vertices are pixels, one for each 8-connected component.

    :func:`fill_polygon` gives the mask back: exactly with a tolerance of 0.

    Args:
        mask: (H, W) bool.
        tolerance_px: How far the outline may leave the boundary to save vertices. It is halved for
            a component until its polygon has an IoU of at least .99 with it.

    Returns:
        Vertices (N, 2) as x, y; largest component first.

    Example:
        >>> mask = np.zeros((6, 6), bool)
        >>> mask[1:5, 2:4] = True
        >>> trace_mask(mask)[0].tolist()
        [[2, 1], [2, 4], [3, 4], [3, 1]]
    """
    region = Region.of(mask)
    if not region.mask.size:
        return []
    inside = np.pad(region.mask, 1).astype(np.uint8)
    offset = np.array([region.left - 1, region.top - 1])
    contours, hierarchy = cv2.findContours(inside, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    rings = [contour[:, 0].astype(np.int64) for contour in contours]
    holes: dict[int, list[NDArray]] = {}
    for ring, (*_, parent) in zip(rings, hierarchy[0], strict=True):
        if parent >= 0:
            holes.setdefault(int(parent), []).append(ring)
    polygons = []
    for index, (*_, parent) in enumerate(hierarchy[0]):
        if parent < 0:
            exact = _drop_straight(_cut_to_holes(rings[index], holes.get(index, []), inside))
            # A pixel or a line gets three vertices as well: fewer are refused by many tools.
            exact = np.pad(exact, ((0, max(0, 3 - len(exact))), (0, 0)), mode='edge') + offset
            polygons.append(
                simplify(exact, tolerance_px, mask.shape, fill=fill_polygon, reduce=_reduce)
            )
    polygons.sort(key=lambda ring: (-np.ptp(ring, axis=0).prod(), *ring[0].tolist()))
    return polygons


def _cut_to_holes(outline: NDArray, holes: list[NDArray], inside: NDArray) -> NDArray:
    """Join the outlines of holes to the outline around them, by cuts through the object."""
    for hole in sorted(holes, key=lambda ring: int(ring[:, 0].min())):
        at_hole = int(hole[:, 0].argmin())
        column, row = hole[at_hole]
        # To the left, as far as the object goes: that pixel is of the outline or of a hole that
        # begins further left, and so has been joined before.
        target = int(np.flatnonzero(inside[row, : column + 1] == 0)[-1]) + 1
        at_outline = int(np.flatnonzero((outline == (target, row)).all(axis=1))[0])
        outline = splice(outline, at_outline, hole, at_hole)
    return outline


def _drop_straight(ring: NDArray) -> NDArray:
    """Leave out vertices in the middle of a straight way, and repeated ones."""
    ring = ring[(ring != np.roll(ring, 1, axis=0)).any(axis=1)] if len(ring) > 1 else ring
    if len(ring) < 3:
        return ring
    arriving = np.sign(ring - np.roll(ring, 1, axis=0))
    leaving = np.sign(np.roll(ring, -1, axis=0) - ring)
    steps = np.abs(ring - np.roll(ring, 1, axis=0))
    # Only ways of 0, 45, 90 degrees are straight for certain after looking at signs alone.
    even = (steps.min(axis=1) == 0) | (steps[:, 0] == steps[:, 1])
    return ring[~((arriving == leaving).all(axis=1) & even & np.roll(even, -1))]


def _reduce(ring: NDArray, tolerance_px: float) -> list[NDArray]:
    simple = cv2.approxPolyDP(ring.astype(np.int32)[:, None], tolerance_px, True)[:, 0]
    return [simple.astype(np.int64)] if len(simple) >= 3 else []
