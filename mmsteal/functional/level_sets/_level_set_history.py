"""The states that an evolving mask went through, packed, and the cost along their outlines.

Shape shorthand:
    C: states, S: strips of a packed mask, H and W: height and width.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from mmsteal.functional.level_sets._level_set_words import ONE, ZERO, strip_bits, unpack_mask


@dataclass(frozen=True)
class PackedHistory:
    """The states of one evolving mask at its checkpoints.

    Args:
        words: Packed states (C, S, H).
        ghost: Ghost bits on each side of a word.
    """

    words: NDArray[np.uint64]
    ghost: int

    def unpack(self, index: int, out: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Write the state at a checkpoint to `out` (H, W) and return it."""
        unpack_mask(self.words[index], self.ghost, out.view(np.uint8))
        return out

    def mean_cost(self, cost: NDArray[np.int32]) -> NDArray[np.float64]:
        """Mean of `cost` (H, W) along the curve of each state, (C,); NaN where there is none.

        The curve of a mask is made of the pixels of which one of the four neighbors is on its
        other side. Pixels of negative cost are left out.
        """
        sums = np.zeros(len(self.words), np.int64)
        counts = np.zeros(len(self.words), np.int64)
        _curve_cost(self.words, cost, self.ghost, sums, counts)
        return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


@njit(cache=True, nogil=True)
def _curve_cost(history, cost, ghost, sums, counts):
    """Sum a cost along the curve of every state: the pixels with a 4-neighbor of the other value.

    Args:
        history: Packed states (C, S, H).
        cost: Cost (H, W), int32, fixed point (so that the sum has no order); pixels below 0 are
            left out.
        ghost: Ghost bits on each side of a word.
        sums: Output (C,), int64.
        counts: Output (C,), int64: the pixels that were summed.
    """
    num_states, num_words, height = history.shape
    width = cost.shape[1]
    own = 64 - 2 * ghost
    own_bits = (~ZERO << np.uint64(2 * ghost)) >> np.uint64(ghost)
    for c in range(num_states):
        total = np.int64(0)
        count = np.int64(0)
        for s in range(num_words):
            valid, column_0, column_w = strip_bits(s, ghost, width)
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
                curve |= (u ^ (beside << ONE)) & ~column_0
                curve |= (u ^ (beside >> ONE)) & ~column_w
                curve &= own_bits & valid
                if curve == 0:
                    continue
                curve >>= np.uint64(ghost)
                row = cost[y, x0 : x0 + num_columns]
                row_sum = np.int64(0)
                row_count = np.int64(0)
                for k in range(num_columns):
                    used = np.int64((curve >> np.uint64(k)) & ONE) & np.int64(row[k] >= 0)
                    row_sum += used * np.int64(row[k])
                    row_count += used
                total += row_sum
                count += row_count
        sums[c] = total
        counts[c] = count
