"""Images of any of the usual kinds: the header first, the pixels only if there are not too many."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mmsteal.input_files.limits import check_pixels, max_pixels

# What Pillow may try. Other decoders of it are old, rare, or start programs (EPS).
_FORMATS = ('PNG', 'JPEG', 'BMP', 'GIF', 'PPM', 'TIFF', 'WEBP', 'JPEG2000')


def open_image(source: Path | BinaryIO) -> Image.Image:
    """Open an image, reading no more than its header.

    Args:
        source: The file.

    Raises:
        OSError: If it is no image, or cannot be read.
        ValueError: If its header is damaged, or it has too many pixels.
    """
    if Image.MAX_IMAGE_PIXELS is not None and max_pixels() > 2 * Image.MAX_IMAGE_PIXELS:
        Image.MAX_IMAGE_PIXELS = max_pixels()  # somebody asked for more than Pillow allows
    try:
        image = Image.open(source, formats=_FORMATS)
    except (OSError, ValueError):
        raise
    except Image.DecompressionBombError as error:
        raise ValueError(
            f'it has too many pixels, up to {max_pixels() / 1e6:g} million are read'
        ) from error
    except Exception as error:  # Pillow raises what it likes on damaged headers
        raise ValueError(f'{type(error).__name__}: {error}') from error
    try:
        check_pixels(image.height, image.width)
    except ValueError:
        image.close()
        raise
    return image


def load_image(source: Path | BinaryIO) -> Image.Image:
    """An image with its pixels.

    Args:
        source: The file.

    Raises:
        OSError: If it is no image, or cannot be read.
        ValueError: If it is damaged, or has too many pixels.
    """
    with open_image(source) as image:
        try:
            image.load()
        except (OSError, ValueError):
            raise
        except Exception as error:  # and on damaged pixels
            raise ValueError(f'{type(error).__name__}: {error}') from error
    return image


def read_bgr(path: Path) -> NDArray[np.uint8] | None:
    """An image as it is stored: BGR (H, W, 3), 16 bits as 8, transparency dropped.

    What its EXIF data say of a turn is for the caller.

    Args:
        path: The file. Its name may be one that is no text.

    Returns:
        The pixels; None if OpenCV cannot read such a file.

    Raises:
        OSError: If it is no image, or cannot be read.
        ValueError: If it is damaged, or has too many pixels.
    """
    open_image(path).close()
    flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    try:
        # Not by its name, which OpenCV wants in UTF-8.
        image = cv2.imdecode(np.fromfile(path, np.uint8), flags)
    except cv2.error as error:
        raise ValueError(f'OpenCV cannot decode it ({error})') from error
    return None if image is None else image.astype(np.uint8, copy=False)
