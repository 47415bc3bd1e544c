"""Speed and memory of label refinement: `python benchmarks/bench_refine.py [--images N]`.

(a) `refine_objects` for one image of 512 x 1024 with 8 classes and 60 steps, on one thread: with
the six stopping evidences that it tries by default and with one of them, against scikit-image's
`morphological_geodesic_active_contour` on the same masks, and against the 27 CPU-seconds that the
released code of the paper takes for the evolution of such an image (a constant, not measured here).
(b) The whole of `tools/refine.py` on CPU, given edge maps: synthetic Cityscapes folders (labelIds
and instanceIds of 2048 x 1024, edge maps of 8 classes at half size), images a second and core, and
the peak memory of a worker, at half and at full size; extrapolated to the 20,000 images of
train_extra on 8 cores.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
import torch
from skimage.segmentation import morphological_geodesic_active_contour

from mmsteal.functional.edges import mask_edges
from mmsteal.functional.refinement import STOP_PROBS, refine_objects
from mmsteal.functional.speed import balloon_threshold, edge_evidence, speed_function

# Evolution of one image of 512 x 1024, 8 classes, 60 steps, with the released code (CPU-seconds).
RELEASED_SECONDS = 27.0
NUM_CLASSES = 8
THINGS = (24, 25, 26, 27, 28, 31, 32, 33)  # ids of the classes with instances
TOOL = Path(__file__).resolve().parent.parent / 'tools' / 'refine.py'


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


def timed(function, repeats):
    """Least CPU time of several calls, and the last result."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        result = function()
        times.append(time.process_time() - start)
    return min(times), result


def bench_function(repeats):
    ids, _, prob = scene(np.random.default_rng(0), 512, 1024, 14, 8)
    object_map = np.full(ids.shape, -1, np.int32)
    for k, value in enumerate(THINGS):
        object_map[ids == value] = k
    present = [k for k in range(NUM_CLASSES) if (object_map == k).any()]
    classes = list(range(NUM_CLASSES))

    def refine(**options):
        return refine_objects(object_map, prob, classes=classes, num_iters=60, **options)

    refine()  # compiled code is loaded
    every, (_, found) = timed(refine, repeats)
    one, _ = timed(lambda: refine(stop_prob=0.02), repeats)

    evidence = edge_evidence(prob, peak_floor=0.5, other_weight=0.5)
    speed = speed_function(evidence)
    threshold = balloon_threshold(0.02)

    def reference():
        for k in present:
            morphological_geodesic_active_contour(
                speed[k].astype(np.float64), 60, object_map == k, 1, threshold, 1
            )

    other, _ = timed(reference, 1)
    moved = sum(entry.status == 'moved' for entry in found)
    print(f'\n(a) 512 x 1024, {len(present)} classes in the image ({moved} moved), 60 steps, '
          'CPU-seconds an image')  # fmt: skip
    print(f'scikit-image, evolution alone      {other:8.2f}')
    print(f'released code, evolution alone     {RELEASED_SECONDS:8.2f}  (published constant)')
    every_name = f'{len(STOP_PROBS)} stopping evidences'
    for what, seconds in ((every_name, every), ('1 stopping evidence ', one)):
        print(f'refine_objects, {what} {seconds:7.3f}  = {other / seconds:.0f} x scikit-image, '
              f'{RELEASED_SECONDS / seconds:.0f} x released')  # fmt: skip


def write_folder(root, number):
    """A synthetic Cityscapes folder with edge maps at half size."""
    rng = np.random.default_rng(1)
    for folder in ('leftImg8bit/train/x', 'gtFine/train/x'):
        (root / folder).mkdir(parents=True)
    for k in range(NUM_CLASSES):
        (root / f'edges/class_{k + 1:03d}').mkdir(parents=True)
    blank = np.full((1024, 2048, 3), 128, np.uint8)
    for index in range(number):
        ids, instances, prob = scene(rng, 1024, 2048, 20, 16)
        name = f'x_{index:06d}_000019'
        cv2.imwrite(str(root / f'leftImg8bit/train/x/{name}_leftImg8bit.png'), blank)
        cv2.imwrite(str(root / f'gtFine/train/x/{name}_gtFine_labelIds.png'), ids)
        cv2.imwrite(str(root / f'gtFine/train/x/{name}_gtFine_instanceIds.png'), instances)
        for k, one in enumerate(prob):
            half = cv2.resize(one, (1024, 512), interpolation=cv2.INTER_AREA)
            path = root / f'edges/class_{k + 1:03d}/{name}.png'
            cv2.imwrite(str(path), np.rint(half * 255).astype(np.uint8))


def run_tool(root, out, *options):
    """CPU seconds of the command and its workers."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    words = [
        sys.executable, str(TOOL), '--format', 'cityscapes', '--labels', str(root), '--out',
        str(out), '--edges', str(root / 'edges'), '--error-px', '16', *options,
    ]  # fmt: skip
    environment = {**os.environ, 'OMP_NUM_THREADS': '1'}
    subprocess.run(words, check=True, env=environment, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return cpu, after.ru_maxrss / 2**20


def bench_tool(number):
    with tempfile.TemporaryDirectory() as folder:
        root, out = Path(folder) / 'data', Path(folder) / 'out'
        write_folder(root, number)
        # Start-up is paid once a run, not once an image: it is the second run, which skips all.
        # One process does what a worker does, so that its memory is that of a worker. The contact
        # sheet is made once a run, of 24 images at most.
        options = ('--workers', '0', '--contact-sheet', '0')
        first, memory = run_tool(root, out, *options)
        start, _ = run_tool(root, out, *options)
        shutil.rmtree(out)
        whole, full_memory = run_tool(root, out, *options, '--scale', '1')
    seconds = (first - start) / number
    print(f'\n(b) tools/refine.py on {number} images of 2048 x 1024, edge maps of 8 classes at '
          'half size, error 16 px')  # fmt: skip
    print(f'CPU-seconds an image               {seconds:8.3f}  = {1 / seconds:.2f} images/s a core')
    print(f'start-up, once a run               {start:8.2f} CPU-seconds')
    print(f'peak memory of a worker            {memory:8.2f} GiB')
    print(f'at full size (--scale 1)           {(whole - start) / number:8.3f} CPU-seconds, '
          f'{full_memory:.2f} GiB')  # fmt: skip
    print(f'20,000 images on 8 cores           {seconds * 20000 / 8 / 3600:8.2f} hours')


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--images', type=int, default=12, help='synthetic images for (b)')
    parser.add_argument('--repeats', type=int, default=5)
    parser.add_argument('--only', choices=['a', 'b'])
    args = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    print(f'{platform.processor() or platform.machine()}, one thread')
    if args.only != 'b':
        bench_function(args.repeats)
    if args.only != 'a':
        bench_tool(args.images)


if __name__ == '__main__':
    main()
