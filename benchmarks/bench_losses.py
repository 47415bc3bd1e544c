"""Time and memory that the thinning and the direction loss add to balanced cross entropy.

    python benchmarks/bench_losses.py [--batches 1 2 4] [--classes 20] [--size 472] [--cuda]

Forward and backward on logits of a training crop; labels are bands of radius 2 around cells, a few
classes an image. Before anything is timed, the derivatives at the edge pixels are checked to be
those of the filtered maps. The overhead is over the loss alone: a training step holds a network
besides, of which it is a small part.
"""

from __future__ import annotations

import argparse
import ctypes
import math
import platform
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from mmsteal.functional.balanced_bce import balanced_bce_loss
from mmsteal.functional.direction import direction_loss
from mmsteal.functional.edge_geometry import edge_geometry
from mmsteal.functional.edges import label_map_to_edges
from mmsteal.functional.normals import hessian
from mmsteal.functional.point_hessian import hessian_at
from mmsteal.functional.thinning import thinning_nms_loss


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


def steal(logits: Tensor, target: Tensor) -> Tensor:
    geometry = edge_geometry(target)
    thinning = thinning_nms_loss(logits, target, geometry=geometry)
    direction = direction_loss(logits, target, geometry=geometry)
    return bce(logits, target) + 10 * thinning + direction


LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    'BCE': bce,
    'BCE + NMS': bce_nms,
    'BCE + NMS + direction': steal,
}


def check(target: Tensor) -> None:
    geometry = edge_geometry(target)
    maps = torch.rand(len(geometry.maps), *target.shape[-2:], device=target.device)
    points = (geometry.slot, geometry.y, geometry.x)
    for dense, sparse in zip(hessian(maps), hessian_at(maps, *points), strict=True):
        torch.testing.assert_close(sparse, dense[points], rtol=0, atol=1e-6)


def milliseconds(target: Tensor, repeats: int) -> dict[str, float]:
    """Best time of each loss; the losses take turns, so that other load hits all of them."""
    torch.manual_seed(0)
    logits = torch.randn(target.shape, device=target.device, requires_grad=True)
    best = dict.fromkeys(LOSSES, math.inf)
    for _ in range(repeats + 1):
        for name, loss in LOSSES.items():
            logits.grad = None
            start = time.perf_counter()
            loss(logits, target).backward()
            if target.is_cuda:
                torch.cuda.synchronize()
            best[name] = min(best[name], 1e3 * (time.perf_counter() - start))
    return best


def peak_mib(loss: Callable[[Tensor, Tensor], Tensor], target: Tensor) -> float:
    """Peak memory of a forward and a backward pass above logits and target; NaN where not known."""
    logits = torch.randn(target.shape, device=target.device, requires_grad=True)
    if target.is_cuda:
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        loss(logits, target).backward()
        return (torch.cuda.max_memory_allocated() - before) / 2**20
    status, reset = Path('/proc/self/status'), Path('/proc/self/clear_refs')
    if not reset.exists():
        return math.nan

    def kib(field: str) -> int:
        return int(status.read_text().split(f'{field}:')[1].split()[0])

    ctypes.CDLL(None).malloc_trim(0)  # what earlier passes freed must not serve this one
    reset.write_text('5')  # the high-water mark falls back to what is in use
    before = kib('VmRSS')
    loss(logits, target).backward()
    return (kib('VmHWM') - before) / 2**10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--batches', type=int, nargs='+', default=[1, 2, 4])
    parser.add_argument('--classes', type=int, default=20)
    parser.add_argument('--size', type=int, default=472)
    parser.add_argument('--repeats', type=int, default=5)
    parser.add_argument('--cuda', action='store_true')
    args = parser.parse_args()
    torch.set_num_threads(1)
    device = torch.cuda.get_device_name() if args.cuda else f'{platform.machine()}, one thread'
    print(
        f'{device}, torch {torch.__version__}, float32, best of {args.repeats}; peak includes the '
        'gradient of the logits'
    )
    print('| N x K x H x W | edge pixels | loss | ms | over BCE | peak, MiB |')
    print('|---|---|---|---|---|---|')
    for batch in args.batches:
        target = labels(batch, args.classes, args.size)
        if args.cuda:
            target = target.cuda()
        check(target)
        num_edge = len(edge_geometry(target).y)
        best = milliseconds(target, args.repeats)
        size = ' x '.join(map(str, target.shape))
        for name, loss in LOSSES.items():
            extra = best[name] / best['BCE'] - 1
            peak = peak_mib(loss, target)
            print(
                f'| {size} | {num_edge} | {name} | {best[name]:.0f} | {extra:+.0%} | {peak:.0f} |'
            )


if __name__ == '__main__':
    main()
