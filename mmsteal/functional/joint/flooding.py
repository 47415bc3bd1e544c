"""A watershed of an edge map in linear time: every pixel to the label that floods it first.

Shape shorthand: H, W height and width.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

_LEVELS = 1024


def flooded(
    seeds: NDArray[np.int32], edge: NDArray[np.float32], passable: NDArray[np.bool_]
) -> NDArray[np.int32]:
    """Flood an edge map from labels, the lowest pixels first (Meyer, 1994), in 1024 levels.

    :func:`skimage.segmentation.watershed` gives the same where all strengths differ; queues of
    whole levels take the place of its heap, which is slower.

    Args:
        seeds: Label of each pixel (H, W), int32, 0 and above; -1 where none is known.
        edge: Edge strength (H, W), float32, 0 and above.
        passable: Pixels (H, W), bool, that labels may enter.

    Returns:
        Labels (H, W), int32, those of the seeds kept; -1 where none came.

    Example:
        >>> seeds = np.array([[0, -1, -1, -1, 1]], np.int32)
        >>> edge = np.array([[0, 1, 3, 2, 0]], np.float32)
        >>> flooded(seeds, edge, seeds < 0)
        array([[0, 0, 0, 1, 1]], dtype=int32)
    """
    top = max(float(edge.max(initial=0)), 1e-9)
    level = (edge * np.float32((_LEVELS - 1) / top)).astype(np.int32)
    labels = np.pad(seeds, 1, constant_values=-1)
    enter = np.pad(passable & (seeds < 0), 1)
    _flood(labels.ravel(), np.pad(level, 1).ravel(), enter.ravel(), labels.shape[1])
    return np.ascontiguousarray(labels[1:-1, 1:-1])


@njit(cache=True, nogil=True)
def _flood(labels, level, enter, width):
    """First in, first out at each level; a pixel takes the label that reaches it first."""
    steps = np.array([-width, -1, 1, width])
    first = np.full(_LEVELS, -1, np.int32)
    last = np.full(_LEVELS, -1, np.int32)
    after = np.full(len(labels), -1, np.int32)
    waiting = 0
    for p in range(len(labels)):
        if labels[p] < 0:
            continue
        for step in steps:
            if enter[p + step]:
                _append(first, last, after, level[p], p)
                waiting += 1
                break
    now = 0
    while waiting > 0:
        while first[now] < 0:
            now += 1
        p = first[now]
        first[now] = after[p]
        waiting -= 1
        for step in steps:
            q = p + step
            if enter[q]:
                enter[q] = False
                labels[q] = labels[p]
                _append(first, last, after, level[q], q)
                waiting += 1
                now = min(now, level[q])


@njit(cache=True, nogil=True)
def _append(first, last, after, place, p):
    if first[place] < 0:
        first[place] = p
    else:
        after[last[place]] = p
    last[place] = p
    after[p] = -1
