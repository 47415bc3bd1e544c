"""Time and memory that the thinning and the direction loss add to balanced cross entropy.

    python benchmarks/bench_losses.py [--batches 1 4] [--classes 20] [--size 472]
        [--device cuda]

Forward and backward on logits of a training crop; labels are bands of radius 2 around cells, a few
classes an image. Before anything is timed, the derivatives at the edge pixels are checked to be
those of the filtered maps. The overhead is over the loss alone: a training step holds a network
besides, of which it is a small part.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from measurement import Case, Row, make_parser, median_ms_in_turn, peak_mib, run
from torch import Tensor

from mmsteal.functional.edge_maps.edges import label_map_to_edges
from mmsteal.functional.edge_maps.normals import hessian
from mmsteal.functional.edge_maps.point_hessian import hessian_at
from mmsteal.functional.losses.balanced_bce import balanced_bce_loss
from mmsteal.functional.losses.edge_geometry import edge_geometry
from mmsteal.functional.losses.nms_loss import thinning_nms_loss
from mmsteal.functional.losses.total_loss import steal_loss


def labels(batch: int, num_classes: int, size: int) -> Tensor:
    """Edge targets (N, K, H, W): cells of at most five classes and background, as in SBD crops."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:size, :size]
    maps = []
    for _ in range(batch):
        classes = rng.choice(num_classes, min(5, num_classes), replace=False) + 1
        label_map, nearest = np.zeros((size, size), np.int64), np.full((size, size), np.inf)
        for cy, cx in rng.uniform(0, size, (12, 2)):
            wave = 12 * np.sin(x / 9 + cy) + 12 * np.cos(y / 11 + cx)
            distance = np.hypot(y - cy, x - cx) + wave
            label_map[distance < nearest] = rng.choice([0, *classes])
            nearest = np.minimum(nearest, distance)
        maps.append(label_map_to_edges(label_map, num_classes, background=0))
    return torch.from_numpy(np.stack(maps))


def bce(logits: Tensor, target: Tensor) -> Tensor:
    return balanced_bce_loss(logits, target)


def bce_nms(logits: Tensor, target: Tensor) -> Tensor:
    return bce(logits, target) + 10 * thinning_nms_loss(logits, target)


LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    'BCE': bce,
    'BCE + NMS': bce_nms,
    'BCE + NMS + direction': steal_loss,
}


def check(target: Tensor) -> None:
    geometry = edge_geometry(target)
    maps = torch.rand(len(geometry.maps), *target.shape[-2:], device=target.device)
    points = (geometry.slot, geometry.y, geometry.x)
    for dense, sparse in zip(hessian(maps), hessian_at(maps, *points), strict=True):
        torch.testing.assert_close(sparse, dense[points], rtol=0, atol=1e-6)


def loss_rows(batch: int, args: argparse.Namespace) -> list[Row]:
    """Forward and backward of each loss; the losses take turns."""
    target = labels(batch, args.classes, args.size).to(args.device)
    check(target)
    torch.manual_seed(0)
    logits = torch.randn(target.shape, device=target.device, requires_grad=True)

    def step(loss: Callable[[Tensor, Tensor], Tensor]) -> None:
        logits.grad = None
        loss(logits, target).backward()

    steps = {name: partial(step, loss) for name, loss in LOSSES.items()}
    times = median_ms_in_turn(steps, args.repeats, args.device)
    rows = []
    for name, one in steps.items():
        logits.grad = None  # the peak holds the gradient of the logits
        peak = peak_mib(one, args.device)
        what = f'losses alone, {name}, {" x ".join(map(str, target.shape))}'
        row = Row(what, times[name], peak_mib=peak)
        if name == 'BCE':
            row.note = f'{len(edge_geometry(target).y)} edge pixels'
        else:
            row.reference, row.reference_ms, row.compares = 'BCE alone', times['BCE'], 'overhead'
        rows.append(row)
    return rows


def cases(args: argparse.Namespace) -> dict[str, Case]:
    return {f'batch {batch}': partial(loss_rows, batch, args) for batch in args.batches}


def main(argv: list[str] | None = None) -> None:
    parser = make_parser(__doc__, ('cpu', 'cuda'))
    parser.add_argument('--batches', type=int, nargs='+', default=[1, 4])
    parser.add_argument('--classes', type=int, default=20)
    parser.add_argument('--size', type=int, default=472)
    parser.add_argument('--repeats', type=int, default=5)
    run(cases, parser, argv, batches=[1], classes=4, size=96, repeats=2)


if __name__ == '__main__':
    main()
