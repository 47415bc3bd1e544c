"""Fit the weights of the joint labelling to coarse labels whose truth is known.

python benchmarks/experiments/fit_joint_weights.py --root ../shared/data --out work_dirs/weights

Photographs of CamVid (training split), COCO (train2017), ECSSD and every second hand-drawn pair of
MSRC (see fit_images.py) are labelled by the present weights. Of each, some undecided pixels are
kept with what speaks against their labels and which one is true. The weights then maximise the
IoU that objects are expected to have by the probabilities of single pixels, and, a little, the
conditional likelihood of the truth, each pixel weighted with the root of what it adds to the IoU of
its object. Half of the cases know the offset of their set. The committed table saw a second tenth
of ECSSD and VGG-HED's maps, too; two of its constants were changed by hand, which joint_weights.py
names. Samples lie in `--out` and are not made again.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
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
TOLD = (1.0, 1.0, 1.0, 0.7, 1.4)
# What half of the cases know of their set, in errors.
SET_OFFSETS = {'small': 0.5, 'large': -0.45, 'both': 0.0}
# How much the likelihood counts beside the IoU.
LIKELIHOOD = 0.1
_LEAST_PIXELS = 30


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
            found = [
                sample(case, kind, know, args.pixels) for case, kind, know in cases(args, name)
            ]
            np.savez(path, **vars(joined([s for s in found if s is not None])))
        part = Sample(**np.load(path))
        samples.append(replace(part, weight=part.weight * SET_WEIGHTS[name] / part.weight.sum()))
    for name, row in zip(VOICES, fit(joined(samples), args.decay).T, strict=True):
        print(f'    {name!r}: ({", ".join(f"{value:.3f}" for value in row)}),')


@dataclass(frozen=True)
class Sample:
    """Some undecided pixels (N,), and the objects (O,) of their photographs.

    Attributes:
        voices: What speaks against each candidate (N, K, F).
        objects: Object of each candidate (N, K), -1 where there are fewer.
        true: Whether it is the true one (N, K).
        circumstances: Of the photograph (N, C).
        share: Pixels that each stands for (N,).
        hit: Decided pixels of each object that are right (O,).
        decided: Its decided pixels (O,).
        area: Its true pixels (O,).
        weight: How much it counts (O,).
    """

    voices: np.ndarray
    objects: np.ndarray
    true: np.ndarray
    circumstances: np.ndarray
    share: np.ndarray
    hit: np.ndarray
    decided: np.ndarray
    area: np.ndarray
    weight: np.ndarray


def joined(samples: list[Sample]) -> Sample:
    """All as one; objects are numbered on."""
    first = np.cumsum([0, *(len(s.area) for s in samples)])
    numbered = [
        replace(s, objects=np.where(s.objects < 0, -1, s.objects + start))
        for s, start in zip(samples, first.tolist(), strict=False)
    ]
    return Sample(*(np.concatenate([getattr(s, f.name) for s in numbered]) for f in fields(Sample)))


def cases(args: argparse.Namespace, name: str) -> Iterator[tuple[Case, str, bool]]:
    """Coarse labels of a set, the kinds of edges, and whether the offset of the set is known."""
    errors = (4.0, 8.0) if name == 'msrc' else (4.0, 8.0, 16.0, 32.0)
    for case, drawn in draw(photographs(args.root, name, args.images), errors, TOLD):
        for kind in args.edges:
            yield case, kind, drawn % 2 == 0


def sample(case: Case, kind: str, know: bool, num: int) -> Sample | None:
    """Some undecided pixels of a case, and its objects; None where there are too few."""
    photo = case.photo
    count = len(photo.values)
    options = JointOptions(set_offset=SET_OFFSETS.get(case.direction) if know else None)
    solution = label_scene(scene_of(case), photo.image, edge_map(photo, kind), options)
    evidence, scene = solution.evidence, solution.scene
    truth = np.where(photo.exact == -1, count, photo.exact)
    truth[photo.frozen] = -1
    mine = truth[scene.open]
    usable = np.flatnonzero((evidence.candidates[:, 0] >= 0) & (mine >= 0))
    if len(usable) < 50:
        return None
    rows = np.random.default_rng(0).choice(usable, min(num, len(usable)), replace=False)
    area, decided, hit = (
        np.bincount(labels[labels >= 0], minlength=count + 1)
        for labels in (
            truth,
            scene.labels[~scene.open & (truth >= 0)],
            truth[~scene.open & (truth == scene.labels)],
        )
    )
    counts = (area > _LEAST_PIXELS) & (np.arange(count + 1) < count)
    candidates = evidence.candidates[rows]
    return Sample(
        evidence.voices[rows],
        candidates,
        candidates == mine[rows, None],
        np.tile(evidence.circumstances, (len(rows), 1)),
        np.full(len(rows), len(usable) / len(rows), np.float32),
        hit,
        decided,
        area,
        counts / max(counts.sum(), 1),
    )


def fit(sample: Sample, decay: float) -> np.ndarray:
    """Weights (C, F) of the highest expected IoU."""
    data = {name: torch.from_numpy(value) for name, value in vars(sample).items()}
    valid, index = data['objects'] >= 0, data['objects'].clamp(min=0).long()
    hit, decided, area, importance = (
        data[name].float() for name in ('hit', 'decided', 'area', 'weight')
    )
    pixel = (data['true'] * importance[index] / (area[index] + 20)).sum(dim=1) * data['share']
    pixel = pixel.sqrt() / pixel.sqrt().sum()
    positive = torch.tensor([name in POSITIVE for name in VOICES])
    weights = torch.zeros(len(CIRCUMSTANCES), len(VOICES))
    weights[0] = torch.where(positive, -1.0, 0.5)
    weights.requires_grad_(True)
    optimizer = torch.optim.LBFGS([weights], max_iter=100, line_search_fn='strong_wolfe')

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        score = data['circumstances'] @ weights
        weight = torch.where(positive, score.clamp(-8, 4).exp(), score)
        cost = (data['voices'] * weight[:, None]).sum(dim=-1).masked_fill(~valid, 1e4)
        log_prob = torch.log_softmax(-cost, dim=1)
        prob = log_prob.exp() * data['share'][:, None]
        claimed, right = (
            start.index_add(0, index.flatten(), (prob * of).flatten())
            for start, of in ((decided, valid), (hit, data['true']))
        )
        iou = right / (claimed + area - right).clamp(min=1)
        total = ((1 - iou) * importance).sum() / importance.sum()
        total = total - LIKELIHOOD * (log_prob * data['true']).sum(dim=1) @ pixel
        total = total + decay * (weights[1:] ** 2).sum()
        total.backward()
        return total

    optimizer.step(loss)
    return weights.detach().numpy()


if __name__ == '__main__':
    main()
