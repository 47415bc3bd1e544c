"""Compiled evolution of one bit-packed mask: the CPU side of `evolve_level_set`.

Layout: a mask is cut into vertical strips; one 64-bit word holds one row of a strip, and the words
of a strip lie row after row, so that an operation on many rows of a strip is one vectorised loop.
Of the 64 bits, the middle `64 - 2 * ghost` are the strip's own pixels; the `ghost` bits on each
side are copies of the neighbours' pixels, fetched when a tile is loaded. The operators of one step
then need no carry between words: wrong bits creep in from the ends, one per operator, and never
reach the strip's own pixels.

Work: a strip is cut into tiles of `TILE_ROWS` rows. Each step is a fixed function of a tile and its
eight neighbours, and the sequence of steps repeats with a period of two iterations. A tile whose
neighbourhood is what it was one period before must therefore become what it became then, and that
is still in the ring of past states. Only the tiles around moving parts of a contour are computed.

Shape shorthand:
    S: strips, H: rows, T: tiles of a strip, L: states in the ring, C: checkpoints.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

TILE_ROWS = 32
# Smoothing beyond this is done in further steps of its own, which keeps the ghost margins narrow.
SMOOTHING_PER_STEP = 4

_ZERO = np.uint64(0)
_ONE = np.uint64(1)


@dataclass(frozen=True)
class PackedHistory:
    """The states of one evolving mask at its checkpoints.

    Args:
        words: (C, S, H) packed states.
        ghost: ghost bits on each side of a word.
    """

    words: NDArray[np.uint64]
    ghost: int

    def unpack(self, index: int, out: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Write the state at a checkpoint to `out` (H, W) and return it."""
        _unpack(self.words[index], self.ghost, out.view(np.uint8))
        return out

    def mean_cost(self, cost: NDArray[np.int32]) -> NDArray[np.float64]:
        """Mean of `cost` (H, W) along the curve of each state, (C,); NaN where there is none.

        The curve of a mask are the pixels with one of their four neighbours on its other side.
        Pixels of negative cost are left out.
        """
        sums = np.zeros(len(self.words), np.int64)
        counts = np.zeros(len(self.words), np.int64)
        _curve_cost(self.words, cost, self.ghost, sums, counts)
        return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


def evolve_mask(
    mask: NDArray[np.bool_],
    speed: NDArray[np.floating],
    num_iters: int,
    steps: Sequence[int],
    *,
    smoothing: int,
    balloon: int,
    threshold: float,
    phase: int,
    replicate: bool,
) -> PackedHistory:
    """Evolve one mask and keep its states.

    Args:
        mask: (H, W).
        speed: (H, W), float32 or float64.
        num_iters: iterations to run.
        steps: ascending iterations (C,) whose states are kept, 0 for the start.
        smoothing: curvature operators an iteration.
        balloon: direction of the balloon force: -1, 0 or 1.
        threshold: the balloon acts where speed > threshold.
        phase: 0 if the first curvature operator is SI after IS, 1 if it is IS after SI.
        replicate: whether the mask goes on beyond the image border, or is zero there.
    """
    height, width = mask.shape
    # How far one step reaches: balloon 1, attachment 1, each smoothing 2.
    ghost = 2 + 2 * min(smoothing, SMOOTHING_PER_STEP)
    num_words = -(-width // (64 - 2 * ghost))
    words = np.zeros((num_words, height), np.uint64)
    # Read-only arrays would be another type to the compiler: writable ones spare a compilation.
    _pack(np.require(mask, requirements=['C', 'W']).view(np.uint8), ghost, words)
    history = np.empty((len(steps), num_words, height), np.uint64)
    _evolve(
        words,
        np.require(speed, requirements=['C', 'W']),
        num_iters,
        smoothing,
        balloon,
        threshold,
        phase,
        replicate,
        ghost,
        np.array(steps, np.int64),
        history,
    )
    return PackedHistory(history, ghost)


@njit(cache=True, nogil=True)
def _pack(mask, ghost, words):
    """Write a (H, W) uint8 mask of zeros and ones into (S, H) words; ghost bits stay zero."""
    height, width = mask.shape
    own = 64 - 2 * ghost
    for s in range(words.shape[0]):
        x0 = s * own
        count = min(own, width - x0)
        for y in range(height):
            row = mask[y, x0 : x0 + count]
            word = _ZERO
            for k in range(count):
                word |= np.uint64(row[k]) << np.uint64(k)
            words[s, y] = word << np.uint64(ghost)


@njit(cache=True, nogil=True)
def _unpack(words, ghost, mask):
    """Inverse of `_pack`."""
    height, width = mask.shape
    own = 64 - 2 * ghost
    for s in range(words.shape[0]):
        x0 = s * own
        count = min(own, width - x0)
        for y in range(height):
            row = mask[y, x0 : x0 + count]
            word = words[s, y] >> np.uint64(ghost)
            for k in range(count):
                row[k] = np.uint8((word >> np.uint64(k)) & _ONE)


@njit(cache=True, nogil=True)
def _sign_words(speed, x_start, y, threshold, work, out):
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
        positive = _ZERO
        negative = _ZERO
        for k in range(count):
            positive |= np.uint64(values[k] > 0) << np.uint64(k)
            negative |= np.uint64(values[k] < 0) << np.uint64(k)
        out[i] = (positive | negative) << shift
        out[4 + i] = positive << shift
    above_threshold = _ZERO
    for k in range(count):
        above_threshold |= np.uint64(row[k] > threshold) << np.uint64(k)
    out[8] = above_threshold << shift


@njit(cache=True, nogil=True)
def _balloon(src, dst, first, last, region, valid, column_0, column_w, inflate):
    """3x3 dilation (or erosion) of rows first..last - 1, taken over where `region` is set."""
    above, here, below = src[first - 1 : last - 1], src[first:last], src[first + 1 : last + 1]
    out = dst[first:last]
    if inflate:
        for i in range(out.size):
            u = above[i] | here[i] | below[i]
            u |= (u << _ONE) | (u >> _ONE)
            out[i] = (here[i] | (u & region[i])) & valid
    else:
        for i in range(out.size):
            u = above[i] & here[i] & below[i]
            u &= ((u << _ONE) | (u & column_0)) & ((u >> _ONE) | (u & column_w))
            out[i] = here[i] & (u | ~region[i])


@njit(cache=True, nogil=True)
def _attach(src, dst, first, last, signs, column_0, column_w):
    """Set a pixel where grad g . grad u > 0, clear it where < 0 (rows first..last - 1)."""
    above, here, below = src[first - 1 : last - 1], src[first:last], src[first + 1 : last + 1]
    out = dst[first:last]
    moves_y, moves_x, moves_sum, moves_difference = signs[0], signs[1], signs[2], signs[3]
    sets_y, sets_x, sets_sum, sets_difference = signs[4], signs[5], signs[6], signs[7]
    for i in range(out.size):
        c = here[i]
        left = (c << _ONE) | (c & column_0)
        right = (c >> _ONE) | (c & column_w)
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
def _inf_sup(src, dst, first, last, valid, column_0, column_w):
    """Infimum over four lines of the dilation by each (rows first..last - 1)."""
    above, here, below = src[first - 1 : last - 1], src[first:last], src[first + 1 : last + 1]
    out = dst[first:last]
    for i in range(out.size):
        n, c, s = above[i], here[i], below[i]
        line = n | s
        line &= (c << _ONE) | (c & column_0) | (c >> _ONE) | (c & column_w)
        line &= (n << _ONE) | (n & column_0) | (s >> _ONE) | (s & column_w)
        line &= (s << _ONE) | (s & column_0) | (n >> _ONE) | (n & column_w)
        out[i] = (c | line) & valid


@njit(cache=True, nogil=True)
def _sup_inf(src, dst, first, last, column_0, column_w):
    """Supremum over four lines of the erosion by each (rows first..last - 1)."""
    above, here, below = src[first - 1 : last - 1], src[first:last], src[first + 1 : last + 1]
    out = dst[first:last]
    for i in range(out.size):
        n, c, s = above[i], here[i], below[i]
        line = n & s
        line |= ((c << _ONE) | (c & column_0)) & ((c >> _ONE) | (c & column_w))
        line |= ((n << _ONE) | (n & column_0)) & ((s >> _ONE) | (s & column_w))
        line |= ((s << _ONE) | (s & column_0)) & ((n >> _ONE) | (n & column_w))
        out[i] = c & line


@njit(cache=True, nogil=True)
def _set_frame(rows, top, bottom, replicate):
    """Fill the rows just outside the image (local indices; negative = not in this tile)."""
    if top >= 0:
        rows[top] = rows[top + 1] if replicate else _ZERO
    if bottom >= 0:
        rows[bottom] = rows[bottom - 1] if replicate else _ZERO


@njit(cache=True, nogil=True)
def _strip_bits(s, ghost, width):
    """Bits of strip `s` that lie in the image, and those of the image's first and last column."""
    x_start = s * (64 - 2 * ghost) - ghost
    valid = ~_ZERO
    first_column = _ZERO
    last_column = _ZERO
    if s == 0:
        valid <<= np.uint64(ghost)
        first_column = _ONE << np.uint64(ghost)
    if width - x_start < 64:
        valid &= (_ONE << np.uint64(width - x_start)) - _ONE
    if width - x_start <= 64:
        last_column = _ONE << np.uint64(width - 1 - x_start)
    return valid, first_column, last_column


@njit(cache=True, nogil=True)
def _mixed_tiles(words, ghost, width, replicate):
    """Tiles (S, T) that see both values; any other tile keeps its value until something comes near.

    Outside the image counts as zeros, unless the border is replicated.
    """
    num_words, height = words.shape
    num_tiles = (height + TILE_ROWS - 1) // TILE_ROWS
    has_zeros, has_ones = np.uint8(1), np.uint8(2)
    own_bits = (~_ZERO << np.uint64(2 * ghost)) >> np.uint64(ghost)
    outside = np.uint8(0) if replicate else has_zeros
    content = np.full((num_words + 2, num_tiles + 2), outside, np.uint8)
    for s in range(num_words):
        bits = _strip_bits(s, ghost, width)[0] & own_bits
        for t in range(num_tiles):
            some = _ZERO
            every = bits
            for y in range(t * TILE_ROWS, min((t + 1) * TILE_ROWS, height)):
                some |= words[s, y]
                every &= words[s, y]
            content[s + 1, t + 1] = (has_ones if some != 0 else np.uint8(0)) | (
                has_zeros if every != bits else np.uint8(0)
            )
    mixed = np.zeros((num_words, num_tiles), np.bool_)
    for s in range(num_words):
        for t in range(num_tiles):
            seen = np.uint8(0)
            for i in range(3):
                for j in range(3):
                    seen |= content[s + i, t + j]
            mixed[s, t] = seen == has_zeros | has_ones
    return mixed


@njit(cache=True, nogil=True)
def _evolve(
    words, speed, num_iters, smoothing, balloon, threshold, phase, replicate, ghost, steps, history
):
    """Evolve (S, H) `words` and write the state at each of `steps` to `history`.

    Args:
        words: the packed start (S, H), see `_pack`.
        speed: (H, W), float32 or float64.
        num_iters: iterations to run.
        smoothing: curvature operators an iteration.
        balloon: direction of the balloon force: -1, 0 or 1.
        threshold: the balloon acts where speed > threshold.
        phase: 0 if the first curvature operator is SI after IS, 1 if it is IS after SI.
        replicate: whether the mask goes on beyond the image border, or is zero there.
        ghost: ghost bits on each side of a word.
        steps: ascending iterations (C,), 0 for the start.
        history: (C, S, H) words, output.
    """
    num_words, height = words.shape
    width = speed.shape[1]
    own = 64 - 2 * ghost
    own_bits = (~_ZERO << np.uint64(2 * ghost)) >> np.uint64(ghost)
    num_tiles = (height + TILE_ROWS - 1) // TILE_ROWS
    parts = max(1, (smoothing + SMOOTHING_PER_STEP - 1) // SMOOTHING_PER_STEP)
    period = 2 * parts  # in steps; over two iterations SI after IS and IS after SI come round again

    ring = np.zeros((period, num_words + 2, height), np.uint64)
    for n in range(period):
        ring[n, 1:-1] = words
    changed = np.zeros((period, num_words + 2, num_tiles + 2), np.bool_)
    mixed = _mixed_tiles(words, ghost, width, replicate)
    signs = np.empty((9, num_words, height), np.uint64)
    signs_known = np.zeros((num_words, num_tiles), np.bool_)
    sign_work = np.zeros((7, 64), speed.dtype)
    sign_out = np.zeros(9, np.uint64)
    # One tile with its margins: row y of the image is row y - y0 + origin here.
    origin = ghost + 1
    a = np.zeros(TILE_ROWS + 2 * origin, np.uint64)
    b = np.zeros(TILE_ROWS + 2 * origin, np.uint64)

    checkpoint = 0
    while checkpoint < steps.size and steps[checkpoint] == 0:
        history[checkpoint] = words
        checkpoint += 1

    for n in range(1, num_iters * parts + 1):
        source = ring[(n - 1) % period]
        target = ring[n % period]
        source_changed = changed[(n - 1) % period]
        target_changed = changed[n % period]
        iteration = (n - 1) // parts
        part = (n - 1) % parts
        curvatures = min(SMOOTHING_PER_STEP, smoothing - part * SMOOTHING_PER_STEP)
        operator = phase + iteration * smoothing + part * SMOOTHING_PER_STEP
        reach = 2 * curvatures
        if part == 0:
            reach += 2 if balloon != 0 else 1

        for s in range(num_words):
            valid, column_0, column_w = _strip_bits(s, ghost, width)
            edge_0 = column_0 if replicate else _ZERO
            edge_w = column_w if replicate else _ZERO
            for t in range(num_tiles):
                active = n <= period and mixed[s, t]
                for i in range(3):
                    for j in range(3):
                        active |= source_changed[s + i, t + j]
                target_changed[s + 1, t + 1] = False
                if not active:
                    continue

                y0 = t * TILE_ROWS
                y1 = min(y0 + TILE_ROWS, height)
                to_local = origin - y0
                top = to_local - 1 if y0 < origin else -1
                bottom = to_local + height if height - y1 < origin else -1
                lo, hi = max(y0 - reach, 0), min(y1 + reach, height)
                here = source[s + 1, lo:hi]
                left = source[s, lo:hi]
                right = source[s + 2, lo:hi]
                rows = a[lo + to_local : hi + to_local]
                for i in range(rows.size):
                    ghosts = (left[i] >> np.uint64(own)) | (right[i] << np.uint64(own))
                    rows[i] = (here[i] | ghosts) & valid

                margin = reach
                if part == 0:
                    for k in range(max(t - 1, 0), min(t + 2, num_tiles)):
                        if not signs_known[s, k]:
                            signs_known[s, k] = True
                            for y in range(k * TILE_ROWS, min((k + 1) * TILE_ROWS, height)):
                                x_start = s * own - ghost
                                _sign_words(speed, x_start, y, threshold, sign_work, sign_out)
                                for i in range(9):
                                    signs[i, s, y] = sign_out[i]
                    if balloon != 0:
                        margin -= 1
                        lo, hi = max(y0 - margin, 0), min(y1 + margin, height)
                        first, last = lo + to_local, hi + to_local
                        _set_frame(a, top, bottom, replicate)
                        where = signs[8, s, lo:hi]
                        _balloon(a, b, first, last, where, valid, edge_0, edge_w, balloon > 0)
                        a, b = b, a
                    margin -= 1
                    lo, hi = max(y0 - margin, 0), min(y1 + margin, height)
                    first, last = lo + to_local, hi + to_local
                    _set_frame(a, top, bottom, True)
                    _attach(a, b, first, last, signs[:, s, lo:hi], column_0, column_w)
                    a, b = b, a
                for k in range(2 * curvatures):
                    margin -= 1
                    lo, hi = max(y0 - margin, 0), min(y1 + margin, height)
                    first, last = lo + to_local, hi + to_local
                    _set_frame(a, top, bottom, replicate)
                    if (operator + k // 2 + k) % 2 == 0:
                        _inf_sup(a, b, first, last, valid, edge_0, edge_w)
                    else:
                        _sup_inf(a, b, first, last, edge_0, edge_w)
                    a, b = b, a

                result = a[origin : origin + y1 - y0]
                out = target[s + 1, y0:y1]
                difference = _ZERO
                for i in range(out.size):
                    word = result[i] & own_bits
                    difference |= word ^ out[i]
                    out[i] = word
                target_changed[s + 1, t + 1] = difference != 0

        if part == parts - 1:
            while checkpoint < steps.size and steps[checkpoint] == iteration + 1:
                history[checkpoint] = target[1:-1]
                checkpoint += 1


@njit(cache=True, nogil=True)
def _curve_cost(history, cost, ghost, sums, counts):
    """Sum a cost along the curve of every state: the pixels with a 4-neighbour of the other value.

    Args:
        history: (C, S, H) packed states.
        cost: (H, W) int32, fixed point (so that the sum has no order); pixels below 0 are left out.
        ghost: ghost bits on each side of a word.
        sums: (C,) int64, output.
        counts: (C,) int64, output: the pixels that were summed.
    """
    num_states, num_words, height = history.shape
    width = cost.shape[1]
    own = 64 - 2 * ghost
    own_bits = (~_ZERO << np.uint64(2 * ghost)) >> np.uint64(ghost)
    for c in range(num_states):
        total = np.int64(0)
        count = np.int64(0)
        for s in range(num_words):
            valid, column_0, column_w = _strip_bits(s, ghost, width)
            here = history[c, s]
            x0 = s * own
            num_columns = min(own, width - x0)
            for y in range(height):
                u = here[y]
                beside = u
                if s > 0:
                    beside |= history[c, s - 1, y] >> np.uint64(own)
                if s < num_words - 1:
                    beside |= history[c, s + 1, y] << np.uint64(own)
                curve = (u ^ here[max(y - 1, 0)]) | (u ^ here[min(y + 1, height - 1)])
                curve |= (u ^ (beside << _ONE)) & ~column_0
                curve |= (u ^ (beside >> _ONE)) & ~column_w
                curve &= own_bits & valid
                if curve == 0:
                    continue
                curve >>= np.uint64(ghost)
                row = cost[y, x0 : x0 + num_columns]
                row_sum = np.int64(0)
                row_count = np.int64(0)
                for k in range(num_columns):
                    used = np.int64((curve >> np.uint64(k)) & _ONE) & np.int64(row[k] >= 0)
                    row_sum += used * np.int64(row[k])
                    row_count += used
                total += row_sum
                count += row_count
        sums[c] = total
        counts[c] = count
