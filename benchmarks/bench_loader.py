"""Images a second that one data-loader worker makes, against what one training step consumes.

python benchmarks/bench_loader.py [--data-root data/sbd] [--workers 1]

Without a data root it writes images and labels of SBD's size and layout: noise images under random
masks, with 1 to 3 objects each. The augmentation is that of configs/_base_/datasets/sbd.py.
"""

import argparse
import platform
import tempfile
import time
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import scipy.io
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS
from torch.utils.data import DataLoader

import mmsteal
from mmsteal.datasets import SeededInfiniteSampler

CONFIG = Path(__file__).resolve().parent.parent / 'configs' / 'steal_casenet_sbd.py'


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--data-root', help='SBD in its released layout')
    parser.add_argument('--workers', type=int, default=1)
    parser.add_argument('--images', type=int, default=200)
    args = parser.parse_args()
    init_default_scope('mmseg')
    with tempfile.TemporaryDirectory() as folder:
        root = args.data_root or str(write_sbd_like(Path(folder)))
        cfg = Config.fromfile(CONFIG)
        dataset = DATASETS.build(
            dict(cfg.train_dataloader.dataset, data_root=root, hold_out=0)
        )  # fmt: skip
        loader = DataLoader(
            dataset,
            batch_size=None,
            sampler=SeededInfiniteSampler(dataset, seed=0),
            num_workers=args.workers,
            collate_fn=lambda item: item,
        )
        batches = iter(loader)
        for _ in islice(batches, 20):
            pass
        start = time.perf_counter()
        for _ in islice(batches, args.images):
            pass
        rate = args.images / (time.perf_counter() - start)
        print(f'mmsteal {mmsteal.__version__}, torch {torch.__version__}, {platform.machine()}')
        source = 'real SBD' if args.data_root else 'SBD-like synthetic'
        print(f'{source} data, 472x472 crops, 20 classes')
        each = rate / max(1, args.workers)
        print(f'{rate:.1f} images/s with {args.workers} worker(s): {each:.1f} each')


if __name__ == '__main__':
    main()
