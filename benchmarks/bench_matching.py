"""Speed and memory of boundary matching.

    python benchmarks/bench_matching.py [--images 8] [--workers 1] [--data FOLDER]

Times `edge_counts` per (image, class, 99 thresholds) against the same definition written with
scikit-image's thinning and scipy's maximum flow. The reference runs at every 11th threshold, where
equality is checked; its time is scaled up to 99. Whole test sets are extrapolated from a sample of
synthetic images; with one worker it is the CPU time of one thread. Where the folder of real images
is present (`--data`, or the environment variable MMSTEAL_TEST_DATA), its SBD predictions are timed
too.
"""

from __future__ import annotations

import argparse
import os
from concurrent.futures import ThreadPoolExecutor
from functools import partial
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
    median_ms,
    process_peak_mib,
    run,
)
from scipy.io import loadmat
from scipy.sparse import coo_array
from scipy.sparse.csgraph import maximum_flow
from scipy.spatial import cKDTree
from skimage.morphology import thin as skimage_thin

from mmsteal.functional.scores.matching import edge_counts, edge_thresholds

# What published re-implementations report for the classic C++ matcher, per present class.
CLASSIC_MS = 7000.0
REPEATS = 5
EVERY_11TH = slice(5, None, 11)


def largest_matching(points, others, limit_px):
    """Size of the largest matching by scipy's maximum flow (its Hopcroft-Karp may take hours)."""
    if not len(points) or not len(others):
        return 0
    near = cKDTree(points).sparse_distance_matrix(
        cKDTree(others), limit_px + 1e-9, output_type='coo_matrix'
    )
    n, m = near.shape
    source, sink = 0, n + m + 1
    first, second = np.arange(1, n + 1), np.arange(n + 1, n + m + 1)
    tails = np.concatenate([np.full(n, source), near.row + 1, second])
    heads = np.concatenate([first, near.col + n + 1, np.full(m, sink)])
    ones = np.ones(len(tails), np.int32)
    network = coo_array((ones, (tails, heads)), shape=(n + m + 2,) * 2).tocsr()
    return maximum_flow(network, source, sink, method='dinic').flow_value


def reference(score, target, *, max_dist, thin):
    """Counts by definition at every 11th threshold: one thinning and one matching each."""
    limit_px = max_dist * np.hypot(*score.shape)
    true = np.argwhere(target)
    rows = []
    for threshold in edge_thresholds(99)[EVERY_11TH]:
        predicted = score >= threshold
        pixels = np.argwhere(skimage_thin(predicted) if thin else predicted)
        matched = largest_matching(true, pixels, limit_px)
        rows.append([matched, len(true), matched, len(pixels)])
    return np.array(rows)


def synthetic(rng, height, width, present):
    """A dense prediction in 8 bits, the thin true boundary and its band of radius 2."""
    mask = np.zeros((height, width), np.uint8)
    if present:
        for _ in range(int(rng.integers(1, 4))):
            angle = np.linspace(0, 2 * np.pi, 60, endpoint=False)
            wobble = 1 + 0.25 * np.sin(3 * angle + rng.random() * 6)
            size = rng.uniform(0.1, 0.3) * height * wobble
            center = rng.uniform(0.2, 0.8, 2) * (width, height)
            outline = np.stack([np.cos(angle), np.sin(angle)], axis=1) * size[:, None] + center
            cv2.fillPoly(mask, [outline.astype(np.int32)], 1)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))
    band = (cv2.dilate(mask, disc) - cv2.erode(mask, disc)) > 0
    boundary = skimage_thin(band)
    moved = np.roll(boundary, rng.integers(-3, 4, 2), axis=(0, 1)).astype(np.float32)
    ridge = cv2.GaussianBlur(moved, (0, 0), 2.5)
    noise = cv2.GaussianBlur(rng.random((height, width), dtype=np.float32), (0, 0), 3)
    noise = (noise - noise.min()) / np.ptp(noise)
    # A network's response to an absent class is weak and broad, not zero.
    score = 0.8 * ridge / max(float(ridge.max()), 1e-6) + 0.25 * noise
    return np.rint(255 * np.clip(score, 0, 1)).astype(np.uint8), boundary, band


def sbd_person(folder):
    """The two real predictions of class 15 (person) with their boundaries."""
    for path in sorted((folder / 'sbd/SBD_bench/indir/class_015').glob('*.bmp')):
        score = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        cell = loadmat(
            folder / f'sbd/SBD_bench/datadir/cls/{path.stem}.mat',
            squeeze_me=True,
            struct_as_record=False,
        )['GTcls']
        boundary = np.asarray(cell.Boundaries[14].todense()) > 0
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))
        yield path.stem, score, boundary, cv2.dilate(boundary.astype(np.uint8), disc) > 0


def pair_rows(name, score, target, *, max_dist, thin, targets=(), published=False):
    """One image and class against the definition and, if asked for, the classic matcher."""

    def ours():
        return edge_counts(score, target, max_dist=max_dist, thin=thin)

    milliseconds = median_ms(ours, REPEATS)
    clock = Stopwatch()
    expected = reference(score / 255, target, max_dist=max_dist, thin=thin)
    theirs = 11 * clock.milliseconds()
    name = f'`edge_counts`, {name}, {"thin" if thin else "raw"}, maxDist {max_dist}'
    row = Row(name, milliseconds, 'scikit-image and scipy', theirs, targets=list(targets))
    if not np.array_equal(ours()[EVERY_11TH], expected):
        row.error = 'the counts differ from the definition'
    yield row
    if published:
        classic = 'classic C++ matcher, at least (published)'
        yield Row(name, milliseconds, classic, CLASSIC_MS, targets=[Target('speed-up', 60)])


def whole_set(name, *, images, classes, present, size, max_dist, thin, sample, workers, targets):
    """Time a sample of images with all their classes, in threads, and scale it up."""
    rng = np.random.default_rng(0)
    pairs = []
    for i in range(sample):
        # Spread the mean number of present classes over the sample.
        here = int((i + 1) * present) - int(i * present)
        for c in range(classes):
            score, boundary, band = synthetic(rng, *size, present=c < here)
            pairs.append((score, boundary if thin else band))

    def count(pair):
        edge_counts(*pair, max_dist=max_dist, thin=thin)

    count(pairs[0])
    clock = Stopwatch(wall=workers > 1)
    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(count, pairs))
    taken = clock.milliseconds()
    who = 'one thread' if workers == 1 else f'{workers} threads'
    yield Row(
        f'matching of {name}, {images} x {classes}, {"thin" if thin else "raw"}, {who}',
        taken / sample * images,
        targets=list(targets),
        peak_mib=process_peak_mib(),
        note=f'extrapolated from a sample of {sample}, with {present} classes present; '
        'memory of the whole process',
    )


def cases(args: argparse.Namespace) -> dict[str, Case]:
    rng = np.random.default_rng(1)
    size = tuple(side // args.shrink for side in (375, 500))
    score, boundary, band = synthetic(rng, *size, present=True)
    absent = synthetic(rng, *size, present=False)[0]
    nothing = np.zeros_like(boundary)
    edge_counts(score, boundary, max_dist=0.02, thin=True)  # compile

    half_city = tuple(side // args.shrink for side in (512, 1024))
    sbd = {'images': 2857, 'classes': 20, 'present': 1.5, 'size': size, 'max_dist': 0.02,
           'sample': args.images}  # fmt: skip
    city = {'images': 500, 'classes': 19, 'present': 10, 'size': half_city, 'max_dist': 0.0035,
            'sample': max(args.images // 4, 1)}  # fmt: skip
    one_gib = Target('peak', 1024)
    found: dict[str, Case] = {}
    # First of all: later cases raise the peak memory of the process.
    for name, options, thin, minutes in (
        ('SBD test', sbd, True, 30),
        ('SBD test', sbd, False, 8),
        ('Cityscapes val at half size', city, True, 40),
        ('Cityscapes val at half size', city, False, None),
    ):
        targets = [one_gib] if minutes is None else [Target('time', 60e3 * minutes), one_gib]
        found[f'set {name}, {thin}'] = partial(
            whole_set, name, **options, thin=thin, workers=args.workers, targets=targets
        )
    generated = f'generated {size[0]} x {size[1]}'
    for max_dist in (0.02, 0.0075):
        found[f'thin, {max_dist}'] = partial(
            pair_rows, generated, score, boundary, max_dist=max_dist, thin=True,
            targets=[Target('time', 250)], published=max_dist == 0.02,
        )  # fmt: skip
        found[f'raw, {max_dist}'] = partial(
            pair_rows, generated, score, band, max_dist=max_dist, thin=False,
            targets=[Target('time', 20)],
        )  # fmt: skip
    for thin, most_ms in ((True, 40), (False, 20)):
        found[f'absent, {thin}'] = partial(
            pair_rows, f'{generated}, absent class', absent, nothing, max_dist=0.02, thin=thin,
            targets=[Target('time', most_ms)],
        )  # fmt: skip
    real = list(sbd_person(args.data)) if (args.data / 'sbd/SBD_bench').is_dir() else []
    for name, prediction, thin_target, raw_target in real:
        found[f'{name}, thin'] = partial(
            pair_rows, f'real {name}', prediction, thin_target, max_dist=0.02, thin=True,
            targets=[Target('time', 250)],
        )  # fmt: skip
        found[f'{name}, raw'] = partial(
            pair_rows, f'real {name}', prediction, raw_target, max_dist=0.02, thin=False,
            targets=[Target('time', 20)],
        )  # fmt: skip
    return found


def main(argv: list[str] | None = None) -> None:
    parser = make_parser(__doc__)
    default = os.environ.get('MMSTEAL_TEST_DATA', REPO.parent / 'shared' / 'data')
    parser.add_argument('--data', type=Path, default=default, help='folder of real images')
    parser.add_argument('--images', type=int, default=8, help='images in the sample')
    parser.add_argument('--workers', type=int, default=1)
    parser.add_argument('--shrink', type=int, default=1, help='divides the sides of the images')
    run(cases, parser, argv, images=1, shrink=6)


if __name__ == '__main__':
    main()
