"""Boundary matching, compiled: the loops of :mod:`mmsteal.functional.scores.matching` over pixels.

Shape shorthand: H, W height and width of a map; T thresholds; A annotators; R x C the words of a
packed map with its border of zeros (see :func:`mmsteal.functional.edge_maps.thin.pack_words`).
Inside the kernels a pixel is one integer p: bit `p % 64` of word `p // 64` of the flat packed map.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from mmsteal.functional.edge_maps._thin_kernel import thin_words

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
    """The lowest set bit alone; `_popcount(_lowest(word) - 1)` is its position."""
    return word & (~word + ONE)


@njit(inline='always')
def _span(i, first, last):
    """Those bits of word `i` whose pixels lie in `first..last`."""
    bits = ALL
    if first > i << 6:
        bits = bits << np.uint64(first - (i << 6))
    if last < (i << 6) + 63:
        bits &= ALL >> np.uint64((i << 6) + 63 - last)
    return bits


@njit(cache=True, nogil=True)
def count_bits(words: Words) -> NDArray[np.int64]:
    """Set pixels of each of T packed maps (T, R, C)."""
    counts = np.zeros(len(words), np.int64)
    for t in range(len(words)):
        for word in words[t].ravel():
            counts[t] += _popcount(word)
    return counts


@njit(cache=True, nogil=True)
def prediction_sets(levels, num_thresholds, thin):
    """Packed predicted edge pixels (T, R, C) of every threshold.

    `levels` (H, W) says how many thresholds each score reaches. The sets are nested, so one pass
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
    """First and last pixel within reach of `p` in its k-th nearest row: 0, -1, 1, -2, 2, ..."""
    stride = shape[1] * 64
    step = (k + 1) // 2 if k % 2 == 0 else -((k + 1) // 2)
    row, x = p // stride + step, p % stride
    if row < 1 or row > shape[0] - 2:
        return 0, -1
    width = reach[len(reach) // 2 + step]
    return row * stride + max(x - width, 0), row * stride + min(x + width, stride - 1)


@njit(cache=True, nogil=True)
def within_reach(true, reach):
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
    """Look for an augmenting path from the unmatched predicted pixel `root` and flip it.

    Depth first: where all true pixels nearby are taken, that gets to a free one in a few long
    steps. `unvisited` holds the true pixels (flat words) that the search may still visit. A
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
def match(sets, true, near, reach, nearest_first, hits):
    """Size of the largest one-to-one matching of each set with the true pixels.

    From the highest threshold down, each matching starts from the one before it: pairs whose
    predicted pixel went away (thinning does that) are dissolved, then every unmatched pixel that
    could have gained a partner gets one search. By Berge's theorem the result is a maximum one.

    Its size is unique, the pixels in it are not. Where they matter (`nearest_first`), every
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
