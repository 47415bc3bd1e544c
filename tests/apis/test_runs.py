"""Several runs in one process: each has a log, curves and pictures of its own."""

import json
import re
from copy import deepcopy

import numpy as np
import pytest
from mmengine.config import Config

from mmsteal.apis import build_runner
from tests.engine.disk_run import CONFIG


def config_of(work_dir, **changes):
    # a loader makes it a training without any data
    loader = dict(
        batch_size=1, dataset=dict(type='EdgeDataset'), sampler={'type': 'InfiniteSampler'}
    )
    changes = dict(work_dir=str(work_dir), train_dataloader=loader, log_level='INFO', **changes)
    return Config({**deepcopy(CONFIG), **changes})


def files_of(work_dir, pattern):
    return sorted(path.name for path in work_dir.glob(f'*/vis_data/{pattern}'))


@pytest.mark.parametrize('name', [None, 'visualizer'])
def test_each_run_writes_into_its_own_folder(tmp_path, name):
    visualizer = dict(CONFIG['visualizer'], **({} if name is None else dict(name=name)))
    runners = {}
    for number in range(3):
        cfg = config_of(tmp_path / f'{number}', visualizer=visualizer)
        before = deepcopy(cfg.to_dict())
        runners[number] = build_runner(cfg)
        assert cfg.to_dict() == before
    for number, runner in runners.items():
        runner.visualizer.add_scalar('loss', float(number), step=1)
        runner.visualizer.add_image(f'picture{number}', np.zeros((8, 8, 3), np.uint8), step=1)
        runner.logger.info(f'run number {number}')
    for number in runners:
        work_dir = tmp_path / f'{number}'
        assert files_of(work_dir, 'vis_image/*.png') == [f'picture{number}_1.png']
        (scalars,) = work_dir.glob('*/vis_data/scalars.json')
        assert json.loads(scalars.read_text())['loss'] == number
        (log,) = work_dir.glob('*/*.log')
        assert [n for n in runners if f'run number {n}' in log.read_text()] == [number]
    assert len({id(runner.message_hub) for runner in runners.values()}) == 3


def test_runs_are_called_as_their_configs(tmp_path):
    path = tmp_path / 'disks.py'
    config_of(tmp_path / 'work').dump(path)
    names = [build_runner(Config.fromfile(path)).experiment_name for _ in range(2)]
    assert re.fullmatch(r'disks_\d{8}_\d{6}', names[0])
    assert re.fullmatch(r'disks_2_\d{8}_\d{6}', names[1])
    named = config_of(tmp_path / 'work', experiment_name='trial')
    assert re.fullmatch(r'trial_\d{8}_\d{6}', build_runner(named).experiment_name)


def test_a_config_without_visualizer(tmp_path):
    runner = build_runner(config_of(tmp_path / 'a', visualizer=None))
    runner.visualizer.add_scalar('loss', 1.0, step=1)
    assert files_of(tmp_path / 'a', '*.json') == ['scalars.json']
