"""Uploaded files: looked at before they are decoded, and refused with a reason."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from mmsteal.annotator.messages import AnnotatorError

MAX_BYTES = 40 * 2**20
MAX_PIXELS = 16_000_000
MIN_SIDE = 16
# What PIL may try; other decoders of it are old, rare, or start programs (EPS).
IMAGE_TYPES = ('JPEG', 'PNG', 'WEBP', 'BMP', 'TIFF')
_WIDE_MODES = ('I', 'F', 'I;16', 'I;16B', 'I;16L', 'I;16N')


@dataclass(frozen=True, eq=False)
class Picture:
    """An image to annotate.

    Attributes:
        name (str): Name of the file without suffix, fit for a file name.
        file_name (str): The same with its suffix.
        pixels (np.ndarray): (H, W, 3) uint8 RGB.
        notes (tuple[str, ...]): What was changed to get there.
    """

    name: str
    file_name: str
    pixels: NDArray[np.uint8]
    notes: tuple[str, ...] = ()


def read_picture(path: str | Path) -> Picture:
    """Read an image of any of the usual kinds as RGB.

    Grey is repeated, transparency lies on white, 16 bits are scaled to 8 by the range of
    the values, and a photograph is turned as its camera says.

    Args:
        path (str | Path): JPEG, PNG, WebP, BMP or TIFF.

    Returns:
        Picture: The pixels, and what was done to them.

    Raises:
        AnnotatorError: If the file is too big, no image, damaged, or its size is out of bounds.
    """
    path = Path(path)
    image = _open(path, 'image', IMAGE_TYPES)
    notes = []
    try:
        turned = ImageOps.exif_transpose(image)
        if turned.size != image.size:
            notes.append('turned as the camera says')
        image = turned
        if image.mode in _WIDE_MODES:
            values = np.asarray(image, np.float64)
            low, high = float(values.min()), float(values.max())
            if not np.isfinite([low, high]).all():
                raise AnnotatorError(
                    f'"{path.name}" holds values that are no numbers; save it again as PNG.'
                )
            notes.append(f'values {low:g} to {high:g} scaled to 8 bits')
            grey = np.rint((values - low) * (255 / max(high - low, 1))).astype(np.uint8)
            pixels = np.repeat(grey[..., None], 3, axis=2)
        else:
            if image.mode in ('1', 'L', 'LA'):
                notes.append('grey, used as color')
            if 'A' in image.getbands() or 'transparency' in image.info:
                notes.append('transparent parts shown on white')
                image = image.convert('RGBA')
                white = Image.new('RGBA', image.size, (255, 255, 255, 255))
                image = Image.alpha_composite(white, image)
            pixels = np.array(image.convert('RGB'))
    except (OSError, ValueError, SyntaxError) as error:
        if isinstance(error, AnnotatorError):
            raise
        raise AnnotatorError(
            f'"{path.name}" is damaged or cut off ({error}); save or copy it again.'
        ) from error
    name = re.sub(r'[^\w.-]+', '_', path.stem).strip('._')[:64] or 'image'
    return Picture(name, f'{name}{path.suffix.lower()}', pixels, tuple(notes))


def read_values(path: str | Path, what: str) -> NDArray[Any]:
    """Values (H, W) of a PNG with one channel: a label map or an edge map.

    Args:
        path (str | Path): The PNG, of mode 1, L, P or 16 bits.
        what (str): What it is, for messages.

    Returns:
        np.ndarray: (H, W) uint8, or uint16 from 16 bits.

    Raises:
        AnnotatorError: If the file is no such PNG.
    """
    path = Path(path)
    image = _open(path, what, ('PNG',))
    if image.mode not in ('1', 'L', 'P', *_WIDE_MODES):
        raise AnnotatorError(
            f'"{path.name}" is a color picture ({image.mode}), but the {what} is one number a '
            'pixel: a PNG of 8 or 16 bits grey, or with a palette.'
        )
    try:
        values = np.array(image)
    except (OSError, ValueError, SyntaxError) as error:
        raise AnnotatorError(
            f'"{path.name}" is damaged or cut off ({error}); save or copy it again.'
        ) from error
    wide = image.mode in _WIDE_MODES
    return values.astype(np.uint16 if wide else np.uint8)


def _open(path: Path, what: str, types: tuple[str, ...]) -> Image.Image:
    """The file, with its header read and no pixel decoded."""
    if not path.is_file():
        raise AnnotatorError(f'The {what} did not arrive; load it again.')
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise AnnotatorError(
            f'"{path.name}" has {size / 2**20:.0f} MB; up to {MAX_BYTES // 2**20} MB are taken.'
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore', Image.DecompressionBombWarning)
            image = Image.open(path, formats=types)
    except Image.DecompressionBombError as error:
        raise AnnotatorError(_too_big(path.name, None)) from error
    except (OSError, ValueError, SyntaxError) as error:
        raise AnnotatorError(
            f'"{path.name}" cannot be read as {what}; expected {", ".join(types)}. '
            'It may be damaged or of another type than its name says.'
        ) from error
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise AnnotatorError(_too_big(path.name, image.size))
    if min(width, height) < MIN_SIDE:
        raise AnnotatorError(
            f'"{path.name}" is {width} x {height}; at least {MIN_SIDE} pixels a side are needed.'
        )
    return image


def _too_big(name: str, size: tuple[int, int] | None) -> str:
    is_size = f'is {size[0]} x {size[1]}' if size else 'is huge'
    return (
        f'"{name}" {is_size}; up to {MAX_PIXELS // 10**6} million pixels are taken '
        '(about 4600 x 3400). Make it smaller first.'
    )
