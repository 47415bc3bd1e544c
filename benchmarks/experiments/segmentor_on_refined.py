"""Are refined labels worth training on? Section 4.3 of the paper ("Better Segmentation").

python benchmarks/experiments/segmentor_on_refined.py configs/steal_demo.py,EDGE_CHECKPOINT \
    --errors 8 16 --seeds 0 1 2 --work-dir work_dirs/segmentor_on_refined

The exact labels of the training set get the error of a coarse annotation (section 4.1), and the
edges refine them: those of a model, of a folder, or the gradient. One segmentor learns from each:
fine, coarse, refined; all are judged on the exact labels of the validation set. Without --data-root
it is the demo set, which is made; any other set that the config of --segmentor reads by an
EdgeDataset will do.

It can be killed at any time: run again, it resumes.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from command_line import positive_int, require_inputs, seed_number
from edge_evidence import HELP, Evidence, open_evidence, require_evidence
from kept_results import keep_settings, kept
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS
from numpy.typing import NDArray
from short_training import short_training
from tables import mean_and_spread, write_results
from tqdm import tqdm

from mmsteal.apis import build_runner, load_run_config
from mmsteal.datasets import EdgeDataset
from mmsteal.datasets.demo_set import write_demo_set
from mmsteal.datasets.transforms.coarsen import coarsen
from mmsteal.evaluation import MeanLabelError, label_error
from mmsteal.files import write_file
from mmsteal.functional import refine_label_map
from mmsteal.functional.refinement.refine_engines import ENGINES
from mmsteal.label_formats.label_maps import encode_map, map_values, read_map
from mmsteal.label_formats.value_map import lookup_table

SEGMENTOR = Path(__file__).resolve().parents[2] / 'configs' / 'mix' / 'deeplabv3plus_r18_demo.py'
FIELDS = ('labels', 'error_px', 'seed', 'mIoU', 'F', 'precision', 'recall', 'label_px', 'label_IoU')


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('edges', help=HELP)
    parser.add_argument('--engine', choices=ENGINES, default='joint', help='refines with them')
    parser.add_argument('--segmentor', default=str(SEGMENTOR), help='config of the segmentor')
    parser.add_argument('--data-root', help='the set; default: the demo set, which is made')
    parser.add_argument(
        '--instances',
        help='folder of instance PNGs of the training images, below the data root: each is '
        'outlined by itself (of the demo set: instances/train)',
    )
    parser.add_argument('--work-dir', default='work_dirs/segmentor_on_refined')
    parser.add_argument('--errors', type=float, nargs='+', default=[8.0, 16.0], help='px')
    parser.add_argument('--seeds', type=seed_number, nargs='+', default=[0, 1, 2])
    parser.add_argument(
        '--labels', nargs='+', default=['fine', 'coarse', 'refined'],
        choices=['fine', 'coarse', 'refined'], help='what to learn from',
    )  # fmt: skip
    parser.add_argument('--max-iters', type=positive_int, help="in place of the config's")
    parser.add_argument('--num-train', type=positive_int, default=240, help='of the demo set')
    parser.add_argument('--num-val', type=positive_int, default=60)
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    work_dir = Path(args.work_dir).resolve()
    require_inputs(args.segmentor, args.data_root)
    require_evidence([args.edges])
    if args.data_root is None:
        args.data_root = str(work_dir / 'data')
        args.instances = args.instances or 'instances/train'
        write_demo_set(args.data_root, num_train=args.num_train, num_val=args.num_val)
    args.data_root = str(Path(args.data_root).resolve())
    if args.instances:
        require_inputs(Path(args.data_root, args.instances))
    evidence = open_evidence(args.edges)
    exact = TrainingLabels(load_run_config(args.segmentor, data_root=args.data_root))
    # runs of one folder were trained alike
    keep_settings(
        work_dir / 'settings.json',
        dict(
            edges=evidence.key,
            engine=args.engine,
            segmentor=Path(args.segmentor).name,
            data_root=args.data_root,
            instances=args.instances,
            max_iters=args.max_iters,
        ),
    )
    errors = {name: [0.0] if name == 'fine' else args.errors for name in args.labels}
    label_sets = write_labels(args, exact, evidence, [(n, e) for n in errors for e in errors[n]])
    rows = []
    for seed in args.seeds:
        for (name, error_px), found in label_sets.items():
            rows.append(one_run(args, name, error_px, seed, found))
            write_tables(work_dir, rows)
    print((work_dir / 'results.md').read_text())


class TrainingLabels:
    """Labels of the training images in the values of training: 0..K-1, K background, 255 ignored.

    Attributes:
        dataset: The training set of the segmentor.
        names: Its K classes.
        background: K, or None where every pixel has a class.
    """

    def __init__(self, cfg: Config) -> None:
        init_default_scope('mmseg')
        self.dataset = DATASETS.build(cfg.train_dataloader.dataset)
        if not isinstance(self.dataset, EdgeDataset):
            raise SystemExit(
                'error: expected the training set of --segmentor to be an EdgeDataset, but got '
                f'{type(self.dataset).__name__}.'
            )
        self.names = tuple(self.dataset.metainfo['classes'])
        value_map = self.dataset.value_map
        self.background = len(self.names) if len(self.names) in value_map.values() else None
        self.folder = Path(self.dataset.data_prefix['seg_map_path']).resolve()
        self._to_label = lookup_table(value_map, 256)
        self._to_value = np.full(256, 255, np.uint8)
        for value, label in reversed(value_map.items()):
            if value >= 0:
                self._to_value[label] = value

    def __len__(self) -> int:
        return len(self.dataset)

    def files(self, index: int) -> tuple[str, str]:
        """Path of an image, and the name of its label below the folder of the labels."""
        info = self.dataset.get_data_info(index)
        return info['img_path'], str(Path(info['seg_map_path']).resolve().relative_to(self.folder))

    def read(self, path: Path) -> NDArray[np.uint8]:
        """Labels (H, W) of a file."""
        return self._to_label[map_values(read_map(path))].astype(np.uint8)

    def write(self, labels: NDArray[np.uint8], path: Path, like: Path) -> None:
        """Write labels (H, W) with the values and the palette of another file."""
        write_file(path, encode_map(self._to_value[labels], path, like=read_map(like)))

    def objects(self, folder: Path) -> Iterator[NDArray[np.int32]]:
        """The classes of each image as objects: ids from 1, 0 for none, -1 where ignored."""
        for index in range(len(self)):
            labels = self.read(folder / self.files(index)[1]).astype(np.int32)
            yield np.where(labels == 255, -1, np.where(labels < len(self.names), labels + 1, 0))


def write_labels(
    args: argparse.Namespace,
    exact: TrainingLabels,
    evidence: Evidence,
    wanted: list[tuple[str, float]],
) -> dict[tuple[str, float], tuple[Path, MeanLabelError]]:
    """Make the labels of each kind and error; those that are there stay.

    Returns:
        dict: Kind and error in px -> folder, and its error against the exact labels.
    """
    folders = {}
    for name, error_px in wanted:
        folder = Path(args.work_dir).resolve() / 'labels' / f'{name}_{error_px:g}px'
        folders[name, error_px] = exact.folder if name == 'fine' else folder
    edge_map_of = dict(enumerate(evidence.index_of(exact.names)))
    for (name, error_px), folder in folders.items():
        missing = [i for i in range(len(exact)) if not (folder / exact.files(i)[1]).is_file()]
        bar = f'{name} labels, {error_px:g} px'
        for index in tqdm(missing, desc=bar, mininterval=2, disable=not missing):
            image, file = exact.files(index)
            labels, instances = coarsen(
                exact.read(exact.folder / file),
                read_instances(args, file),
                error_px,
                background=exact.background,
                ignore_index=255,
            )
            if name == 'refined':
                photo = cv2.cvtColor(cv2.imread(image), cv2.COLOR_BGR2RGB)
                labels = refine_label_map(
                    labels,
                    evidence(Path(image).stem, photo, 1.0),
                    image=photo,
                    engine=args.engine,
                    classes=edge_map_of,
                    instance_map=instances,
                    error_px=error_px,
                    background=exact.background,
                    components=instances is None,
                ).label_map
            exact.write(labels, folder / file, like=exact.folder / file)
    return {
        key: (
            folder,
            label_error(zip(exact.objects(exact.folder), exact.objects(folder), strict=True)),
        )
        for key, folder in folders.items()
    }


def read_instances(args: argparse.Namespace, file: str) -> NDArray[np.int32] | None:
    """Instance ids (H, W) of an image, where the set has them."""
    if args.instances is None:
        return None
    return map_values(read_map(Path(args.data_root, args.instances, file)))


def one_run(
    args: argparse.Namespace,
    name: str,
    error_px: float,
    seed: int,
    found: tuple[Path, MeanLabelError],
) -> dict:
    """The row of a run, trained if it is not there yet."""
    folder = Path(args.work_dir).resolve() / f'{name}_{error_px:g}px_seed{seed}'
    return kept(
        folder / 'row.json', lambda: train_and_judge(args, folder, name, error_px, seed, found)
    )


def train_and_judge(
    args: argparse.Namespace,
    folder: Path,
    name: str,
    error_px: float,
    seed: int,
    found: tuple[Path, MeanLabelError],
) -> dict:
    """Train a segmentor on a folder of labels, and judge it by the exact ones."""
    labels, error = found
    cfg = load_run_config(args.segmentor, data_root=args.data_root)
    cfg.train_dataloader.dataset.data_prefix.seg_map_path = str(labels)
    runner = build_runner(short_training(cfg, folder, seed=seed, max_iters=args.max_iters))
    runner.train()
    scores = runner.val_loop.run()
    return dict(
        labels=name, error_px=error_px, seed=seed, mIoU=float(scores['mIoU']),
        F=float(scores['seg_edge/MF']), precision=float(scores['seg_edge/precision']),
        recall=float(scores['seg_edge/recall']), label_px=error.px, label_IoU=100 * error.iou,
    )  # fmt: skip


def write_tables(folder: Path, rows: list[dict]) -> None:
    """results.csv with every run, results.md with mean and standard deviation over the seeds."""
    lines = [
        '| labels | at most, px | their error: distance, px | IoU | mIoU | F | runs |',
        '|---|---|---|---|---|---|---|',
    ]

    def group(row: dict) -> tuple[float, str]:
        return row['error_px'], row['labels']

    for (error_px, name), same in itertools.groupby(sorted(rows, key=group), group):
        runs = list(same)
        cells = [mean_and_spread([run[key] for run in runs], 1) for key in ('mIoU', 'F')]
        lines.append(
            f'| {name} | {error_px:g} | {runs[0]["label_px"]:.2f} | {runs[0]["label_IoU"]:.1f} | '
            f'{" | ".join(cells)} | {len(runs)} |'
        )
    write_results(folder, rows, lines, FIELDS)


if __name__ == '__main__':
    main()
