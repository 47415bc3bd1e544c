"""Fit how much larger the largest error of an outline is than what the joint labelling changes.

python benchmarks/experiments/fit_joint_error.py --root ../shared/data

The photographs of fit_images.py, drawn again with errors of 4 to 16 px, are labelled once with a
middling error, whatever theirs is. The constant is the geometric mean of the largest error over the
mean one that is found; without gaps between labels, which say it better, and without labels that
people drew, whose error nobody knows. It is printed as it stands in error_estimate.py.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from edge_evidence import GRADIENT, HELP
from fit_images import draw, photographs, scene_of
from refinement_rivals import EXACT, edge_map
from tables import markdown_lines

from mmsteal.functional.joint.error_estimate import TRIED_PX, mean_error_px
from mmsteal.functional.joint.joint_solver import JointOptions

# Photographs of each set, at most, and the directions of their errors that leave no gaps.
SETS = {
    'camvid_train': (4, ('large', 'both')),
    'coco_train': (5, ('large', 'both')),
    'ecssd': (9, ('small', 'large', 'both')),
}
ERRORS = (4.0, 8.0, 16.0)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--root', type=Path, required=True, help='folder of the data sets')
    parser.add_argument('--images', type=int, default=9, help='of each set, at most')
    parser.add_argument('--edges', default=GRADIENT, help=f'`{EXACT}`, or {HELP}')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    cv2.setNumThreads(1)
    rows = [(name, *row) for name in SETS for row in ratios(args, name)]
    ratio = np.array([row[-1] for row in rows])
    factor = np.exp(np.log(ratio).mean())
    print(f'_LARGEST_OVER_MEAN = {factor:.1f}\n')
    body = []
    for group in dict.fromkeys(row[:3] for row in rows):
        estimated = [factor / row[3] * row[2] for row in rows if row[:3] == group]
        low, middle, high = np.percentile(estimated, (10, 50, 90))
        body.append([*group, f'{middle:.1f}', f'{low:.1f} - {high:.1f}'])
    header = ['set', 'direction', 'error, px', 'estimate, median', '10 to 90 %']
    print('\n'.join(markdown_lines(header, body)))
    within = np.abs(np.log(ratio / factor)) < np.log(2)
    print(f'\nWithin a factor of 2: {100 * within.mean():.0f} % of {len(rows)}.')


def ratios(args: argparse.Namespace, name: str) -> Iterator[tuple[str, float, float]]:
    """Direction, largest error, and that over the mean one that the labelling finds."""
    most, directions = SETS[name]
    photos = photographs(args.root, name, min(most, args.images))
    for case, _ in draw(photos, ERRORS, directions=directions):
        edge = edge_map(case.photo, args.edges)
        scene = scene_of(replace(case, error_px=TRIED_PX))
        found = mean_error_px(scene, case.photo.image, edge, JointOptions())
        yield case.direction, case.error_px, case.error_px / found


if __name__ == '__main__':
    main()
