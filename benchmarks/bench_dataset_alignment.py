"""What a round of alignment costs an image, in scope 'dataset': predict, align, write.

    python benchmarks/bench_dataset_alignment.py [--device cuda] [--depth 101] [--images 8]

The round is that of `LevelSetAlignHook` by configs/steal_casenet_sbd.py, over images and labels of
SBD's size and layout (see bench_loader.py). The weights are random; the edges that the labels are
aligned with in the second row are drawn 4 px beside the outlines, with noise. By the config
(lambda = 1, no balloon) next to nothing moves; the work is the same.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import cv2
import numpy as np
import torch
from bench_loader import write_sbd_like
from bench_training_step import STEAL, add_model_options, load_config
from measurement import Case, Row, Stopwatch, make_parser, median_ms, run
from mmengine.logging import MMLogger
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS, MODELS

from mmsteal.datasets.transforms.image_steps import image_steps
from mmsteal.engine.alignment.dataset import DatasetAligner, RoundSettings
from mmsteal.engine.alignment.label_map import align_label_map
from mmsteal.engine.alignment.masks import LabelRule
from mmsteal.functional import AlignOptions, change_options, label_map_to_edges

NUM_CLASSES = 20


def align_options(cfg) -> AlignOptions:
    """How masks move by the hook of the config."""
    hook = next(h for h in cfg.custom_hooks if h.type == 'LevelSetAlignHook')
    return change_options(AlignOptions(), hook.align)


def round_rows(args: argparse.Namespace) -> list[Row]:
    """A whole round, files included; its first image warms up in a round of its own."""
    init_default_scope('mmseg')
    cfg = load_config(STEAL, args)
    num_images = args.images or (40 if args.device == 'cuda' else 4)
    torch.manual_seed(0)
    model = MODELS.build(cfg.model).to(args.device)
    logger = MMLogger.get_instance('bench_dataset_alignment', log_level='ERROR')
    with tempfile.TemporaryDirectory() as folder:
        times = []
        for name, count in (('warm_up', 1), ('timed', num_images)):
            root = Path(folder) / name
            root.mkdir()
            write_sbd_like(root, count)
            dataset = DATASETS.build(
                dict(cfg.train_dataloader.dataset, data_root=str(root), hold_out=0)
            )
            rule = LabelRule.of_pipeline(dataset.pipeline.transforms, NUM_CLASSES, NUM_CLASSES)
            steps = image_steps(cfg.test_dataloader.dataset.pipeline)
            settings = RoundSettings(rule, align_options(cfg))
            aligner = DatasetAligner(dataset, steps, settings, str(root / 'aligned'), logger=logger)
            clock = Stopwatch(args.device)
            summary = aligner.align_all(model, 0)
            times.append(clock.milliseconds() / count)
            if summary is None:
                raise RuntimeError('the aligned labels could not be written; see the log')
    return [
        Row(
            f"a round of scope 'dataset', CASENet-{args.depth}, an image of 375 x 500",
            times[-1],
            note=f'{num_images} images; {summary}',
        )
    ]


def label_map_rows(args: argparse.Namespace) -> list[Row]:
    """The part of a round that is not prediction and files."""
    cfg = load_config(STEAL, args)
    labels = np.full((375, 500), NUM_CLASSES, np.uint8)
    true = labels.copy()
    for k, center, axes in (
        (3, (110, 120), (90, 60)),
        (7, (270, 250), (60, 90)),
        (15, (400, 110), (70, 70)),
    ):
        cv2.ellipse(true, center, axes, 30, 0, 360, k, -1)
        cv2.ellipse(labels, center, tuple(a - 4 for a in axes), 30, 0, 360, k, -1)
    edges = label_map_to_edges(true, NUM_CLASSES, radius=2, background=NUM_CLASSES)
    soft = np.stack([cv2.GaussianBlur(edge.astype(np.float32), (0, 0), 3) for edge in edges])
    noise = np.random.default_rng(0).uniform(0, 0.06, soft.shape).astype(np.float32)
    prob = torch.from_numpy((0.9 * soft / soft.max() + noise).clip(0, 1)).to(args.device)
    rule = LabelRule(num_classes=NUM_CLASSES, background=NUM_CLASSES, radius=2)
    options = align_options(cfg)

    def align() -> list:
        return align_label_map(labels, prob, rule, options)[2]

    moved = sum(report.status == 'moved' for report in align())
    return [
        Row(
            'of it, alignment of the label map, 3 objects',
            median_ms(align, args.repeats, args.device),
            note=f'{moved} moved',
        )
    ]


def cases(args: argparse.Namespace) -> dict[str, Case]:
    return {'round': lambda: round_rows(args), 'label map': lambda: label_map_rows(args)}


def main(argv: list[str] | None = None) -> None:
    parser = make_parser(__doc__, ('cpu', 'cuda'))
    add_model_options(parser)
    parser.add_argument('--images', type=int, help='default: 4 on a CPU, 40 on a GPU')
    parser.add_argument('--repeats', type=int, default=5)
    run(cases, parser, argv, depth=18, images=1, repeats=1)


if __name__ == '__main__':
    main()
