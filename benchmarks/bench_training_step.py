"""What STEAL adds to a training step: its losses, and alignment of every batch.

    python benchmarks/bench_training_step.py [--device cuda] [--depth 101] [--size 472] [--batch 1]

All models take the same batch: noise images with three ellipses of different classes each. Their
order alternates from step to step, and the median over the steps is printed. Alignment costs most
when the outlines are far from the edges: an untrained network is no easy case for it. Peak memory
is that of one model: weights, state of the optimizer, and what a step needs besides.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import cv2
import numpy as np
import torch
from measurement import (
    REPO,
    Case,
    Row,
    Target,
    make_parser,
    median_ms_in_turn,
    peak_mib,
    run,
)
from mmengine.config import Config
from mmengine.optim import OptimWrapper, build_optim_wrapper
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample

from mmsteal.engine.alignment import BatchAligner
from mmsteal.engine.alignment.masks import LabelRule
from mmsteal.functional import AlignOptions, change_options, label_map_to_edges

CONFIGS = REPO / 'configs'
CASENET, STEAL, ONLINE = 'casenet_sbd.py', 'steal_casenet_sbd.py', 'steal_casenet_sbd_online.py'


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


def load_config(config: str, args: argparse.Namespace) -> Config:
    """A config of a CASENet without pre-trained weights, of the depth and the size asked for."""
    cfg = Config.fromfile(CONFIGS / config)
    cfg.model.backbone.init_cfg = None
    cfg.model.backbone.depth = args.depth
    cfg.model.data_preprocessor.size = (args.size, args.size)
    if args.depth < 50:
        cfg.model.decode_head.in_channels = [64, 64, 128, 512]
    return cfg


def build(config: str, args: argparse.Namespace) -> tuple:
    """The model and its optimizer."""
    init_default_scope('mmseg')
    cfg = load_config(config, args)
    torch.manual_seed(0)
    model = MODELS.build(cfg.model).to(args.device)
    model.train()
    if config == ONLINE:
        hook = next(h for h in cfg.custom_hooks if h.type == 'LevelSetAlignHook')
        options = change_options(AlignOptions(), hook.align)
        rule = LabelRule(num_classes=20, background=20, radius=2)
        model.decode_head.aligner = BatchAligner(rule, options)
    return model, build_optim_wrapper(model, cfg.optim_wrapper)


def static_mib(model: torch.nn.Module, optim: OptimWrapper) -> float:
    """What stays between two steps: weights, buffers, and the state of the optimizer."""
    state = (v for values in optim.optimizer.state.values() for v in values.values())
    tensors = [*model.parameters(), *model.buffers(), *filter(torch.is_tensor, state)]
    return sum(t.numel() * t.element_size() for t in tensors) / 2**20


def step_rows(args: argparse.Namespace) -> Iterator[Row]:
    """One row a config; on a GPU with the targets, which are meant for it."""
    on_gpu = args.device == 'cuda'
    num_images = args.batch or (2 if on_gpu else 1)
    models = {config: build(config, args) for config in (CASENET, STEAL, ONLINE)}

    def stepper(config: str):
        model, optim = models[config]
        return lambda batch: model.train_step(batch, optim)

    def prepare() -> tuple[dict]:
        return (make_batch(num_images, args.size),)

    steps = {config: stepper(config) for config in models}
    times = median_ms_in_turn(steps, args.steps or (20 if on_gpu else 3), args.device, prepare)
    what = f'step of CASENet-{args.depth}, batch {num_images}, {args.size} x {args.size}'
    for config, name, reference in (
        (CASENET, 'balanced cross entropy', None),
        (STEAL, '+ thinning + direction', CASENET),
        (ONLINE, '+ online alignment', STEAL),
    ):
        batch = prepare()
        peak = peak_mib(lambda: steps[config](*batch), args.device)  # noqa: B023  (called here)
        row = Row(f'{what}, {name}', times[config])
        row.peak_mib = None if peak is None else peak + static_mib(*models[config])
        row.note = f'{1e3 * num_images / times[config]:.3g} images/s'
        if reference is not None:
            row.reference, row.compares = f'step of {reference}', 'overhead'
            row.reference_ms = times[reference]
            row.targets = [Target('overhead', 0.1)] if on_gpu else []
            row.note += '' if on_gpu else '; the target, +10 %, is for a GPU'
        if config == ONLINE:
            row.note += f'; alignment: {models[config][0].decode_head.aligner.summary}'
        yield row


def cases(args: argparse.Namespace) -> dict[str, Case]:
    return {'steps': lambda: step_rows(args)}


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """Options of `build`, `load_config` and `make_batch`."""
    parser.add_argument('--depth', type=int, default=101)
    parser.add_argument('--size', type=int, default=472)


def main(argv: list[str] | None = None) -> None:
    parser = make_parser(__doc__, ('cpu', 'cuda'))
    add_model_options(parser)
    parser.add_argument('--batch', type=int, help='default: 1 on a CPU, 2 on a GPU, as in training')
    parser.add_argument('--steps', type=int, help='default: 3 on a CPU, 20 on a GPU')
    run(cases, parser, argv, depth=18, size=64, steps=1)


if __name__ == '__main__':
    main()
