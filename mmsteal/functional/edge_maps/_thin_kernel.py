"""The rule of thinning, and its compiled form for packed maps.

Shape shorthand: as in :mod:`mmsteal.functional.edge_maps.thin`.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray


def removable(e, ne, n, nw, w, sw, s, se):
    """Which pixels the first sub-iteration takes away, if they are set at all.

    The eight arguments are the neighbors by compass direction: boolean tensors, or words of which
    each bit is a pixel. The second sub-iteration is the same rule turned by 180 degrees.
    """
    # Exactly one crossing from 0 to 1 around the pixel: taking it away cuts nothing apart.
    a, b, c, d = ~e & (ne | n), ~n & (nw | w), ~w & (sw | s), ~s & (se | e)
    one_crossing = (a ^ b ^ c ^ d) & ~((a & b) | (c & d))
    # 2 <= min(n1, n2) <= 3: neither the end of a line nor an inner pixel.
    a, b, c, d = e | ne, n | nw, w | sw, s | se
    one_enough = (a & b) | (c & d) | ((a | b) & (c | d))
    one_full = a & b & c & d
    a, b, c, d = ne | n, nw | w, sw | s, se | e
    other_enough = (a & b) | (c & d) | ((a | b) & (c | d))
    border = one_enough & other_enough & ~(one_full & a & b & c & d)
    # Each sub-iteration takes from one side only, so that lines two pixels wide survive.
    return one_crossing & border & ~((ne | n | ~se) & e)


_removable_bits = njit(inline='always')(removable)


@njit(cache=True, nogil=True)
def thin_words(words: NDArray[np.uint64]) -> None:
    """Thin one packed map in place.

    Sixty-four pixels are judged at once, and only rows near a change of the last two
    sub-iterations are looked at again.

    Args:
        words: map of :func:`mmsteal.functional.edge_maps.thin.pack_words` with shape (R, C).
    """
    height, width = words.shape[0] - 2, words.shape[1] - 2
    gone = np.zeros((height + 2, width + 2), np.uint64)
    one, top = np.uint64(1), np.uint64(63)
    # changed[y]: last sub-iteration that changed row y; rows that are empty never wake up.
    changed = np.full(height + 2, -9)
    for y in range(1, height + 1):
        for x in range(1, width + 1):
            if words[y, x] != 0:
                changed[y] = 0
                break
    step = 1
    last = 0
    while last >= step - 2:
        for y in range(1, height + 1):
            if max(changed[y - 1], changed[y], changed[y + 1]) < step - 2 or changed[y] < 0:
                continue
            for x in range(1, width + 1):
                n, s, m = words[y - 1, x], words[y + 1, x], words[y, x]
                w = (m << one) | (words[y, x - 1] >> top)
                e = (m >> one) | (words[y, x + 1] << top)
                nw = (n << one) | (words[y - 1, x - 1] >> top)
                ne = (n >> one) | (words[y - 1, x + 1] << top)
                sw = (s << one) | (words[y + 1, x - 1] >> top)
                se = (s >> one) | (words[y + 1, x + 1] << top)
                if step & 1:
                    gone[y, x] = m & _removable_bits(e, ne, n, nw, w, sw, s, se)
                else:
                    gone[y, x] = m & _removable_bits(w, sw, s, se, e, ne, n, nw)
        # All pixels of a sub-iteration are judged before the first one goes.
        for y in range(1, height + 1):
            hit = np.uint64(0)
            for x in range(1, width + 1):
                hit |= gone[y, x]
                words[y, x] &= ~gone[y, x]
                gone[y, x] = 0
            if hit != 0:
                changed[y] = step
                last = step
        step += 1


@njit(cache=True, nogil=True)
def thin_maps(words: NDArray[np.uint64]) -> None:
    for i in range(len(words)):
        thin_words(words[i])
