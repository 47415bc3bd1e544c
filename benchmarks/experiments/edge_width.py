"""How wide are the edges that each loss teaches? A synthetic experiment.

A small network with features at stride 4 learns the outlines of shapes. Its responses are measured
on unseen images along the true normals: full width at half maximum (FWHM), height of the maximum,
its distance from the true edge, and the error of the normals of the response; and it is scored by
MF (ODS) and AP, thin, within 2 px.

    python benchmarks/experiments/edge_width.py [--seeds 0 1 2] [--steps 300] [--jitter-px 1.5]

It can be killed at any time: run again, it resumes.
"""

from __future__ import annotations

import argparse
import itertools
import math
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from command_line import positive_int, seed_number
from kept_results import folder_name, keep_settings, kept
from numpy.typing import NDArray
from response_width import MEASURES, response_widths
from tables import mean_and_spread, write_results
from torch import Tensor, nn

from mmsteal.functional.edge_maps.edges import mask_edges
from mmsteal.functional.losses.balanced_bce import balanced_bce_loss
from mmsteal.functional.losses.direction import direction_loss
from mmsteal.functional.losses.edge_geometry import edge_geometry
from mmsteal.functional.losses.nms_loss import thinning_nms_loss
from mmsteal.functional.scores.edge_scores import edge_scores
from mmsteal.functional.scores.matching import edge_counts

SIZE = 96
LABEL_RADIUS = 2.0
TOLERANCE_PX = 2.0


class Row(NamedTuple):
    """One line of a table: its name, and the weights and options of the NMS and direction loss."""

    name: str
    nms: float = 0.0
    response: str = 'probability'
    positives: str = 'center'
    direction: float = 0.0
    damping: float = 3e-4
    length: int = 2
    temperature: float = 0.1
    radius: float = LABEL_RADIUS


EXACT = (
    Row('BCE'),
    Row('+ 1 x NMS', 1.0),
    Row('+ 10 x NMS', 10.0),
    Row('+ 10 x NMS, logits', 10.0, response='logit'),
    Row('+ 10 x NMS, whole band', 10.0, positives='band'),
    Row('+ 1 x direction', direction=1.0),
    Row('+ 10 x NMS + 1 x direction', 10.0, direction=1.0),
)
LOSSES = {row.name: row for row in EXACT}
PLAIN, FULL = LOSSES['BCE'], LOSSES['+ 10 x NMS + 1 x direction']
JITTERED = (PLAIN, LOSSES['+ 1 x NMS'], LOSSES['+ 10 x NMS'], FULL)
DAMPED = tuple(
    Row(f'+ 1 x direction, damping {d:g}', direction=1.0, damping=d)
    for d in (1e-5, 1e-4, 3e-4, 1e-3, 1e-2)
)

OPTIONS = (
    FULL._replace(name='the defaults: L = 2, tau = 0.1, weights 10 and 1, radius 2 px'),
    *(FULL._replace(name=f'L = {n}', length=n) for n in (1, 3, 4, 6)),
    *(FULL._replace(name=f'tau = {t:g}', temperature=t) for t in (0.02, 0.05, 0.2, 0.5)),
    *(FULL._replace(name=f'NMS x {w:g}', nms=w) for w in (1, 3, 30, 100)),
    *(FULL._replace(name=f'direction x {w:g}', direction=w) for w in (0, 3, 10)),
    *(FULL._replace(name=f'labels of radius {r:g} px', radius=r) for r in (1, 3, 4)),
    FULL._replace(name='NMS on the whole band', positives='band'),
    FULL._replace(name='NMS of logits', response='logit'),
)


def scene(rng: np.random.Generator, jitter_px: float) -> tuple[NDArray, NDArray, NDArray]:
    """Image, mask of its shapes, and the mask as an annotator with an error would draw it."""
    y, x = np.mgrid[:SIZE, :SIZE].astype(np.float32)
    image = np.full((SIZE, SIZE), rng.uniform(0.2, 0.8), np.float32)
    masks = np.zeros((2, SIZE, SIZE), bool)
    for _ in range(2):
        center, radii = rng.uniform(20, SIZE - 20, 2), rng.uniform(10, 24, 2)
        turn, shade = rng.uniform(0, math.pi), rng.uniform(0, 1)
        box = rng.random() < 0.5
        error = rng.normal(0, jitter_px, 2)
        for i, shift in enumerate((np.zeros(2), error)):
            dy, dx = y - center[0] - shift[0], x - center[1] - shift[1]
            u = np.abs(dx * math.cos(turn) + dy * math.sin(turn)) / radii[0]
            v = np.abs(dy * math.cos(turn) - dx * math.sin(turn)) / radii[1]
            shape = (np.maximum(u, v) if box else np.hypot(u, v)) < 1
            masks[i] |= shape
            if i == 0:
                image[shape] = shade
    return image + rng.normal(0, 0.1, image.shape).astype(np.float32), masks[0], masks[1]


def scenes(
    seed: int, number: int, jitter_px: float, radius: float = LABEL_RADIUS
) -> tuple[Tensor, Tensor, Tensor]:
    """Images (n, 1, H, W), exact and drawn label bands of the same shape and of a radius in px."""
    rng = np.random.default_rng(seed)
    made = [scene(rng, jitter_px) for _ in range(number)]
    images, exact, drawn = (np.stack(part) for part in zip(*made, strict=True))
    bands = (torch.from_numpy(mask_edges(m, radius))[:, None] for m in (exact, drawn))
    return torch.from_numpy(images)[:, None], *bands


def network() -> nn.Module:
    """Features at stride 4 and a bilinear upsampling: the responses are blurry by construction."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, 2, 1),
        nn.ReLU(),
        nn.Conv2d(16, 32, 3, 2, 1),
        nn.ReLU(),
        nn.Conv2d(32, 32, 3, 1, 1),
        nn.ReLU(),
        nn.Conv2d(32, 32, 3, 1, 2, dilation=2),
        nn.ReLU(),
        nn.Conv2d(32, 1, 1),
        nn.Upsample(scale_factor=4, mode='bilinear'),
    )


def train(row: Row, images: Tensor, target: Tensor, seed: int, steps: int) -> nn.Module:
    torch.manual_seed(seed)
    model = network()
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=steps)
    for _ in range(steps):
        batch = torch.randint(len(images), (4,))
        logits, labels = model(images[batch]), target[batch]
        geometry = edge_geometry(labels, positives=row.positives)
        loss = balanced_bce_loss(logits, labels)
        if row.nms:
            loss = loss + row.nms * thinning_nms_loss(
                logits,
                labels,
                length=row.length,
                temperature=row.temperature,
                response=row.response,
                geometry=geometry,
            )
        if row.direction:
            loss = loss + row.direction * direction_loss(
                logits, labels, geometry=geometry, damping=row.damping
            )
        optimizer.zero_grad()
        # The summed losses of the paper, brought to the scale of one edge pixel.
        (loss / (labels == 1).sum()).backward()
        optimizer.step()
        schedule.step()
    return model


@torch.no_grad()
def measure(model: nn.Module, images: Tensor, exact: Tensor) -> dict[str, float]:
    """MF (ODS) and AP in percent, thin, and the means of `MEASURES` over the edge pixels."""
    probability = model(images).sigmoid()
    widths = np.nanmean(response_widths(probability, exact), 0).tolist()
    lines = edge_geometry(exact)
    truth = np.zeros(exact.shape, bool)
    truth[lines.maps[lines.slot], 0, lines.y, lines.x] = True
    max_dist = TOLERANCE_PX / math.hypot(SIZE, SIZE)
    scores = edge_scores(
        np.stack([
            edge_counts(prob.numpy(), true, max_dist=max_dist, thin=True)
            for prob, true in zip(probability[:, 0], truth[:, 0], strict=True)
        ])
    )  # fmt: skip
    return dict(
        MF=100 * scores.ods_f, AP=100 * scores.ap, **dict(zip(MEASURES, widths, strict=True))
    )


def runs(
    args: argparse.Namespace, labels: str, choices: tuple[Row, ...], jitter_px: float
) -> list[dict]:
    """A row of measures for each choice of losses and seed, made if it is not there yet."""
    rows = []
    for choice, seed in itertools.product(choices, args.seeds):
        folder = Path(args.out, 'rows', folder_name(labels), folder_name(choice.name))
        measures = kept(
            folder / f'seed{seed}.json',
            lambda c=choice, s=seed: train_and_measure(c, jitter_px, s, args.steps),
        )
        rows.append(dict(labels=labels, loss=choice.name, seed=seed, **measures))
        print(f'{labels}, {choice.name}, seed {seed}: {measures["width_px"]:.2f} px', flush=True)
    return rows


def train_and_measure(row: Row, jitter_px: float, seed: int, steps: int) -> dict[str, float]:
    """Train on drawn labels and measure on unseen images."""
    images, _, drawn = scenes(seed, 64, jitter_px, row.radius)
    test_images, test_exact, _ = scenes(10_000 + seed, 16, 0.0)
    return measure(train(row, images, drawn, seed, steps), test_images, test_exact)


def write_tables(folder: Path, rows: list[dict]) -> None:
    """results.csv with every run, results.md with mean and spread over the seeds."""
    lines = [
        '| labels | loss | MF | AP | FWHM, px | maximum | its distance from the edge, px | '
        'error of the normal, deg |',
        f'|{"---|" * 8}',
    ]
    columns = (('MF', 1), ('AP', 1), *((name, 2) for name in MEASURES))
    for labels, loss in dict.fromkeys((row['labels'], row['loss']) for row in rows):
        same = [row for row in rows if (row['labels'], row['loss']) == (labels, loss)]
        cells = [mean_and_spread([row[key] for row in same], digits) for key, digits in columns]
        lines.append(f'| {labels} | {loss} | {" | ".join(cells)} |')
    write_results(folder, rows, lines)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--seeds', type=seed_number, nargs='+', default=[0, 1, 2])
    parser.add_argument('--steps', type=positive_int, default=300)
    parser.add_argument('--jitter-px', type=float, default=1.5)
    parser.add_argument('--out', default='work_dirs/edge_width')
    parser.add_argument(
        '--rows', choices=('losses', 'options', 'damping'), default='losses',
        help='what to compare: the losses, also with jittered labels; their options; the damping '
        'of the direction loss',
    )  # fmt: skip
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    torch.set_num_threads(1)
    keep_settings(Path(args.out, 'settings.json'), dict(steps=args.steps))
    if args.rows != 'losses':
        choices = OPTIONS if args.rows == 'options' else (PLAIN, *DAMPED)
        rows = runs(args, 'exact', choices, 0.0)
    else:
        rows = runs(args, 'exact', EXACT, 0.0)
        jittered = f'shifted by {args.jitter_px:g} px'
        rows += runs(args, jittered, JITTERED, args.jitter_px)
    write_tables(Path(args.out), rows)
    print(Path(args.out, 'results.md').read_text())


if __name__ == '__main__':
    main()
