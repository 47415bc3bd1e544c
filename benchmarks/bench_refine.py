"""Speed and memory of label refinement.

    python benchmarks/bench_refine.py [--images 12] [--repeats 5]

(a) `refine_objects` for one image of 512 x 1024 with 8 classes and 60 steps, on one thread: with
all stopping evidences that it tries by default and with one of them, against scikit-image's
`morphological_geodesic_active_contour` on the same masks, and against the 27 CPU-seconds that the
released code of the paper takes for the evolution of such an image (a constant, not measured here).
(b) The whole of `tools/refine.py --engine level_set` on CPU, given edge maps: synthetic Cityscapes
folders (labelIds and instanceIds of 2048 x 1024, edge maps of 8 classes at half size), images a
second and core, and the peak memory of a worker, at half and at full size; extrapolated to the
20,000 images of train_extra on 8 cores.
(c) The joint labelling of a photograph without edge maps, at 480 x 360 with 11 labels and at 1024 x
512 with 8 classes and 40 objects, in turn with the level sets on the same objects and the color
gradient.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from measurement import (
    REPO,
    Case,
    Row,
    Stopwatch,
    Target,
    make_parser,
    median_ms_in_turn,
    peak_mib,
    run,
    script_cost,
)
from skimage.segmentation import morphological_geodesic_active_contour

from mmsteal.functional.alignment.align_options import STOP_EVIDENCES, AlignOptions
from mmsteal.functional.edge_maps.edges import mask_edges
from mmsteal.functional.level_sets.speed import balloon_threshold, edge_evidence, speed_function
from mmsteal.functional.refinement.refine_objects import refine_objects

# Evolution of one image of 512 x 1024, 8 classes, 60 steps, with the released code (CPU-seconds).
RELEASED_SECONDS = 27.0
NUM_CLASSES = 8
THINGS = (24, 25, 26, 27, 28, 31, 32, 33)  # ids of the classes with instances
TOOL = REPO / 'tools' / 'refine.py'
TRAIN_EXTRA = 20_000  # coarsely labelled images of Cityscapes
# Width, height, classes and objects of the photographs of the joint labelling.
PHOTOGRAPHS = ((480, 360, 11, 11), (1024, 512, 8, 40))


def scene(rng, height, width, num_things, error_px):
    """Coarse label ids, instance ids, and edge maps of the 8 classes with instances."""
    ids = np.full((height, width), 23, np.uint8)
    ids[height // 3 :] = 11
    ids[height // 2 :] = 7
    instances = ids.astype(np.uint16)
    edges = np.zeros((NUM_CLASSES, height, width), np.uint8)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * error_px + 1,) * 2)
    for number in range(num_things):
        k = number % NUM_CLASSES
        center = int(rng.integers(width)), int(rng.integers(height // 3, height))
        axes = tuple(int(v) for v in rng.integers(height // 40 + error_px, height // 8, 2))
        mask = np.zeros_like(ids)
        cv2.ellipse(mask, center, axes, float(rng.uniform(0, 180)), 0, 360, 1, -1)
        # People leave a gap around a coarse object; it is unlabelled, and objects grow into it.
        gap, inside = cv2.dilate(mask, kernel) != 0, cv2.erode(mask, kernel) != 0
        for values, value in ((ids, THINGS[k]), (instances, THINGS[k] * 1000 + number)):
            values[gap] = 0
            values[inside] = value
        edges[:, mask != 0] = 0
        edges[k] |= mask_edges(mask, radius=2)
    soft = [cv2.GaussianBlur(edge * np.float32(0.9), (0, 0), height / 700) for edge in edges]
    noise = rng.uniform(0, 0.06, (NUM_CLASSES, height // 8, width // 8)).astype(np.float32)
    soft = [
        np.clip(edge + cv2.resize(dim, (width, height)), 0, 1)
        for edge, dim in zip(soft, noise, strict=True)
    ]
    return ids, instances, np.stack(soft)


def function_rows(args: argparse.Namespace) -> Iterator[Row]:
    """(a): `refine_objects` on one image."""
    height, width = 512 // args.shrink, 1024 // args.shrink
    ids, _, prob = scene(np.random.default_rng(0), height, width, 14, max(8 // args.shrink, 2))
    object_map = np.full(ids.shape, -1, np.int32)
    for k, value in enumerate(THINGS):
        object_map[ids == value] = k
    present = [k for k in range(NUM_CLASSES) if (object_map == k).any()]

    def refine(stop_evidence=STOP_EVIDENCES):
        options = AlignOptions(num_iters=60, stop_evidence=stop_evidence)
        return refine_objects(object_map, prob, options, classes=list(range(NUM_CLASSES)))

    several, one = f'{len(STOP_EVIDENCES)} stopping evidences', '1 stopping evidence'
    functions = {several: refine, one: lambda: refine(stop_evidence=0.02)}
    times = median_ms_in_turn(functions, args.repeats)

    speed = speed_function(edge_evidence(prob, peak_floor=0.5, other_weight=0.5))
    threshold = balloon_threshold(0.02)
    clock = Stopwatch()
    for k in present:
        morphological_geodesic_active_contour(
            speed[k].astype(np.float64), 60, object_map == k, 1, threshold, 1
        )
    scikit_ms = clock.milliseconds()
    moved = sum(entry.status == 'moved' for entry in refine()[1])
    for evidences, milliseconds in times.items():
        what = f'`refine_objects`, {height} x {width}, {len(present)} classes, 60 steps, '
        row = Row(what + evidences, milliseconds, 'scikit-image, evolution alone', scikit_ms)
        if evidences == several:
            row.peak_mib, row.note = peak_mib(refine), f'{moved} moved'
        yield row
        if evidences == several:
            released = "the paper's released code, evolution alone (published)"
            yield Row(
                what + evidences,
                milliseconds,
                released,
                1e3 * RELEASED_SECONDS,
                targets=[Target('speed-up', 60)],
            )


def write_folder(root, number, shrink):
    """A synthetic Cityscapes folder with edge maps at half size."""
    rng = np.random.default_rng(1)
    for folder in ('leftImg8bit/train/x', 'gtFine/train/x'):
        (root / folder).mkdir(parents=True)
    for k in range(NUM_CLASSES):
        (root / f'edges/class_{k + 1:03d}').mkdir(parents=True)
    height, width = 1024 // shrink, 2048 // shrink
    blank = np.full((height, width, 3), 128, np.uint8)
    for index in range(number):
        ids, instances, prob = scene(rng, height, width, 20, max(16 // shrink, 2))
        name = f'x_{index:06d}_000019'
        cv2.imwrite(str(root / f'leftImg8bit/train/x/{name}_leftImg8bit.png'), blank)
        cv2.imwrite(str(root / f'gtFine/train/x/{name}_gtFine_labelIds.png'), ids)
        cv2.imwrite(str(root / f'gtFine/train/x/{name}_gtFine_instanceIds.png'), instances)
        for k, one in enumerate(prob):
            half = cv2.resize(one, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
            path = root / f'edges/class_{k + 1:03d}/{name}.png'
            cv2.imwrite(str(path), np.rint(half * 255).astype(np.uint8))


def tool_rows(args: argparse.Namespace) -> Iterator[Row]:
    """(b): the command, in one process, which does what a worker does."""
    with tempfile.TemporaryDirectory() as folder:
        root, out = Path(folder) / 'data', Path(folder) / 'out'
        write_folder(root, args.images, args.shrink)
        # Start-up is paid once a run, not once an image: it is the second run, which skips all.
        # The contact sheet is made once a run, of 24 images at most.
        words = [
            '--format', 'cityscapes', '--labels', str(root), '--out', str(out),
            '--edges', str(root / 'edges'), '--engine', 'level_set', '--error-px', '16',
            '--workers', '0', '--contact-sheet', '0',
        ]  # fmt: skip
        first, half_peak = script_cost(TOOL, *words)
        start, _ = script_cost(TOOL, *words)
        shutil.rmtree(out)
        whole, full_peak = script_cost(TOOL, *words, '--scale', '1')
    seconds = (first - start) / args.images
    size = f'{2048 // args.shrink} x {1024 // args.shrink}'
    note = f'start-up, once a run: {start:.1f} s; memory of the whole process'
    yield Row(
        f'`tools/refine.py`, an image of {size}, edge maps at half size',
        1e3 * seconds,
        targets=[Target('time', 1e3 / 3)],
        peak_mib=half_peak,
        note=f'{1 / seconds:.3g} images/s a core; {note}',
    )
    yield Row(
        f'`tools/refine.py --scale 1`, an image of {size}',
        1e3 * (whole - start) / args.images,
        targets=[Target('peak', 2048)],
        peak_mib=full_peak,
        note=note,
    )
    yield Row(
        f'`tools/refine.py`, {TRAIN_EXTRA:,} images on 8 cores',
        1e3 * seconds * TRAIN_EXTRA / 8,
        "the paper's released code, evolution alone (published)",
        1e3 * RELEASED_SECONDS * TRAIN_EXTRA / 8,
        note='extrapolated, both sides',
    )


def photograph(rng, height, width, num_classes, num_objects, error_px):
    """Coarse objects, with gaps of `error_px` between them, and a noisy photograph of them."""
    exact = np.zeros((height, width), np.int32)
    exact[height // 3 :] = 1
    exact[height // 2 :] = 2
    for index in range(3, num_objects):
        center = int(rng.integers(width)), int(rng.integers(height // 4, height))
        low = height // 40 + error_px // 2
        axes = tuple(int(v) for v in rng.integers(low, max(height // 8, low + 1), 2))
        cv2.ellipse(exact, center, axes, float(rng.uniform(0, 180)), 0, 360, index, -1)
    colors = rng.uniform(30, 225, (num_classes, 3))[np.arange(num_objects) % num_classes]
    image = cv2.GaussianBlur(colors[exact], (0, 0), 1) + rng.normal(0, 8, (height, width, 3))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (error_px + 1,) * 2)
    values = exact.astype(np.uint8)
    near_outline = cv2.dilate(values, kernel) != cv2.erode(values, kernel)
    return np.where(near_outline, -1, exact), np.clip(image, 0, 255).astype(np.uint8)


def joint_rows(args: argparse.Namespace) -> Iterator[Row]:
    """(c): the joint labelling of one image."""
    for full_width, full_height, num_classes, num_objects in PHOTOGRAPHS:
        height, width = full_height // args.shrink, full_width // args.shrink
        error_px = max(8 // args.shrink, 2)
        rng = np.random.default_rng(2)
        coarse, image = photograph(rng, height, width, num_classes, num_objects, error_px)

        def refine(engine, coarse=coarse, image=image, error_px=error_px):
            return refine_objects(coarse, image=image, engine=engine, error_px=error_px)

        engines = {name: lambda name=name: refine(name) for name in ('joint', 'level_set')}
        times = median_ms_in_turn(engines, args.repeats)
        moved = sum(entry.status == 'moved' for entry in refine('joint')[1])
        content = f'{num_classes} labels'
        if num_objects > num_classes:
            content = f'{num_classes} classes, {num_objects} objects'
        yield Row(
            f'`refine_objects`, joint labelling, {width} x {height}, {content}',
            times['joint'],
            'level sets by the color gradient',
            times['level_set'],
            peak_mib=peak_mib(engines['joint']),
            note=f'error of {error_px} px; {moved} moved',
        )


def cases(args: argparse.Namespace) -> dict[str, Case]:
    return {
        'function': lambda: function_rows(args),
        'tool': lambda: tool_rows(args),
        'joint': lambda: joint_rows(args),
    }


def main(argv: list[str] | None = None) -> None:
    parser = make_parser(__doc__)
    parser.add_argument('--images', type=int, default=12, help='synthetic images for (b)')
    parser.add_argument('--repeats', type=int, default=5)
    parser.add_argument('--shrink', type=int, default=1, help='divides the sides of the images')
    run(cases, parser, argv, images=1, repeats=1, shrink=8)


if __name__ == '__main__':
    main()
