"""Mean field of a labelling problem in which every pixel has a few labels to choose from.

Shape shorthand: N undecided pixels; K labels that each may take; D neighbors of a pixel.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

# Entries of `neighbors` that are no index: nothing, and a pixel whose label is decided.
NOBODY = -1


def decided(label: NDArray[np.integer] | int) -> NDArray[np.int32] | int:
    """The entry of `neighbors` that stands for a pixel whose label is decided."""
    return -2 - label  # type: ignore[return-value]


def mean_field(
    unary: NDArray[np.float32],
    candidates: NDArray[np.int32],
    neighbors: NDArray[np.int32],
    weights: NDArray[np.float32],
    *,
    num_iters: int = 10,
) -> NDArray[np.float32]:
    r"""Probability of each candidate by the mean field of a Potts energy.

    .. math::
        E(l) = \sum_p u_p(l_p) + \sum_{p q} w_{pq} [l_p \ne l_q], \qquad
        Q_p(l) \propto \exp\Big(-u_p(l) + \sum_q w_{pq} Q_q(l)\Big)

    All pixels are updated at once, from the :math:`Q` of the step before (Kraehenbuehl and Koltun,
    2011, with local pairs): the result does not depend on an order of pixels or labels.

    Args:
        unary: Cost :math:`u_p` of each candidate (N, K), float32.
        candidates: Labels (N, K), int32, the first always one; -1 where there are fewer.
        neighbors: Indices of the pixels beside each (N, D), int32; `NOBODY` for none, and
            :func:`decided` of the label of a pixel that is not open. A pair stands on both sides.
        weights: Weight :math:`w_{pq}` of each pair (N, D), float32, the same on both sides.
        num_iters: Updates.

    Returns:
        Probabilities (N, K), float32; 0 where there is no candidate.

    Raises:
        ValueError: Shapes do not fit, or a pixel has no candidate.

    Example:
        >>> unary = np.array([[0, 0.2], [1, 0]], np.float32)
        >>> both = np.array([[3, 5], [3, 5]], np.int32)
        >>> beside = np.array([[1], [0]], np.int32)
        >>> prob = mean_field(unary, both, beside, np.ones((2, 1), np.float32))
        >>> both[0][prob.argmax(axis=1)]
        array([5, 5], dtype=int32)
    """
    if not unary.shape == candidates.shape or not neighbors.shape == weights.shape:
        raise ValueError(
            'Expected `unary` and `candidates`, and `neighbors` and `weights`, to have the same '
            f'shapes, but got {unary.shape} and {candidates.shape}, {neighbors.shape} and '
            f'{weights.shape}.'
        )
    if len(neighbors) != len(unary) or unary.ndim != 2 or neighbors.ndim != 2:
        raise ValueError(
            'Expected `unary` (N, K) and `neighbors` (N, D) to have a row for each pixel, '
            f'but got {unary.shape} and {neighbors.shape}.'
        )
    if (candidates[:, :1] < 0).any():
        raise ValueError(
            'Expected argument `candidates` to hold a label for every pixel, but got pixels '
            'without one; leave them out.'
        )
    return _solve(
        np.ascontiguousarray(unary, np.float32),
        np.ascontiguousarray(candidates, np.int32),
        np.ascontiguousarray(neighbors, np.int32),
        np.ascontiguousarray(weights, np.float32),
        num_iters,
    )


@njit(cache=True, nogil=True)
def _solve(unary, candidates, neighbors, weights, num_iters):
    num, most = unary.shape
    count = np.zeros(num, np.int64)
    for p in range(num):
        while count[p] < most and candidates[p, count[p]] >= 0:
            count[p] += 1
    # What decided neighbors say does not change.
    cost = unary.copy()
    for p in range(num):
        for d in range(neighbors.shape[1]):
            label = -2 - neighbors[p, d]
            if label >= 0:
                for i in range(count[p]):
                    if candidates[p, i] == label:
                        cost[p, i] -= weights[p, d]
    now = np.zeros((num, most), np.float32)
    score = np.empty(most, np.float32)
    for p in range(num):
        _normalise(cost, p, cost[p], count[p], now)
    after = np.zeros_like(now)
    for _ in range(num_iters):
        for p in range(num):
            for i in range(count[p]):
                score[i] = cost[p, i]
            if count[p] > 1:
                for d in range(neighbors.shape[1]):
                    q = neighbors[p, d]
                    if q < 0:
                        continue
                    weight = weights[p, d]
                    for i in range(count[p]):
                        for j in range(count[q]):
                            if candidates[q, j] == candidates[p, i]:
                                score[i] -= weight * now[q, j]
                                break
            _normalise(cost, p, score, count[p], after)
        now, after = after, now
    return now


@njit(cache=True, nogil=True)
def _normalise(cost, p, score, count, out):
    low = score[0]
    for i in range(1, count):
        low = min(low, score[i])
    total = np.float32(0)
    for i in range(count):
        out[p, i] = np.exp(low - score[i])
        total += out[p, i]
    for i in range(count):
        out[p, i] /= total
