"""Can a boundary detector repair coarse labels? Tables 6 and 7 of the paper, for any dataset.

python benchmarks/experiments/coarse_to_fine.py CONFIG CHECKPOINT... --data-root ROOT \
    --errors 4 8 16 32 --out work_dirs/coarse_to_fine
python benchmarks/experiments/coarse_to_fine.py CONFIG gradient edges work_dirs/hed/maps ...

CONFIG has the validation set. Each word after it is a source of edges: a checkpoint of CONFIG, or
of another model as CONFIG,CHECKPOINT; the gradient of the colors; the model of the package; a
folder of edge maps. There may be one map for each class, or one for all. Several checkpoints of a
config are trainings with other seeds: the tables have mean and spread. Finished rows are kept: run
again, it resumes.

The exact labels of the validation set get the error of a coarse annotation (section 4.1), and
every object is refined with the edges, by the joint labelling and by level sets (section 4.3). For
comparison GrabCut starts from the same labels in two ways:

- ring: what is labelled is the object for sure; within 24 px of it nobody knows; the rest is not.
- whole: what is labelled is probably the object, and all else probably not.

Scores: IoU of each class, pixels counted over all images, and the mean IoU of the objects. Seconds
are CPU time, without that of the edges.
"""

from __future__ import annotations

import argparse
import functools
import itertools
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from coarse_scenes import Scene, Scenes, Score, load_scenes
from command_line import positive_int, require_inputs
from edge_evidence import HELP, Evidence, open_evidence, require_evidence
from grabcut import grabcut
from kept_results import keep_settings, kept
from mmengine.config import DictAction
from numpy.typing import NDArray
from tables import markdown_lines, mean_and_spread, write_results
from tqdm import tqdm

from mmsteal.apis import load_run_config
from mmsteal.functional import REFINE_OPTIONS, change_options, refine_objects
from mmsteal.functional.labels.label_objects import LabelObjects
from mmsteal.functional.refinement.refine_engines import EngineOptions, default_options

RING_PX = 24
COARSE = 'coarse'
METHODS = ('joint', 'level-set', 'grabcut-ring', 'grabcut-whole')
NO_EDGES = '-'


class Edges(NamedTuple):
    """Edge maps (K, h, w) of an image, and the index of that of each class."""

    maps: NDArray[np.float32]
    index: list[int]


# Scene, its edges, its coarse objects, their error in px -> map of objects
Method = Callable[[Scene, Edges, LabelObjects, float], NDArray[np.int32]]


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('config', help='has the validation set')
    parser.add_argument('edges', nargs='+', help=f'a checkpoint of CONFIG, {HELP}')
    parser.add_argument('--data-root', help="the dataset, in place of the config's")
    parser.add_argument('--errors', type=float, nargs='+', default=[4.0, 8.0, 16.0, 32.0])
    parser.add_argument('--out', default='work_dirs/coarse_to_fine')
    parser.add_argument('--max-images', type=positive_int)
    parser.add_argument(
        '--scale', type=float,
        help='size of the edge maps, as a fraction of that of the labels; default: as they are',
    )  # fmt: skip
    parser.add_argument('--methods', nargs='+', choices=METHODS, default=list(METHODS))
    parser.add_argument(
        '--align', nargs='+', action=DictAction, default={}, help='of AlignOptions, for level sets'
    )
    parser.add_argument(
        '--sweep', nargs='+', action=DictAction, default={},
        help='of AlignOptions, with a list of values each: level sets with every combination',
    )  # fmt: skip
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    out = Path(args.out).resolve()
    require_inputs(args.config, args.data_root)
    require_evidence(args.edges)
    if args.data_root is not None:
        args.data_root = str(Path(args.data_root).resolve())
    cfg = load_run_config(args.config, data_root=args.data_root)
    require_inputs(cfg.val_dataloader.dataset.get('data_root'))
    changeable = ('out', 'errors', 'edges')
    settings = {k: v for k, v in vars(args).items() if k not in changeable}
    scenes = load_scenes(cfg, args.max_images)
    methods = {COARSE: as_given, **build_methods(args, scenes.background)}
    without_edges = {k: m for k, m in methods.items() if k == COARSE or 'grabcut' in k}
    with_edges = {k: m for k, m in methods.items() if k not in without_edges}
    keep_settings(out / 'settings.json', settings)
    rows = []
    for number, word in enumerate(args.edges):
        evidence = open_evidence(word, args.config)
        predicted = functools.cache(functools.partial(find_edges, evidence, scenes, args.scale))
        parts = [(evidence.key, evidence.name, with_edges, predicted)]
        if number == 0:
            parts.append(('any_model', NO_EDGES, without_edges, lambda: [None] * len(scenes[0])))
        for error_px in args.errors:
            found = []
            for folder, name, chosen, edges in parts:
                if chosen:
                    make = functools.partial(score, scenes, name, edges, chosen, error_px)
                    found += kept(out / folder / f'{error_px:g}px.json', make)
            rows += sorted(found, key=lambda row: list(methods).index(row['method']))
            write_tables(out, rows)
    print((out / 'results.md').read_text())


def find_edges(evidence: Evidence, scenes: Scenes, scale: float | None) -> list[Edges]:
    """The edges of every image."""
    index = evidence.index_of(scenes.classes)
    bar = tqdm(scenes.scenes, desc=f'edges: {evidence.name}', unit='image')
    return [Edges(evidence(scene.name, scene.image, scale), index) for scene in bar]


def score(
    scenes: Scenes,
    name: str,
    edges: Callable[[], list[Edges]],
    methods: dict[str, Method],
    error_px: float,
) -> list[dict]:
    """A row of scores for each method; `name` is that of the source of the edges."""
    scores = {method: Score(len(scenes.classes)) for method in methods}
    pairs = list(zip(scenes.scenes, edges(), strict=True))
    first, _ = pairs[0][0].coarsened(error_px)
    for method in methods.values():  # the first call compiles
        method(*pairs[0], first, error_px)
    clicks = 0
    for scene, found in tqdm(pairs, desc=f'{error_px:g} px', unit='image'):
        objects, num_clicks = scene.coarsened(error_px)
        clicks += num_clicks
        for key, method in methods.items():
            start = time.process_time()
            refined = method(scene, found, objects, error_px)
            scores[key].add(scene, objects, refined, time.process_time() - start)
    return [
        dict(
            error_px=error_px,
            method=method,
            edges=name,
            clicks=clicks / len(pairs),
            **result.row(scenes.classes),
        )
        for method, result in scores.items()
    ]


def build_methods(args: argparse.Namespace, background: bool) -> dict[str, Method]:
    def level_set(changes: dict) -> Method:
        return refiner(change_options(REFINE_OPTIONS, changes), background)

    known: dict[str, Method] = {
        'joint': refiner(default_options('joint'), background),
        'level-set': level_set(args.align),
        'grabcut-ring': by_grabcut(RING_PX),
        'grabcut-whole': by_grabcut(None),
    }
    if not args.sweep:
        return {name: known[name] for name in args.methods}
    values = [v if isinstance(v, list) else [v] for v in args.sweep.values()]
    return {
        ' '.join(f'{k}={v}' for k, v in zip(args.sweep, chosen, strict=True)): level_set(
            {**args.align, **dict(zip(args.sweep, chosen, strict=True))}
        )
        for chosen in itertools.product(*values)
    }


def as_given(
    scene: Scene, edges: Edges, objects: LabelObjects, error_px: float
) -> NDArray[np.int32]:
    return objects.object_map


def refiner(options: EngineOptions, background: bool) -> Method:
    def refine(
        scene: Scene, edges: Edges, objects: LabelObjects, error_px: float
    ) -> NDArray[np.int32]:
        refined, _ = refine_objects(
            objects.object_map,
            edges.maps,
            options,
            image=scene.image,
            classes=[edges.index[value] for value in objects.values],
            background=background,
            frozen=scene.frozen,
            error_px=error_px,
        )
        return refined

    return refine


def by_grabcut(ring_px: int | None) -> Method:
    def cut(
        scene: Scene, edges: Edges, objects: LabelObjects, error_px: float
    ) -> NDArray[np.int32]:
        # Without instances a class is cut out as a whole: its parts by themselves take minutes.
        pairs = list(zip(objects.values, objects.instances, strict=True))
        first = [pairs.index(pair) for pair in pairs]
        together = np.array([*first, -1])[objects.object_map].astype(np.int32)
        bgr = np.ascontiguousarray(scene.image[..., ::-1])
        owner = grabcut(bgr, together, ring_px=ring_px)
        owner[scene.frozen] = objects.object_map[scene.frozen]
        return owner

    return cut


def write_tables(folder: Path, rows: list[dict]) -> None:
    """results.csv with every model, results.md with mean and spread over the models."""
    names = {'error_px': 'error, px', 'clicks': 'clicks an image', 'seconds': 'CPU s an image'}
    header = [*(names.get(key, key) for key in rows[0]), 'models']
    cells_of_rows = []
    groups = dict.fromkeys(_group(row) for row in rows)
    for group in sorted(groups, key=lambda group: group[0]):  # by error, else as they came
        same = [row for row in rows if _group(row) == group]
        error_px, method, edges = group
        cells = [f'{error_px:g}', method, edges]
        for key in list(rows[0])[3:]:
            values = [row[key] for row in same]
            if None in values:
                cells.append('')
            elif key in ('mean', 'objects'):
                cells.append(mean_and_spread(values, 1))
            else:
                digits = {'clicks': 0, 'seconds': 2}.get(key, 1)
                cells.append(f'{sum(values) / len(values):.{digits}f}')
        cells_of_rows.append([*cells, str(len(same))])
    write_results(folder, rows, markdown_lines(header, cells_of_rows))


def _group(row: dict) -> tuple[float, str, str]:
    return row['error_px'], row['method'], row['edges']


if __name__ == '__main__':
    main()
