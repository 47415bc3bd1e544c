"""The whole story in minutes: make a small set, train STEAL on noisy labels, judge it, report.

python tools/demo.py [--work-dir work_dirs/demo] [--max-iters 800]

It can be killed at any time: run again, it goes on where it was.
"""

import argparse
import json
import time
from pathlib import Path

import cv2
import numpy as np
import torch
from mmengine.runner import Runner
from PIL import Image

from mmsteal.apis import EdgeInferencer, load_run_config
from mmsteal.datasets.demo_set import preview_demo_set, write_demo_set
from mmsteal.evaluation import EdgeMetric, boundary_protocol
from mmsteal.functional import edge_nms
from mmsteal.visualization import colorize_edges
from mmsteal.visualization.report import Figure, Paragraph, Section, Table, write_report
from mmsteal.visualization.training_curves import plot_training_curves

CONFIG = Path(__file__).resolve().parent.parent / 'configs' / 'steal_demo.py'


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Train and judge STEAL on a generated set.')
    parser.add_argument('--work-dir', default='work_dirs/demo', help='where everything goes')
    parser.add_argument('--config', default=str(CONFIG), help='config to train')
    parser.add_argument('--num-train', type=int, default=240, help='training images')
    parser.add_argument('--num-val', type=int, default=60, help='validation images')
    parser.add_argument('--noise-px', type=float, default=4.0, help='error of the training labels')
    parser.add_argument('--seed', type=int, default=0, help='seed of the set')
    parser.add_argument('--max-iters', type=int, help="iterations, in place of the config's")
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    start = time.time()
    work_dir = Path(args.work_dir)
    data = work_dir / 'data'
    print(f'[1/4] demo set in {data}')
    meta = write_demo_set(
        data,
        num_train=args.num_train,
        num_val=args.num_val,
        noise_px=args.noise_px,
        seed=args.seed,
    )
    print('[2/4] training')
    cfg = load_run_config(
        args.config, work_dir=str(work_dir / 'train'), data_root=str(data), training=True
    )
    if args.max_iters:
        cfg.train_cfg.max_iters = args.max_iters
        cfg.train_cfg.val_interval = min(cfg.train_cfg.val_interval, args.max_iters)
        cfg.param_scheduler[-1].end = max(args.max_iters, cfg.param_scheduler[-1].begin + 1)
    cfg.resume = True  # from the last checkpoint, where there is one
    runner = Runner.from_cfg(cfg)
    runner.train()
    print('[3/4] evaluation')
    checkpoint = (work_dir / 'train' / 'last_checkpoint').read_text().strip()
    inferencer = EdgeInferencer(cfg, checkpoint)
    metrics = evaluate(inferencer, runner.val_dataloader.dataset, cfg)
    print('[4/4] report')
    report = write_report(
        work_dir / 'report.html',
        title='mmsteal demo',
        summary=(
            'Semantic boundaries, learnt from labels with a boundary error, judged by the exact '
            'labels. The images are generated from photographs inside scikit-image: the figures '
            'show that the program works, not how it does on a benchmark.'
        ),
        sections=[
            set_section(data, meta),
            training_section(work_dir / 'train'),
            score_section(metrics, inferencer.classes),
            picture_section(inferencer, data),
        ],
    )
    print(f'done in {time.time() - start:.0f} s: open {report}')


def evaluate(inferencer: EdgeInferencer, dataset, cfg) -> dict[str, EdgeMetric]:
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
        prediction = next(inferencer.stream([sample.img_path]))
        sample = sample.to_dict()
        sample['pred_edge_map'] = dict(data=torch.from_numpy(prediction.edges))
        for metric in metrics.values():
            metric.process({}, [sample])
    for metric in metrics.values():
        metric.evaluate(len(dataset))
    return metrics


def set_section(data: Path, meta: dict) -> Section:
    found = meta['statistics']
    noise = found['noisy_labels']
    statistics = [
        ['training images', meta['parameters']['num_train']],
        ['validation images', meta['parameters']['num_val']],
        ['objects in a training image, mean', found['train']['objects_per_image']],
        ['error of the training labels, px: mean', noise['mean_px_noisy_to_exact']],
        ['error of the training labels, px: largest', noise['max_px_noisy_to_exact']],
        ['IoU of a noisy with its exact mask, mean', noise['mean_iou']],
    ]
    return Section(
        'The set',
        [
            Paragraph(
                'Textured objects cut from one photograph over another. The network sees the '
                'noisy labels only.'
            ),
            Figure(preview_demo_set(data), 'Training images, their exact edges, their labels.'),
            Table(['statistic', 'value'], statistics),
        ],
    )


def training_section(folder: Path) -> Section:
    # A run that was killed and resumed has logged in several folders; the later one wins.
    by_step: dict[int, dict] = {}
    for path in sorted(folder.glob('*/vis_data/scalars.json')):
        for line in path.read_text().splitlines():
            record = json.loads(line)
            by_step.setdefault(record['step'], {}).update(record)
    scalars = folder / 'scalars.json'
    scalars.write_text('\n'.join(json.dumps(by_step[step]) for step in sorted(by_step)))
    panels = [
        ['decode.loss_bce', 'decode.loss_dir'],
        ['decode.loss_nms'],
        ['decode.prob_on_edge', 'decode.prob_off_edge'],
        ['edge/MF_ODS', 'edge/AP'],
    ]
    return Section(
        'Training',
        [Figure(plot_training_curves(scalars, panels), 'Losses, probabilities, validation.')],
    )


def score_section(metrics: dict[str, EdgeMetric], classes: tuple[str, ...]) -> Section:
    header = ['class']
    columns = [[*classes, 'mean']]
    for name, metric in metrics.items():
        header += [f'MF(ODS) {name}', f'AP {name}']
        for key in ('ods_f', 'ap'):
            values = [getattr(s, key) for s in (*metric.scores, metric.mean)]
            columns.append([100 * v for v in values])
    rows = [list(row) for row in zip(*columns, strict=True)]
    protocol = next(iter(metrics.values())).protocol.label
    return Section(
        'Scores in percent',
        [Table(header, rows, caption=f'Protocol: {protocol}; raw columns likewise.', digits=1)],
    )


def picture_section(inferencer: EdgeInferencer, data: Path, number: int = 6) -> Section:
    protocol = boundary_protocol(mode='raw', radius=1, instance_sensitive=True)
    rows = []
    for path in sorted((data / 'images/val').glob('*.jpg'))[:number]:
        image = cv2.imread(str(path))
        labels, instances = (
            np.asarray(Image.open(data / kind / 'val' / f'{path.stem}.png'))
            for kind in ('labels', 'instances')
        )
        truth = protocol.ground_truth(
            labels, len(inferencer.classes), background=0, instance_map=instances
        )
        edges = inferencer(image)[0].edges
        panels = [
            image[..., ::-1],
            colorize_edges(truth, inferencer.palette),
            colorize_edges(edges, inferencer.palette, floor=0.5),
            colorize_edges(edge_nms(edges), inferencer.palette, floor=0.5),
        ]
        panels = [np.repeat(np.repeat(p, 2, axis=0), 2, axis=1) for p in panels]
        rows.append(np.hstack([np.pad(p, ((4, 4), (4, 4), (0, 0)), constant_values=255)
                               for p in panels]))  # fmt: skip
    return Section(
        'Validation images',
        [
            Figure(
                np.vstack(rows),
                'Image, exact edges, predicted edges, the same after test NMS (colour = class).',
            )
        ],
    )


if __name__ == '__main__':
    main()
