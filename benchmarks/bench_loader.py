"""Images a second that the data loader makes, against what one training step consumes.

    python benchmarks/bench_loader.py [--data-root data/sbd] [--workers 4] [--device cuda]

Without a data root it writes images and labels of SBD's size and layout: noise images under random
masks, with 1 to 3 objects each. The augmentation is that of configs/_base_/datasets/sbd.py. On a
CPU it is the work of one worker, done in this process; on a GPU the config's workers run beside
nothing else, and a STEAL training step is timed in the same run.
"""

from __future__ import annotations

import argparse
import tempfile
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import scipy.io
from bench_training_step import STEAL, add_model_options, build, load_config, make_batch
from measurement import Case, Row, Stopwatch, Target, make_parser, median_ms, run
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS
from torch.utils.data import DataLoader

from mmsteal.datasets import SeededInfiniteSampler


def write_sbd_like(root: Path, count: int = 40) -> Path:
    """Images of 375x500 with SBD's .mat labels."""
    rng = np.random.default_rng(0)
    for folder in ('img', 'cls', 'inst'):
        (root / folder).mkdir()
    names = [f'2008_{i:06d}' for i in range(count)]
    for name in names:
        image = cv2.GaussianBlur(rng.integers(0, 256, (375, 500, 3), dtype=np.uint8), (0, 0), 2)
        cv2.imwrite(str(root / f'img/{name}.jpg'), image)
        labels, instances = np.zeros((375, 500), np.uint8), np.zeros((375, 500), np.uint8)
        for number in range(rng.integers(1, 4)):
            center = tuple(int(v) for v in rng.integers(80, 300, 2))
            axes = tuple(int(v) for v in rng.integers(30, 120, 2))
            for canvas, value in ((labels, int(rng.integers(1, 21))), (instances, number + 1)):
                cv2.ellipse(canvas, center, axes, 30, 0, 360, value, -1)
        scipy.io.savemat(
            root / f'cls/{name}.mat', {'GTcls': {'Segmentation': labels}}, do_compression=True
        )
        scipy.io.savemat(
            root / f'inst/{name}.mat', {'GTinst': {'Segmentation': instances}}, do_compression=True
        )
    (root / 'train.txt').write_text('\n'.join(names))
    return root


def as_it_is(image: dict) -> dict:
    """Collate nothing."""
    return image


def loader_rows(args: argparse.Namespace) -> list[Row]:
    """Time an image, on a GPU beside that of a training step."""
    init_default_scope('mmseg')
    cfg = load_config(STEAL, args)
    loading = cfg.train_dataloader
    workers = args.workers
    if workers is None:
        workers = loading.num_workers if args.device == 'cuda' else 0
    with tempfile.TemporaryDirectory() as folder:
        root = args.data_root or str(write_sbd_like(Path(folder)))
        dataset = DATASETS.build(dict(loading.dataset, data_root=root, hold_out=0))
        loader = DataLoader(
            dataset,
            batch_size=None,
            sampler=SeededInfiniteSampler(dataset, seed=0),
            num_workers=workers,
            collate_fn=as_it_is,
        )
        images = iter(loader)
        for _ in islice(images, args.images // 10):
            pass
        # Other processes do the work of workers: the clock on the wall sees it.
        clock = Stopwatch(wall=workers > 0)
        for _ in islice(images, args.images):
            pass
        each_ms = clock.milliseconds() / args.images
        del images  # the workers end before their files do
    source = 'SBD' if args.data_root else 'images like those of SBD'
    who = f'{workers} workers' if workers > 1 else 'one worker'
    row = Row(f'data loader, an image ({source}), {who}', each_ms)
    row.note = f'{1e3 / each_ms:.3g} images/s'
    if args.device == 'cuda':
        model, optim = build(STEAL, args)
        num = loading.batch_size
        step_ms = median_ms(
            lambda batch: model.train_step(batch, optim),
            10,
            args.device,
            lambda: (make_batch(num, args.size),),
        )
        row.reference, row.reference_ms = 'training step of STEAL, an image', step_ms / num
        row.targets = [Target('speed-up', 1)]
    return [row]


def cases(args: argparse.Namespace) -> dict[str, Case]:
    return {'loader': lambda: loader_rows(args)}


def main(argv: list[str] | None = None) -> None:
    parser = make_parser(__doc__, ('cpu', 'cuda'))
    add_model_options(parser)
    parser.add_argument('--data-root', help='SBD in its released layout')
    parser.add_argument('--workers', type=int, help='default: 0, or on a GPU those of the config')
    parser.add_argument('--images', type=int, default=200)
    run(cases, parser, argv, depth=18, size=96, images=10)


if __name__ == '__main__':
    main()
