"""What polygons of all formats have in common, whatever their vertices stand for.

Two conventions are in use. In Cityscapes and LabelMe a vertex is a pixel: see
:mod:`mmsteal.label_formats.pixel_polygons`. In COCO, CVAT and Label Studio it lies between pixels:
see :mod:`mmsteal.label_formats.corner_polygons`. Neither has holes, so a hole is joined to its
outline by a cut of no width, and the rule of even and odd leaves it empty.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mmsteal.label_formats.annotation import LabelError, Region

# Crossings are looked for between all pairs of edges; beyond this many the time is better spent.
_MAX_EDGES = 2000

# Vertices, and height and width of the image -> the pixels inside.
Fill = Callable[[ArrayLike, tuple[int, int]], Region]


def polygon_region(
    path: Path,
    what: str,
    polygon: Any,
    shape: tuple[int, int],
    notes: list[str],
    *,
    fill: Fill,
    slack_px: float = 0.0,
) -> Region | None:
    """Mask of a polygon of a file, with notes of what is odd about it.

    Args:
        path: The file, for messages.
        what: Which polygon of it.
        polygon: Its vertices as they are in the file.
        shape: Height and width of the image.
        notes: Takes the notes.
        fill: How it is filled: by the meaning of its vertices.
        slack_px: By how much it may reach out of the image without a note.

    Returns:
        None if it has fewer than 3 points; such polygons are left as they are.

    Raises:
        LabelError: If a coordinate is no finite number, or far outside of the image.
    """
    points = check_points(path, what, polygon)
    if len(points) < 3:
        notes.append(f'{path}: {what} has {len(points)} points; left as it is.')
        return None
    check_reach(path, what, points, shape)
    beyond = np.array(shape[::-1]) + slack_px
    if (points < -slack_px).any() or (points > beyond).any():
        notes.append(f'{path}: {what} reaches out of the image; cut off there.')
    if crosses_itself(points):
        notes.append(f'{path}: {what} crosses itself; filled by the even-odd rule.')
    return fill(points, shape)


def check_reach(path: Path, what: str, points: NDArray[Any], shape: tuple[int, int]) -> None:
    """Refuse a shape far outside of its image: to draw it takes memory and time without bound.

    Raises:
        LabelError: If a point is farther away than 20 times the image.
    """
    if points.size and float(np.abs(points).max()) > 20 * max(shape) + 1000:
        raise LabelError(
            f'{path}: {what} has a point at {float(np.abs(points).max()):g} px, far outside of the '
            f'image of {shape[1]} x {shape[0]} (width x height); fix or remove it.'
        )


def check_points(path: Path, what: str, values: Iterable[Any]) -> NDArray[np.float64]:
    """Points (N, 2) of a polygon as numbers.

    Raises:
        LabelError: If they are not pairs of finite numbers.
    """
    try:
        points = np.array(list(values), np.float64)
    except (TypeError, ValueError) as error:
        raise LabelError(f'{path}: {what} has points that are not pairs of numbers.') from error
    if points.size == 0:
        return np.zeros((0, 2))
    if points.ndim != 2 or points.shape[1] != 2:
        raise LabelError(f'{path}: {what} has points that are not pairs of numbers.')
    if not np.isfinite(points).all():
        raise LabelError(f'{path}: {what} has a coordinate that is not finite; fix it.')
    return points


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


def splice(ring: NDArray, at_ring: int, other: NDArray, at_other: int) -> NDArray:
    """Walk `ring` to a vertex, go round `other` from one of its vertices, come back, walk on."""
    around = np.roll(other, -at_other, axis=0)
    return np.concatenate([ring[: at_ring + 1], around, around[:1], ring[at_ring:]])


def simplify(
    ring: NDArray,
    tolerance_px: float,
    shape: tuple[int, ...],
    *,
    fill: Fill,
    reduce: Callable[[NDArray, float], Iterable[NDArray]],
) -> NDArray:
    """Outline a component by fewer vertices, as long as the pixels inside stay nearly the same.

    Args:
        ring: Vertices (N, 2) of its exact outline.
        tolerance_px: How far the outline may move. It is halved until the polygon has an IoU of at
            least .99 with the component.
        shape: Height and width of the image.
        fill: How polygons are filled.
        reduce: Polygons of fewer vertices within a tolerance, the best one first.

    Returns:
        The polygon; `ring` itself where none of fewer vertices will do.
    """
    height, width = shape
    exact = fill(ring, (height, width)).full((height, width)) if tolerance_px else None
    while exact is not None and tolerance_px >= 0.25:
        for simple in reduce(ring, tolerance_px):
            filled = fill(simple, (height, width)).full((height, width))
            if (filled & exact).sum() >= 0.99 * (filled | exact).sum():
                return simple
        tolerance_px /= 2
    return ring
