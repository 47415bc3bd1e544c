"""Assignment of edges (SEAL) beside level sets: time per image, and what each repairs.

    python benchmarks/bench_assignment.py [--repeats 3] [--scenes 10]

The scene: 472 x 472 pixels, one wavy object, a ridge of edge probability along its true outline
(0.9 on it, standard deviation 2 px), and texture of the given strength. The labels miss the true
outline by a smooth field along the rays from the center: of mean 0 ('random'), or always to the
inside ('inside'). One thread throughout.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import cv2
import numpy as np
from measurement import Case, Row, make_parser, median_ms_in_turn, run
from scipy import ndimage as ndi

from mmsteal.functional import (
    AlignOptions,
    AssignOptions,
    align_masks,
    assign_edges,
    carry_bands,
    mask_edges,
    thin,
)

SIZE = 472


def scene(seed: int, error: str, error_px: float, texture: float) -> tuple[np.ndarray, ...]:
    """Mask of a label, true mask, edge probabilities."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:SIZE, :SIZE] - SIZE / 2
    angle, distance = np.arctan2(y, x), np.hypot(y, x)

    def waves(num: int) -> np.ndarray:
        field = sum(
            rng.normal() * np.cos((i + 1) * angle) + rng.normal() * np.sin((i + 1) * angle)
            for i in range(num)
        )
        return field / np.abs(field).max()

    outline = 130 + 30 * waves(5)
    field = waves(12)
    field = error_px * (field if error == 'random' else -(field + 1) / 2)
    noise = ndi.gaussian_filter(rng.standard_normal((SIZE, SIZE)), 1.5)
    ridge = 0.9 * np.exp(-((distance - outline) ** 2) / 8)
    prob = (ridge + texture * noise / noise.std()).clip(0, 1).astype(np.float32)
    return distance < outline + field, distance < outline, prob


def line_of(mask: np.ndarray) -> np.ndarray:
    return thin(mask_edges(mask, 2))


def by_assignment(**options: float) -> Callable[..., np.ndarray]:
    def align(mask: np.ndarray, prob: np.ndarray) -> np.ndarray:
        return assign_edges(line_of(mask), prob, AssignOptions(**options))[0]

    return align


def by_level_set(**options: float) -> Callable[..., np.ndarray]:
    def align(mask: np.ndarray, prob: np.ndarray) -> np.ndarray:
        return line_of(align_masks(mask[None], prob[None], AlignOptions(**options))[0][0])

    return align


METHODS = {
    'given': lambda mask, prob: line_of(mask),
    'assignment, no smoothness': by_assignment(smoothness=0.0),
    'assignment': by_assignment(),
    'assignment, window 10 px': by_assignment(radius_px=10.0),
    'level set, balloon 0': by_level_set(num_iters=40, balloon=0.0),
    'level set, balloon 1': by_level_set(num_iters=40, balloon=1.0, stop_evidence=0.3),
}


def bench_recovery(num_scenes: int) -> None:
    print(
        'Mean distance in px to the true line, both ways (connected pieces of the line):\n'
        f'| labels | texture | {" | ".join(METHODS)} |\n|---|---|{"---|" * len(METHODS)}'
    )
    for error, error_px in (('random', 4.0), ('random', 8.0), ('inside', 4.0), ('inside', 8.0)):
        for texture in (0.0, 0.2):
            scenes = [scene(seed, error, error_px, texture) for seed in range(num_scenes)]
            cells = []
            for method in METHODS.values():
                distances, pieces = [], []
                for mask, true, prob in scenes:
                    found, goal = method(mask, prob), line_of(true)
                    ways = ((found, goal), (goal, found))
                    distances.append(
                        np.mean([ndi.distance_transform_edt(~b)[a].mean() for a, b in ways])
                    )
                    pieces.append(cv2.connectedComponents(found.view(np.uint8))[0] - 1)
                cells.append(f'{np.mean(distances):.2f} ({np.mean(pieces):.0f})')
            print(f'| {error}, {error_px:g} px | {texture:g} | {" | ".join(cells)} |')


def time_rows(num_objects: int, repeats: int) -> list[Row]:
    """Objects of the scene in one class, side by side and smaller."""
    mask, _, prob = scene(0, 'random', 4.0, 0.2)
    small = SIZE // num_objects
    mask, prob = (
        np.tile(
            cv2.resize(m.astype(np.float32), (small, small), interpolation=cv2.INTER_AREA),
            (num_objects, num_objects),
        )
        for m in (mask, prob)
    )
    mask, prob = mask > 0.5, prob.astype(np.float32)
    band = mask_edges(mask, 2).astype(bool)
    line = thin(band)
    reports = assign_edges(line, prob)[1]
    level_set, no_smoothness = AlignOptions(num_iters=40, balloon=0.0), AssignOptions(smoothness=0)
    functions = {
        'level set': lambda: align_masks(mask[None], prob[None], level_set),
        '`assign_edges` without smoothness': lambda: assign_edges(line, prob, no_smoothness),
        '`assign_edges`': lambda: assign_edges(line, prob),
        '`carry_bands`': lambda: carry_bands(band, reports, radius=2),
    }
    times = median_ms_in_turn(functions, repeats)
    what = f'{num_objects**2} object{"s" * (num_objects > 1)}, {line.sum()} edge pixels'
    level_set_ms = times.pop('level set')
    return [
        Row(f'{name}, {what}', ms)
        if name == '`carry_bands`'
        else Row(f'{name}, {what}', ms, '`align_masks`, balloon 0', level_set_ms)
        for name, ms in times.items()
    ]


def cases(args: argparse.Namespace) -> dict[str, Case]:
    def case(num_objects: int) -> Case:
        return lambda: time_rows(num_objects, args.repeats)

    return {f'{n * n} objects': case(n) for n in args.objects}


def main(argv: list[str] | None = None) -> None:
    parser = make_parser(__doc__)
    parser.add_argument('--repeats', type=int, default=3)
    parser.add_argument('--objects', type=int, nargs='+', default=[1, 2, 4], help='a side')
    parser.add_argument('--scenes', type=int, default=10, help='for what each repairs; 0: none')
    args = run(cases, parser, argv, repeats=1, objects=[4], scenes=0)
    if args.scenes and args.rows is None:
        print()
        bench_recovery(args.scenes)


if __name__ == '__main__':
    main()
