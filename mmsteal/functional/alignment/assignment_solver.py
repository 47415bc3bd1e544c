"""The cheapest one-to-one choice among candidates: the assignment problem, in blocks.

Shape shorthand: P rows; C candidates of a row.
"""

from __future__ import annotations

import numpy as np
import scipy
from numpy.typing import NDArray


class OneToOne:
    """The cheapest one-to-one choice of a candidate for each row, for several costs.

    Rows that share no candidate, directly or through others, are solved apart: the time of the
    solver grows faster than their number.

    Args:
        flat: Number of the pixel that each candidate is (P, C).
        reachable: Which candidates there are (P, C); each row has one of its own.
    """

    def __init__(self, flat: NDArray[np.int64], reachable: NDArray[np.bool_]) -> None:
        self.reachable = reachable
        num = len(flat)
        row, places = np.nonzero(reachable)[0], flat[reachable] + num
        size = int(places.max()) + 1
        links = scipy.sparse.csr_matrix(
            (np.ones(len(row), np.int8), (row, places)), shape=(size, size)
        )
        group = scipy.sparse.csgraph.connected_components(links, directed=False)[1][:num]
        order = np.argsort(group, kind='stable')
        ends = np.flatnonzero(np.diff(group[order])) + 1
        self.blocks = [
            (rows, _block(flat[rows], reachable[rows])) for rows in np.split(order, ends)
        ]

    def solve(self, cost: NDArray[np.float64]) -> NDArray[np.int64]:
        """Index of the candidate of each row (P,), for costs (P, C)."""
        # A constant for a row changes nothing, and the solver takes a weight of 0 for no candidate.
        cheapest = np.where(self.reachable, cost, np.inf).min(axis=1, keepdims=True)
        weights = cost - cheapest + 1.0
        chosen = np.empty(len(cost), np.int64)
        for rows, graph in self.blocks:
            reachable = self.reachable[rows]
            graph.data = weights[rows][reachable]
            _, columns = scipy.sparse.csgraph.min_weight_full_bipartite_matching(graph)
            # The solver tells columns: back to the candidates that they are to their rows.
            taken = graph.indices == np.repeat(columns, np.diff(graph.indptr))
            chosen[rows] = np.nonzero(reachable)[1][taken]
        return chosen


def _block(flat: NDArray[np.int64], reachable: NDArray[np.bool_]) -> scipy.sparse.csr_matrix:
    """Rows against the pixels that they can move to; the weights are filled in later."""
    found, columns = np.unique(flat[reachable], return_inverse=True)
    starts = np.append(0, reachable.sum(axis=1).cumsum()).astype(np.int32)
    weights = np.ones(len(columns))
    shape = (len(flat), len(found))
    return scipy.sparse.csr_matrix((weights, columns.ravel().astype(np.int32), starts), shape=shape)
