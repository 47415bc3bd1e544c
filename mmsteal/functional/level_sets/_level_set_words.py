"""Layout of a bit-packed mask, as the compiled evolution reads it.

A mask is cut into vertical strips; one 64-bit word holds one row of a strip, and the words of a
strip lie row after row, so that an operation on many rows of a strip is one vectorised loop. Of the
64 bits, the middle `64 - 2 * ghost` are the strip's own pixels; the `ghost` bits on each side are
copies of the neighbors' pixels, fetched when a tile is loaded. The operators of one step then need
no carry between words: wrong bits creep in from the ends, one per operator, and never reach the
strip's own pixels.

Shape shorthand:
    S: strips, H: rows.
"""

from __future__ import annotations

import numpy as np
from numba import njit

ZERO = np.uint64(0)
ONE = np.uint64(1)


@njit(cache=True, nogil=True)
def pack_mask(mask, ghost, words):
    """Write a (H, W) uint8 mask of zeros and ones into (S, H) words; ghost bits stay zero."""
    height, width = mask.shape
    own = 64 - 2 * ghost
    for s in range(words.shape[0]):
        x0 = s * own
        count = min(own, width - x0)
        for y in range(height):
            row = mask[y, x0 : x0 + count]
            word = ZERO
            for k in range(count):
                word |= np.uint64(row[k]) << np.uint64(k)
            words[s, y] = word << np.uint64(ghost)


@njit(cache=True, nogil=True)
def unpack_mask(words, ghost, mask):
    """Inverse of `pack_mask`."""
    height, width = mask.shape
    own = 64 - 2 * ghost
    for s in range(words.shape[0]):
        x0 = s * own
        count = min(own, width - x0)
        for y in range(height):
            row = mask[y, x0 : x0 + count]
            word = words[s, y] >> np.uint64(ghost)
            for k in range(count):
                row[k] = np.uint8((word >> np.uint64(k)) & ONE)


@njit(cache=True, nogil=True)
def strip_bits(s, ghost, width):
    """Bits of strip `s` that lie in the image, and those of the image's first and last column."""
    x_start = s * (64 - 2 * ghost) - ghost
    valid = ~ZERO
    first_column = ZERO
    last_column = ZERO
    if s == 0:
        valid <<= np.uint64(ghost)
        first_column = ONE << np.uint64(ghost)
    if width - x_start < 64:
        valid &= (ONE << np.uint64(width - x_start)) - ONE
    if width - x_start <= 64:
        last_column = ONE << np.uint64(width - 1 - x_start)
    return valid, first_column, last_column
