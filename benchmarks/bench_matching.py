"""Speed and memory of boundary matching: `python benchmarks/bench_matching.py [--images N]`.

Times `edge_counts` per (image, class, 99 thresholds) against the same definition written with
scikit-image's thinning and scipy's maximum flow. The reference runs at every 11th threshold, where
equality is checked; its time is scaled up to 99. Whole test sets are extrapolated from a sample of
synthetic images. Where the folder of real images is present (`--data`, or the environment variable
MMSTEAL_TEST_DATA), its SBD predictions are timed too.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
from scipy.io import loadmat
from scipy.sparse import coo_array
from scipy.sparse.csgraph import maximum_flow
from scipy.spatial import cKDTree
from skimage.morphology import thin as skimage_thin

from mmsteal.functional.matching import edge_counts, edge_thresholds

# What published re-implementations report for the classic C++ matcher, per present class.
CLASSIC_SECONDS = 7.0
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
            centre = rng.uniform(0.2, 0.8, 2) * (width, height)
            outline = np.stack([np.cos(angle), np.sin(angle)], axis=1) * size[:, None] + centre
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


def seconds(function, repeats=3):
    """Best of a few runs."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times)


def compare(name, score, target, *, max_dist, thin):
    """One row of the table: time, reference, equality."""
    ours = seconds(lambda: edge_counts(score, target, max_dist=max_dist, thin=thin))
    start = time.perf_counter()
    expected = reference(score / 255, target, max_dist=max_dist, thin=thin)
    theirs = 11 * (time.perf_counter() - start)
    counts = edge_counts(score, target, max_dist=max_dist, thin=thin)[EVERY_11TH]
    equal = np.array_equal(counts, expected)
    print(
        f'{name:34s} {"thin" if thin else "raw":4s} {max_dist:<6} {1e3 * ours:9.1f} ms '
        f'{1e3 * theirs:9.1f} ms  x{theirs / ours:<7.0f} {"equal" if equal else "DIFFERENT"}',
        flush=True,
    )
    return equal


def whole_set(name, *, images, classes, present, size, max_dist, thin, sample, workers):
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
    start = time.perf_counter()
    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(count, pairs))
    taken = time.perf_counter() - start
    print(
        f'{name:22s} {"thin" if thin else "raw":4s} {max_dist:<6} {images} x {classes}: '
        f'{taken / sample * images / 60:6.1f} min with {workers} threads '
        f'(sample: {sample} images, {present} classes present, {taken:.1f} s)',
        flush=True,
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    default = os.environ.get('MMSTEAL_TEST_DATA', Path(__file__).parents[2] / 'shared' / 'data')
    parser.add_argument('--data', type=Path, default=default, help='folder of real images')
    parser.add_argument('--images', type=int, default=8, help='images in the sample')
    parser.add_argument('--workers', type=int, default=os.cpu_count() or 1)
    args = parser.parse_args()
    print(
        f'{platform.processor() or platform.machine()}, {os.cpu_count()} cores, '
        f'Python {platform.python_version()}, numpy {np.__version__}'
    )
    rng = np.random.default_rng(1)
    score, boundary, band = synthetic(rng, 375, 500, present=True)
    absent = synthetic(rng, 375, 500, present=False)[0]
    nothing = np.zeros_like(boundary)
    edge_counts(score, boundary, max_dist=0.02, thin=True)  # compile

    print('\nWhole test sets, extrapolated (matching alone, without reading files)')
    sbd = {'images': 2857, 'classes': 20, 'present': 1.5, 'size': (375, 500), 'max_dist': 0.02}
    city = {'images': 500, 'classes': 19, 'present': 10, 'size': (512, 1024), 'max_dist': 0.0035}
    for thin in (True, False):
        common = {'thin': thin, 'workers': args.workers}
        whole_set('SBD', **sbd, sample=args.images, **common)
        whole_set('Cityscapes, half size', **city, sample=max(args.images // 4, 1), **common)
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f'Peak memory of this process, samples included: {peak_mib:.0f} MiB')

    print(f'\nOne image and class, 99 thresholds{"":17s}edge_counts    reference  ratio')
    equal = []
    for max_dist in (0.02, 0.0075):
        equal += [
            compare('synthetic 375 x 500', score, boundary, max_dist=max_dist, thin=True),
            compare('synthetic 375 x 500, band', score, band, max_dist=max_dist, thin=False),
        ]
    equal += [
        compare('synthetic, absent class', absent, nothing, max_dist=0.02, thin=thin)
        for thin in (True, False)
    ]
    real = list(sbd_person(args.data)) if (args.data / 'sbd/SBD_bench').is_dir() else []
    for name, prediction, thin_target, raw_target in real:
        equal += [
            compare(f'SBD {name}', prediction, thin_target, max_dist=0.02, thin=True),
            compare(f'SBD {name}, band', prediction, raw_target, max_dist=0.02, thin=False),
        ]
    present = seconds(lambda: edge_counts(score, boundary, max_dist=0.02, thin=True))
    print(
        f'Classic C++ matcher, published: from {CLASSIC_SECONDS:.0f} s for a present class, '
        f'{CLASSIC_SECONDS / present:.0f} times the first row'
    )

    if not all(equal):
        raise SystemExit('Some counts differ from the reference.')


if __name__ == '__main__':
    main()
