"""The whole story in minutes: a set, a training on its noisy labels, scores, repair, a report."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from mmsteal.apis import EdgeInferencer, build_runner, load_run_config
from mmsteal.apis.last_checkpoint import last_checkpoint
from mmsteal.datasets.demo_set import write_demo_set
from mmsteal.demo.photograph_section import Source, photograph_section
from mmsteal.demo.sections import (
    alignment_sections,
    picture_section,
    repair_section,
    score_section,
    set_section,
    training_section,
)
from mmsteal.evaluation import EdgeMetric
from mmsteal.jobs import one_run
from mmsteal.visualization.report import write_report


@dataclass(frozen=True)
class DemoOptions:
    """What the demo makes and trains.

    Attributes:
        work_dir (str): Where everything goes.
        config (str): Config to train.
        num_train, num_val (int): Images of the set.
        noise_px (float): Error of the training labels.
        seed (int): Seed of the set.
        max_iters (int | None): Iterations; None: those of the config.
    """

    work_dir: str
    config: str
    num_train: int = 240
    num_val: int = 60
    noise_px: float = 4.0
    seed: int = 0
    max_iters: int | None = None


def run_demo(options: DemoOptions) -> Path:
    """Run the demo, from where an earlier run was killed.

    Args:
        options (DemoOptions): What to make and train.

    Returns:
        Path: The report.

    Raises:
        FileExistsError: If the set in the folder was made otherwise.
    """
    start = time.time()
    work_dir = Path(options.work_dir)
    data = work_dir / 'data'
    print(f'[1/6] demo set in {data}')
    meta = write_demo_set(
        data,
        num_train=options.num_train,
        num_val=options.num_val,
        noise_px=options.noise_px,
        seed=options.seed,
    )
    print('[2/6] training')
    cfg = load_run_config(
        options.config, work_dir=str(work_dir / 'train'), data_root=str(data), training=True
    )
    if options.max_iters:
        cfg.train_cfg.max_iters = options.max_iters
        cfg.train_cfg.val_interval = min(cfg.train_cfg.val_interval, options.max_iters)
        cfg.param_scheduler[-1].end = max(options.max_iters, cfg.param_scheduler[-1].begin + 1)
    cfg.load_from = last_checkpoint(cfg.work_dir)
    cfg.resume = cfg.load_from is not None
    with one_run(cfg.work_dir):
        runner = build_runner(cfg)
        runner.train()
    print('[3/6] evaluation')
    checkpoint = (work_dir / 'train' / 'last_checkpoint').read_text().strip()
    inferencer = EdgeInferencer(cfg, checkpoint)
    images = sorted((data / 'images/val').glob('*.jpg'))
    edges = {found.name: found.edges for found in inferencer.stream(images)}
    metrics = evaluate(edges, runner.val_dataloader.dataset, cfg)
    print('[4/6] repair of coarse labels')
    repair = repair_section(edges, data)
    print('[5/6] photographs')
    photographs = photograph_section(work_dir / 'photographs', packaged_model())
    print('[6/6] report')
    report = write_report(
        work_dir / 'report.html',
        title='mmsteal demo',
        summary=(
            'Semantic boundaries, learnt from labels with a boundary error that align themselves '
            'while the network learns, judged by the exact labels; and coarse labels repaired with '
            'what it learnt. The images are generated from photographs inside scikit-image: the '
            'figures show that the program works, not how it does on a benchmark. At the end, '
            'photographs as they are, with labels that were drawn in a hurry.'
        ),
        sections=[
            set_section(data, meta),
            training_section(work_dir / 'train'),
            *alignment_sections(work_dir / 'train' / 'aligned_labels', data),
            score_section(metrics, inferencer.classes),
            picture_section(inferencer, edges, data),
            repair,
            photographs,
        ],
    )
    print(f'done in {time.time() - start:.0f} s: open {report}')
    return report


def packaged_model() -> Source:
    """The edges of the model in the package."""
    inferencer = EdgeInferencer('edges')

    def find(image: np.ndarray) -> np.ndarray:
        return inferencer.predict(np.ascontiguousarray(image[..., ::-1]))

    return Source('model of the package', find)


def evaluate(edges: dict[str, np.ndarray], dataset, cfg) -> dict[str, EdgeMetric]:
    """Score the validation images by thin and raw protocol, with and without test NMS."""
    settings = {key: cfg.val_evaluator[key] for key in ('max_dist', 'radius', 'instance_sensitive')}
    metrics = {
        name: EdgeMetric(mode=mode, test_nms=nms, prefix=name, **settings)
        for name, mode, nms in (
            ('thin', 'thin', False),
            ('thin, test NMS', 'thin', True),
            ('raw', 'raw', False),
        )
    }
    for metric in metrics.values():
        metric.dataset_meta = dataset.metainfo
    for index in range(len(dataset)):
        sample = dataset[index]['data_samples']
        found = edges[Path(sample.img_path).stem]
        sample = sample.to_dict()
        sample['pred_edge_map'] = dict(data=torch.from_numpy(found))
        for metric in metrics.values():
            metric.process({}, [sample])
    for metric in metrics.values():
        metric.evaluate(len(dataset))
    return metrics
