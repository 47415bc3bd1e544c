"""Training that resumes from what a kill, a bad disk or a person left."""

import os
import shutil

import pytest
import torch
from mmengine.hooks import CheckpointHook

from mmsteal.apis.last_checkpoint import is_whole_checkpoint, last_checkpoint
from mmsteal.cli import train as train_command
from mmsteal.engine import WholeCheckpointHook
from tests.faults.toy_training import run_training, trained, write_config


@pytest.fixture(scope='module')
def config(tmp_path_factory):
    """Three checkpoints are kept."""
    return write_config(tmp_path_factory.mktemp('config') / 'config.py', keep=3)


@pytest.fixture(scope='module')
def whole(config, tmp_path_factory):
    """An uninterrupted run of 8 iterations."""
    work_dir = tmp_path_factory.mktemp('whole') / 'run'
    run_training(config, work_dir)
    return work_dir


@pytest.fixture
def run(whole, tmp_path):
    """The same, to be damaged."""
    shutil.copytree(whole, tmp_path / 'run')
    (tmp_path / 'run/last_checkpoint').write_text(str(tmp_path / 'run/iter_8.pth'))
    return tmp_path / 'run'


def cut(path):
    path.write_bytes(path.read_bytes()[:-100])


def zeros(path):
    """As a power cut leaves a file that was never flushed."""
    path.write_bytes(bytes(path.stat().st_size))


def flip(path):
    content = bytearray(path.read_bytes())
    content[content.index(b'state_dict') + 3] ^= 1
    path.write_bytes(bytes(content))


@pytest.mark.parametrize('damage', [cut, zeros, flip, os.unlink, os.truncate])
def test_the_newest_whole_checkpoint_serves_and_is_named(run, whole, config, damage, capsys):
    damage(run / 'iter_8.pth', *([0] if damage is os.truncate else []))
    assert last_checkpoint(run) == str(run / 'iter_6.pth')
    told = capsys.readouterr().err
    assert 'iter_8.pth is missing or damaged' in told
    assert f'resuming from {run / "iter_6.pth"}' in told
    run_training(config, run)
    assert trained(run) == trained(whole)


@pytest.mark.parametrize('content', [None, '', '\n', '\x00\x00', 'work_dirs/gone/iter_9.pth'])
def test_no_use_of_the_file_that_names_the_last(run, whole, config, content, capsys):
    (run / 'last_checkpoint').unlink()
    if content is not None:
        (run / 'last_checkpoint').write_text(content)
    assert last_checkpoint(run) == str(run / 'iter_8.pth')
    assert 'resuming from' in capsys.readouterr().err
    run_training(config, run)
    assert trained(run) == trained(whole)


def test_a_run_that_was_copied_or_moved(run, whole, config, capsys):
    (run / 'last_checkpoint').write_text(str(whole / 'iter_8.pth'))
    before = {path.name: path.read_bytes() for path in whole.glob('*.pth')}
    assert last_checkpoint(run) == str(run / 'iter_8.pth')
    assert capsys.readouterr().err == ''
    run_training(config, run, '--cfg-options', 'train_cfg.max_iters=16')
    assert (run / 'last_checkpoint').read_text() == str(run / 'iter_16.pth')
    assert {path.name: path.read_bytes() for path in whole.glob('*.pth')} == before


def test_all_damaged_is_an_error(run, config, capsys):
    for path in run.glob('iter_*.pth'):
        cut(path)
    with pytest.raises(SystemExit, match=r'all are damaged: .*remove them to begin anew'):
        run_training(config, run)
    for path in run.glob('*.pth'):
        path.unlink()
    assert last_checkpoint(run) is None
    assert 'beginning anew' in capsys.readouterr().err


def test_nothing_yet(tmp_path, config):
    assert last_checkpoint(tmp_path) is None
    with pytest.raises(SystemExit, match=r'Expected a checkpoint at .*none\.pth'):
        train_command.main(
            [str(config), '--work-dir', str(tmp_path), '--resume', str(tmp_path / 'none.pth')]
        )


def test_files_that_are_no_checkpoints(tmp_path):
    for name, content in (('a', b''), ('b', b'PK\x03\x04'), ('c', b'\x80\x02}q')):
        (tmp_path / name).write_bytes(content)
        assert not is_whole_checkpoint(tmp_path / name)
    shutil.make_archive(str(tmp_path / 'd'), 'zip', tmp_path, 'a')
    assert not is_whole_checkpoint(tmp_path / 'd.zip')
    assert not is_whole_checkpoint(tmp_path / 'gone')
    torch.save({'a': torch.zeros(3)}, tmp_path / 'e')
    assert is_whole_checkpoint(tmp_path / 'e')


def test_longer_runs_keep_the_best_of_the_shorter(config, whole, tmp_path):
    """Trained to 4, then to 8: as at once."""
    run_training(config, tmp_path, '--cfg-options', 'train_cfg.max_iters=4')
    run_training(config, tmp_path)
    assert trained(tmp_path) == trained(whole)


def test_the_best_of_another_run_is_not_removed(config, run, whole, tmp_path):
    """A run that goes on elsewhere, from a checkpoint of the first."""
    before = {path.name: path.read_bytes() for path in run.glob('*.pth')}
    other = tmp_path / 'other'
    more = ['--cfg-options', 'train_cfg.max_iters=16']
    run_training(config, other, '--resume', run / 'iter_8.pth', *more)
    assert {path.name: path.read_bytes() for path in run.glob('*.pth')} == before
    assert (other / 'iter_16.pth').is_file()


def test_checkpoints_of_the_hook_of_mmengine_serve(tmp_path, whole):
    """And the other way round."""
    ours = write_config(tmp_path / 'ours.py', keep=3)
    theirs = tmp_path / 'theirs.py'
    theirs.write_text(ours.read_text() + "default_hooks['checkpoint']['type'] = 'CheckpointHook'\n")
    first, second = tmp_path / 'first', tmp_path / 'second'
    run_training(theirs, first, '--cfg-options', 'train_cfg.max_iters=4')
    run_training(ours, first)
    run_training(ours, second, '--cfg-options', 'train_cfg.max_iters=4')
    run_training(theirs, second)
    expected = trained(whole)
    for work_dir in (first, second):
        found = trained(work_dir)
        assert found['iter_8.pth'] == expected['iter_8.pth']
        assert found.keys() == expected.keys()


def test_options_are_those_of_mmengine():
    options = dict(interval=3, by_epoch=False, max_keep_ckpts=2, save_best='a', rule='less')
    ours, theirs = WholeCheckpointHook(**options), CheckpointHook(**options)
    assert isinstance(ours, CheckpointHook)
    assert ours.priority == theirs.priority
    for name in ('interval', 'by_epoch', 'max_keep_ckpts', 'save_best', 'rules', 'filename_tmpl'):
        assert getattr(ours, name) == getattr(theirs, name)
