"""The commands in docs/recipes.md and docs/mixing.md: tools, options and configs are there."""

import re
import shlex
import subprocess
import sys

import numpy as np
import pytest
from mmengine.config import Config
from mmseg.datasets import CityscapesDataset
from PIL import Image

import mmsteal  # noqa: F401  resolves `mmseg::` in configs
from mmsteal.label_formats import AnnotatedObject
from mmsteal.refinement.class_mapping import EdgeClasses, parse_class_map
from tests.conftest import REPO

TEXT = (REPO / 'docs' / 'recipes.md').read_text()
MIXING = (REPO / 'docs' / 'mixing.md').read_text()
TABLES = TEXT[TEXT.index("## Reproducing the paper's tables") :]
BLOCKS = '\n'.join(re.findall(r'```bash\n(.*?)```', TEXT + MIXING, re.DOTALL)).replace('\\\n', ' ')
COMMANDS = [
    line for line in BLOCKS.splitlines() if re.match(r'python (tools|benchmarks)/|tools/', line)
]
MINE = 'configs/mine.py'  # what the reader writes
CONFIGS = sorted({*re.findall(r'configs/[\w/-]+\.py', TEXT + MIXING)} - {MINE})


def test_every_table_and_figure_has_commands():
    for number in range(1, 8):
        assert f'Table {number}' in TABLES or f'Tables {number}' in TABLES
    for heading in ('### Figure 5', '### Figure 6'):
        assert 'tools/test.py' in TABLES.split(heading)[1].split('###')[0]
    assert len(COMMANDS) > 15


def test_configs_exist():
    """Other tests build and train them."""
    assert len(CONFIGS) > 25
    assert not [name for name in CONFIGS if not (REPO / name).is_file()]


# Options that the text names, and the config that they are for.
OPTIONS = [
    ('custom_hooks.1.begin', 'configs/steal_casenet_sbd.py'),
    ('custom_hooks.1.begin', 'configs/steal_casenet_sbd_noise8.py'),
    ('model.decode_head.loss_decode.1.loss_weight', 'configs/steal_casenet_sbd.py'),
    ('model.decode_head.loss_decode.2.loss_weight', 'configs/steal_casenet_sbd_noise8.py'),
    ('train_dataloader.batch_size', 'configs/mix/deeplabv3plus_r101_cityscapes_fine.py'),
]


def check_key(cfg, key):
    """A dotted key is in the config; the last part may be an option that has a default."""
    *parents, _ = key.split('.')
    value = cfg
    for part in parents:
        value = value[int(part)] if part.isdigit() else value[part]
    return value


@pytest.mark.parametrize(('key', 'name'), OPTIONS)
def test_named_options_are_in_the_configs(key, name):
    assert key in TABLES
    place = check_key(Config.fromfile(REPO / name), key)
    assert key.split('.')[-1] in place
    if key.startswith('custom_hooks'):
        assert place['type'] == 'LevelSetAlignHook'
        assert Config.fromfile(REPO / name).train_cfg.max_iters == 70000
    if 'loss_weight' in key:
        assert place['type'] in ('ThinningNMSLoss', 'DirectionLoss')


def test_figure_6_refines_eight_classes():
    (command,) = [line for line in COMMANDS if '--class-map' in line]
    words = shlex.split(command)
    told = words[words.index('--class-map') + 1 : words.index('--scale')]
    names = CityscapesDataset.METAINFO['classes']
    classes = EdgeClasses(names, parse_class_map(told))
    found = [name for name in names if classes(AnnotatedObject(0, name)) >= 0]
    assert found == ['person', 'rider', 'car', 'truck', 'bus', 'train', 'motorcycle', 'bicycle']


def test_table_6_validates_on_the_whole_test_set(tmp_path):
    (block,) = re.findall(r'```python\n(_base_ = .*?)```', TABLES, re.DOTALL)
    path = tmp_path / 'mine.py'
    path.write_text(block.replace('./', f'{REPO}/configs/'))
    dataset = Config.fromfile(path).val_dataloader.dataset
    assert (dataset.type, dataset.ann_file, dataset.hold_out) == ('SBDEdgeDataset', 'val.txt', 0)


def test_iou_of_label_files(tmp_path):
    (block,) = re.findall(r'```python\n(import sys.*?)```', TABLES, re.DOTALL)
    fine, coarse = np.zeros((10, 20), np.uint8), np.zeros((10, 20), np.uint8)
    ids = (24, 25, 26, 27, 28, 31, 32, 33)
    for column, value in enumerate(ids):
        fine[:, 2 * column : 2 * column + 2] = value
        coarse[: 10 if value == 26 else 5, 2 * column : 2 * column + 2] = value
    for name, labels in (('gtFine', fine), ('gtCoarse', coarse)):
        folder = tmp_path / name / 'city'
        folder.mkdir(parents=True)
        Image.fromarray(labels).save(folder / f'city_000000_000019_{name}_labelIds.png')
    words = [sys.executable, '-c', block, tmp_path / 'gtCoarse', tmp_path / 'gtFine']
    found = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    assert '[ 50.  50. 100.  50.  50.  50.  50.  50.]' in found
    assert 'mean 56.25' in found
