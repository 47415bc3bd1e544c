"""Fit the weights of the joint labelling to coarse labels whose truth is known.

python benchmarks/experiments/fit_joint_weights.py --root ../shared/data --out work_dirs/weights

Photographs of CamVid (training split), COCO (train2017), ECSSD and every second hand-drawn pair of
MSRC (see fit_images.py) are labelled by the present weights. Of each, some undecided pixels are
kept with what speaks against their labels and which one is true. The weights then maximise the
conditional likelihood of the truth, each pixel weighted with the root of what it adds to the IoU of
its object. The committed table was fitted to the gradient, VGG-HED's maps and exact edges; two of
its constants were changed by hand, which joint_weights.py names; docs/results.md (g) says how far
other samples of pixels lead to another table. Samples lie in `--out` and are not made again.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import torch
from edge_evidence import GRADIENT, HELP
from fit_images import SETS, draw, photographs, scene_of
from refinement_rivals import EXACT, edge_map
from rivals.cases import Case

from mmsteal.functional.joint.joint_solver import JointOptions, label_scene
from mmsteal.functional.joint.joint_weights import CIRCUMSTANCES, POSITIVE, VOICES

# How much a set counts.
SET_WEIGHTS = {'camvid_train': 1.3, 'coco_train': 1.0, 'ecssd': 1.0, 'msrc': 4.0}
# What labellers say of their error is not what it is.
TOLD = (1.0, 1.0, 1.0, 0.6, 1.6)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--root', type=Path, required=True, help='folder of the data sets')
    parser.add_argument('--out', type=Path, required=True)
    parser.add_argument('--images', type=int, default=9, help='of each set, at most')
    parser.add_argument(
        '--edges',
        nargs='+',
        default=[GRADIENT, EXACT],
        help=f'`{EXACT}`, or {HELP}',
    )
    parser.add_argument('--pixels', type=int, default=350, help='of an image')
    parser.add_argument('--decay', type=float, default=1e-3, help='of all rows but the first')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    args.out.mkdir(parents=True, exist_ok=True)
    samples = []
    for name in SETS:
        path = args.out / f'{name}.npz'
        if not path.is_file():
            found = [sample(case, kind, args.pixels) for case, kind in cases(args, name)]
            columns = zip(*[s for s in found if s is not None], strict=True)
            np.savez(path, *[np.concatenate(column) for column in columns])
        voices, valid, true, circumstances, importance = np.load(path).values()
        samples.append((voices, valid, true, circumstances, SET_WEIGHTS[name] * importance))
    for name, row in zip(VOICES, fit(samples, args.decay).T, strict=True):
        print(f'    {name!r}: ({", ".join(f"{value:.3f}" for value in row)}),')


def cases(args: argparse.Namespace, name: str) -> Iterator[tuple[Case, str]]:
    """Coarse labels of a set and the kinds of edges with which they are refined."""
    errors = (4.0, 8.0) if name == 'msrc' else (4.0, 8.0, 16.0, 32.0)
    for case, _ in draw(photographs(args.root, name, args.images), errors, TOLD):
        for kind in args.edges:
            yield case, kind


def sample(case: Case, kind: str, num: int) -> tuple[np.ndarray, ...] | None:
    """Voices, which candidates there are, the true one, circumstances and importance of pixels."""
    photo = case.photo
    count = len(photo.values)
    solution = label_scene(scene_of(case), photo.image, edge_map(photo, kind), JointOptions())
    evidence = solution.evidence
    truth = np.where(photo.exact == -1, count, photo.exact)
    areas = np.bincount(truth[truth >= 0], minlength=count + 1) + 20
    mine = truth[solution.scene.open]
    hit = evidence.candidates == mine[:, None]
    usable = np.flatnonzero(hit.any(axis=1) & (evidence.candidates[:, 1] >= 0) & (mine >= 0))
    if len(usable) < 50:
        return None
    rows = np.random.default_rng(0).choice(usable, num, replace=len(usable) < num)
    importance = 1 / areas[mine[rows]]
    importance = np.sqrt(np.minimum(importance / importance.mean(), 30)) / num
    return (
        evidence.voices[rows],
        evidence.candidates[rows] >= 0,
        hit[rows].argmax(axis=1),
        np.tile(evidence.circumstances, (num, 1)),
        importance,
    )


def fit(samples: list[tuple[np.ndarray, ...]], decay: float) -> np.ndarray:
    """Weights (C, F) of the highest likelihood."""
    columns = [torch.from_numpy(np.concatenate(column)) for column in zip(*samples, strict=True)]
    voices, valid, true, circumstances, importance = columns
    importance = (importance / importance.sum()).float()
    positive = torch.tensor([name in POSITIVE for name in VOICES])
    weights = torch.zeros(len(CIRCUMSTANCES), len(VOICES))
    weights[0] = torch.where(positive, -2.0, 0.5)
    weights.requires_grad_(True)
    optimizer = torch.optim.LBFGS([weights], max_iter=80, line_search_fn='strong_wolfe')

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        score = circumstances @ weights
        weight = torch.where(positive, score.clamp(-8, 4).exp(), score)
        cost = (voices * weight[:, None]).sum(dim=-1).masked_fill(~valid, 1e4)
        each = torch.nn.functional.cross_entropy(-cost, true, reduction='none')
        total = (each * importance).sum() + decay * (weights[1:] ** 2).sum()
        total.backward()
        return total

    optimizer.step(loss)
    return weights.detach().numpy()


if __name__ == '__main__':
    main()
