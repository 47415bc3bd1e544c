"""Fit what the joint labelling believes of its objects to coarse labels whose truth is known.

python benchmarks/experiments/fit_joint_guard.py --root ../shared/data --out work_dirs/guard
python benchmarks/experiments/fit_joint_guard.py --root ../shared/data --out work_dirs/guard \
    --edges gradient work_dirs/hed gradient

The photographs of fit_images.py, and convex hulls of the ECSSD objects as the worst that people
draw, are labelled by the present weights, and each object is described as the guard does. A
weighted ridge regression then says which share of its change an object gains in IoU, and a line
over logits what its IoU is. Changes count a little backwards, too: a labelling alone never shows
what a change against all evidence is worth. Both tables are printed as they stand in
joint_weights.py.

The losses are those of objects on photographs that were left out of the regression, if those of
too small a share stay as they were given; `LEAST_GAIN` was chosen by hand from them. Each case
takes one of `--edges`, as drawn by its name. The committed tables had the gradient for two thirds
of the cases and VGG-HED's maps for the others. Objects lie in `--out` and are not made again.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from pathlib import Path

import cv2
import numpy as np
from edge_evidence import GRADIENT, HELP
from fit_images import SETS, draw, photographs, scene_of
from numpy.typing import NDArray
from refinement_rivals import EXACT, edge_map
from rivals.cases import Case, scores
from scipy.stats import spearmanr
from tables import markdown_lines

from mmsteal.functional.joint.joint_solver import JointOptions, label_scene
from mmsteal.functional.joint.joint_weights import KNOWN, LEAST_GAIN
from mmsteal.functional.joint.object_guard import describe

# Photographs of each set, at most.
IMAGES = {'camvid_train': 7, 'coco_train': 9, 'ecssd': 30, 'msrc': 4}
# Single figures are what most people refine, and losses show most there.
SET_WEIGHTS = {'ecssd': 1.5}
# What labellers say of their error is not what it is.
TOLD = (1.0, 1.0, 0.5, 2.0)
ERRORS = (4.0, 8.0, 16.0)
HULL_ERRORS = (4.0, 8.0, 16.0, 32.0)
# Objects below these shares of gain are returned, in the report.
LEAST_GAINS = (0.0, 0.1, 0.2, 0.25, 0.3, 0.35, 0.4)
_FILLED, _CHANGE = KNOWN.index('filled'), KNOWN.index('change')
# Smaller changes say nothing of a share, and larger shares are chance.
_LEAST_CHANGE, _MOST_SHARE = 0.01, 1.2
_LEAST_HULL_PX = 50
# How much a change counts backwards, where it fills no more than this share.
_BACKWARDS, _MOST_FILLED = 0.15, 0.05


@dataclass(frozen=True)
class Objects:
    """Refined objects of known truth, before the guard.

    Attributes:
        photo: Photograph of each (N,).
        group: Set and direction of the error (N,).
        weight: Of their set (N,).
        known: What the guard knows of them (N, 20).
        expected: IoU that single pixels promise (N,).
        given: IoU with the truth before (N,).
        refined: IoU with the truth after (N,).
    """

    photo: NDArray[np.str_]
    group: NDArray[np.str_]
    weight: NDArray[np.float64]
    known: NDArray[np.float64]
    expected: NDArray[np.float64]
    given: NDArray[np.float64]
    refined: NDArray[np.float64]


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--root', type=Path, required=True, help='folder of the data sets')
    parser.add_argument('--out', type=Path, required=True)
    parser.add_argument('--images', type=int, default=max(IMAGES.values()), help='of a set')
    parser.add_argument('--edges', nargs='+', default=[GRADIENT], help=f'`{EXACT}`, or {HELP}')
    parser.add_argument('--decay', type=float, default=3.0, help='of the ridge regression')
    parser.add_argument('--folds', type=int, default=10, help='of the photographs')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    cv2.setNumThreads(1)
    args.out.mkdir(parents=True, exist_ok=True)
    parts = []
    for name, most in IMAGES.items():
        path = args.out / f'{name}.npz'
        if not path.is_file():
            np.savez(path, **vars(gather(args, name, min(most, args.images))))
        parts.append(dict(np.load(path)))
    objects = Objects(*(np.concatenate([p[f.name] for p in parts]) for f in fields(Objects)))
    print('\n'.join(report(objects, args.decay, args.folds)))


def cases(root: Path, name: str, most: int) -> Iterator[tuple[Case, int]]:
    """Coarse labels of a set, each with a number drawn for it."""
    photos = photographs(root, name, most)
    yield from draw(photos, ERRORS, TOLD)
    if name == 'ecssd':
        for case, drawn in draw(photos, HULL_ERRORS, directions=('small',)):
            yield replace(case, given=hulls(case), direction='hull'), drawn


def hulls(case: Case) -> NDArray[np.int32]:
    """The convex hulls of the exact objects, the last one on top."""
    photo = case.photo
    given = np.full(photo.exact.shape, -1, np.int32)
    for index in range(len(photo.values)):
        mask = photo.exact == index
        if mask.sum() > _LEAST_HULL_PX:
            hull = cv2.convexHull(np.argwhere(mask)[:, ::-1].astype(np.int32))
            cv2.fillPoly(given, [hull], (index,))
    given[photo.frozen] = -1
    return given


def gather(args: argparse.Namespace, name: str, most: int) -> Objects:
    """Refine all cases of a set, and describe their objects."""
    rows = []
    for case, drawn in cases(args.root, name, most):
        photo, num = case.photo, len(case.photo.values)
        edge = edge_map(photo, args.edges[drawn % len(args.edges)])
        solution = label_scene(scene_of(case), photo.image, edge, JointOptions())
        scene, labels = solution.scene, solution.labels
        known = describe(
            labels,
            scene.labels,
            solution.alone,
            solution.together,
            solution.traits,
            scene.background,
        )
        expected = solution.alone.expected_iou(labels, num)
        refined = np.where(labels == num, -1, labels)
        present = [m for m in range(num) if (photo.exact == m).any()]
        before, after = scores(case, case.given), scores(case, refined)
        for m, was, now in zip(present, before, after, strict=True):
            if (case.given == m).any():
                group = f'{name} {case.direction}'
                weight = SET_WEIGHTS.get(name, 1.0)
                rows.append((photo.name, group, weight, known[m], expected[m], was[1], now[1]))
    return Objects(*(np.array(column) for column in zip(*rows, strict=True)))


def report(objects: Objects, decay: float, folds: int) -> list[str]:
    """The tables, and how good they are on photographs that were left out."""
    share, iou = (np.zeros(len(objects.photo)) for _ in range(2))
    for out in left_out(objects.photo, folds):
        share[out] = objects.known[out] @ fit_gain(objects, ~out, decay)
        iou[out] = to_iou(objects.expected[out], *fit_logit(objects, ~out))
    everything = np.ones(len(share), bool)
    weights, line = fit_gain(objects, everything, decay), fit_logit(objects, everything)
    return [
        *(f'    {name!r}: {weight:.4f},' for name, weight in zip(KNOWN, weights, strict=True)),
        f'IOU_LOGIT = ({line[0]:.3f}, {line[1]:.3f})',
        '',
        f'Of {len(share)} objects, on photographs that were left out:',
        '',
        *losses(objects, share),
        '',
        *iou_quality(objects, iou),
    ]


def left_out(photo: NDArray[np.str_], folds: int) -> Iterator[NDArray[np.bool_]]:
    """Objects (N,) of the photographs of each fold."""
    names, index = np.unique(photo, return_inverse=True)
    if len(names) < 2:
        raise SystemExit(f'error: expected photographs to leave out, but got only {names}.')
    # By an order of chance: neighbors in a set are alike.
    fold = np.random.default_rng(0).permutation(len(names)) % folds
    for f in range(min(folds, len(names))):
        yield fold[index] == f


def fit_gain(objects: Objects, used: NDArray[np.bool_], decay: float) -> NDArray[np.float64]:
    """Weights (20,) of a ridge regression of the share of the change that is a gain."""
    known, gain = objects.known[used], (objects.refined - objects.given)[used]
    weight = objects.weight[used]
    undone = known[:, _FILLED] < _MOST_FILLED
    known = np.concatenate([known, backwards(known[undone])])
    gain, weight = np.append(gain, -gain[undone]), np.append(weight, _BACKWARDS * weight[undone])
    change = known[:, _CHANGE]
    share = np.clip(gain / np.maximum(change, _LEAST_CHANGE), -_MOST_SHARE, _MOST_SHARE)
    weight = (np.sqrt(change) + 0.02) * weight
    mean = np.average(known, axis=0, weights=weight)
    spread = np.sqrt(np.average((known - mean) ** 2, axis=0, weights=weight)) + 1e-6
    mean[0], spread[0] = 0, 1  # the constant, which pays nothing
    scaled = (known - mean) / spread
    pull = decay * np.eye(len(mean))
    pull[0, 0] = 0
    weighted = scaled * weight[:, None]
    found = np.linalg.solve(weighted.T @ scaled + pull, weighted.T @ share) / spread
    found[0] -= found @ mean
    return found


def backwards(known: NDArray[np.float64]) -> NDArray[np.float64]:
    """What would be known of the changes (N, 20) if the refined objects had been the given ones."""
    undone = known.copy()
    sides = ('promise', 'growth', 'promise_alone')
    for index, name in enumerate(KNOWN):
        if sum(part in sides for part in name.split(' * ')) == 1:
            undone[:, index] *= -1
    return undone


def fit_logit(objects: Objects, used: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Scale and shift of the logit of the true IoU over that of the expected one."""
    expected = logit(np.clip(objects.expected[used], 1e-3, 1 - 1e-3))
    true = logit(np.clip(objects.refined[used], 0.02, 0.985))
    return np.polyfit(expected, true, 1)


def to_iou(expected: NDArray[np.float64], scale: float, shift: float) -> NDArray[np.float64]:
    return 1 / (1 + np.exp(-(scale * logit(np.clip(expected, 1e-3, 1 - 1e-3)) + shift)))


def logit(value: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.log(value / (1 - value))


def losses(objects: Objects, share: NDArray[np.float64]) -> list[str]:
    """Mean gain and, in brackets, the largest loss in points of IoU, by the least share of gain."""
    gain = 100 * (objects.refined - objects.given)
    groups = list(dict.fromkeys(objects.group.tolist()))
    body = []
    for least in LEAST_GAINS:
        moved = share >= least * (1 - objects.known[:, _FILLED])
        kept = np.where(moved, gain, 0)
        cells = [f'{kept[mine].mean():.1f} ({min(kept[mine].min(), 0):.1f})'
                 for mine in (objects.group == group for group in groups)]  # fmt: skip
        mark = ' (LEAST_GAIN)' if least == LEAST_GAIN else ''
        harmed = f'{(kept < -3).sum()} / {(kept < -10).sum()}'
        body.append([f'{least:g}{mark}', f'{100 * moved.mean():.0f}', harmed, *cells])
    return markdown_lines(['least gain', 'moved, %', 'lose 3 / 10 points', *groups], body)


def iou_quality(objects: Objects, iou: NDArray[np.float64]) -> list[str]:
    """How well the estimated IoU of refined objects says the true one."""
    sets = np.array([group.split()[0] for group in objects.group])
    body = []
    for name in SETS:
        mine = sets == name
        off = iou[mine] - objects.refined[mine]
        rank = spearmanr(iou[mine], objects.refined[mine]).statistic
        body.append([name, f'{rank:.2f}', f'{np.abs(off).mean():.3f}', f'{off.mean():.3f}'])
    return markdown_lines(['set', 'Spearman', 'mean error', 'bias'], body)


if __name__ == '__main__':
    main()
