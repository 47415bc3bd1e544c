"""Parts of a mask joined by thin lines, for formats that have one polygon an object."""

from __future__ import annotations

import cv2
import numpy as np
import scipy
import skimage
from numpy.typing import NDArray

from mmsteal.label_formats.annotation import Region

# What a pixel of a line costs that nobody sees, against 1 for one that is seen.
_COVERED_COST = 1e-3


def connect_parts(
    mask: NDArray[np.bool_],
    covered: NDArray[np.bool_],
    forbidden: NDArray[np.bool_] | None = None,
) -> NDArray[np.bool_]:
    """Join the parts of a mask by lines one pixel wide, so that one polygon outlines it.

    For formats that have one polygon an object. The lines run where fewest of their pixels are
    seen: a spanning tree of the parts, from one search of the cheapest ways between them.

    Args:
        mask: (H, W) bool.
        covered: (H, W) bool, pixels that other objects are painted over.
        forbidden: (H, W) bool, pixels that no line may take. Parts that cannot be reached without
            them stay apart.

    Returns:
        (H, W) bool, the mask with the lines: one 8-connected component, or as few as
        `forbidden` allows.

    Example:
        >>> mask = np.array([[1, 0, 0, 1]], bool)
        >>> connect_parts(mask, np.zeros((1, 4), bool)).tolist()
        [[True, True, True, True]]
    """
    box = Region.of(mask).box
    joined = mask.copy()
    inside = joined[box]
    count, parts = cv2.connectedComponents(inside.astype(np.uint8), connectivity=8)
    if count <= 2:
        return joined
    price = np.where(covered[box], _COVERED_COST, 1.0)
    if forbidden is not None:
        price[forbidden[box]] = np.inf
    price[inside] = _COVERED_COST
    search = skimage.graph.MCP(price)
    costs, steps = search.find_costs(np.argwhere(inside))
    # The part that each pixel was reached from: where its way leads, in steps that double.
    offsets = np.append(np.asarray(search.offsets) @ (price.shape[1], 1), 0)
    origin = np.arange(price.size) - offsets[np.where(steps < 0, -1, steps)].ravel()
    for _ in range(max(1, price.size).bit_length()):
        origin = origin[origin]
    part = parts.ravel()[origin].reshape(price.shape)  # 0 where nobody came
    # Where the pixels around two parts meet, a way between them; of each pair the cheapest.
    numbers = np.arange(price.size).reshape(price.shape)
    height, width = price.shape
    meetings = []
    for dy, dx in ((0, 1), (1, 0), (1, 1), (1, -1)):
        here = slice(0, height - dy), slice(max(-dx, 0), width - max(dx, 0))
        there = slice(dy, height), slice(max(dx, 0), width - max(-dx, 0))
        meets = (part[here] != part[there]) & (part[here] > 0) & (part[there] > 0)
        low, high = np.sort((part[here][meets], part[there][meets]), axis=0)
        paid = costs[here][meets] + costs[there][meets]
        meetings.append((low, high, paid, numbers[here][meets], numbers[there][meets]))
    low, high, paid, first, second = map(np.concatenate, zip(*meetings, strict=True))
    order = np.lexsort((paid, high, low))
    pairs = (low * count + high)[order]
    order = order[np.flatnonzero(np.diff(pairs, prepend=-1))]
    # A way may cost nothing; a zero would be no edge.
    graph = scipy.sparse.coo_matrix((paid[order] + 1, (low[order], high[order])), (count, count))
    tree = scipy.sparse.csgraph.minimum_spanning_tree(graph.tocsr()).tocoo()
    chosen = np.isin(low[order] * count + high[order], tree.row * count + tree.col)
    for end in (*first[order[chosen]].tolist(), *second[order[chosen]].tolist()):
        way = search.traceback(np.unravel_index(end, price.shape))
        inside[tuple(np.transpose(way))] = True
    return joined
