"""Geodesic distances of labels: how far each is from a pixel, by ways that avoid edges.

Shape shorthand: H, W height and width; K nearest labels that each pixel keeps.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

# Costs are whole numbers of this unit: sums are exact, and their order is the same everywhere.
UNITS = 64
_FAR = np.int32(2**31 - 1)


@dataclass(frozen=True)
class NearestLabels:
    """The nearest labels of each pixel, nearest first.

    Attributes:
        labels: (H, W, K), int32; -1 where there are fewer.
        distances: (H, W, K), float32; infinite where there are fewer.
    """

    labels: NDArray[np.int32]
    distances: NDArray[np.float32]

    def including(self, label_map: NDArray[np.int32]) -> NearestLabels:
        """With one more label (H, W) of each pixel, -1 for none, in place of its last one.

        Pixels that no label reaches stay without any.
        """
        missing = (label_map >= 0) & (self.labels != label_map[..., None]).all(axis=2)
        missing &= self.labels[..., 0] >= 0
        labels, distances = self.labels.copy(), self.distances.copy()
        count = np.minimum((labels >= 0).sum(axis=2), labels.shape[2] - 1)[missing]
        labels[missing, count] = label_map[missing]
        distances[missing, count] = np.inf
        return NearestLabels(labels, distances)


def geodesic_growth(
    seeds: NDArray[np.integer],
    cost: NDArray[np.floating],
    *,
    passable: NDArray[np.bool_] | None = None,
    limit: float = np.inf,
) -> NDArray[np.int32]:
    """Give every pixel to the label that reaches it first.

    Args:
        seeds: Label of each pixel (H, W), 0 and above; -1 where none is known.
        cost: See :func:`nearest_labels`.
        passable: See :func:`nearest_labels`.
        limit: See :func:`nearest_labels`.

    Returns:
        Labels (H, W), int32, those of the seeds kept; -1 where none came.

    Raises:
        TypeError: `seeds` is not an array of integers, or `cost` not one of floats.
        ValueError: Shapes differ, or a value is out of its range.

    Example:
        >>> seeds = np.full((1, 7), -1)
        >>> seeds[0, 0], seeds[0, 6] = 0, 1
        >>> edge = np.array([[0, 1, 0, 0, 0, 0, 0]])
        >>> geodesic_growth(seeds, 0.1 + edge)
        array([[0, 0, 1, 1, 1, 1, 1]], dtype=int32)
    """
    return nearest_labels(seeds, cost, num=1, passable=passable, limit=limit).labels[..., 0]


def nearest_labels(
    seeds: NDArray[np.integer],
    cost: NDArray[np.floating],
    *,
    num: int,
    passable: NDArray[np.bool_] | None = None,
    limit: float = np.inf,
) -> NearestLabels:
    r"""The `num` labels that are nearest to each pixel, and how far they are.

    .. math::
        d_k(p) = \min_{\text{ways } p_0, \dots, p_n = p,\; l(p_0) = k}
        \sum_i \frac{c(p_{i-1}) + c(p_i)}{2} \, \lVert p_i - p_{i-1} \rVert

    over ways through the eight neighbors. All labels grow at once from one bucket queue (Dial,
    1969), and a pixel turns away all but its nearest: time grows with the labels near a pixel,
    not with all of them.

    Args:
        seeds: Label of each pixel (H, W), 0 and above; -1 where none is known.
        cost: Cost of a way of one pixel length (H, W), float, from 0 to 1000, in steps of 1/64.
        num: Labels that each pixel keeps, K.
        passable: Pixels (H, W), bool, that labels may enter. None: all without a seed. A seed
            that is passable keeps its own label, at distance 0, before those that come.
        limit: Labels do not go further than this.

    Returns:
        Labels and distances; a seed's first label is its own.

    Raises:
        TypeError: `seeds` is not an array of integers, or `cost` not one of floats.
        ValueError: Shapes differ, or a value is out of its range.

    Example:
        >>> seeds = np.full((1, 5), -1)
        >>> seeds[0, 0], seeds[0, 4] = 3, 8
        >>> found = nearest_labels(seeds, np.ones((1, 5)), num=2)
        >>> found.labels[0, 1], found.distances[0, 1]
        (array([3, 8], dtype=int32), array([1., 3.], dtype=float32))
    """
    steps = _check(seeds, cost, num, passable, limit)
    enter = seeds < 0 if passable is None else passable
    height, width = seeds.shape
    # A frame around the image that nothing enters spares the kernel all checks of the border.
    framed = np.pad(seeds.astype(np.int32, copy=False), 1, constant_values=-1).ravel()
    labels = np.full((framed.size, num), -1, np.int32)
    labels[:, 0] = framed
    distances = np.full((framed.size, num), _FAR)
    distances[framed >= 0, 0] = 0
    _spread(
        labels,
        distances,
        np.pad(steps, 1).ravel(),
        np.pad(enter, 1).ravel(),
        width + 2,
        np.int32(min(limit * UNITS, int(_FAR) // 2)),
    )
    inner = (slice(1, height + 1), slice(1, width + 1))
    found = labels.reshape(height + 2, width + 2, num)[inner]
    whole = distances.reshape(height + 2, width + 2, num)[inner]
    far = whole.astype(np.float32) / np.float32(UNITS)
    far[whole == _FAR] = np.inf
    return NearestLabels(np.ascontiguousarray(found), far)


@njit(cache=True, nogil=True)
def _spread(labels, distances, cost, passable, width, last):
    """Dijkstra's algorithm for all labels at once; `labels` and `distances` (N, K) in place.

    Pixels are numbered along rows of `width`, the outermost not passable. A pixel holds its K
    nearest labels so far. One that is turned away has K others before it, which will be before it
    on all ways that lead on from here.
    """
    num = labels.shape[1]
    straight = np.array([-width, width, -1, 1, -width - 1, -width + 1, width - 1, width + 1])
    num_buckets = int(cost.max() * 1.5) + 3
    head = np.full(num_buckets, -1, np.int32)
    room = max(8 * width, 1024)
    # An entry: its pixel, its label, and the next entry of the bucket.
    entries = np.empty((room, 3), np.int32)
    free = np.int32(-1)
    used = 0
    waiting = 0
    for p in range(len(cost)):
        if labels[p, 0] < 0 or distances[p, 0] != 0:
            continue
        leads = False
        for k in range(8):
            q = p + straight[k]
            if 0 <= q < len(cost) and passable[q] and labels[q, 0] != labels[p, 0]:
                leads = True
                break
        if not leads:
            continue
        if used == room:
            entries = _twice(entries)
            room *= 2
        entries[used, 0], entries[used, 1], entries[used, 2] = p, labels[p, 0], head[0]
        head[0] = used
        used += 1
        waiting += 1
    now = np.int32(0)
    bucket = 0
    while waiting > 0 and now <= last:
        while head[bucket] >= 0:
            entry = head[bucket]
            p, own = entries[entry, 0], entries[entry, 1]
            head[bucket] = entries[entry, 2]
            entries[entry, 2] = free
            free = entry
            waiting -= 1
            current = False
            for i in range(num):
                if labels[p, i] == own:
                    current = distances[p, i] == now
                    break
            if not current:
                continue
            here = cost[p]
            for k in range(8):
                q = p + straight[k]
                if not 0 <= q < len(cost) or not passable[q]:
                    continue
                step = here + cost[q]
                step = (step + 1) >> 1 if k < 4 else np.int32(step * 0.70710678 + 0.5)
                reached = now + max(step, 1)
                if reached > last or reached >= distances[q, num - 1]:
                    continue
                # Enter the label into the sorted list of the pixel.
                place = num - 1
                for i in range(num - 1):
                    if labels[q, i] == own:
                        place = i
                        break
                if labels[q, place] == own and distances[q, place] <= reached:
                    continue
                while place > 0 and distances[q, place - 1] > reached:
                    labels[q, place] = labels[q, place - 1]
                    distances[q, place] = distances[q, place - 1]
                    place -= 1
                labels[q, place] = own
                distances[q, place] = reached
                if free >= 0:
                    entry = free
                    free = entries[entry, 2]
                else:
                    if used == room:
                        entries = _twice(entries)
                        room *= 2
                    entry = used
                    used += 1
                target = (bucket + max(step, 1)) % num_buckets
                entries[entry, 0], entries[entry, 1] = q, own
                entries[entry, 2] = head[target]
                head[target] = entry
                waiting += 1
        now += 1
        bucket += 1
        if bucket == num_buckets:
            bucket = 0


@njit(cache=True, nogil=True)
def _twice(array):
    longer = np.empty((2 * len(array), array.shape[1]), array.dtype)
    longer[: len(array)] = array
    return longer


def _check(
    seeds: NDArray[np.integer],
    cost: NDArray[np.floating],
    num: int,
    passable: NDArray[np.bool_] | None,
    limit: float,
) -> NDArray[np.int32]:
    """The costs in whole units, if all arguments are what they should be."""
    if not isinstance(seeds, np.ndarray) or not np.issubdtype(seeds.dtype, np.integer):
        raise TypeError(
            'Expected argument `seeds` to be an array of integers, '
            f'but got {getattr(seeds, "dtype", type(seeds))}.'
        )
    if not isinstance(cost, np.ndarray) or not np.issubdtype(cost.dtype, np.floating):
        raise TypeError(
            'Expected argument `cost` to be an array of floats, '
            f'but got {getattr(cost, "dtype", type(cost))}.'
        )
    if seeds.ndim != 2 or cost.shape != seeds.shape:
        raise ValueError(
            'Expected arguments `seeds` and `cost` to have one shape (H, W), '
            f'but got {seeds.shape} and {cost.shape}.'
        )
    if passable is not None and (passable.dtype != np.bool_ or passable.shape != seeds.shape):
        raise ValueError(
            f'Expected argument `passable` to be bool of shape {seeds.shape}, '
            f'but got {passable.dtype} of shape {passable.shape}.'
        )
    if cost.size and not (cost.min() >= 0 and cost.max() <= 1000):
        raise ValueError(
            'Expected argument `cost` to hold values from 0 to 1000, '
            f'but got {cost.min()} to {cost.max()}.'
        )
    if num < 1:
        raise ValueError(f'Expected argument `num` to be at least 1, but got {num}.')
    if not limit >= 0:
        raise ValueError(f'Expected argument `limit` to be at least 0, but got {limit}.')
    return np.rint(cost * UNITS).astype(np.int32)
