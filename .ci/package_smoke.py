"""Use an installed wheel as a newcomer does, in the folder at hand: python .ci/package_smoke.py.

Every command by its name, on a generated set of a few images: two iterations, a test of the
checkpoint, edges, refined labels and their scores, the annotator page. Nothing here judges quality.
"""

import argparse
import csv
import subprocess
import sys
import sysconfig
import time
import urllib.request
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from PIL import Image

import mmsteal
from mmsteal.apis import EdgeInferencer, LabelRefiner
from mmsteal.cli.dispatch import COMMANDS
from mmsteal.datasets.demo_set import write_demo_set
from mmsteal.functional import edge_counts, edge_scores, label_map_to_edges

NUM_CLASSES = 5
CONFIG = 'mmsteal::steal_demo.py'
OPTIONS = [
    'train_cfg.max_iters=2',
    'train_cfg.val_interval=10',
    'train_dataloader.batch_size=2',
    'default_hooks.checkpoint.interval=2',
]
for loader in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
    OPTIONS += [f'{loader}.num_workers=0', f'{loader}.persistent_workers=False']
CLASSES = ('coin', 'cat', 'brick', 'tissue', 'gravel')
PNG = ['--format', 'png', '--format-options', 'background=0']
PNG += [f'classes.{name}={value}' for value, name in enumerate(CLASSES, 1)]
SCRIPTS = Path(sysconfig.get_path('scripts'))


def run(*command: object) -> str:
    """Run a command, and stop where it fails; what it printed."""
    command = [str(part) for part in command]
    print('$', ' '.join(command), flush=True)
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    print('\n'.join(done.stdout.splitlines()[-3:]), flush=True)
    if done.returncode:
        sys.exit(done.stdout)
    return done.stdout


def mmsteal_command(name: str, *arguments: object) -> str:
    """Run `mmsteal NAME`, as the console script that pip made."""
    return run(SCRIPTS / 'mmsteal', name, *arguments)


def explain_all() -> None:
    """The list of commands, and the help of each."""
    listed = run(SCRIPTS / 'mmsteal', '--help')
    for name in COMMANDS:
        assert f'  {name} ' in listed, name
        assert f'usage: mmsteal {name} ' in mmsteal_command(name, '--help')
    assert run(sys.executable, '-m', 'mmsteal', '--help') == listed


def train_and_test() -> tuple[Path, Path]:
    """A config by its name, and one of one's own on top of it."""
    common = ['--data-root', 'data', '--work-dir', 'run', '--cfg-options', *OPTIONS]
    mmsteal_command('train', CONFIG, *common)
    checkpoint = Path('run/iter_2.pth')
    config = Path('mine.py')
    config.write_text(f'_base_ = [{CONFIG!r}]\n')
    mmsteal_command('test', config, checkpoint, *common)
    mmsteal_command('browse', CONFIG, 'browsed', '--number', 1, '--data-root', 'data')
    assert 'ThinningNMSLoss' in mmsteal_command('print-config', CONFIG)
    assert len(EdgeInferencer(CONFIG, str(checkpoint), 'cpu').classes) == NUM_CLASSES
    return config, checkpoint


def train_with_mmseg() -> None:
    """Mmseg's own program, which reads a config before it knows of mmsteal."""
    import mmseg

    config = Path('for_mmseg.py')
    config.write_text(
        f"_base_ = [__import__('mmsteal') and {CONFIG!r}]\n"
        "data_root = 'data'\n"
        'train_dataloader = dict(dataset=dict(data_root=data_root))\n'
        'val_dataloader = dict(dataset=dict(data_root=data_root))\n'
        'test_dataloader = val_dataloader\n'
        "visualizer = dict(vis_backends=[dict(type='LocalVisBackend')])\n"  # without tensorboard
    )
    script = Path(mmseg.__file__).parent / '.mim/tools/train.py'
    run(sys.executable, script, config, '--work-dir', 'run_mmseg', '--cfg-options', *OPTIONS)
    assert Path('run_mmseg/iter_2.pth').is_file()


def train_and_test_with_mim() -> None:
    """Through `mim`, which finds config and scripts by their names."""
    mim = SCRIPTS / 'mim'
    common = ['--gpus', 0, '--data-root', 'data', '--work-dir', 'run_mim', '--cfg-options']
    run(mim, 'train', 'mmsteal', 'steal_demo.py', *common, *OPTIONS)
    checkpoint = ['--checkpoint', 'run_mim/iter_2.pth']
    run(mim, 'test', 'mmsteal', 'steal_demo.py', *checkpoint, *common, *OPTIONS)
    run(mim, 'run', 'mmsteal', 'print_config', CONFIG)
    run(mim, 'search', 'mmsteal', '--model', 'steal', '--field', 'config', 'iterations')


def refine_and_compare(checkpoint: Path) -> None:
    """Folders: coarse labels, edges, refined labels, how good they are, and the edges' score."""
    images, exact = 'data/images/val', 'data/labels/val'
    mmsteal_command(
        'simulate', *PNG, '--labels', exact, '--images', images, '--error-px', 4, '--out', 'coarse'
    )  # fmt: skip
    mmsteal_command('infer', images, 'edges', '--config', CONFIG, '--checkpoint', checkpoint,
                    '--device', 'cpu')  # fmt: skip
    mmsteal_command('infer', images, 'objects', '--device', 'cpu')
    common = ['--labels', 'coarse/4px', '--images', images, '--error-px', 4]
    mmsteal_command('refine', *PNG, *common, '--edges', 'edges', '--edge-classes', *CLASSES,
                    '--workers', 0, '--out', 'refined')  # fmt: skip
    mmsteal_command('refine', *PNG, *common, '--config', CONFIG, '--checkpoint', checkpoint,
                    '--device', 'cpu', '--workers', 1, '--out', 'refined_by_model')  # fmt: skip
    for image in Path('refined/labels').glob('*.png'):
        other = Path('refined_by_model/labels', image.name)
        assert image.read_bytes() == other.read_bytes(), 'edges of files and model differ'
    mmsteal_command('compare', 'refined/labels', exact, '--baseline', 'coarse/4px', *PNG,
                    '--out', 'compared.csv')  # fmt: skip
    rows = list(csv.DictReader(Path('compared.csv').read_text().splitlines()))
    assert all(0 < float(row['iou']) <= 1 for row in rows if row['image'] == 'all images')
    mmsteal_command('eval', '--data', 'folder', exact, '--names', *CLASSES, '--background', 0,
                    '--max-dist', 0.02, '--pred', 'edges', '--out', 'scores')  # fmt: skip
    assert Path('scores/results.json').is_file()


def refine_in_python(config: Path, checkpoint: Path) -> None:
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


def annotate(checkpoint: Path, port: int = 7869) -> None:
    """The page is served; where its extra is not installed, the command names it."""
    words = [SCRIPTS / 'mmsteal', 'annotate', '--config', CONFIG, '--checkpoint', checkpoint]
    words = [str(word) for word in (*words, '--device', 'cpu', '--port', port)]
    print('$', ' '.join(words), flush=True)
    if find_spec('gradio') is None:
        done = subprocess.run(words, capture_output=True, text=True)
        assert done.returncode == 1
        assert 'pip install "mmsteal[demo]"' in done.stderr, done.stderr
        print(done.stderr)
        return
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        try:
            page = fetch(f'http://127.0.0.1:{port}', process)
        finally:
            process.terminate()
            printed = process.communicate()[0].decode()
    assert 'mmsteal annotator' in page, printed
    print('the page is served')


def fetch(address: str, process: subprocess.Popen, patience_s: float = 300) -> str:
    """A page, once its server has started; empty if it ends before."""
    deadline = time.monotonic() + patience_s
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(address, timeout=10) as answer:
                return answer.read().decode()
        except OSError:
            time.sleep(0.5)
    return ''


def main() -> None:
    """Run all of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--mim', action='store_true', help='train and test through mim, too')
    args = parser.parse_args()
    package = Path(mmsteal.__file__).parent
    assert package.is_relative_to(sys.prefix), f'mmsteal comes from {package}, not from a wheel'
    assert not (package / '.mim' / 'configs').is_symlink()
    write_demo_set('data', num_train=4, num_val=2, size=(128, 128))
    explain_all()
    config, checkpoint = train_and_test()
    refine_and_compare(checkpoint)
    refine_in_python(config, checkpoint)
    annotate(checkpoint)
    mmsteal_command(
        'demo', '--work-dir', 'demo', '--num-train', 6, '--num-val', 2, '--max-iters', 3
    )  # fmt: skip
    train_with_mmseg()
    if args.mim:
        train_and_test_with_mim()
    print(f'mmsteal {mmsteal.__version__} works from its wheel, Python {sys.version.split()[0]}')


if __name__ == '__main__':
    main()
