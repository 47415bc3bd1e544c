"""Polygons -> masks, and masks -> polygons, holes included.

Two conventions are in use. In Cityscapes and LabelMe a vertex is a pixel: the outline belongs to
the mask (PIL draws it). In COCO a vertex is a corner of pixels: x = 3 lies between the pixels 2
and 3. Neither has holes, so a hole is joined to its outline by a cut of no width, and the rule of
even and odd leaves it empty.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import scipy
import skimage
from numpy.typing import ArrayLike, NDArray
from PIL import Image, ImageDraw

from mmsteal.label_formats.annotation import Region
from mmsteal.label_formats.base import check_finite

# Crossings are looked for between all pairs of edges; beyond this many the time is better spent.
_MAX_EDGES = 2000
# What a pixel of a line costs that nobody sees, against 1 for one that is seen.
_COVERED_COST = 1e-3


def fill_polygon(polygon: ArrayLike, shape: tuple[int, int]) -> Region:
    """Draw a polygon whose vertices are pixels, as PIL does: even-odd, outline included.

    The tools of Cityscapes and LabelMe draw with PIL too, so the mask is the one they make.

    Args:
        polygon (ArrayLike): Vertices (N, 2) as x, y in pixels; at least 2, finite.
        shape (tuple[int, int]): Height and width of the image; what lies outside is cut off.

    Returns:
        Region: The mask; 0 by 0 if nothing is inside the image.

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


def crosses_itself(polygon: ArrayLike) -> bool:
    """Whether two edges of a polygon cross at a point inside both.

    Polygons of more than 2000 edges are not looked at, and answer False.
    """
    points = np.unique(np.asarray(polygon, np.float64), axis=0)
    if len(points) < 4 or len(np.asarray(polygon)) > _MAX_EDGES:
        return False
    start = np.asarray(polygon, np.float64)
    end = np.roll(start, -1, axis=0)

    def side(a: NDArray, b: NDArray, c: NDArray) -> NDArray:
        u, v = b - a, c - a
        return np.sign(u[..., 0] * v[..., 1] - u[..., 1] * v[..., 0])

    of_starts = side(start[:, None], end[:, None], start[None])
    parted = of_starts * np.roll(of_starts, -1, axis=1) < 0
    return bool((parted & parted.T).any())


def polygon_region(
    path: Path,
    what: str,
    polygon: Any,
    shape: tuple[int, int],
    notes: list[str],
    *,
    fill: Callable[[ArrayLike, tuple[int, int]], Region] = fill_polygon,
    slack_px: float = 0.0,
) -> Region | None:
    """Mask of a polygon of a file, with notes of what is odd about it.

    Args:
        path (Path): The file, for messages.
        what (str): Which polygon of it.
        polygon (Any): Its vertices as they are in the file.
        shape (tuple[int, int]): Height and width of the image.
        notes (list[str]): Takes the notes.
        fill (Callable): How it is filled.
        slack_px (float): By how much it may reach out of the image without a note.

    Returns:
        Region | None: None if it has fewer than 3 points; such polygons are left as they are.

    Raises:
        LabelError: If a coordinate is no finite number.
    """
    points = check_finite(path, what, polygon)
    if len(points) < 3:
        notes.append(f'{path}: {what} has {len(points)} points; left as it is.')
        return None
    beyond = np.array(shape[::-1]) + slack_px
    if (points < -slack_px).any() or (points > beyond).any():
        notes.append(f'{path}: {what} reaches out of the image; cut off there.')
    if crosses_itself(points):
        notes.append(f'{path}: {what} crosses itself; filled by the even-odd rule.')
    return fill(points, shape)


def trace_mask(mask: NDArray[np.bool_], *, tolerance_px: float = 0.0) -> list[NDArray[np.int64]]:
    """Outline a mask by polygons whose vertices are pixels, one for each 8-connected component.

    :func:`fill_polygon` gives the mask back: exactly with a tolerance of 0.

    Args:
        mask (np.ndarray): (H, W) bool.
        tolerance_px (float): How far the outline may leave the boundary to save vertices. It is
            halved for a component until its polygon has an IoU of at least .99 with it.

    Returns:
        list[np.ndarray]: Vertices (N, 2) as x, y; largest component first.

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
            polygons.append(_simplify(exact, tolerance_px, mask.shape))
    polygons.sort(key=lambda ring: (-np.ptp(ring, axis=0).prod(), *ring[0].tolist()))
    return polygons


def connect_parts(
    mask: NDArray[np.bool_],
    covered: NDArray[np.bool_],
    forbidden: NDArray[np.bool_] | None = None,
) -> NDArray[np.bool_]:
    """Join the parts of a mask by lines one pixel wide, so that one polygon outlines it.

    For formats that have one polygon an object. The lines run where fewest of their pixels are
    seen: a spanning tree of the parts, from one search of the cheapest ways between them.

    Args:
        mask (np.ndarray): (H, W) bool.
        covered (np.ndarray): (H, W) bool, pixels that other objects are painted over.
        forbidden (np.ndarray | None): (H, W) bool, pixels that no line may take. Parts that cannot
            be reached without them stay apart.

    Returns:
        np.ndarray: (H, W) bool, the mask with the lines: one 8-connected component, or as few as
        `forbidden` allows.

    Example:
        >>> mask = np.array([[1, 0, 0, 1]], bool)
        >>> connect_parts(mask, np.zeros((1, 4), bool)).tolist()
        [[True, True, True, True]]
    """
    box = Region.of(mask).box
    joined = mask.copy()
    inside = joined[box]
    count, parts = cv2.connectedComponents(inside.astype(np.uint8), connectivity=8)
    if count <= 2:
        return joined
    price = np.where(covered[box], _COVERED_COST, 1.0)
    if forbidden is not None:
        price[forbidden[box]] = np.inf
    price[inside] = _COVERED_COST
    search = skimage.graph.MCP(price)
    costs, steps = search.find_costs(np.argwhere(inside))
    # The part that each pixel was reached from: where its way leads, in steps that double.
    offsets = np.append(np.asarray(search.offsets) @ (price.shape[1], 1), 0)
    origin = np.arange(price.size) - offsets[np.where(steps < 0, -1, steps)].ravel()
    for _ in range(max(1, price.size).bit_length()):
        origin = origin[origin]
    part = parts.ravel()[origin].reshape(price.shape)  # 0 where nobody came
    # Where the pixels around two parts meet, a way between them; of each pair the cheapest.
    numbers = np.arange(price.size).reshape(price.shape)
    height, width = price.shape
    meetings = []
    for dy, dx in ((0, 1), (1, 0), (1, 1), (1, -1)):
        here = slice(0, height - dy), slice(max(-dx, 0), width - max(dx, 0))
        there = slice(dy, height), slice(max(dx, 0), width - max(-dx, 0))
        meets = (part[here] != part[there]) & (part[here] > 0) & (part[there] > 0)
        low, high = np.sort((part[here][meets], part[there][meets]), axis=0)
        paid = costs[here][meets] + costs[there][meets]
        meetings.append((low, high, paid, numbers[here][meets], numbers[there][meets]))
    low, high, paid, first, second = map(np.concatenate, zip(*meetings, strict=True))
    order = np.lexsort((paid, high, low))
    pairs = (low * count + high)[order]
    order = order[np.flatnonzero(np.diff(pairs, prepend=-1))]
    # A way may cost nothing; a zero would be no edge.
    graph = scipy.sparse.coo_matrix((paid[order] + 1, (low[order], high[order])), (count, count))
    tree = scipy.sparse.csgraph.minimum_spanning_tree(graph.tocsr()).tocoo()
    chosen = np.isin(low[order] * count + high[order], tree.row * count + tree.col)
    for end in (*first[order[chosen]].tolist(), *second[order[chosen]].tolist()):
        way = search.traceback(np.unravel_index(end, price.shape))
        inside[tuple(np.transpose(way))] = True
    return joined


def trace_corners(mask: NDArray[np.bool_]) -> list[NDArray[np.int64]]:
    """Outline a mask by polygons whose vertices are corners of pixels, as COCO has them.

    One polygon for each 4-connected component. pycocotools gives the mask back exactly.

    Args:
        mask (np.ndarray): (H, W) bool.

    Returns:
        list[np.ndarray]: Vertices (N, 2) as x, y; largest component first.

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
            # Right first: two pixels that touch at a corner only are not neighbours.
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
        outlines[component] = _splice(outline, int(nearest[at_hole]), hole, at_hole)
    return sorted(outlines.values(), key=lambda ring: (-np.ptp(ring, axis=0).prod(), *ring[0]))


def _cut_to_holes(outline: NDArray, holes: list[NDArray], inside: NDArray) -> NDArray:
    """Join the outlines of holes to the outline around them, by cuts through the object."""
    for hole in sorted(holes, key=lambda ring: int(ring[:, 0].min())):
        at_hole = int(hole[:, 0].argmin())
        column, row = hole[at_hole]
        # To the left, as far as the object goes: that pixel is of the outline or of a hole that
        # begins further left, and so has been joined before.
        target = int(np.flatnonzero(inside[row, : column + 1] == 0)[-1]) + 1
        at_outline = int(np.flatnonzero((outline == (target, row)).all(axis=1))[0])
        outline = _splice(outline, at_outline, hole, at_hole)
    return outline


def _splice(ring: NDArray, at_ring: int, other: NDArray, at_other: int) -> NDArray:
    """Walk `ring` to a vertex, go round `other` from one of its vertices, come back, walk on."""
    around = np.roll(other, -at_other, axis=0)
    return np.concatenate([ring[: at_ring + 1], around, around[:1], ring[at_ring:]])


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


def _simplify(ring: NDArray, tolerance_px: float, shape: tuple[int, ...]) -> NDArray:
    height, width = shape
    exact = fill_polygon(ring, (height, width)).full((height, width)) if tolerance_px else None
    while exact is not None and tolerance_px >= 0.25:
        simple = cv2.approxPolyDP(ring.astype(np.int32)[:, None], tolerance_px, True)[:, 0]
        if len(simple) >= 3:
            filled = fill_polygon(simple, (height, width)).full((height, width))
            if (filled & exact).sum() >= 0.99 * (filled | exact).sum():
                return simple.astype(np.int64)
        tolerance_px /= 2
    return ring
