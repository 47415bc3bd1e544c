"""Operators of the morphological evolution on bit-packed rows; `_level_set_words` has the layout.

Each reads `src` and writes rows `first` to `last - 1` of `dst`. `valid` are the bits that lie in
the image; what lies outside stays zero. `column_0` and `column_w` are the bits of the image's first
and last column, beyond which the mask repeats; 0 where there is nothing beyond.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from mmsteal.functional.level_sets._level_set_words import ONE, ZERO


@njit(cache=True, nogil=True)
def sign_words(speed, x_start, y, threshold, work, out):
    """Pack what the evolution needs to know of the speed at 64 pixels of row `y` into nine words.

    The attachment looks at the sign of grad g . grad u only, and grad u has three values per axis:
    up to a common sign, that is one of four numbers, for the directions (y, x) = (1, 0), (0, 1),
    (1, 1), (1, -1). Bits of words 0-3: it is not zero; of words 4-7: it is positive; of word 8:
    the balloon acts. The arithmetic repeats numpy.gradient and the sum over the axes in
    scikit-image operation by operation, in the precision of the speed, so that ties, rounding and
    values that are not finite come out alike.
    """
    height, width = speed.shape
    dtype = speed.dtype.type
    skip = max(0, -x_start)
    shift = np.uint64(skip)
    x0 = x_start + skip
    count = min(64 - skip, width - x0)
    grad_y, grad_x, scale_x, dot = work[0], work[1], work[2], work[3:7]

    # numpy.gradient: half of the central difference, the full one-sided difference on the border
    row = speed[y, x0 : x0 + count]
    above = speed[max(y - 1, 0), x0 : x0 + count]
    below = speed[min(y + 1, height - 1), x0 : x0 + count]
    scale_y = 0.5 if 0 < y < height - 1 else 1.0
    factor = dtype(scale_y)
    for k in range(count):
        grad_y[k] = dtype(below[k] - above[k]) * factor
    begin = 1 if x0 == 0 else 0
    end = count - 1 if x0 + count == width else count
    inner = grad_x[begin:end]
    left = speed[y, x0 + begin - 1 : x0 + end - 1]
    right = speed[y, x0 + begin + 1 : x0 + end + 1]
    for k in range(end - begin):
        inner[k] = dtype(right[k] - left[k]) * dtype(0.5)
    scale_x[:count] = dtype(0.5)
    if begin == 1:
        grad_x[0] = speed[y, min(1, width - 1)] - speed[y, 0]
        scale_x[0] = dtype(1)
    if end < count:
        grad_x[count - 1] = speed[y, width - 1] - speed[y, max(width - 2, 0)]
        scale_x[count - 1] = dtype(1)

    dot_y, dot_x, dot_sum, dot_difference = dot[0], dot[1], dot[2], dot[3]
    for k in range(count):
        gx = np.float64(grad_x[k])
        gy = np.float64(grad_y[k])
        along_y = np.float64(dtype(gy * scale_y))
        along_x = gx * np.float64(scale_x[k])
        dot_y[k] = dtype(along_y + gx * 0.0)
        dot_x[k] = dtype(gy * 0.0 + along_x)
        dot_sum[k] = dtype(along_y + along_x)
        dot_difference[k] = dtype(along_y - along_x)
    for i in range(4):
        values = dot[i]
        positive = ZERO
        negative = ZERO
        for k in range(count):
            positive |= np.uint64(values[k] > 0) << np.uint64(k)
            negative |= np.uint64(values[k] < 0) << np.uint64(k)
        out[i] = (positive | negative) << shift
        out[4 + i] = positive << shift
    above_threshold = ZERO
    for k in range(count):
        above_threshold |= np.uint64(row[k] > threshold) << np.uint64(k)
    out[8] = above_threshold << shift


@njit(cache=True, nogil=True)
def apply_balloon(src, dst, first, last, region, valid, column_0, column_w, inflate):
    """3x3 dilation (or erosion) of rows first..last - 1, taken over where `region` is set."""
    above, here, below = src[first - 1 : last - 1], src[first:last], src[first + 1 : last + 1]
    out = dst[first:last]
    if inflate:
        for i in range(out.size):
            u = above[i] | here[i] | below[i]
            u |= (u << ONE) | (u >> ONE)
            out[i] = (here[i] | (u & region[i])) & valid
    else:
        for i in range(out.size):
            u = above[i] & here[i] & below[i]
            u &= ((u << ONE) | (u & column_0)) & ((u >> ONE) | (u & column_w))
            out[i] = here[i] & (u | ~region[i])


@njit(cache=True, nogil=True)
def attach(src, dst, first, last, signs, column_0, column_w):
    """Set a pixel where grad g . grad u > 0, clear it where < 0 (rows first..last - 1)."""
    above, here, below = src[first - 1 : last - 1], src[first:last], src[first + 1 : last + 1]
    out = dst[first:last]
    moves_y, moves_x, moves_sum, moves_difference = signs[0], signs[1], signs[2], signs[3]
    sets_y, sets_x, sets_sum, sets_difference = signs[4], signs[5], signs[6], signs[7]
    for i in range(out.size):
        c = here[i]
        left = (c << ONE) | (c & column_0)
        right = (c >> ONE) | (c & column_w)
        has_y = above[i] ^ below[i]
        has_x = left ^ right
        both = has_y & has_x
        opposite = above[i] ^ left
        # pick the direction's sign words: a ^ (s & (a ^ b)) is "b where s, else a"
        moves = moves_x[i] ^ (has_y & (moves_x[i] ^ moves_y[i]))
        diagonal = moves_sum[i] ^ (opposite & (moves_sum[i] ^ moves_difference[i]))
        moves ^= both & (moves ^ diagonal)
        sets = sets_x[i] ^ (has_y & (sets_x[i] ^ sets_y[i]))
        diagonal = sets_sum[i] ^ (opposite & (sets_sum[i] ^ sets_difference[i]))
        sets ^= both & (sets ^ diagonal)
        # grad u against the direction (the set side comes first): the sign turns over
        sets ^= left ^ (has_y & opposite)
        out[i] = c ^ ((has_y | has_x) & moves & (c ^ sets))


@njit(cache=True, nogil=True)
def inf_sup(src, dst, first, last, valid, column_0, column_w):
    """Infimum over four lines of the dilation by each (rows first..last - 1)."""
    above, here, below = src[first - 1 : last - 1], src[first:last], src[first + 1 : last + 1]
    out = dst[first:last]
    for i in range(out.size):
        n, c, s = above[i], here[i], below[i]
        line = n | s
        line &= (c << ONE) | (c & column_0) | (c >> ONE) | (c & column_w)
        line &= (n << ONE) | (n & column_0) | (s >> ONE) | (s & column_w)
        line &= (s << ONE) | (s & column_0) | (n >> ONE) | (n & column_w)
        out[i] = (c | line) & valid


@njit(cache=True, nogil=True)
def sup_inf(src, dst, first, last, column_0, column_w):
    """Supremum over four lines of the erosion by each (rows first..last - 1)."""
    above, here, below = src[first - 1 : last - 1], src[first:last], src[first + 1 : last + 1]
    out = dst[first:last]
    for i in range(out.size):
        n, c, s = above[i], here[i], below[i]
        line = n & s
        line |= ((c << ONE) | (c & column_0)) & ((c >> ONE) | (c & column_w))
        line |= ((n << ONE) | (n & column_0)) & ((s >> ONE) | (s & column_w))
        line |= ((s << ONE) | (s & column_0)) & ((n >> ONE) | (n & column_w))
        out[i] = c & line


@njit(cache=True, nogil=True)
def set_frame(rows, top, bottom, replicate):
    """Fill the rows just outside the image (local indices; negative = not in this tile)."""
    if top >= 0:
        rows[top] = rows[top + 1] if replicate else ZERO
    if bottom >= 0:
        rows[bottom] = rows[bottom - 1] if replicate else ZERO
