"""Pictures for the report of the demo."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from mmsteal.functional.labels.bounding_box import bounding_box

_TITLE_PX, _GAP_PX = 34, 12
_TOUCHING = np.ones((5, 5), np.uint8)
# Of objects, in turn: told apart from each other, and from what photographs are made of.
_COLORS = ((255, 196, 0), (0, 150, 255), (240, 70, 150))


def read_png(path: Path) -> np.ndarray:
    """A label or instance map, int32."""
    return np.asarray(Image.open(path)).astype(np.int32)


def read_photo(path: Path) -> np.ndarray:
    """A photograph, RGB."""
    return np.array(Image.open(path).convert('RGB'))


def outlined(image: np.ndarray, exact: np.ndarray, labels: np.ndarray, zoom: int = 3) -> np.ndarray:
    """An enlarged image with the outlines of two maps of objects."""
    picture = cv2.resize(image, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_CUBIC)
    for objects, color in ((exact, (255, 255, 255)), (labels, (230, 30, 30))):
        for number in np.unique(objects[objects > 0]):
            mask = np.repeat(np.repeat(objects == number, zoom, axis=0), zoom, axis=1)
            contours, _ = cv2.findContours(
                mask.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE
            )
            cv2.drawContours(picture, contours, -1, color, 1)
    return picture


def side_by_side(panels: list[np.ndarray]) -> np.ndarray:
    """Panels in a row, with a white margin around each."""
    return np.hstack([np.pad(p, ((4, 4), (4, 4), (0, 0)), constant_values=255) for p in panels])


def surroundings(mask: NDArray[np.bool_], least_aspect: float = 0.9) -> tuple[slice, slice]:
    """What to show of an image: the box of a mask with some of what is around it.

    Args:
        mask: (H, W) bool.
        least_aspect: Width over height that a picture has at least, as far as the image reaches.
    """
    height, width = mask.shape
    rows, columns = bounding_box(mask)
    margin = round(0.06 * max(rows.stop - rows.start, columns.stop - columns.start)) + 8
    top, bottom = max(rows.start - margin, 0), min(rows.stop + margin, height)
    missing = least_aspect * (bottom - top) - (columns.stop - columns.start) - 2 * margin
    margin += max(round(missing / 2), 0)
    return slice(top, bottom), slice(
        max(columns.start - margin, 0), min(columns.stop + margin, width)
    )


def enlarged(image: NDArray[np.uint8], width: int) -> NDArray[np.uint8]:
    """A picture at another width."""
    size = (width, round(image.shape[0] * width / image.shape[1]))
    way = cv2.INTER_AREA if width < image.shape[1] else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(image, size, interpolation=way), np.uint8)


def labelled(
    image: NDArray[np.uint8],
    labels: NDArray[np.int32],
    exact: NDArray[np.int32],
    *,
    width: int,
) -> NDArray[np.uint8]:
    """An image with each object tinted in its own color, and white lines around the exact ones.

    Args:
        image: RGB (H, W, 3) uint8.
        labels: Index of the object of each pixel (H, W), -1 for none.
        exact: The same of the exact objects; -2 where nobody knows, and no line is drawn.
        width: Of the picture.
    """
    picture = enlarged(image, width)
    number = int(max(labels.max(), exact.max())) + 1
    for index in range(number):
        color = _COLORS[index % len(_COLORS)]
        mask, outlines = _contours(labels == index, picture.shape)
        picture[mask] = 0.6 * picture[mask] + 0.4 * np.array(color)
        cv2.drawContours(picture, outlines, -1, color, 2, cv2.LINE_AA)
    lines = np.zeros(picture.shape[:2], np.uint8)
    for index in range(number):
        _, outlines = _contours(exact == index, picture.shape)
        cv2.drawContours(lines, outlines, -1, (255,), 1, cv2.LINE_AA)
    unknown, _ = _contours(cv2.dilate((exact == -2).view(np.uint8), _TOUCHING) > 0, lines.shape)
    share = np.where(unknown, 0, lines / np.float32(255))[..., None]
    return (picture * (1 - share) + 255 * share).astype(np.uint8)


def _contours(
    mask: NDArray[np.bool_], shape: tuple[int, ...]
) -> tuple[NDArray[np.bool_], Sequence[np.ndarray]]:
    """A mask at another size, and its outlines."""
    large = cv2.resize(mask.astype(np.float32), shape[1::-1], interpolation=cv2.INTER_LINEAR) > 0.5
    outlines, _ = cv2.findContours(large.view(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    return large, outlines


def grid_as_jpeg(panels: Mapping[str, NDArray[np.uint8]], *, columns: int) -> bytes:
    """Panels of one size in rows, each below its title, as a JPEG."""
    height, width = next(iter(panels.values())).shape[:2]
    rows = -(-len(panels) // columns)
    step = (width + _GAP_PX, height + _TITLE_PX + _GAP_PX)
    page = Image.new('RGB', (columns * step[0] - _GAP_PX, rows * step[1] - _GAP_PX), 'white')
    draw = ImageDraw.Draw(page)
    for number, (title, panel) in enumerate(panels.items()):
        left, top = number % columns * step[0], number // columns * step[1]
        draw.text((left, top + 4), title, fill=(28, 30, 33), font=ImageFont.load_default(20))
        page.paste(Image.fromarray(panel), (left, top + _TITLE_PX))
    content = io.BytesIO()
    page.save(content, format='JPEG', quality=90)
    return content.getvalue()
