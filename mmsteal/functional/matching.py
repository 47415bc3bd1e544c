"""Boundary matching: how many predicted and true edge pixels belong together, at every threshold.

Shape shorthand: H, W height and width of a map; T thresholds; A annotators; R x C the words of a
packed map with its border of zeros (see :func:`mmsteal.functional.thin.pack_words`). Inside the
kernels a pixel is one integer p: bit ``p % 64`` of word ``p // 64`` of the flat packed map.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isqrt
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from mmsteal.functional.thin import pack_words, thin_words

Words = NDArray[np.uint64]
ONE = np.uint64(1)
ALL = np.uint64(2**64 - 1)


@njit(inline='always')
def _popcount(word):
    """Number of set bits; compilers turn this idiom into one instruction."""
    word = word - ((word >> ONE) & np.uint64(0x5555555555555555))
    pairs = np.uint64(0x3333333333333333)
    word = (word & pairs) + ((word >> np.uint64(2)) & pairs)
    word = (word + (word >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return np.int64((word * np.uint64(0x0101010101010101)) >> np.uint64(56))


@njit(inline='always')
def _lowest(word):
    """The lowest set bit alone; ``_popcount(_lowest(word) - 1)`` is its position."""
    return word & (~word + ONE)


@njit(inline='always')
def _span(i, first, last):
    """Those bits of word ``i`` whose pixels lie in ``first..last``."""
    bits = ALL
    if first > i << 6:
        bits = bits << np.uint64(first - (i << 6))
    if last < (i << 6) + 63:
        bits &= ALL >> np.uint64((i << 6) + 63 - last)
    return bits


@njit(cache=True, nogil=True)
def _count_bits(words: Words) -> NDArray[np.int64]:
    """Set pixels of each of T packed maps (T, R, C)."""
    counts = np.zeros(len(words), np.int64)
    for t in range(len(words)):
        for word in words[t].ravel():
            counts[t] += _popcount(word)
    return counts


@njit(cache=True, nogil=True)
def _prediction_sets(levels, num_thresholds, thin):
    """Packed predicted edge pixels (T, R, C) of every threshold.

    ``levels`` (H, W) says how many thresholds each score reaches. The sets are nested, so one pass
    from the highest threshold down sets each pixel once.
    """
    height, width = levels.shape
    columns = (width + 63) // 64 + 2
    # Counting sort of the pixels by level: those of level v are order[start[v] : start[v + 1]].
    start = np.zeros(num_thresholds + 2, np.int64)
    for level in levels.flat:
        start[level + 1] += 1
    start[1] = 0  # pixels below every threshold are left out
    start = np.cumsum(start)
    order = np.empty(start[-1], np.int32)
    fill = start.copy()
    for y in range(height):
        for x in range(width):
            level = levels[y, x]
            if level > 0:
                order[fill[level]] = (y + 1) * columns * 64 + 64 + x
                fill[level] += 1
    sets = np.zeros((num_thresholds, height + 2, columns), np.uint64)
    nested = np.zeros((height + 2) * columns, np.uint64)
    for t in range(num_thresholds - 1, -1, -1):
        new = order[start[t + 1] : start[t + 2]]
        if len(new) == 0:
            if t + 1 < num_thresholds:
                sets[t] = sets[t + 1]
            continue
        for p in new:
            nested[p >> 6] |= ONE << np.uint64(p & 63)
        sets[t] = nested.reshape((height + 2, columns))
        if thin:
            thin_words(sets[t])
    return sets


@njit(inline='always')
def _row_window(p, k, reach, shape):
    """First and last pixel within reach of ``p`` in its k-th nearest row: 0, -1, 1, -2, 2, ..."""
    stride = shape[1] * 64
    step = (k + 1) // 2 if k % 2 == 0 else -((k + 1) // 2)
    row, x = p // stride + step, p % stride
    if row < 1 or row > shape[0] - 2:
        return 0, -1
    width = reach[len(reach) // 2 + step]
    return row * stride + max(x - width, 0), row * stride + min(x + width, stride - 1)


@njit(cache=True, nogil=True)
def _within_reach(true, reach):
    """Packed map (R, C) of the pixels near enough to some true pixel to be matched."""
    near = np.zeros(true.size, np.uint64)
    flat = true.ravel()
    for i in range(len(flat)):
        bits = flat[i]
        while bits != 0:
            low = _lowest(bits)
            bits ^= low
            for k in range(len(reach)):
                first, last = _row_window((i << 6) + _popcount(low - ONE), k, reach, true.shape)
                for j in range(first >> 6, (last >> 6) + 1):
                    near[j] |= _span(j, first, last)
    return near.reshape(true.shape)


@njit(cache=True, nogil=True)
def _augment(root, mates, unvisited, reach, shape, parent, stack, seen):
    """Look for an augmenting path from the unmatched predicted pixel ``root`` and flip it.

    Depth first: where all true pixels nearby are taken, that gets to a free one in a few long
    steps. ``unvisited`` holds the true pixels (flat words) that the search may still visit. A
    success makes all it visited available again; after a failure they stay out, because from them
    no free pixel can be reached until some matched predicted pixel goes away.
    """
    mate_of_pred, mate_of_true = mates
    height = num_seen = 0
    pred = root
    while True:
        for k in range(len(reach)):
            first, last = _row_window(pred, k, reach, shape)
            for i in range(first >> 6, (last >> 6) + 1):
                bits = unvisited[i]
                if bits != 0:
                    bits &= _span(i, first, last)
                unvisited[i] ^= bits
                while bits != 0:
                    low = _lowest(bits)
                    bits ^= low
                    true = (i << 6) + _popcount(low - ONE)
                    parent[true] = pred
                    if mate_of_true[true] >= 0:
                        seen[num_seen] = true
                        num_seen += 1
                        stack[height] = mate_of_true[true]
                        height += 1
                        continue
                    # A free true pixel: make the visited ones available and flip the path.
                    unvisited[i] |= bits | low
                    for j in range(num_seen):
                        unvisited[seen[j] >> 6] |= ONE << np.uint64(seen[j] & 63)
                    while True:
                        pred = parent[true]
                        before = mate_of_pred[pred]
                        mate_of_pred[pred] = true
                        mate_of_true[true] = pred
                        if pred == root:
                            return True
                        true = before
        if height == 0:
            return False
        height -= 1
        pred = stack[height]


@njit(cache=True, nogil=True)
def _pair_nearest(pred_words, true_words, steps, places, mates, matched):
    """Match greedily, the nearest pairs first, from an empty matching; return how many."""
    mate_of_pred, mate_of_true = mates
    waiting = np.empty(len(mate_of_pred), np.int32)
    num_waiting = pairs = 0
    for i in places:
        bits = pred_words[i]
        while bits != 0:
            low = _lowest(bits)
            bits ^= low
            waiting[num_waiting] = (i << 6) + _popcount(low - ONE)
            num_waiting += 1
    for step in steps:
        left = 0
        for pred in waiting[:num_waiting]:
            mate = pred + step
            if (
                0 <= mate < len(mate_of_true)
                and (true_words[mate >> 6] >> np.uint64(mate & 63)) & ONE
                and mate_of_true[mate] < 0
            ):
                mate_of_pred[pred] = mate
                mate_of_true[mate] = pred
                matched[pred >> 6] |= ONE << np.uint64(pred & 63)
                pairs += 1
            else:
                waiting[left] = pred
                left += 1
        num_waiting = left
    return pairs


@njit(cache=True, nogil=True)
def _match(sets, true, near, reach, nearest_first, hits):
    """Size of the largest one-to-one matching of each set with the true pixels.

    From the highest threshold down, each matching starts from the one before it: pairs whose
    predicted pixel went away (thinning does that) are dissolved, then every unmatched pixel that
    could have gained a partner gets one search. By Berge's theorem the result is a maximum one.

    Its size is unique, the pixels in it are not. Where they matter (``nearest_first``), every
    threshold starts anew from a greedy matching of the nearest pairs, so that they are as close to
    those of a cheapest assignment as the size allows, and depend on this threshold alone.

    Args:
        sets: packed predicted pixels (T, R, C).
        true: packed true pixels (R, C).
        near: packed pixels within reach of a true one (R, C).
        reach: largest column distance of a pair for each row distance -r..r.
        nearest_first: steps from a predicted to a true pixel, nearest first; none for the warm
            start.
        hits: packed maps (T, R, C); the matched predicted pixels are added to them.

    Returns:
        Number of pairs (T,).
    """
    num, num_rows, columns = sets.shape
    size = num_rows * columns * 64
    pred_words, hit_words = sets.reshape((num, -1)), hits.reshape((num, -1))
    true_words, near_words = true.ravel(), near.ravel()
    places = np.flatnonzero(near_words)
    num_true = 0
    for word in true_words:
        num_true += _popcount(word)
    mates = np.full(size, -1, np.int32), np.full(size, -1, np.int32)
    mate_of_pred, mate_of_true = mates
    parent = np.empty(size, np.int32)
    stack, seen = np.empty(num_true, np.int32), np.empty(num_true, np.int32)
    matched, tried = np.zeros_like(true_words), np.zeros_like(true_words)
    unvisited = true_words.copy()
    counts = np.zeros(num, np.int64)
    pairs = 0
    for t in range(num - 1, -1, -1):
        freed = False
        for i in places:
            bits = matched[i]
            if len(nearest_first) == 0:
                bits &= ~pred_words[t, i]
            matched[i] ^= bits
            while bits != 0:
                low = _lowest(bits)
                bits ^= low
                pred = (i << 6) + _popcount(low - ONE)
                mate_of_true[mate_of_pred[pred]] = -1
                mate_of_pred[pred] = -1
                pairs -= 1
                freed = True
        if freed:
            unvisited[:] = true_words
            tried[:] = 0
        if len(nearest_first) > 0:
            pairs = _pair_nearest(pred_words[t], true_words, nearest_first, places, mates, matched)
        for i in places:
            if pairs == num_true:
                break
            bits = pred_words[t, i] & near_words[i] & ~matched[i] & ~tried[i]
            tried[i] |= bits
            while bits != 0:
                low = _lowest(bits)
                bits ^= low
                root = (i << 6) + _popcount(low - ONE)
                if _augment(root, mates, unvisited, reach, true.shape, parent, stack, seen):
                    matched[i] |= low
                    pairs += 1
        for i in places:
            hit_words[t, i] |= matched[i]
        counts[t] = pairs
    return counts


def edge_thresholds(
    thresholds: int | Sequence[float] | NDArray[np.floating],
) -> NDArray[np.float64]:
    r"""Thresholds of a precision-recall curve.

    A number :math:`n` stands for :math:`t_i = i / (n + 1),\ i = 1 \dots n`; with 99 that is
    .01, .02, ..., .99. They are correctly rounded quotients, so that an 8-bit score
    :math:`v / 255` ties with :math:`t_i` exactly where the two fractions are equal.

    Args:
        thresholds: How many, or the thresholds themselves in rising order.

    Returns:
        The thresholds (T,), float64.

    Raises:
        TypeError: If `thresholds` is neither an integer nor a sequence of numbers.
        ValueError: If there is none, or if they do not rise strictly within [0, 1].

    Example:
        >>> edge_thresholds(4)
        array([0.2, 0.4, 0.6, 0.8])
    """
    if isinstance(thresholds, (int, np.integer)) and not isinstance(thresholds, bool):
        if thresholds < 1:
            raise ValueError(
                f'Expected argument `thresholds` to be at least 1, but got {thresholds}; '
                'the benchmarks use 99.'
            )
        return np.arange(1, thresholds + 1) / (thresholds + 1)
    try:
        values = np.asarray(thresholds, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise TypeError(
            'Expected argument `thresholds` to be an integer or a sequence of numbers, '
            f'but got {thresholds!r}; give for example 99 or [0.25, 0.5, 0.75].'
        ) from error
    if (
        values.ndim != 1
        or not values.size
        or not (values[0] >= 0 and values[-1] <= 1 and (np.diff(values) > 0).all())
    ):
        raise ValueError(
            'Expected argument `thresholds` to rise strictly within [0, 1], '
            f'but got {thresholds!r}; sort them and leave out duplicates.'
        )
    return values


def _check_score(score: ArrayLike) -> NDArray[Any]:
    score = np.asarray(score)
    if score.dtype != np.uint8 and score.dtype != np.bool_ and score.dtype.kind != 'f':
        raise TypeError(
            'Expected argument `score` to be floating point or uint8 (read as v / 255), '
            f'but got {score.dtype}; divide a 16-bit map by 65535 first.'
        )
    if score.ndim != 2 or not score.size:
        raise ValueError(
            'Expected argument `score` to be one map with shape (H, W), '
            f'but got shape {score.shape}; give one image and one class at a time.'
        )
    if score.dtype.kind == 'f' and not (score.min() >= 0 and score.max() <= 1):
        raise ValueError(
            'Expected argument `score` to lie in [0, 1] without NaN, '
            f'but got values in [{score.min()}, {score.max()}]; apply a sigmoid to logits, '
            'divide 8-bit values by 255.'
        )
    return score


def _check_mask(name: str, mask: ArrayLike, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    mask = np.asarray(mask)
    if mask.dtype not in (np.bool_, np.uint8):
        raise TypeError(
            f'Expected argument `{name}` to be bool or uint8, but got {mask.dtype}; '
            'compare it with a value first, for example `edge_map == 1`.'
        )
    if mask.shape[-2:] != shape:
        raise ValueError(
            f'Expected argument `{name}` to have the size {shape} of `score`, '
            f'but got shape {mask.shape}; resize the prediction to the size of the ground truth.'
        )
    if mask.dtype == np.uint8 and mask.max(initial=0) > 1:
        raise ValueError(
            f'Expected argument `{name}` to hold 0 and 1, but got {mask.max()}; '
            'decide what ignored pixels count as, for example `edge_map == 1`.'
        )
    return mask.astype(np.bool_, copy=False)


def _inner_window(margin: int | Sequence[int], height: int, width: int) -> tuple[slice, slice]:
    given = (margin,) * 4 if isinstance(margin, (int, np.integer)) else tuple(margin)
    if len(given) != 4 or any(m != int(m) or m < 0 for m in given):
        raise ValueError(
            'Expected argument `margin` to be a number of pixels or (top, bottom, left, right), '
            f'but got {margin!r}; give integers that are not negative.'
        )
    top, bottom, left, right = (int(m) for m in given)
    if top + bottom >= height or left + right >= width:
        raise ValueError(
            f'Expected argument `margin` to leave something of a map of {height} x {width} '
            f'pixels, but got {margin!r}; give a smaller margin.'
        )
    return slice(top, height - bottom), slice(left, width - right)


def _levels(score: NDArray[Any], thresholds: NDArray[np.float64]) -> NDArray[np.int32]:
    """How many thresholds each score reaches, compared in float64."""
    if score.dtype == np.uint8:
        table = np.searchsorted(thresholds, np.arange(256) / 255, side='right')
        return np.ascontiguousarray(table.astype(np.int32)[score])
    levels = np.zeros(score.shape, np.int32)
    active = score >= thresholds[0]
    levels[active] = np.searchsorted(thresholds, score[active].astype(np.float64), side='right')
    return levels


def _column_reach(max_dist: float, height: int, width: int) -> NDArray[np.int64]:
    """Largest column distance of a pair for each row distance -r..r, in whole pixels.

    Exact, because distances are square roots of integers.
    """
    diagonal = np.sqrt(height**2 + width**2)
    limit_sq = int((min(max_dist, 1.0) * diagonal) ** 2)
    rows = isqrt(limit_sq)
    return np.array([isqrt(limit_sq - dy * dy) for dy in range(-rows, rows + 1)])


def _nearest_steps(reach: NDArray[np.int64], columns: int) -> NDArray[np.int64]:
    """Steps to every pixel within reach in packed maps (R, C = columns), nearest first."""
    rows = len(reach) // 2
    # Two border words keep a step of up to 128 columns within its row.
    offsets = [
        (dy * dy + dx * dx, dy * columns * 64 + dx)
        for dy in range(-rows, rows + 1)
        for dx in range(-min(reach[dy + rows], 128), min(reach[dy + rows], 128) + 1)
    ]
    return np.array([step for _, step in sorted(offsets)], np.int64)


def edge_counts(
    score: ArrayLike,
    target: ArrayLike,
    *,
    max_dist: float,
    thin: bool,
    thresholds: int | Sequence[float] | NDArray[np.floating] = 99,
    margin: int | Sequence[int] = 0,
    interior: ArrayLike | None = None,
) -> NDArray[np.int64]:
    r"""Count matched boundary pixels of one image and class at every threshold.

    At threshold :math:`t` the predicted pixels are
    :math:`P_t = \operatorname{thin}(\{p : \text{score}_p \ge t\})` (`thin=False` leaves them as
    they are), and with the true pixels :math:`G`

    .. math::
        \text{cntR}_t = \max \bigl\{ |M| : M \subset P_t \times G \text{ one-to-one},\
            \lVert p - g \rVert \le \text{max_dist} \sqrt{H^2 + W^2}
            \text{ for } (p, g) \in M \bigr\} .

    This is the number that the benchmarks of Martin, Fowlkes and Malik (2004) and Hariharan et al.
    (2011) approximate with a randomized assignment; here it is exact and always the same.

    Args:
        score: Edge probability (H, W): floating point in [0, 1], or uint8, read as v / 255.
        target: True edge pixels (H, W), bool or uint8 of 0 and 1; or (A, H, W), one map for each
            annotator. Then cntR and sumR add up over the annotators, and cntP counts the predicted
            pixels that any of them matches.
        max_dist: Largest distance of a pair, as a fraction of the diagonal (after the margin is cut
            off).
        thin: Thin the prediction at each threshold. The target is taken as it is.
        thresholds: How many, or the thresholds themselves; see :func:`edge_thresholds`.
        margin: Pixels to cut from prediction and target, on all sides or as (top, bottom, left,
            right).
        interior: Region of the class (H, W), bool, for the protocol of Hariharan et al. (2011):
            predicted pixels in it that are too far from the target to match are not counted.

    Returns:
        int64 array (T, 4) with columns cntR, sumR, cntP, sumP: matched true, all true, matched
        predicted and all predicted pixels. An empty prediction or target gives zeros in the
        columns concerned.

    Raises:
        TypeError: If `score`, `target` or `interior` has the wrong dtype.
        ValueError: If shapes disagree, a score is NaN or outside [0, 1], `max_dist` is not
            positive, or `thresholds` or `margin` make no sense.

    Example:
        >>> import numpy as np
        >>> target = np.zeros((40, 40), dtype=bool)
        >>> target[:, 20] = True
        >>> score = np.zeros((40, 40))
        >>> score[:30, 21] = 0.6
        >>> edge_counts(score, target, max_dist=0.02, thin=True, thresholds=[0.5, 0.9])
        array([[30, 40, 30, 30],
               [ 0, 40,  0,  0]])
    """
    score = _check_score(score)
    target = _check_mask('target', target, score.shape)
    if target.ndim not in (2, 3) or not target.size:
        raise ValueError(
            'Expected argument `target` to have shape (H, W) or (A, H, W), '
            f'but got shape {target.shape}; give one image and one class at a time.'
        )
    if not (np.isfinite(max_dist) and max_dist > 0):
        raise ValueError(
            'Expected argument `max_dist` to be a positive fraction of the diagonal, '
            f'but got {max_dist}; the benchmarks use 0.02, 0.0075 or 0.0035.'
        )
    values = edge_thresholds(thresholds)
    window = _inner_window(margin, *score.shape)
    dropped = None
    if interior is not None:
        region = _check_mask('interior', interior, score.shape)
        if region.ndim != 2:
            raise ValueError(
                'Expected argument `interior` to be one map with shape (H, W), '
                f'but got shape {region.shape}; it is the same for all annotators.'
            )
        dropped = pack_words(region[window][None])[0]
    score = score[window]
    target = target[..., window[0], window[1]]
    targets = target if target.ndim == 3 else target[None]

    sets = _prediction_sets(_levels(score, values), len(values), thin)
    reach = _column_reach(max_dist, *score.shape)
    # cntP, the union over annotators, depends on which pixels are matched, not only on how many.
    nearest_first = np.zeros(0, np.int64)
    if len(targets) > 1:
        nearest_first = _nearest_steps(reach, sets.shape[2])
    counts = np.zeros((len(values), 4), np.int64)
    counts[:, 1] = targets.sum()
    hits = None
    for true in pack_words(targets):
        if not true.any():
            continue
        near = _within_reach(true, reach)
        hits = np.zeros_like(sets) if hits is None else hits
        counts[:, 0] += _match(sets, true, near, reach, nearest_first, hits)
        if dropped is not None:
            dropped &= ~near
    if hits is not None:
        counts[:, 2] = _count_bits(hits)
    if dropped is not None:
        sets &= ~dropped
    counts[:, 3] = _count_bits(sets)
    return counts
