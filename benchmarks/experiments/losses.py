"""What does each loss of Eq. 7 add, and how much do its options matter?

Trains one network with each choice of losses, on exact labels, everything else the same, and
judges it by MF (ODS), OIS and AP, also after non-maximum suppression of the prediction ("test
NMS"), and with the edges of all classes as one ("any class"), which does not ask for the right
class; and by the width of its responses along the true normals.

python benchmarks/experiments/losses.py --work-dir work_dirs/losses --seeds 0 1 2
python benchmarks/experiments/losses.py --work-dir work_dirs/losses_camvid --seeds 0 1 2 \
    --config configs/steal_casenet_r18_camvid.py --data-root data/camvid --max-iters 300
python benchmarks/experiments/losses.py --study options --work-dir work_dirs/loss_options

Study 'losses' adds one loss after the other (Tables 2 and 5 of the paper), 'options' changes one
option of the full loss at a time. Without --data-root it is the demo set, which is made. It can be
killed at any time: run again, it resumes.
"""

from __future__ import annotations

import argparse
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import torch
from command_line import positive_int, require_inputs, seed_number
from kept_results import folder_name, keep_settings, kept
from mmengine.config import Config
from mmengine.evaluator import BaseMetric
from response_width import MEASURES, response_widths
from short_training import short_training
from tables import mean_and_spread, write_results

from mmsteal.apis import build_runner, load_run_config
from mmsteal.datasets.demo_set import write_demo_set
from mmsteal.file_evaluation.pr_curves import PRCurve, plot_pr_curves
from mmsteal.files import write_file
from mmsteal.visualization import colorize_edges, relative_strength

DEMO_CONFIG = Path(__file__).resolve().parents[2] / 'configs' / 'steal_demo.py'
# Name of a score and how the metrics call it: plain, after test NMS, edges of all classes as one.
SCORES = {
    'MF': 'edge/MF_ODS', 'OIS': 'edge/MF_OIS', 'AP': 'edge/AP',
    'MF_nms': 'nms/MF_ODS', 'OIS_nms': 'nms/MF_OIS', 'AP_nms': 'nms/AP',
    'MF_any': 'any/MF_ODS', 'AP_any': 'any/AP',
}  # fmt: skip
FIELDS = ('variant', 'seed', *SCORES, *MEASURES)
NUM_PICTURES = 3
# alpha of Eq. 7 for summed losses, and that of the configs for CamVid for averaged ones.
WEIGHTS = {
    'sum': {'BalancedBCELoss': 1.0, 'ThinningNMSLoss': 10.0, 'DirectionLoss': 1.0},
    'mean': {'BalancedBCELoss': 1.0, 'ThinningNMSLoss': 5.0, 'DirectionLoss': 0.5},
}


@dataclass(frozen=True)
class Variant:
    """One choice of losses.

    Attributes:
        name: In the tables.
        nms: Options of the NMS loss to change; None leaves the loss out.
        direction: The same of the direction loss.
        factors: What the weights of the two losses are multiplied with.
        unweighted: Share of the training after which the cross entropy is not balanced any more,
            as in the paper's recipe for SBD. All losses are summed then, with the paper's weights:
            averaged, an unweighted cross entropy would fade beside the others. 1: summed so, and
            balanced to the end. None: averaged, and balanced to the end.
        radius: Of the training labels in px, in place of the config's.
    """

    name: str
    nms: dict | None = field(default_factory=dict)
    direction: dict | None = field(default_factory=dict)
    factors: tuple[float, float] = (1.0, 1.0)
    unweighted: float | None = 0.5
    radius: float | None = None

    @property
    def folder(self) -> str:
        """Name of its folder."""
        return folder_name(self.name)


STUDIES = {
    'losses': (
        Variant('BCE, balanced to the end', nms=None, direction=None, unweighted=None),
        Variant('BCE', nms=None, direction=None),
        Variant('BCE + NMS', direction=None),
        Variant('BCE + NMS + direction'),
        Variant('BCE + NMS + direction, balanced to the end', unweighted=None),
        Variant('BCE + NMS + direction, summed, balanced to the end', unweighted=1.0),
    ),
    'options': (
        Variant('BCE + NMS + direction'),
        Variant('L = 1', nms=dict(length=1)),
        Variant('L = 4', nms=dict(length=4)),
        Variant('tau = 0.03', nms=dict(temperature=0.03)),
        Variant('tau = 0.3', nms=dict(temperature=0.3)),
        Variant('NMS x 0.2', factors=(0.2, 1.0)),
        Variant('NMS x 2', factors=(2.0, 1.0)),
        Variant('direction x 0', direction=None),
        Variant('direction x 4', factors=(1.0, 4.0)),
        Variant('labels of radius 2 px', radius=2),
        Variant('NMS on the whole band, radius 2 px', nms=dict(positives='band'), radius=2),
        Variant('NMS of logits', nms=dict(response='logit')),
    ),
}


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--study', choices=sorted(STUDIES), default='losses')
    parser.add_argument('--config', default=str(DEMO_CONFIG), help='with all three losses')
    parser.add_argument('--data-root', help='the set; default: the demo set, which is made')
    parser.add_argument('--work-dir', default='work_dirs/losses')
    parser.add_argument('--seeds', type=seed_number, nargs='+', default=[0, 1, 2])
    parser.add_argument('--variants', nargs='+', metavar='NAME', help='of the study; default: all')
    parser.add_argument('--max-iters', type=positive_int, help="default: the config's")
    parser.add_argument('--num-train', type=positive_int, default=240, help='of the demo set')
    parser.add_argument('--num-val', type=positive_int, default=60)
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    work_dir = Path(args.work_dir).resolve()
    variants = [v for v in STUDIES[args.study] if v.name in (args.variants or (v.name,))]
    unknown = set(args.variants or ()) - {v.name for v in variants}
    if unknown:
        known = ', '.join(repr(v.name) for v in STUDIES[args.study])
        raise SystemExit(f'error: expected --variants among {known}, but got {sorted(unknown)}.')
    require_inputs(args.config, args.data_root)
    if args.data_root is not None:
        args.data_root = str(Path(args.data_root).resolve())
    choose_losses(load_run_config(args.config, data_root=args.data_root), variants[0])
    depends_on = ('data_root', 'max_iters', 'num_train', 'num_val')
    settings = dict(config=Path(args.config).name, **{k: getattr(args, k) for k in depends_on})
    keep_settings(work_dir / 'settings.json', settings)
    exact = {}
    if args.data_root is None:
        args.data_root = str(work_dir / 'data')
        write_demo_set(args.data_root, num_train=args.num_train, num_val=args.num_val)
        # the network of the demo learns from noisy labels; here from the exact ones
        exact = dict(seg_map_path='labels/train', instance_map_path='instances/train')
    rows = []
    for seed in args.seeds:
        for variant in variants:
            cfg = load_run_config(args.config, data_root=args.data_root)
            cfg.train_dataloader.dataset.data_prefix.update(exact)
            folder = work_dir / f'seed{seed}' / variant.folder
            short_training(cfg, folder, seed=seed, max_iters=args.max_iters)
            choose_losses(cfg, variant)
            rows.append(
                kept(folder / 'row.json', lambda c=cfg, v=variant, s=seed: train_and_score(c, v, s))
            )
            write_tables(work_dir, rows, [v.name for v in variants])
    write_curves(work_dir, rows)
    write_pictures(work_dir, variants, args.seeds[0])
    print((work_dir / 'results.md').read_text())


def choose_losses(cfg: Config, variant: Variant) -> Config:
    """Set the losses of the prediction, and the radius of the training labels."""
    changes = {'ThinningNMSLoss': variant.nms, 'DirectionLoss': variant.direction}
    factors = dict(zip(changes, variant.factors, strict=True))
    missing = set(changes) - {loss.type for loss in cfg.model.decode_head.loss_decode}
    if missing:
        raise SystemExit(
            f'error: expected --config to have all losses of Eq. 7 in loss_decode, but {missing} '
            'are missing; take one of the configs steal_*.'
        )
    head = cfg.model.decode_head
    head.loss_decode = [
        dict(loss, **changes.get(loss.type, {}))
        for loss in head.loss_decode
        if changes.get(loss.type, {}) is not None
    ]
    reduction = 'mean' if variant.unweighted is None else 'sum'
    losses = [*head.loss_decode, *(head.get('loss_side') or ())]
    if other := sorted({loss.type for loss in losses} - set(WEIGHTS[reduction])):
        raise SystemExit(
            f'error: expected --config to have no losses but those of Eq. 7, but got {other}, '
            'whose weight beside them is not known; take one of the configs steal_*.'
        )
    for loss in losses:
        loss.update(reduction=reduction, loss_weight=WEIGHTS[reduction][loss.type])
    hooks = cfg.get('custom_hooks', [])
    cfg.custom_hooks = [hook for hook in hooks if hook['type'] != 'LossScheduleHook']
    if variant.unweighted is not None:
        begin = round(variant.unweighted * cfg.train_cfg.max_iters)
        schedule = [dict(begin=begin, loss='BalancedBCELoss', beta=0.5)]
        cfg.custom_hooks += [dict(type='LossScheduleHook', schedule=schedule)]
    for loss in head.loss_decode:
        loss.loss_weight *= factors.get(loss.type, 1.0)
    if variant.radius is not None:
        # the pipelines of training and test share the step
        pipeline = deepcopy(cfg.train_dataloader.dataset.pipeline)
        next(s for s in pipeline if s['type'] == 'GenerateEdges')['radius'] = variant.radius
        cfg.train_dataloader.dataset.pipeline = pipeline
    cfg.val_evaluator = [
        dict(cfg.val_evaluator),
        dict(cfg.val_evaluator, test_nms=True, prefix='nms'),
        dict(cfg.val_evaluator, class_agnostic=True, prefix='any'),
    ]
    return cfg


class ResponseWidth(BaseMetric):
    """Means of the `MEASURES` over the edge pixels, evenly chosen 1000 at most of an image.

    It keeps the first predictions to draw.
    """

    default_prefix = 'response'

    def process(self, data_batch: dict, data_samples: list[dict]) -> None:
        """Measure the images of a batch."""
        for sample in data_samples:
            probability = sample['pred_edge_map']['data'].cpu()
            edges = sample['gt_edge_map']['data'].cpu()
            found = response_widths(probability[None], edges[None], max_pixels=1000)
            drawn = None
            if len(self.results) < NUM_PICTURES:
                drawn = (sample['img_path'], probability.numpy())
            self.results.append((found, drawn))

    def compute_metrics(self, results: list[tuple]) -> dict[str, float]:
        """Average, and keep the predictions to draw."""
        self.drawn = [drawn for _, drawn in results if drawn is not None]
        means = np.nanmean(np.concatenate([found for found, _ in results]), axis=0)
        return dict(zip(MEASURES, means.tolist(), strict=True))


def train_and_score(cfg: Config, variant: Variant, seed: int) -> dict:
    """Train to the end and judge."""
    runner = build_runner(cfg)
    runner.train()
    width = ResponseWidth()
    runner.val_loop.evaluator.metrics.append(width)
    found = runner.val_loop.run()
    plain = runner.val_loop.evaluator.metrics[0]
    palette = np.array(runner.val_dataloader.dataset.metainfo['palette'])
    for number, (path, probability) in enumerate(width.drawn):
        drawn = colorize_edges(relative_strength(probability), palette, floor=0.5)
        image = cv2.resize(cv2.imread(path), drawn.shape[1::-1])
        for name, picture in (('edges', drawn[..., ::-1]), ('image', image)):
            cv2.imwrite(str(Path(cfg.work_dir, f'{name}_{number}.png')), picture)
    present = [s for s in plain.scores if not np.isnan(s.ods_f)]
    return dict(
        variant=variant.name,
        seed=seed,
        **{name: float(found[key]) for name, key in SCORES.items()},
        **{name: float(found[f'response/{name}']) for name in MEASURES},
        **{
            name: np.mean([getattr(s, name) for s in present], axis=0).round(5).tolist()
            for name in ('precision', 'recall')
        },
        best=[float(np.mean([getattr(s, f'ods_{key}') for s in present]))
              for key in ('recall', 'precision', 'f')],
    )  # fmt: skip


def write_tables(folder: Path, rows: list[dict], order: list[str]) -> None:
    """results.csv with every run, results.md with mean and spread over the seeds."""
    lines = [
        '| losses | MF (ODS) | OIS | AP | MF, test NMS | AP, test NMS | MF, any class | '
        'AP, any class | FWHM, px | maximum | off the edge, px | normal off by, deg | runs |',
        f'|{"---|" * 13}',
    ]
    columns = (('MF', 1), ('OIS', 1), ('AP', 1), ('MF_nms', 1), ('AP_nms', 1), ('MF_any', 1),
               ('AP_any', 1), ('width_px', 2), ('height', 2), ('offset_px', 2),
               ('normal_deg', 1))  # fmt: skip
    for name in order:
        same = [row for row in rows if row['variant'] == name]
        if same:
            cells = [mean_and_spread([row[key] for row in same], digits) for key, digits in columns]
            lines.append(f'| {name} | {" | ".join(cells)} | {len(same)} |')
    ordered = sorted(rows, key=lambda row: (order.index(row['variant']), row['seed']))
    write_results(folder, [{key: row[key] for key in FIELDS} for row in ordered], lines)


def write_curves(folder: Path, rows: list[dict]) -> None:
    """curves.png: precision and recall, means over classes and seeds."""
    curves = []
    for name in dict.fromkeys(row['variant'] for row in rows):
        same = [row for row in rows if row['variant'] == name]
        mean = {k: np.mean([row[k] for row in same], axis=0) for k in ('precision', 'recall')}
        best = tuple(np.mean([row['best'] for row in same], axis=0).tolist())
        ap = float(np.mean([row['AP'] for row in same])) / 100
        curves.append(PRCurve(name, mean['precision'], mean['recall'], best, ap))
    note = f'means over classes and {len({row["seed"] for row in rows})} seeds'
    write_file(folder / 'curves.png', plot_pr_curves(curves, note=note))


def write_pictures(folder: Path, variants: list[Variant], seed: int) -> None:
    """pictures.png: a row an image; the image, and the edges that each network sees."""
    runs = [folder / f'seed{seed}' / variant.folder for variant in variants]
    rows = []
    for number in range(NUM_PICTURES):
        files = [runs[0] / f'image_{number}.png', *(run / f'edges_{number}.png' for run in runs)]
        pictures = [cv2.imread(str(file)) for file in files if file.is_file()]
        if pictures:
            rows.append(np.concatenate(pictures, axis=1))
    _, png = cv2.imencode('.png', np.concatenate(rows, axis=0))
    write_file(folder / 'pictures.png', png.tobytes())


if __name__ == '__main__':
    torch.set_num_threads(1)
    main()
