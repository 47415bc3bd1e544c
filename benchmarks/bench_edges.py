"""Edge maps of masks and label maps against the two-sided Euclidean distance transform of scipy.

    python benchmarks/bench_edges.py [--size 512] [--classes 20] [--radius 2] [--repeats 30]

One thread. The reference computes, for each class, the distance to the class and to everything else
and keeps the pixels that have both within the radius. Equality is checked before anything is timed.
"""

from __future__ import annotations

import argparse
import platform
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from mmsteal.functional.edges import label_map_to_edges, mask_edges

IGNORE = 255


def voronoi(size: int, num_cells: int, num_classes: int, seed: int) -> tuple[NDArray, NDArray]:
    """Label map (values 1 to `num_classes`, all present) and instance map of random cells."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size]
    nearest = np.full((size, size), np.inf)
    cells = np.zeros((size, size), np.uint8)
    for i, (cy, cx) in enumerate(rng.uniform(0, size, (num_cells, 2))):
        distance = (y - cy) ** 2 + (x - cx) ** 2
        cells[distance < nearest] = i
        nearest = np.minimum(nearest, distance)
    return (cells % num_classes + 1).astype(np.uint8), cells


def two_sided_edt(region: NDArray[np.bool_], others: NDArray[np.bool_], radius: float) -> NDArray:
    if not region.any() or not others.any():
        return np.zeros(region.shape, np.uint8)
    near = distance_transform_edt(~region) <= radius
    return (near & (distance_transform_edt(~others) <= radius)).astype(np.uint8)


def reference(label_map: NDArray, num_classes: int, radius: float) -> NDArray[np.uint8]:
    valid = label_map != IGNORE
    out = np.empty((num_classes, *label_map.shape), np.uint8)
    for k in range(num_classes):
        mine = label_map == k + 1
        out[k] = two_sided_edt(mine, valid & ~mine, radius)
        out[k][~valid] = IGNORE
    return out


def instance_reference(
    label_map: NDArray, instance_map: NDArray, num_classes: int, radius: float
) -> NDArray[np.uint8]:
    out = np.zeros((num_classes, *label_map.shape), np.uint8)
    for instance in np.unique(instance_map):
        mine = instance_map == instance
        out[label_map[mine][0] - 1] |= two_sided_edt(mine, ~mine, radius)
    return out


def timed(function: Callable[[], Any], repeats: int) -> float:
    """Median milliseconds after one warm-up."""
    function()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return 1e3 * float(np.median(times))


def peak_mib(function: Callable[[], Any]) -> float:
    tracemalloc.start()
    function()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--size', type=int, default=512)
    parser.add_argument('--classes', type=int, default=20)
    parser.add_argument('--cells', type=int, default=60, help='random cells in the label map')
    parser.add_argument('--radius', type=float, default=2.0)
    parser.add_argument('--repeats', type=int, default=30)
    args = parser.parse_args()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    num, radius = args.classes, args.radius
    label_map, instance_map = voronoi(args.size, args.cells, num, seed=0)
    with_ignored = label_map.copy()
    with_ignored[: args.size // 16] = IGNORE
    few = np.where(label_map <= 3, label_map, 0).astype(np.uint8)
    masks = label_map[None] == np.arange(1, num + 1, dtype=np.uint8)[:, None, None]
    tensors = torch.from_numpy(masks)

    def edges(labels: NDArray, **options: Any) -> NDArray[np.uint8]:
        return label_map_to_edges(labels, num, radius=radius, background=0, **options)

    cases: list[tuple[str, Callable[[], Any], Callable[[], Any] | None]] = [
        (
            f'label_map_to_edges, {num} classes',
            lambda: edges(label_map),
            lambda: reference(label_map, num, radius),
        ),
        (
            '  with ignored rows',
            lambda: edges(with_ignored),
            lambda: reference(with_ignored, num, radius),
        ),
        ('  3 of them present', lambda: edges(few), lambda: reference(few, num, radius)),
        (
            f'  {args.cells} instances',
            lambda: edges(label_map, instance_map=instance_map),
            lambda: instance_reference(label_map, instance_map, num, radius),
        ),
        ('  thinned (reference without thinning)', lambda: edges(label_map, thin=True), None),
        (
            f'mask_edges, {num} masks, array',
            lambda: mask_edges(masks, radius),
            lambda: np.stack([two_sided_edt(m, ~m, radius) for m in masks]),
        ),
        (
            f'mask_edges, {num} masks, tensor',
            lambda: mask_edges(tensors, radius),
            lambda: np.stack([two_sided_edt(m, ~m, radius) for m in masks]),
        ),
    ]
    print(
        f'{platform.processor() or platform.machine()}, one thread, numpy {np.__version__}; '
        f'{args.size} x {args.size}, radius {radius:g}, median of {args.repeats}'
    )
    print('| case | ms | scipy EDT, ms | times faster | peak, MiB | equal |')
    print('|---|---|---|---|---|---|')
    slow_ms = 0.0
    for name, function, slow in cases:
        equal = '-'
        if slow is not None:
            if not np.array_equal(np.asarray(function()), slow()):
                raise SystemExit(f'{name}: differs from the reference')
            equal = 'yes'
            slow_ms = timed(slow, 3)
        fast_ms = timed(function, args.repeats)
        if slow is None:
            slow_ms = timed(cases[0][2], 3)  # type: ignore[arg-type]
        print(
            f'| {name} | {fast_ms:.2f} | {slow_ms:.0f} | {slow_ms / fast_ms:.0f} '
            f'| {peak_mib(function):.1f} | {equal} |'
        )


if __name__ == '__main__':
    main()
