"""How large a file may be once it is decoded."""

from __future__ import annotations

import math
import os

# Of the environment, so that worker processes and all commands have the same.
VARIABLE = 'MMSTEAL_MAX_MEGAPIXELS'
# Where Pillow stops by itself, about 13,000 x 13,000.
_DEFAULT_MEGAPIXELS = 178.0
# Of the largest image: an edge map as float32 for four classes.
_BYTES_A_PIXEL = 16


def max_pixels() -> int:
    """Most pixels of an image; set by the environment variable `MMSTEAL_MAX_MEGAPIXELS`.

    Raises:
        ValueError: If the variable is no number above 0.
    """
    text = os.environ.get(VARIABLE)
    try:
        megapixels = _DEFAULT_MEGAPIXELS if not text else float(text)
    except ValueError:
        megapixels = math.nan
    if not 0 < megapixels < math.inf:
        raise ValueError(
            f'Expected the environment variable {VARIABLE} to be a number above 0, but got {text}.'
        )
    return int(megapixels * 1e6)


def max_bytes() -> int:
    """Most bytes of an array in a compressed file, 16 for each pixel of the largest image."""
    return _BYTES_A_PIXEL * max_pixels()


def check_pixels(height: int, width: int) -> None:
    """Refuse an image that is too large, before its pixels are decoded.

    Raises:
        ValueError: If it has more than :func:`max_pixels`.
    """
    if height * width > max_pixels():
        raise ValueError(
            f'it has {width} x {height} pixels, but up to {max_pixels() / 1e6:g} million are read; '
            f'cut or shrink it, or set the environment variable {VARIABLE}'
        )


def check_bytes(size: int, what: str) -> None:
    """Refuse an array that would take too much memory.

    Args:
        size: Its bytes in memory.
        what: What it is, for the message.

    Raises:
        ValueError: If it has more than :func:`max_bytes`.
    """
    if size > max_bytes():
        raise ValueError(
            f'{what} takes {size / 1e6:.0f} MB in memory, but up to {max_bytes() / 1e6:.0f} MB are '
            f'read; make it smaller, or set the environment variable {VARIABLE}'
        )
