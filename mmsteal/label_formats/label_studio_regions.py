"""Label Studio's regions that cover an area, as masks."""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Iterable, Mapping
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mmsteal.input_files import load_image
from mmsteal.label_formats.annotation import LabelError, Region
from mmsteal.label_formats.corner_polygons import corner_region
from mmsteal.label_formats.corner_shapes import TurnedBox
from mmsteal.label_formats.label_maps import encode_png
from mmsteal.label_formats.run_lengths import decode_brush

Value = Mapping[str, Any]

# Into how many straight ways a curve between two vertices is cut.
_STEPS = 16
_BLUE = (64, 158, 255, 255)


def plain_kind(kind: str) -> str:
    """Type of a result without its labels: `'brushlabels'` is a brush."""
    return kind.removesuffix('labels')


def bitmask_value(mask: NDArray[np.bool_], given: Value) -> dict[str, Any]:
    """A mask (H, W) as the picture of a bitmask, in the color of the one before."""
    color = np.array(_BLUE, np.uint8)
    before = given.get('imageDataURL')
    if isinstance(before, str):
        pixels = _picture(before)
        inside = pixels[_inside(pixels)]
        color = inside[0] if len(inside) else color
    picture = Image.fromarray(mask[..., None] * color)
    data = base64.b64encode(encode_png(picture)).decode('ascii')
    return {'imageDataURL': f'data:image/png;base64,{data}'}


def _brush(
    what: str, which: str, value: Value, shape: tuple[int, int], notes: list[str]
) -> Region | None:
    if value.get('format') != 'rle' or not isinstance(value.get('rle'), list):
        raise LabelError(f'{what}: {which} has no RLE.')
    try:
        return Region.of(decode_brush(value['rle'], shape))
    except ValueError as error:
        raise LabelError(f'{what}: {which} has a damaged RLE. {error}') from error


def _bitmask(
    what: str, which: str, value: Value, shape: tuple[int, int], notes: list[str]
) -> Region | None:
    try:
        mask = _inside(_picture(value['imageDataURL']))
    except Exception as error:  # base64 and PIL raise what they like on damaged text
        raise LabelError(
            f'{what}: {which} has no picture that can be read ({type(error).__name__}); draw it '
            'again, or remove it.'
        ) from error
    if mask.shape != shape:
        raise LabelError(
            f'{what}: {which} is a bitmask of {mask.shape[1]} x {mask.shape[0]} (width x height), '
            f'but the image is {shape[1]} x {shape[0]}.'
        )
    return Region.of(mask)


def _inside(pixels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """What is opaque; where all is, and there are two colors, what is bright."""
    colors, alpha = pixels[..., :3], pixels[..., 3]
    if alpha.min(initial=255) == 255 and np.ptp(colors, axis=(0, 1)).any():
        return colors.max(axis=2) > 127
    return alpha > 127


def _picture(address: str) -> NDArray[np.uint8]:
    """Pixels (H, W, 4) of a picture in an address of its own."""
    content = base64.b64decode(address.partition(',')[2], validate=True)
    with load_image(BytesIO(content)) as image:
        return np.array(image.convert('RGBA'))


def _polygon(
    what: str, which: str, value: Value, shape: tuple[int, int], notes: list[str]
) -> Region | None:
    points = value.get('points')
    if not isinstance(points, list):
        raise LabelError(f'{what}: {which} has no points.')
    return _closed_area(what, which, value, points, shape, notes)


def _vector(
    what: str, which: str, value: Value, shape: tuple[int, int], notes: list[str]
) -> Region | None:
    vertices = value.get('vertices')
    if not isinstance(vertices, list):
        raise LabelError(f'{what}: {which} has no vertices.')
    if value.get('closed') is not True or not _is_ring(vertices):
        notes.append(f'{what}: {which} is not closed; left as it is.')
        return None
    points: list[tuple[float, float]] = []
    try:
        for index, vertex in enumerate(vertices):
            points += _way(vertices[index - 1], vertex)
    except (KeyError, TypeError, ValueError) as error:
        raise LabelError(f'{what}: {which} has vertices without x and y.') from error
    return _closed_area(what, which, value, points, shape, notes)


def _is_ring(vertices: list[Any]) -> bool:
    """Whether each vertex comes after the one before it in the list: paths may branch, too."""
    return all(
        vertex.get('prevPointId') in (None, before.get('id'))
        for before, vertex in pairwise([*vertices[-1:], *vertices])
    )


def _way(before: Value, vertex: Value) -> list[tuple[float, float]]:
    """Points of the way from a vertex to the next, without the first; a curve may lead there."""
    start, end = ((float(v['x']), float(v['y'])) for v in (before, vertex))
    leaving = before.get('controlPoint2') if before.get('isBezier') else None
    arriving = vertex.get('controlPoint1') if vertex.get('isBezier') else None
    if leaving is None and arriving is None:
        return [end]
    second = start if leaving is None else (float(leaving['x']), float(leaving['y']))
    third = end if arriving is None else (float(arriving['x']), float(arriving['y']))
    t = np.linspace(0, 1, _STEPS + 1)[1:, None]
    curve = (
        (1 - t) ** 3 * np.array(start)
        + 3 * (1 - t) ** 2 * t * np.array(second)
        + 3 * (1 - t) * t**2 * np.array(third)
        + t**3 * np.array(end)
    )
    return [(x, y) for x, y in curve.tolist()]


def _closed_area(
    what: str,
    which: str,
    value: Value,
    points: Iterable[Any],
    shape: tuple[int, int],
    notes: list[str],
) -> Region | None:
    """The area in an outline; the unit of coordinates is a hundredth of the side of the image."""
    if value.get('closed') is False:
        notes.append(f'{what}: {which} is not closed; left as it is.')
        return None
    scale = (shape[1] / 100, shape[0] / 100)
    try:
        pixels = [(float(x) * scale[0], float(y) * scale[1]) for x, y in points]
    except (TypeError, ValueError) as error:
        raise LabelError(f'{what}: {which} has points that are not pairs of numbers.') from error
    if not all(map(math.isfinite, (one for pair in pixels for one in pair))):
        raise LabelError(f'{what}: {which} has a coordinate that is not finite.')
    return corner_region(Path(what), which, pixels, shape, notes)


def _rectangle(
    what: str, which: str, value: Value, shape: tuple[int, int], notes: list[str]
) -> Region | None:
    left, top, width, height, turn = _numbers(what, which, value, 'x', 'y', 'width', 'height')
    x, y = shape[1] / 100, shape[0] / 100
    sides = (left * x, top * y, width * x, height * y, turn)
    box = TurnedBox.read(Path(what), which, sides, around_corner=True)
    return corner_region(Path(what), which, box.corners, shape, notes)


def _ellipse(
    what: str, which: str, value: Value, shape: tuple[int, int], notes: list[str]
) -> Region | None:
    left, top, across, down, turn = _numbers(what, which, value, 'x', 'y', 'radiusX', 'radiusY')
    x, y = shape[1] / 100, shape[0] / 100
    sides = ((left - across) * x, (top - down) * y, 2 * across * x, 2 * down * y, turn)
    return TurnedBox.read(Path(what), which, sides).ellipse(shape)


def _numbers(what: str, which: str, value: Value, *keys: str) -> list[float]:
    """Numbers of a region, and by how many degrees it is turned."""
    try:
        return [*(float(value[key]) for key in keys), float(value.get('rotation') or 0)]
    except (KeyError, TypeError, ValueError) as error:
        raise LabelError(
            f'{what}: {which} has no numbers in {", ".join(keys)} and rotation.'
        ) from error


# What, which, value, height and width, notes -> mask; None where it covers no area.
Reader = Callable[[str, str, Value, tuple[int, int], list[str]], Region | None]
READERS: dict[str, Reader] = {
    'brush': _brush,
    'bitmask': _bitmask,
    'polygon': _polygon,
    'vector': _vector,
    'rectangle': _rectangle,
    'ellipse': _ellipse,
}
