"""Pictures for the page: masks on the image, edges, before and after."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from mmsteal.annotator.edge_maps import EdgeMaps
from mmsteal.annotator.session import Session
from mmsteal.functional.labels.resize import resample
from mmsteal.visualization.edge_colors import (
    colorize_edges,
    distinct_palette,
    relative_strength,
)

# Longest side of a picture in the browser; masks are kept at full size. A small image is enlarged
# by a whole number, so that thin lines are thin beside its pixels.
MIN_SIDE, MAX_SIDE = 600, 1280
_DASH = 6


def display_shape(shape: tuple[int, ...]) -> tuple[int, int]:
    """Height and width of an image in the browser."""
    longest = max(shape[:2])
    factor = min(MAX_SIDE / longest, math.ceil(MIN_SIDE / longest))
    return max(round(shape[0] * factor), 1), max(round(shape[1] * factor), 1)


def display_image(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The image at the size of the browser."""
    shape = display_shape(pixels.shape)
    if shape == pixels.shape[:2]:
        return pixels
    way = cv2.INTER_AREA if shape[0] < pixels.shape[0] else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(pixels, shape[::-1], interpolation=way), np.uint8)


def paint_masks(
    session: Session, object_map: NDArray[np.int32], *, before: NDArray[np.int32] | None = None
) -> NDArray[np.uint8]:
    """Masks in the colors of their classes, with outlines, on the image.

    Args:
        session (Session): Image, classes and the class of each object.
        object_map (np.ndarray): (H, W) int32, the objects to paint.
        before (np.ndarray | None): (H, W) int32, objects whose outlines are drawn dashed, in
            black and white.

    Returns:
        np.ndarray: (h, w, 3) uint8 RGB, at the size of the browser.
    """
    picture = display_image(session.image.pixels).copy()
    small = resample(object_map, picture.shape[:2])
    palette = class_colors(len(session.classes))
    colors = np.array([palette[k] for k in session.object_classes] + [(0, 0, 0)], np.uint8)
    inside = small >= 0
    tint = colors[small]
    cv2.copyTo(cv2.addWeighted(picture, 0.65, tint, 0.35, 0), inside.view(np.uint8), picture)
    line = _outlines(small)
    # White beside the color: the line is seen on any image.
    picture[_grown(line) & ~line] = 255
    picture[line] = tint[line]
    if before is not None:
        # On top: a part that has not moved shows as well.
        y, x = np.nonzero(_outlines(resample(before, picture.shape[:2])))
        picture[y, x] = np.where((x + y) // _DASH % 2, 255, 0)[:, None]
    return picture


def paint_edges(session: Session, edges: EdgeMaps) -> NDArray[np.uint8]:
    """Edges in the colors of their classes on white; one color where one map serves all."""
    shape = display_shape(session.image.pixels.shape)
    maps = edges.maps if len(edges.maps) == 1 else edges.maps[:-1]
    small = [cv2.resize(one, shape[::-1], interpolation=cv2.INTER_AREA) for one in maps]
    maps = relative_strength(np.stack(small))
    if len(maps) == 1:
        return np.repeat(np.rint(255 * (1 - maps[0])).astype(np.uint8)[..., None], 3, axis=2)
    known = {name: k for k, name in enumerate(session.classes)}
    palette = class_colors(max(len(session.classes), len(maps)))
    others = distinct_palette(len(maps))
    colors = np.array(
        [palette[known[n]] if n in known else others[i] for i, n in enumerate(edges.names[:-1])]
    )
    return colorize_edges(maps, colors)


def class_colors(num_classes: int) -> NDArray[np.uint8]:
    """Colors (K, 3) RGB of the classes; class k keeps its own however many there are."""
    return np.asarray(distinct_palette(num_classes), np.uint8)


def _outlines(object_map: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Pixels inside of an object with a neighbor that is not."""
    line = np.zeros(object_map.shape, bool)
    for axis in (0, 1):
        first = object_map[:-1] if axis == 0 else object_map[:, :-1]
        second = object_map[1:] if axis == 0 else object_map[:, 1:]
        differ = first != second
        if axis == 0:
            line[:-1] |= differ
            line[1:] |= differ
        else:
            line[:, :-1] |= differ
            line[:, 1:] |= differ
    return line & (object_map >= 0)


def _grown(line: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return cv2.dilate(line.view(np.uint8), np.ones((3, 3), np.uint8)) != 0
