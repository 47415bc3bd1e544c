"""Level sets: time against scikit-image in the same run, results equal; memory; alignment.

    python benchmarks/bench_level_set.py [--repeats 5] [--reference-masks 2] [--cuda]

The scene: one textured disk a mask, grown by 50 iterations with a balloon, smoothing 1. The
reference runs on a few of the masks of each group, which are compared pixel by pixel, and its time
is scaled to the group (`--reference-masks 0` runs it on all). One thread throughout.
"""

from __future__ import annotations

import argparse
import ctypes
import platform
import time
from collections.abc import Callable
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy import ndimage as ndi
from skimage.segmentation import morphological_geodesic_active_contour, morphsnakes

from mmsteal.functional.alignment import align_masks
from mmsteal.functional.level_set import evolve_level_set
from mmsteal.functional.speed import speed_function

THRESHOLD = 0.9


def hardware() -> str:
    name = platform.processor() or platform.machine()
    cpuinfo = Path('/proc/cpuinfo')
    if cpuinfo.exists():
        lines = cpuinfo.read_text().splitlines()
        name = next((x.split(':')[1].strip() for x in lines if x.startswith('model name')), name)
    return f'{name}, one thread; numpy {np.__version__}, torch {torch.__version__}'


def disks(num_masks: int, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Masks inside of their true outlines, and edge probabilities with texture (float32)."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:height, :width]
    masks, probs = [], []
    for _ in range(num_masks):
        centre_y, centre_x = rng.uniform(0.3, 0.7, 2) * (height, width)
        radius = rng.uniform(0.1, 0.3) * min(height, width)
        distance = np.hypot(y - centre_y, x - centre_x)
        texture = ndi.gaussian_filter(rng.random((height, width), dtype=np.float32), 2)
        edge = 0.8 * np.exp(-((distance - radius - 12) ** 2) / 8)
        masks.append(distance < radius)
        probs.append(np.clip(edge + 0.3 * texture, 0, 1).astype(np.float32))
    return np.stack(masks), np.stack(probs)


def reference(mask: np.ndarray, speed: np.ndarray, num_iters: int) -> np.ndarray:
    """scikit-image, from the first phase of its curvature operator."""
    morphsnakes._curvop.funcs = cycle(
        [
            lambda u: morphsnakes.sup_inf(morphsnakes.inf_sup(u)),
            lambda u: morphsnakes.inf_sup(morphsnakes.sup_inf(u)),
        ]
    )
    return morphological_geodesic_active_contour(
        speed, num_iters, mask, smoothing=1, threshold=THRESHOLD, balloon=1
    ).astype(bool)


def best_seconds(function: Callable[[], Any], repeats: int) -> float:
    function()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times)


def peak_memory(function: Callable[[], Any]) -> float:
    """Bytes by which the resident memory rose above its start; NaN where Linux does not tell.

    The work space is allocated by compiled code, which the tracers of Python do not see.
    """
    status, reset = Path('/proc/self/status'), Path('/proc/self/clear_refs')
    if not status.exists():
        return float('nan')

    def kilobytes(key: str) -> int:
        return next(int(x.split()[1]) for x in status.read_text().splitlines() if key in x)

    ctypes.CDLL(None).malloc_trim(0)  # memory that was freed but not handed back would hide it
    before = kilobytes('VmRSS')
    reset.write_text('5')  # sets the high-water mark back to the present
    result = function()
    peak = kilobytes('VmHWM')
    del result
    return (peak - before) * 1024.0


def bench_evolution(
    num_masks: int, height: int, width: int, target: int, args: argparse.Namespace
) -> None:
    masks, prob = disks(num_masks, height, width)
    speed = speed_function(prob)
    num_iters = 50

    def run() -> np.ndarray:
        return evolve_level_set(masks, speed, num_iters, balloon=1, threshold=THRESHOLD)

    seconds = best_seconds(run, args.repeats)
    evolved = run()
    count = args.reference_masks or num_masks
    start = time.perf_counter()
    expected = [reference(masks[m], speed[m], num_iters) for m in range(count)]
    reference_seconds = (time.perf_counter() - start) / count * num_masks
    wrong = sum(int((evolved[m] != expected[m]).sum()) for m in range(count))

    extra = (peak_memory(run) - evolved.nbytes) / masks.size
    print(
        f'{num_masks} masks {height}x{width}, {num_iters} iterations: {seconds * 1e3:.1f} ms; '
        f'scikit-image {reference_seconds:.2f} s (from {count} masks): '
        f'{reference_seconds / seconds:.0f} times (target {target}); '
        f'{wrong} pixels differ; memory {extra:.2f} bytes per mask pixel beyond input and output'
    )


def bench_alignment(num_masks: int, height: int, width: int, args: argparse.Namespace) -> None:
    masks, prob = disks(num_masks, height, width)
    num_iters = 60

    def evolve() -> Any:
        return evolve_level_set(
            masks, speed_function(prob), num_iters, balloon=1, threshold=THRESHOLD
        )

    def align() -> Any:
        return align_masks(masks, prob, num_iters=num_iters)

    steps = range(0, num_iters + 1, 2)
    align_seconds, evolve_seconds = (best_seconds(f, args.repeats) for f in (align, evolve))
    print(
        f'align_masks, {num_masks} masks {height}x{width}, {num_iters} iterations, choice among '
        f'{len(steps)} steps, report: {align_seconds * 1e3:.0f} ms '
        f'(speed and evolution alone: {evolve_seconds * 1e3:.0f} ms)'
    )


def bench_cuda(args: argparse.Namespace) -> None:
    masks, prob = disks(8, 1024, 2048)
    speed = speed_function(prob)
    on_device = torch.from_numpy(masks).cuda(), torch.from_numpy(speed).cuda()

    def run() -> torch.Tensor:
        evolved = evolve_level_set(*on_device, 60, balloon=1, threshold=THRESHOLD)
        torch.cuda.synchronize()
        return evolved

    seconds = best_seconds(run, args.repeats)
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    evolved = run()
    peak = torch.cuda.max_memory_allocated() - before - evolved.numel()
    expected = evolve_level_set(masks, speed, 60, balloon=1, threshold=THRESHOLD)
    wrong = int((evolved.cpu().numpy() != expected).sum())
    print(
        f'{torch.cuda.get_device_name()}: 8 masks 1024x2048, 60 iterations: '
        f'{seconds * 1e3:.1f} ms (target 20); {wrong} pixels differ from the CPU; '
        f'memory {peak / masks.size:.2f} bytes per mask pixel beyond input and output'
    )
    tensors = torch.from_numpy(masks).cuda(), torch.from_numpy(prob).cuda()
    seconds = best_seconds(lambda: align_masks(*tensors), args.repeats)
    print(f'align_masks on the same, 60 iterations: {seconds * 1e3:.1f} ms')


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--repeats', type=int, default=5)
    parser.add_argument('--reference-masks', type=int, default=2)
    parser.add_argument('--cuda', action='store_true', help='only the part on a CUDA device')
    args = parser.parse_args()
    torch.set_num_threads(1)
    print(hardware())
    if not args.cuda:
        bench_evolution(20, 472, 472, 150, args)
        bench_evolution(8, 1024, 2048, 100, args)
        bench_alignment(20, 472, 472, args)
        bench_alignment(8, 512, 1024, args)
    if torch.cuda.is_available():
        bench_cuda(args)
    elif args.cuda:
        raise SystemExit('No CUDA device; leave out --cuda.')


if __name__ == '__main__':
    main()
