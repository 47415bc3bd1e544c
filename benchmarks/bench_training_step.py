"""What STEAL adds to a training step: its losses, and alignment of every batch.

python benchmarks/bench_training_step.py [--device cuda] [--depth 101] [--size 472] [--batch 1]

All models take the same batch: noise images with three ellipses of different classes each. Their
order alternates from step to step, and the median over the steps is printed. Alignment costs most
when the outlines are far from the edges: an untrained network is no easy case for it.
"""

import argparse
import platform
import resource
import time
from pathlib import Path
from statistics import median

import cv2
import numpy as np
import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample

from mmsteal.engine.alignment import BatchAligner
from mmsteal.engine.alignment.masks import LabelRule
from mmsteal.functional import label_map_to_edges

CONFIGS = Path(__file__).resolve().parent.parent / 'configs'
ALIGNED = '... and online alignment'
NAMES = {
    'BCE (CASENet)': 'casenet_sbd.py',
    'BCE + NMS + direction (STEAL)': 'steal_casenet_sbd.py',
    ALIGNED: 'steal_casenet_sbd_online.py',
}


def make_batch(batch: int, size: int) -> dict:
    """Images and edge labels with three present classes each."""
    rng = np.random.default_rng(0)
    inputs, samples = [], []
    for _ in range(batch):
        labels = np.zeros((size, size), np.uint8)
        for value in (3, 7, 15):
            center = tuple(int(v) for v in rng.integers(size // 4, 3 * size // 4, 2))
            axes = tuple(int(v) for v in rng.integers(size // 12, size // 4, 2))
            cv2.ellipse(labels, center, axes, float(rng.integers(180)), 0, 360, value, -1)
        sample = SegDataSample(metainfo=dict(img_path='x', ori_shape=(size, size)))
        edges = label_map_to_edges(labels, 20, radius=2, background=0)
        # as the loaders have it: class k is k, background is K
        seg = torch.from_numpy(np.where(labels == 0, 20, labels - 1))[None]
        sample.set_data(
            dict(
                gt_edge_map=PixelData(data=torch.from_numpy(edges)),
                gt_sem_seg=PixelData(data=seg),
            )
        )
        samples.append(sample)
        inputs.append(torch.from_numpy(rng.integers(0, 256, (3, size, size), dtype=np.uint8)))
    return dict(inputs=inputs, data_samples=samples)


def build(config: str, args) -> tuple:
    cfg = Config.fromfile(CONFIGS / config)
    cfg.model.backbone.init_cfg = None
    cfg.model.backbone.depth = args.depth
    cfg.model.data_preprocessor.size = (args.size, args.size)
    if args.depth < 50:
        cfg.model.decode_head.in_channels = [64, 64, 128, 512]
    model = MODELS.build(cfg.model).to(args.device)
    model.train()
    if 'online' in config:
        options = next(h for h in cfg.custom_hooks if h.type == 'LevelSetAlignHook').align
        rule = LabelRule(num_classes=20, background=20, radius=2)
        model.decode_head.aligner = BatchAligner(rule, dict(options))
    return model, build_optim_wrapper(model, cfg.optim_wrapper)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--device', default='cuda' if torch.cuda.is_available() else 'cpu')
    parser.add_argument('--depth', type=int, default=101)
    parser.add_argument('--size', type=int, default=472)
    parser.add_argument('--batch', type=int, default=1)
    parser.add_argument('--steps', type=int, default=5)
    args = parser.parse_args()
    init_default_scope('mmseg')
    cuda = args.device.startswith('cuda')
    # On one thread the time of the process does not count what else the machine does.
    one_thread = not cuda and torch.get_num_threads() == 1
    clock = time.process_time if one_thread else time.perf_counter
    models = {name: build(config, args) for name, config in NAMES.items()}
    times = {name: [] for name in NAMES}
    peaks = dict.fromkeys(NAMES, 0.0)
    for step in range(args.steps + 1):
        order = list(NAMES) if step % 2 else list(NAMES)[::-1]
        for name in order:
            model, optim = models[name]
            batch = make_batch(args.batch, args.size)
            if cuda:
                torch.cuda.synchronize()
                torch.cuda.reset_peak_memory_stats()
            start = clock()
            model.train_step(batch, optim)
            if cuda:
                torch.cuda.synchronize()
                peaks[name] = max(peaks[name], torch.cuda.max_memory_allocated() / 2**20)
            if step:  # the first one warms up
                times[name].append(clock() - start)
    device = torch.cuda.get_device_name() if cuda else f'{platform.machine()} CPU'
    print(
        f'CASENet-{args.depth}, batch {args.batch}, {args.size}x{args.size}, 20 classes, 3 present'
    )
    print(f'{device}, {torch.get_num_threads()} CPU threads, torch {torch.__version__}')
    print('| | step, ms (median) | ratio | peak memory, MiB |\n|---|---|---|---|')
    base = median(times[next(iter(NAMES))])
    for name in NAMES:
        peak = f'{peaks[name]:.0f}' if cuda else 'see below'
        step = median(times[name])
        print(f'| {name} | {1000 * step:.0f} | {step / base:.3f} | {peak} |')
    aligner = models[ALIGNED][0].decode_head.aligner
    print(f'alignment: {aligner.summary}')
    if not cuda:
        rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f'process peak with all models loaded: {rss:.0f} MiB; memory of the losses alone: '
              'benchmarks/bench_losses.py')  # fmt: skip


if __name__ == '__main__':
    main()
