"""Does active alignment repair noisy labels, and does the network learn more from them?

The exact labels are known, and are given errors. For each label error and seed one run learns from
the noisy labels to the end, and others branch off it at an iteration and align from there on.

python benchmarks/experiments/active_alignment.py --work-dir work_dirs/alignment \
    --errors systematic random --noise-px 4 8 --seeds 0 1 2 --methods none batch dataset

Systematic errors are those of hurried annotators, who stay inside an object (section 4.1). Random
errors, of the demo set only, go either way: each outline is moved along its normal by a smooth
random field of mean 0. Another dataset than the demo set, with systematic errors:

python benchmarks/experiments/active_alignment.py --config configs/steal_casenet_r18_camvid.py \
    --data-root data/camvid --errors systematic --max-iters 600 --begin 300 ...

python benchmarks/experiments/active_alignment.py ... --sweep

asks, of the runs that are there, how a single alignment of the training labels at the iteration
`--begin` depends on its options, without training. Its tables lie in `--work-dir`/sweep.

It can be killed at any time: run again, it resumes.
"""

from __future__ import annotations

import argparse
import itertools
import shutil
from pathlib import Path

from alignment_labels import Predicted, TrainingLabels, error_of, write_random_labels
from alignment_tables import write_sweep, write_tables
from command_line import positive_int, require_inputs, seed_number
from kept_results import keep_settings, kept
from mmengine.config import Config, DictAction
from mmengine.registry import init_default_scope
from mmengine.runner import load_checkpoint
from mmseg.registry import MODELS
from short_training import CHECKPOINTS_EVERY, short_training

from mmsteal.apis import build_runner, load_run_config
from mmsteal.datasets.demo_set import write_demo_set
from mmsteal.jobs import file_hash

DEMO_CONFIG = Path(__file__).resolve().parents[2] / 'configs' / 'steal_demo.py'
METHODS = ('none', 'batch', 'dataset', 'dataset-last')
LABELS = {'none': '{}/train', 'systematic': 'noisy_{}/train', 'random': 'random_{}/train'}
# Where the labels err says which way the balloon should push.
ALIGN = {
    'systematic': dict(num_iters=8, balloon=1.0, stop_evidence=1.5, min_gain=0.0),
    'random': dict(num_iters=8, balloon=0.0, min_gain=0.0),
}
# What --sweep changes, one at a time, against ALIGN.
SWEEP = (
    dict(),
    *(dict(balloon=c, stop_evidence=1.5) for c in (0.0, 1.0)),
    *(dict(lam=v) for v in (0.05, 0.1, 0.2, 1.0)),
    *(dict(min_gain=v) for v in (0.03, 0.1)),
    *(dict(num_iters=n) for n in (4, 16, 32)),
    dict(checkpoints=[8]),
    *(dict(other_weight=w) for w in (0.0, 1.0)),
    dict(smoothing=2),
    *(dict(max_displacement_px=v) for v in (4.0, None)),
    dict(num_iters=50, checkpoints=[0, 25, 50], smoothing=2, balloon=0.0, lam=1.0),
)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--config', default=str(DEMO_CONFIG))
    parser.add_argument('--data-root', help='the set; default: the demo set, which is made')
    parser.add_argument('--work-dir', default='work_dirs/alignment')
    parser.add_argument(
        '--errors', nargs='+', choices=tuple(ALIGN),
        help='default: all; with --data-root systematic ones, the others need the demo set',
    )  # fmt: skip
    parser.add_argument('--noise-px', type=float, nargs='+', default=[4.0, 8.0])
    parser.add_argument('--seeds', type=seed_number, nargs='+', default=[0, 1, 2])
    parser.add_argument(
        '--methods', nargs='+', choices=METHODS, default=['none', 'batch', 'dataset'],
        help="'none', a scope, or 'dataset-last': each round starts from the one before",
    )  # fmt: skip
    parser.add_argument('--max-iters', type=positive_int, default=800)
    parser.add_argument('--begin', type=positive_int, default=400, help='a multiple of 100')
    parser.add_argument('--interval', type=positive_int, default=200)
    parser.add_argument('--num-train', type=positive_int, default=240)
    parser.add_argument('--num-val', type=positive_int, default=60)
    parser.add_argument('--align', nargs='+', action=DictAction, default={}, help='of AlignOptions')
    parser.add_argument('--out', help='of the tables; default: --work-dir, or its folder sweep')
    parser.add_argument('--sweep', action='store_true', help='compare options, without training')
    parser.add_argument('--sweep-images', type=positive_int, default=60)
    args = parser.parse_args()
    if args.begin % CHECKPOINTS_EVERY or args.begin >= args.max_iters:
        parser.error(
            f'expected --begin to be a multiple of {CHECKPOINTS_EVERY} below --max-iters '
            f'({args.max_iters}), where other runs branch off, but got {args.begin}'
        )
    if args.errors is None:
        args.errors = list(ALIGN) if args.data_root is None else ['systematic']
    if args.data_root is not None and 'random' in args.errors:
        parser.error('expected --errors systematic with --data-root: random ones need the demo set')
    return args


def main() -> None:
    args = parse_args()
    require_inputs(args.config, args.data_root)
    if args.data_root is not None:
        args.data_root = str(Path(args.data_root).resolve())
    load_run_config(args.config, data_root=args.data_root)
    depends_on = ['data_root', 'begin', 'num_train', 'num_val', 'align']
    if args.sweep:
        out = Path(args.out or Path(args.work_dir, 'sweep'))
        folder, depends_on = out, [*depends_on, 'sweep_images']
        kinds = itertools.product(args.errors, args.noise_px, args.seeds)
        require_inputs(*(checkpoint_to_align(args, *kind) for kind in kinds))
    else:
        out = Path(args.out or args.work_dir)
        folder, depends_on = Path(args.work_dir), [*depends_on, 'max_iters', 'interval']
    settings = dict(config=Path(args.config).name, **{k: getattr(args, k) for k in depends_on})
    keep_settings(folder / 'settings.json', settings)
    rows = []
    for error, noise_px in itertools.product(args.errors, args.noise_px):
        if args.data_root is None:
            data = Path(args.work_dir, f'data_{noise_px:g}px').resolve()
            write_demo_set(data, num_train=args.num_train, num_val=args.num_val, noise_px=noise_px)
            if error == 'random':
                write_random_labels(data, noise_px)
        if args.sweep:
            for seed in args.seeds:
                checkpoint = checkpoint_to_align(args, error, noise_px, seed)
                name = f'{error}_{noise_px:g}px_seed{seed}_{file_hash(checkpoint)[:12]}.json'
                rows += kept(
                    out / 'rows' / name,
                    lambda e=error, n=noise_px, s=seed: sweep(args, e, n, s),
                )
                write_sweep(out, rows)
            continue
        for seed, method in itertools.product(args.seeds, args.methods):
            rows.append(one_run(args, error, noise_px, seed, method))
            write_tables(out, rows)
    print((out / 'results.md').read_text())


def one_run(args: argparse.Namespace, error: str, noise_px: float, seed: int, method: str) -> dict:
    """The row of a run, trained if it is not there yet."""
    folder = Path(args.work_dir).resolve() / f'{error}_{noise_px:g}px_seed{seed}'
    return kept(
        folder / method / 'row.json',
        lambda: train_and_judge(args, error, noise_px, seed, folder, method),
    )


def train_and_judge(
    args: argparse.Namespace, error: str, noise_px: float, seed: int, folder: Path, method: str
) -> dict:
    """Train to the end, and compare edges and labels with the exact ones."""
    cfg = study_config(args, folder / method, error, noise_px)
    short_training(cfg, folder / method, seed=seed, max_iters=args.max_iters)
    cfg.default_hooks.checkpoint.max_keep_ckpts = -1  # others branch off
    options = standard_options(args, error, noise_px)
    scope, _, start = method.partition('-')
    if scope != 'none':
        cfg.custom_hooks = [
            *cfg.get('custom_hooks', []),
            dict(
                type='LevelSetAlignHook', scope=scope, begin=args.begin, interval=args.interval,
                start=start or 'given', align=options, num_pictures=2,
            ),
        ]  # fmt: skip
        branch_off(folder / 'none', folder / method, args.begin)
    runner = build_runner(cfg)
    runner.train()
    scores = runner.val_loop.run()
    exact = TrainingLabels(study_config(args, folder / method, 'none', 0))
    labels = TrainingLabels(cfg)
    given = error_of(exact, labels.given())
    rounds = sorted(Path(cfg.work_dir).glob('aligned_labels/iter_*[0-9]'), key=_iteration)
    after = error_of(
        exact,
        labels.written(rounds[-1]) if rounds else Predicted(runner.model, cfg).aligned(options),
    )
    return dict(
        error=error, noise_px=noise_px, method=method, seed=seed,
        MF=scores['edge/MF_ODS'], AP=scores['edge/AP'],
        px=after.px, IoU=after.iou, px_given=given.px, IoU_given=given.iou, lost=after.lost,
    )  # fmt: skip


def branch_off(base: Path, branch: Path, step: int) -> None:
    """Let a run go on from an iteration of another one, unless it has begun already."""
    if (branch / 'last_checkpoint').exists():
        return
    source = base / f'iter_{step}.pth'
    if not source.is_file():
        raise FileNotFoundError(f"Expected {source}: run with method 'none' first.")
    branch.mkdir(parents=True, exist_ok=True)
    target = branch / source.name
    shutil.copy(source, target)
    (branch / 'last_checkpoint').write_text(str(target))


def study_config(args: argparse.Namespace, work_dir: Path, error: str, noise_px: float) -> Config:
    """The config, learning from labels with that kind of error; 'none' for the exact ones."""
    data = args.data_root or str(Path(args.work_dir, f'data_{noise_px:g}px').resolve())
    if error == 'none' and args.data_root is None:
        # the exact labels are the same in the set of any error
        data = str(next(Path(args.work_dir).resolve().glob('data_*px')))
    cfg = load_run_config(args.config, work_dir=str(work_dir), data_root=data)
    train = cfg.train_dataloader.dataset
    if args.data_root is None:
        train.data_prefix.update(
            seg_map_path=LABELS[error].format('labels'),
            instance_map_path=LABELS[error].format('instances'),
        )
    elif error == 'systematic':
        # What no outline covers is background. In a set without any, a value that no file has
        # stands for it; ignored, it would leave no edges to learn, and no room to grow.
        train.setdefault('background', 254)
        loader = next(i for i, step in enumerate(train.pipeline) if 'Annotations' in step['type'])
        train.pipeline.insert(loader + 1, dict(type='CoarsenLabels', error_px=noise_px))
    return cfg


def checkpoint_to_align(args: argparse.Namespace, error: str, noise_px: float, seed: int) -> Path:
    """The weights of a run without alignment at `--begin`."""
    return Path(args.work_dir, f'{error}_{noise_px:g}px_seed{seed}/none/iter_{args.begin}.pth')


def sweep(args: argparse.Namespace, error: str, noise_px: float, seed: int) -> list[dict]:
    """Label error after one alignment at `--begin`, for each of SWEEP."""
    standard = standard_options(args, error, noise_px)
    checkpoint = checkpoint_to_align(args, error, noise_px, seed)
    cfg = study_config(args, checkpoint.parent, error, noise_px)
    init_default_scope('mmseg')
    model = MODELS.build(cfg.model)
    load_checkpoint(model, str(checkpoint), map_location='cpu')
    predicted = Predicted(model, cfg, args.sweep_images)
    exact = TrainingLabels(study_config(args, checkpoint.parent, 'none', 0))
    labels = {'(given labels)': predicted.given()} | {
        change_name(change): predicted.aligned({**standard, **change}) for change in SWEEP
    }
    rows = []
    for name, found in labels.items():
        after = error_of(exact, found)
        rows.append(dict(error=error, noise_px=noise_px, change=name, seed=seed,
                         px=after.px, IoU=after.iou))  # fmt: skip
        print(f'{error}, {noise_px:g} px, {name}, seed {seed}: {after.px:.2f} px', flush=True)
    return rows


def standard_options(args: argparse.Namespace, error: str, noise_px: float) -> dict:
    """Those of ALIGN, and what `--align` changes."""
    return {**ALIGN[error], 'max_displacement_px': reach(noise_px), **args.align}


def change_name(change: dict) -> str:
    return ', '.join(f'{key} {value}' for key, value in change.items()) or 'none'


def reach(noise_px: float) -> float:
    """How far an outline may move: labels thought to be exact are trusted within 2 px."""
    return 2 * max(noise_px, 2.0)


def _iteration(folder: Path) -> int:
    return int(folder.name.removeprefix('iter_'))


if __name__ == '__main__':
    main()
