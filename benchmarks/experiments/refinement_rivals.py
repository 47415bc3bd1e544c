"""Is the joint labelling better than every simple method, at every error and to either side?

python benchmarks/experiments/refinement_rivals.py --root ../shared/data --out work_dirs/rivals
python benchmarks/experiments/refinement_rivals.py --root ../shared/data --sets ecssd --errors 8

Photographs with exact labels are drawn again coarsely: too small, too large, and to both sides; of
MSRC and one Cityscapes image there are coarse labels that people drew. Every method gets the same
labels, the same edge map and the same error. A row of rows.csv is one image, one method; a run that
was stopped resumes. The tables say the mean IoU and, in brackets, the largest loss of
an object; of CamVid and Cityscapes the mean over classes, and the largest loss of a class.

Photographs on which the weights of the joint labelling were fitted are not among the sets, but for
every second pair of MSRC, which the tables show apart.
"""

from __future__ import annotations

import argparse
import csv
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from edge_evidence import GRADIENT, HELP, open_evidence, require_evidence
from numpy.typing import NDArray
from rivals.cases import DIRECTIONS, LOADERS, Case, Photograph, make_case, scores
from rivals.methods import METHODS, WITHOUT_EDGES
from tables import markdown_lines

from mmsteal.files import write_file
from mmsteal.functional.joint.joint_labelling import JointLabelling, JointOptions, joint_labelling

FIELDS = ('set', 'image', 'edges', 'direction', 'error_px', 'told_px', 'method', 'seconds')
OBJECT_FIELDS = ('index', 'class', 'iou_given', 'iou', 'both', 'either')
# Edges: the exact ones, or those of a word of the command line, opened once
EXACT = 'exact'
_evidence = cache(open_evidence)
# Of single images, and with the offset that all images of a set share.
JOINT, JOINT_SET = 'joint', 'joint, set'
# Which photographs of each set; the others were seen when the weights were fitted, or cost time.
SETS: dict[str, Callable[[Path], Iterable[Photograph]]] = {
    'camvid': lambda root: list(LOADERS['camvid'](root))[::2],
    'grabcut_bsds': LOADERS['grabcut_bsds'],
    'grabcut_msr': LOADERS['grabcut_msr'],
    'msrc_fitted': lambda root: list(LOADERS['msrc'](root))[::2],
    'msrc': lambda root: list(LOADERS['msrc'](root))[1::2],
    'ecssd': lambda root: list(LOADERS['ecssd'](root))[::10],
    'coco': lambda root: list(LOADERS['coco_val'](root))[::8],
    'cityscapes': LOADERS['cityscapes'],
}
BY_HAND = {'msrc': (4.0, 8.0), 'msrc_fitted': (4.0, 8.0), 'cityscapes': (8.0, 16.0)}
BY_CLASS = {'camvid', 'cityscapes'}
MOST_OF_SET = 30


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--root', type=Path, required=True, help='folder of the data sets')
    parser.add_argument('--out', type=Path, required=True)
    parser.add_argument('--sets', nargs='+', choices=SETS, default=list(SETS))
    parser.add_argument('--errors', nargs='+', type=float, default=[4.0, 8.0, 16.0, 32.0])
    parser.add_argument('--directions', nargs='+', choices=DIRECTIONS, default=list(DIRECTIONS))
    parser.add_argument('--methods', nargs='+', choices=[*METHODS, JOINT, JOINT_SET], default=None)
    parser.add_argument('--edges', nargs='+', default=[GRADIENT], help=f'`{EXACT}`, or {HELP}')
    parser.add_argument(
        '--gradient-share', type=float, default=0.0, help='of the joint labelling (default: 0)'
    )
    parser.add_argument('--told', type=float, default=1.0, help='told error / true error')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    cv2.setNumThreads(1)
    require_evidence([word for word in args.edges if word != EXACT])
    methods = args.methods or [*METHODS, JOINT, JOINT_SET]
    args.out.mkdir(parents=True, exist_ok=True)
    path = args.out / 'rows.csv'
    done = {tuple(row[f] for f in FIELDS[:7]) for row in read_rows(path)}
    with path.open('a', newline='') as file:
        writer = csv.DictWriter(file, [*FIELDS, *OBJECT_FIELDS])
        if not done:
            writer.writeheader()
        for key, case, edges, method, shared in jobs(args, methods):
            if tuple(map(str, key)) not in done:
                options = JointOptions(
                    set_offset=shared() if method == JOINT_SET else None,
                    gradient_share=args.gradient_share,
                )
                started = time.process_time()
                refined = run(method, case, edges(), options)
                seconds = f'{time.process_time() - started:.3f}'
                pairs = zip(scores(case, case.given), scores(case, refined), strict=True)
                for index, (given, now) in enumerate(pairs):
                    cells = (index, now[0], f'{given[1]:.4f}', f'{now[1]:.4f}', *now[2:])
                    row = dict(zip(FIELDS, (*key, seconds), strict=True))
                    writer.writerow(row | dict(zip(OBJECT_FIELDS, cells, strict=True)))
                file.flush()
    lines = tables(read_rows(path))
    write_file(args.out / 'results.md', '\n'.join(lines) + '\n')
    print('\n'.join(lines))


def jobs(args: argparse.Namespace, methods: list[str]):
    """Every (key, case, edge map, method, offset of the set); the makers of maps and offsets."""
    for name in args.sets:
        photos = list(SETS[name](args.root))
        offsets: dict[tuple, float] = {}

        def of_set(kind: str, *of: Any, photos=photos, offsets=offsets) -> float:
            key = (kind, *of)
            if key not in offsets:
                offsets[key] = set_offset(photos[:MOST_OF_SET], kind, *of)
            return offsets[key]

        for photo in photos:
            directions = ['hand'] if name in BY_HAND else args.directions
            errors = BY_HAND.get(name, args.errors)
            for direction in directions:
                for error in errors:
                    if error > 16 and direction not in ('small', 'hand'):
                        continue
                    case = make_case(photo, error, direction)
                    told = replace(case, error_px=error * args.told)
                    for kind in args.edges:
                        for method in methods:
                            if method in WITHOUT_EDGES and kind != args.edges[0]:
                                continue
                            label = '-' if method in WITHOUT_EDGES else short_name(kind)
                            key = (name, photo.name, label, direction, error, told.error_px, method)
                            shared = partial(
                                of_set, kind, direction, error, args.told, args.gradient_share
                            )
                            yield key, told, partial(edge_map, photo, kind), method, shared


def short_name(kind: str) -> str:
    return Path(kind).name if Path(kind).is_dir() else kind


def edge_map(photo: Photograph, kind: str) -> NDArray[np.float32]:
    """The strongest edge of any class (H, W); files of maps have the name of the photograph."""
    if kind == EXACT:
        return exact_edges(photo)
    return _evidence(kind)(photo.name, photo.image, 1.0).max(axis=0)


def exact_edges(photo: Photograph, sigma: float = 1.0) -> NDArray[np.float32]:
    """The outlines of the exact labels, blurred: the best evidence that there can be."""
    exact = np.where(photo.exact == -2, -1, photo.exact)
    edge = np.zeros(exact.shape, np.float32)
    across, down = exact[:, 1:] != exact[:, :-1], exact[1:] != exact[:-1]
    edge[:, 1:][across] = edge[:, :-1][across] = edge[1:][down] = edge[:-1][down] = 1
    blurred = cv2.GaussianBlur(edge, (0, 0), sigma)
    return np.clip(blurred / max(float(blurred.max()), 1e-6), 0, 1)


def set_offset(
    photos: list[Photograph],
    kind: str,
    direction: str,
    error_px: float,
    told: float,
    gradient_share: float,
) -> float:
    """Mean offset of the outlines of some images of a set."""
    offsets = []
    for photo in photos:
        case = make_case(photo, error_px, direction)
        case = replace(case, error_px=error_px * told)
        options = JointOptions(gradient_share=gradient_share)
        offsets.append(label(case, edge_map(photo, kind), options).offset)
    return float(np.mean(offsets))


def run(
    method: str, case: Case, edge: NDArray[np.float32], options: JointOptions
) -> NDArray[np.int32]:
    if method in (JOINT, JOINT_SET):
        return label(case, edge, options).object_map
    return METHODS[method](case, edge)


def label(case: Case, edge: NDArray[np.float32], options: JointOptions) -> JointLabelling:
    photo = case.photo
    return joint_labelling(
        case.given,
        photo.image,
        edge[None],
        num_objects=len(photo.values),
        background=photo.background,
        frozen=photo.frozen,
        error_px=case.error_px,
        options=options,
    )


def read_rows(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        return []
    with path.open(newline='') as file:
        return list(csv.DictReader(file))


def tables(rows: list[dict[str, str]]) -> list[str]:
    """A table for each set: methods by errors and directions."""
    lines = []
    for name in dict.fromkeys(row['set'] for row in rows):
        mine = [row for row in rows if row['set'] == name]
        columns = list(dict.fromkeys((r['direction'], r['error_px'], r['told_px']) for r in mine))
        header = [f'{d} {float(e):g}' + (f' told {float(t):g}' if float(t) != float(e) else '')
                  for d, e, t in columns]  # fmt: skip
        body = []
        for method, edges in dict.fromkeys((r['method'], r['edges']) for r in mine):
            own = [r for r in mine if (r['method'], r['edges']) == (method, edges)]
            cells = [cell([r for r in own if (r['direction'], r['error_px'], r['told_px']) == c],
                          name in BY_CLASS) for c in columns]  # fmt: skip
            seconds = np.median([float(r['seconds']) for r in own])
            body.append([method, edges, *cells, f'{seconds:.2f}'])
        lines += [f'### {name}', '', *markdown_lines(['', 'edges', *header, 's'], body), '']
    return lines


def cell(rows: list[dict[str, str]], by_class: bool) -> str:
    if not rows:
        return ''
    given, now = (np.array([100 * float(r[k]) for r in rows]) for k in ('iou_given', 'iou'))
    if by_class:
        now = per_class(rows)
        return f'{now.mean():.1f}'
    return f'{now.mean():.1f} ({min((now - given).min(), 0):.1f})'


def per_class(rows: list[dict[str, str]]) -> NDArray[np.float64]:
    both, either = {}, {}
    for row in rows:
        both[row['class']] = both.get(row['class'], 0) + int(row['both'])
        either[row['class']] = either.get(row['class'], 0) + int(row['either'])
    return np.array([100 * both[k] / either[k] for k in both])


if __name__ == '__main__':
    main()
