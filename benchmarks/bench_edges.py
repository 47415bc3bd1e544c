"""Edge maps of masks and label maps against the two-sided Euclidean distance transform of scipy.

    python benchmarks/bench_edges.py [--size 512] [--classes 20] [--radius 2] [--repeats 30]

One thread. The reference computes, for each class, the distance to the class and to everything else
and keeps the pixels that have both within the radius. Equality is checked before anything is timed.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from measurement import Case, Row, Target, make_parser, median_ms, peak_mib, run
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from mmsteal.functional.edge_maps.edges import label_map_to_edges, mask_edges

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


def cases(args: argparse.Namespace) -> dict[str, Case]:
    num, radius = args.classes, args.radius
    label_map, instance_map = voronoi(args.size, args.cells, num, seed=0)
    with_ignored = label_map.copy()
    with_ignored[: args.size // 16] = IGNORE
    few = np.where(label_map <= 3, label_map, 0).astype(np.uint8)
    masks = label_map[None] == np.arange(1, num + 1, dtype=np.uint8)[:, None, None]
    tensors = torch.from_numpy(masks)
    function = f'`label_map_to_edges`, {num} classes, {args.size} x {args.size}'

    def edges(labels: NDArray, **options: Any) -> NDArray[np.uint8]:
        return label_map_to_edges(labels, num, radius=radius, background=0, **options)

    def all_classes() -> NDArray[np.uint8]:
        return reference(label_map, num, radius)

    def all_masks() -> NDArray[np.uint8]:
        return np.stack([two_sided_edt(m, ~m, radius) for m in masks])

    def case(
        name: str,
        ours: Callable[[], Any],
        theirs: Callable[[], NDArray],
        *targets: Target,
        equal: bool = True,
        note: str = '',
    ) -> Case:
        def rows() -> list[Row]:
            if equal and not np.array_equal(np.asarray(ours()), theirs()):
                raise RuntimeError('the edges differ from those of the reference')
            return [
                Row(
                    name,
                    median_ms(ours, args.repeats),
                    "scipy's two-sided EDT a class",
                    median_ms(theirs, min(args.repeats, 3)),
                    targets=list(targets),
                    peak_mib=peak_mib(ours),
                    note=note,
                )
            ]

        return rows

    return {
        'all present': case(
            function, lambda: edges(label_map), all_classes, Target('speed-up', 50),
            Target('time', 15),
        ),
        'ignored rows': case(
            f'{function}, with ignored rows',
            lambda: edges(with_ignored),
            lambda: reference(with_ignored, num, radius),
        ),
        'few present': case(
            f'{function}, 3 of them present',
            lambda: edges(few),
            lambda: reference(few, num, radius),
        ),
        'instances': case(
            f'{function}, {args.cells} instances',
            lambda: edges(label_map, instance_map=instance_map),
            lambda: instance_reference(label_map, instance_map, num, radius),
        ),
        'thinned': case(
            f'{function}, thinned',
            lambda: edges(label_map, thin=True),
            all_classes,
            equal=False,
            note='reference without thinning',
        ),
        'array': case(
            f'`mask_edges`, {num} masks, array', lambda: mask_edges(masks, radius), all_masks
        ),
        'tensor': case(
            f'`mask_edges`, {num} masks, tensor', lambda: mask_edges(tensors, radius), all_masks
        ),
    }  # fmt: skip


def main(argv: list[str] | None = None) -> None:
    parser = make_parser(__doc__)
    parser.add_argument('--size', type=int, default=512)
    parser.add_argument('--classes', type=int, default=20)
    parser.add_argument('--cells', type=int, default=60, help='random cells in the label map')
    parser.add_argument('--radius', type=float, default=2.0)
    parser.add_argument('--repeats', type=int, default=30)
    run(cases, parser, argv, size=64, classes=4, cells=8, repeats=2)


if __name__ == '__main__':
    main()
