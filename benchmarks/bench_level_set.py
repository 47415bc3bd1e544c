"""Level sets: time against scikit-image in the same run, results equal; memory; alignment.

    python benchmarks/bench_level_set.py [--repeats 5] [--reference-masks 2] [--device cuda]

The scene: one textured disk a mask, grown by 50 iterations with a balloon, smoothing 1. The
reference runs on a few of the masks of each group, which are compared pixel by pixel, and its time
is scaled to the group (`--reference-masks 0` runs it on all). One thread throughout. On a GPU the
references are the CPU, and cuCIM where it is installed.
"""

from __future__ import annotations

import argparse
import importlib.util
import math
from itertools import cycle
from typing import Any

import numpy as np
import torch
from measurement import (
    Case,
    Row,
    Stopwatch,
    Target,
    make_parser,
    median_ms,
    median_ms_in_turn,
    peak_mib,
    run,
    time_text,
)
from scipy import ndimage as ndi
from skimage.segmentation import morphological_geodesic_active_contour, morphsnakes

from mmsteal.functional.alignment.align_masks import align_masks
from mmsteal.functional.alignment.align_options import AlignOptions
from mmsteal.functional.level_sets.level_set import evolve_level_set
from mmsteal.functional.level_sets.speed import speed_function

THRESHOLD = 0.9


def disks(num_masks: int, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Masks inside of their true outlines, and edge probabilities with texture (float32)."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:height, :width]
    masks, probs = [], []
    for _ in range(num_masks):
        center_y, center_x = rng.uniform(0.3, 0.7, 2) * (height, width)
        radius = rng.uniform(0.1, 0.3) * min(height, width)
        distance = np.hypot(y - center_y, x - center_x)
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


def evolution(
    num_masks: int, height: int, width: int, args: argparse.Namespace, *targets: Target
) -> list[Row]:
    """Against scikit-image on the CPU."""
    masks, prob = disks(num_masks, height, width)
    speed = speed_function(prob)

    def evolve() -> np.ndarray:
        return evolve_level_set(masks, speed, 50, balloon=1, threshold=THRESHOLD)

    ours = median_ms(evolve, args.repeats)
    evolved = evolve()
    count = args.reference_masks or num_masks
    clock = Stopwatch()
    expected = [reference(masks[m], speed[m], 50) for m in range(count)]
    theirs = clock.milliseconds() / count * num_masks
    wrong = sum(int((evolved[m] != expected[m]).sum()) for m in range(count))
    peak = peak_mib(evolve)
    extra = None if peak is None else max(peak - evolved.nbytes / 2**20, 0.0)
    share = '' if extra is None else f': {extra * 2**20 / masks.size:.2f} bytes a mask pixel'
    return [
        Row(
            f'`evolve_level_set`, {num_masks} masks {height} x {width}, 50 iterations',
            ours,
            f'scikit-image, from {count} of {num_masks} masks',
            theirs,
            targets=list(targets),
            peak_mib=extra,
            note=f'memory beyond input and output{share}',
            error=f'{wrong} pixels differ' if wrong else '',
        )
    ]


def alignment(num_masks: int, height: int, width: int, args: argparse.Namespace) -> list[Row]:
    """What the choice of a step and the report add to the evolution."""
    masks, prob = (torch.from_numpy(a).to(args.device) for a in disks(num_masks, height, width))

    def evolve() -> Any:
        speed = speed_function(prob)
        return evolve_level_set(masks, speed, 60, balloon=1, threshold=THRESHOLD)

    def align() -> Any:
        return align_masks(masks, prob, AlignOptions(num_iters=60))

    times = median_ms_in_turn({'align': align, 'evolve': evolve}, args.repeats, args.device)
    return [
        Row(
            f'`align_masks`, {num_masks} masks {height} x {width}, 60 iterations, 31 steps',
            times['align'],
            peak_mib=peak_mib(align, args.device),
            note=f'speed and evolution alone: {time_text(times["evolve"])}',
        )
    ]


def evolution_on_gpu(
    num_masks: int, height: int, width: int, args: argparse.Namespace, *targets: Target
) -> list[Row]:
    """Against one thread of the CPU."""
    masks, prob = disks(num_masks, height, width)
    speed = speed_function(prob)
    on_device = torch.from_numpy(masks).cuda(), torch.from_numpy(speed).cuda()

    def evolve() -> torch.Tensor:
        return evolve_level_set(*on_device, 60, balloon=1, threshold=THRESHOLD)

    def evolve_on_cpu() -> np.ndarray:
        return evolve_level_set(masks, speed, 60, balloon=1, threshold=THRESHOLD)

    wrong = int((evolve().cpu().numpy() != evolve_on_cpu()).sum())
    peak = peak_mib(evolve, 'cuda') - masks.size / 2**20
    return [
        Row(
            f'`evolve_level_set`, {num_masks} masks {height} x {width}, 60 iterations',
            median_ms(evolve, args.repeats, 'cuda'),
            'the same on one CPU thread',
            median_ms(evolve_on_cpu, args.repeats),
            targets=list(targets),
            peak_mib=peak,
            note=f'memory beyond input and output: {peak * 2**20 / masks.size:.2f} bytes a mask '
            'pixel',
            error=f'{wrong} pixels differ from the CPU' if wrong else '',
        )
    ]


def against_cucim(num_masks: int, height: int, width: int, args: argparse.Namespace) -> list[Row]:
    """Against the morphological snakes of RAPIDS, where they are installed."""
    name = f'`evolve_level_set`, {num_masks} masks {height} x {width}, 60 iterations'
    if importlib.util.find_spec('cucim') is None:
        return [Row(name, reference='RAPIDS cuCIM', note='cuCIM is not installed: not compared')]
    import cupy
    from cucim.skimage.segmentation import (
        morphological_geodesic_active_contour as cucim_contour,
    )

    masks, prob = disks(num_masks, height, width)
    speed = speed_function(prob)
    on_device = torch.from_numpy(masks).cuda(), torch.from_numpy(speed).cuda()
    arrays = [(cupy.asarray(g), cupy.asarray(m)) for g, m in zip(speed, masks, strict=True)]

    def theirs() -> None:
        # Both libraries work in the default stream, in whose order the clock's events are.
        for g, mask in arrays:
            cucim_contour(g, 60, mask, smoothing=1, threshold=THRESHOLD, balloon=1)

    def ours() -> None:
        evolve_level_set(*on_device, 60, balloon=1, threshold=THRESHOLD)

    times = median_ms_in_turn({'ours': ours, 'theirs': theirs}, args.repeats, 'cuda')
    return [Row(name, times['ours'], 'RAPIDS cuCIM, mask after mask', times['theirs'])]


def cases(args: argparse.Namespace) -> dict[str, Case]:
    small, large, half = (
        (num, max(height // args.shrink, 16), max(width // args.shrink, 16))
        for num, height, width in ((20, 472, 472), (8, 1024, 2048), (8, 512, 1024))
    )
    found: dict[str, Case] = {}
    if args.device == 'cuda':
        found['cuda'] = lambda: evolution_on_gpu(*large, args, Target('time', 20))
        found['cucim'] = lambda: against_cucim(*large, args)
    else:
        two_bytes = Target('peak', 2 * math.prod(large) / 2**20)
        found['small'] = lambda: evolution(*small, args, Target('speed-up', 150))
        found['large'] = lambda: evolution(*large, args, Target('speed-up', 100), two_bytes)
    found['align small'] = lambda: alignment(*small, args)
    found['align half'] = lambda: alignment(*half, args)
    if args.device == 'cuda':
        found['align large'] = lambda: alignment(*large, args)
    return found


def main(argv: list[str] | None = None) -> None:
    parser = make_parser(__doc__, ('cpu', 'cuda'))
    parser.add_argument('--repeats', type=int, default=5)
    parser.add_argument('--reference-masks', type=int, default=2)
    parser.add_argument('--shrink', type=int, default=1, help='divides the sides of the images')
    run(cases, parser, argv, repeats=1, reference_masks=1, shrink=8)


if __name__ == '__main__':
    main()
