"""Can a boundary detector repair coarse labels? Tables 6 and 7 of the paper, for any dataset.

python benchmarks/experiments/coarse_to_fine.py CONFIG CHECKPOINT... --data-root ROOT \
    --errors 4 8 16 32 --out work_dirs/coarse_to_fine

Several checkpoints are trainings of one config with other seeds: the tables have mean and spread.
Finished rows are kept: run again, it resumes.

The exact labels of the validation set get the error of a coarse annotation (section 4.1), and
every object is refined with the edges that the model predicts. For comparison GrabCut starts from
the same labels in two ways:

- ring: what is labelled is the object for sure; within 24 px of it nobody knows; the rest is not.
- whole: what is labelled is probably the object, and all else probably not.

Scores: IoU of each class, pixels counted over all images, and the mean IoU of the objects. Seconds
are CPU time.
"""

from __future__ import annotations

import argparse
import functools
import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from command_line import positive_int, require_inputs
from grabcut import grabcut
from kept_results import keep_settings, kept
from mmengine.config import DictAction
from mmseg.registry import DATASETS
from numpy.typing import NDArray
from tables import markdown_lines, mean_and_spread, write_results
from tqdm import tqdm

from mmsteal.apis import EdgeInferencer, load_run_config
from mmsteal.functional import (
    REFINE_OPTIONS,
    change_options,
    label_objects,
    refine_objects,
    simulate_coarse_objects,
)
from mmsteal.functional.labels.label_objects import LabelObjects
from mmsteal.jobs import file_hash

RING_PX = 24
METHODS = ('refine', 'grabcut-ring', 'grabcut-whole')


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('config')
    parser.add_argument('checkpoints', nargs='+', metavar='checkpoint')
    parser.add_argument('--data-root', help="the dataset, in place of the config's")
    parser.add_argument('--errors', type=float, nargs='+', default=[4.0, 8.0, 16.0, 32.0])
    parser.add_argument('--out', default='work_dirs/coarse_to_fine')
    parser.add_argument('--max-images', type=positive_int)
    parser.add_argument('--scale', type=float, default=1.0, help='size of the edge maps')
    parser.add_argument('--methods', nargs='+', choices=METHODS, default=list(METHODS))
    parser.add_argument('--align', nargs='+', action=DictAction, default={}, help='of AlignOptions')
    parser.add_argument(
        '--sweep', nargs='+', action=DictAction, default={},
        help='options with a list of values each: refine with every combination of them',
    )  # fmt: skip
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    out = Path(args.out).resolve()
    require_inputs(args.config, *args.checkpoints, args.data_root)
    if args.data_root is not None:
        args.data_root = str(Path(args.data_root).resolve())
    cfg = load_run_config(args.config, data_root=args.data_root)
    require_inputs(cfg.val_dataloader.dataset.get('data_root'))
    changeable = ('out', 'errors', 'checkpoints')
    settings = {k: v for k, v in vars(args).items() if k not in changeable}
    keep_settings(out / 'settings.json', settings)
    methods = {'coarse': as_given, **build_methods(args)}
    # only refinement depends on the model
    without_model = {k: m for k, m in methods.items() if k == 'coarse' or 'grabcut' in k}
    with_model = {k: m for k, m in methods.items() if k not in without_model}
    rows = []
    for number, checkpoint in enumerate(args.checkpoints):
        parts = {f'model_{file_hash(checkpoint)[:12]}': with_model}
        if number == 0:
            parts['any_model'] = without_model
        predicted = functools.cache(functools.partial(load_scenes, args, checkpoint))
        for error_px in args.errors:
            found = []
            for folder, chosen in parts.items():
                path = out / folder / f'{error_px:g}px.json'
                if chosen:
                    found += kept(path, lambda e=error_px, m=chosen, p=predicted: score(p(), m, e))
            rows += sorted(found, key=lambda row: list(methods).index(row['method']))
            write_tables(out, rows)
    print((out / 'results.md').read_text())


def score(scenes: Scenes, methods: dict[str, Method], error_px: float) -> list[dict]:
    """A row of scores for each method."""
    scores = {name: Score(len(scenes.classes)) for name in methods}
    first, _ = scenes.scenes[0].coarsened(error_px)
    for method in methods.values():  # the first call compiles
        method(scenes.scenes[0], first, error_px)
    clicks = 0
    for scene in tqdm(scenes.scenes, desc=f'{error_px:g} px', unit='image'):
        objects, num_clicks = scene.coarsened(error_px)
        clicks += num_clicks
        for name, method in methods.items():
            start = time.process_time()
            refined = method(scene, objects, error_px)
            scores[name].add(scene, objects, refined, time.process_time() - start)
    return [
        dict(
            error_px=error_px,
            method=name,
            clicks=clicks / len(scenes.scenes),
            **found.row(scenes.classes),
        )
        for name, found in scores.items()
    ]


@dataclass(frozen=True)
class Scene:
    """An image of the set with its exact labels and its predicted edges.

    Attributes:
        image: BGR (H, W, 3) uint8.
        labels: Exact labels (H, W): 0..K-1, K where there is no object, 255 where nobody knows.
        instances: Instance ids (H, W), or None.
        edges: Edge probabilities (K, h, w).
    """

    image: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    instances: NDArray | None
    edges: NDArray[np.float32]

    def coarsened(self, error_px: float) -> tuple[LabelObjects, int]:
        """The objects as they are labelled in a hurry, and the clicks that it took.

        Objects are instances, or without any the connected components of the classes.
        """
        without = (len(self.edges), 255)
        exact = label_objects(self.labels, self.instances, without=without)
        coarse, clicks = simulate_coarse_objects(exact.object_map, error_px)
        coarse[self.labels == 255] = -1
        if self.instances is not None:
            return LabelObjects(coarse, exact.values, exact.instances), sum(clicks)
        labels = np.array([*exact.values, without[0]])[coarse]
        return label_objects(labels, without=without, components=True), sum(clicks)


class Scenes(NamedTuple):
    """The images of a set, and its classes."""

    scenes: list[Scene]
    classes: tuple[str, ...]


def load_scenes(args: argparse.Namespace, checkpoint: str) -> Scenes:
    """Predict the edges of the validation images."""
    cfg = load_run_config(args.config, data_root=args.data_root)
    inferencer = EdgeInferencer(cfg, checkpoint)
    dataset = DATASETS.build(cfg.val_dataloader.dataset)
    loaders = [step for step in dataset.pipeline.transforms if 'Annotations' in type(step).__name__]
    scenes = []
    for index in tqdm(range(min(len(dataset), args.max_images or len(dataset))), desc='edges'):
        info = dataset.get_data_info(index)
        image = cv2.imread(info['img_path'])
        edges = inferencer(image, show_progress=False)[0].edges
        info['ori_shape'] = image.shape[:2]
        for loader in loaders:
            info = loader(info)
        if args.scale != 1:
            size = [round(args.scale * n) for n in image.shape[1::-1]]
            edges = np.stack([cv2.resize(e, size, interpolation=cv2.INTER_AREA) for e in edges])
        scenes.append(Scene(image, info['gt_seg_map'], info.get('gt_instance_map'), edges))
    return Scenes(scenes, tuple(inferencer.classes))


# Scene, its coarse objects, their error in px -> map of objects
Method = Callable[[Scene, LabelObjects, float], NDArray[np.int32]]


def build_methods(args: argparse.Namespace) -> dict[str, Method]:
    known: dict[str, Method] = {
        'refine': refiner(args.align),
        'grabcut-ring': by_grabcut(RING_PX),
        'grabcut-whole': by_grabcut(None),
    }
    if not args.sweep:
        return {name: known[name] for name in args.methods}
    values = [v if isinstance(v, list) else [v] for v in args.sweep.values()]
    return {
        ' '.join(f'{k}={v}' for k, v in zip(args.sweep, chosen, strict=True)): refiner(
            {**args.align, **dict(zip(args.sweep, chosen, strict=True))}
        )
        for chosen in itertools.product(*values)
    }


def as_given(scene: Scene, objects: LabelObjects, error_px: float) -> NDArray[np.int32]:
    return objects.object_map


def refiner(changes: dict) -> Method:
    options = change_options(REFINE_OPTIONS, changes)

    def refine(scene: Scene, objects: LabelObjects, error_px: float) -> NDArray[np.int32]:
        refined, _ = refine_objects(
            objects.object_map,
            scene.edges,
            options,
            classes=objects.values,
            frozen=scene.labels == 255,
            error_px=error_px,
        )
        return refined

    return refine


def by_grabcut(ring_px: int | None) -> Method:
    def cut(scene: Scene, objects: LabelObjects, error_px: float) -> NDArray[np.int32]:
        # Without instances a class is cut out as a whole: its parts by themselves take minutes.
        pairs = list(zip(objects.values, objects.instances, strict=True))
        first = [pairs.index(pair) for pair in pairs]
        together = np.array([*first, -1])[objects.object_map].astype(np.int32)
        owner = grabcut(scene.image, together, ring_px=ring_px)
        frozen = scene.labels == 255
        owner[frozen] = objects.object_map[frozen]
        return owner

    return cut


@dataclass
class Score:
    """IoU of classes over all images, and of single objects (an image's class without instances).

    Attributes:
        num_classes: K.
        both: Pixels of each class in both maps (K,).
        either: Pixels of each class in one of them (K,).
        ious: IoU of each exact object.
        seconds: CPU time of each image.
    """

    num_classes: int
    both: NDArray = field(init=False)
    either: NDArray = field(init=False)
    ious: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.both = np.zeros(self.num_classes)
        self.either = np.zeros(self.num_classes)

    def add(
        self, scene: Scene, objects: LabelObjects, refined: NDArray[np.int32], seconds: float
    ) -> None:
        """Count an image."""
        counted = scene.labels != 255
        labels = np.array([*objects.values, self.num_classes])[refined]
        ids = np.array([*objects.instances, 0])[refined]
        for k in range(self.num_classes):
            found, exact = (labels == k) & counted, scene.labels == k
            self.both[k] += (found & exact).sum()
            self.either[k] += (found | exact).sum()
        exact = label_objects(scene.labels, scene.instances, without=(self.num_classes, 255))
        for m, (k, i) in enumerate(zip(exact.values, exact.instances, strict=True)):
            mask = exact.object_map == m
            found = (labels == k) & (ids == i) & counted
            self.ious.append((mask & found).sum() / (mask | found).sum())
        self.seconds.append(seconds)

    def row(self, classes: tuple[str, ...]) -> dict:
        """Scores in percent, and CPU seconds an image; None of a class that no image has."""
        with np.errstate(invalid='ignore'):
            per_class = 100 * self.both / self.either
        return dict(
            zip(classes, [None if np.isnan(v) else float(v) for v in per_class], strict=True),
            mean=float(np.nanmean(per_class)),
            objects=100 * float(np.mean(self.ious)),
            seconds=float(np.mean(self.seconds)),
        )


def write_tables(folder: Path, rows: list[dict]) -> None:
    """results.csv with every model, results.md with mean and spread over the models."""
    names = {'error_px': 'error, px', 'clicks': 'clicks an image', 'seconds': 'CPU s an image'}
    header = [*(names.get(key, key) for key in rows[0]), 'models']
    cells_of_rows = []
    for error_px, method in dict.fromkeys((row['error_px'], row['method']) for row in rows):
        same = [r for r in rows if (r['error_px'], r['method']) == (error_px, method)]
        cells = [f'{error_px:g}', method]
        for key in list(rows[0])[2:]:
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


if __name__ == '__main__':
    main()
