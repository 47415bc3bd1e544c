"""Use an installed wheel as a newcomer does, in the folder at hand: python .ci/package_smoke.py.

Two iterations on a generated set, a test of the checkpoint, one refined label map and its score.
Nothing here judges quality.
"""

import argparse
import subprocess
import sys
import sysconfig
from pathlib import Path

import numpy as np
from PIL import Image

import mmsteal
from mmsteal.apis import LabelRefiner
from mmsteal.datasets.demo_set import write_demo_set
from mmsteal.functional import edge_counts, edge_scores, label_map_to_edges

NUM_CLASSES = 5
OPTIONS = [
    'train_cfg.max_iters=2',
    'train_cfg.val_interval=10',
    'train_dataloader.batch_size=2',
    'default_hooks.checkpoint.interval=2',
]
for loader in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
    OPTIONS += [f'{loader}.num_workers=0', f'{loader}.persistent_workers=False']


def run(*command: object) -> None:
    """Run a command, and stop where it fails."""
    command = [str(part) for part in command]
    print('$', ' '.join(command), flush=True)
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    print('\n'.join(done.stdout.splitlines()[-3:]), flush=True)
    if done.returncode:
        sys.exit(done.stdout)


def train_and_test(tools: Path) -> tuple[Path, Path]:
    """Through the scripts of the wheel, with a config of one's own on top of one of the wheel's."""
    config = Path('mine.py')
    config.write_text("_base_ = ['mmsteal::steal_demo.py']\n")
    common = ['--data-root', 'data', '--work-dir', 'run', '--cfg-options', *OPTIONS]
    run(sys.executable, tools / 'train.py', config, *common)
    checkpoint = Path('run/iter_2.pth')
    run(sys.executable, tools / 'test.py', config, checkpoint, *common)
    return config, checkpoint


def train_and_test_with_mim() -> None:
    """Through `mim`, which finds config and scripts by their names."""
    mim = Path(sysconfig.get_path('scripts'), 'mim')
    common = ['--gpus', 0, '--data-root', 'data', '--work-dir', 'run_mim', '--cfg-options']
    run(mim, 'train', 'mmsteal', 'steal_demo.py', *common, *OPTIONS)
    checkpoint = ['--checkpoint', 'run_mim/iter_2.pth']
    run(mim, 'test', 'mmsteal', 'steal_demo.py', *checkpoint, *common, *OPTIONS)
    run(mim, 'search', 'mmsteal', '--model', 'steal', '--field', 'config', 'iterations')


def refine_and_score(config: Path, checkpoint: Path) -> None:
    """One noisy label map, refined, against the exact one."""
    name = sorted(Path('data/images/train').glob('*.jpg'))[0].stem
    noisy = Path('data/noisy_labels/train', f'{name}.png')
    exact = np.asarray(Image.open(f'data/labels/train/{name}.png'))
    present = sorted({*np.unique(np.asarray(Image.open(noisy)))} - {0})
    refiner = LabelRefiner(str(config), str(checkpoint), 'cpu', background=0)
    refined = refiner(
        f'data/images/train/{name}.jpg', noisy,
        classes={int(label): int(label) - 1 for label in present}, error_px=4,
    )  # fmt: skip
    assert refined.label_map.shape == exact.shape
    found, true = (
        label_map_to_edges(labels, num_classes=NUM_CLASSES + 1, thin=True, radius=1)[1:] == 1
        for labels in (refined.label_map, exact)
    )
    threshold = [0.5]
    for index in (label - 1 for label in present):
        score = found[index].astype(np.float32)
        counts = edge_counts(score, true[index], max_dist=0.03, thin=False, thresholds=threshold)
        f = edge_scores(counts[None], thresholds=threshold).ods_f
        print(f'{refiner.classes[index]}: F {100 * f:.1f}')
        assert f > 0


def main() -> None:
    """Run all of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--mim', action='store_true', help='train and test through mim, too')
    args = parser.parse_args()
    package = Path(mmsteal.__file__).parent
    assert package.is_relative_to(sys.prefix), f'mmsteal comes from {package}, not from a wheel'
    assert not (package / '.mim' / 'configs').is_symlink()
    write_demo_set('data', num_train=4, num_val=2, size=(128, 128))
    refine_and_score(*train_and_test(package / '.mim' / 'tools'))
    if args.mim:
        train_and_test_with_mim()
    print(f'mmsteal {mmsteal.__version__} works from its wheel, Python {sys.version.split()[0]}')


if __name__ == '__main__':
    main()
