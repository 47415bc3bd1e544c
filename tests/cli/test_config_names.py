"""Configs by name, as `mmsteal::steal_demo.py`, wherever a config is taken."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from mmengine.config import Config

from mmsteal.apis import EdgeInferencer, load_run_config
from mmsteal.apis.run_config import find_config
from mmsteal.cli.dispatch import main
from tests.conftest import REPO

SMALL = {
    'model.backbone.base_channels': 4,
    'model.backbone.stem_channels': 4,
    'model.decode_head.in_channels': [4, 4, 8, 32],
}


@pytest.mark.parametrize('name', ['steal_demo.py', 'mix/pspnet_r18_camvid.py'])
def test_names_lead_to_the_files(name):
    assert Path(find_config(f'mmsteal::{name}')).samefile(REPO / 'configs' / name)


def test_configs_of_mmseg_have_names_too():
    path = find_config('mmseg::pspnet/pspnet_r50-d8_4xb2-40k_cityscapes-512x1024.py')
    assert Config.fromfile(path).model.decode_head.type == 'PSPHead'


def test_paths_stay(tmp_path):
    path = tmp_path / 'a.py'
    path.write_text('a = 1\n')
    assert find_config(path) == find_config(str(path)) == str(path)


@pytest.mark.parametrize('name', ['mmsteal::none.py', 'none.py'])
def test_missing_config_is_named(name):
    for call in (load_run_config, EdgeInferencer):
        with pytest.raises(FileNotFoundError, match=r'Expected .*none\.py'):
            call(name)


def test_run_config_and_inferencer_take_names():
    cfg = load_run_config('mmsteal::steal_demo.py', cfg_options={'train_cfg.max_iters': 3})
    assert cfg.work_dir == 'work_dirs/steal_demo'
    assert cfg.train_cfg.max_iters == 3
    inferencer = EdgeInferencer('mmsteal::steal_demo.py', device='cpu', cfg_options=SMALL)
    assert len(inferencer.classes) == 5


def test_print_config_takes_names_and_options(tmp_path, capsys):
    saved = tmp_path / 'whole.py'
    options = ['--save', str(saved), '--cfg-options', 'train_cfg.max_iters=3']
    main(['print-config', 'mmsteal::steal_demo.py', *options])
    assert 'ThinningNMSLoss' in capsys.readouterr().out
    assert Config.fromfile(saved).train_cfg.max_iters == 3


def test_base_for_a_program_that_does_not_know_mmsteal(tmp_path):
    """mmseg's own tools read the config before anything of mmsteal is imported."""
    config = tmp_path / 'mine.py'
    config.write_text("_base_ = [__import__('mmsteal') and 'mmsteal::steal_demo.py']\n")
    code = (
        'import sys\n'
        'from mmseg.registry import RUNNERS\n'
        'from mmengine.config import Config\n'
        "assert 'mmsteal' not in sys.modules\n"
        f'cfg = Config.fromfile({str(config)!r})\n'
        'from mmseg.registry import MODELS\n'
        "assert MODELS.get(cfg.model.type).__module__.startswith('mmsteal')\n"
    )
    done = subprocess.run(
        [sys.executable, '-c', code], capture_output=True, text=True, check=False,
        env={**os.environ, 'PYTHONPATH': str(REPO)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert config.read_text().split(' = ')[1].strip() in (REPO / 'docs/commands.md').read_text()
