"""Checkpoints on the stack that is installed: its own load, and nothing in them is run."""

import io
import os
import pickle
import subprocess
import sys
from collections import OrderedDict

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer
from mmengine.runner import checkpoint as mm_checkpoint
from mmengine.runner.checkpoint import CheckpointLoader

from mmsteal import mm_stack  # noqa: F401
from mmsteal.safe_checkpoints import load_weights, restrict_checkpoints
from tests.conftest import REPO


class Call:
    """Calls a function when it is unpickled."""

    def __init__(self, function, *args):
        self.call = function, args

    def __reduce__(self):
        return self.call


class Opaque:
    """Something else than weights."""


def contents():
    """What the checkpoint of a run holds."""
    history = HistoryBuffer([1.0, 2.5], [1, 1])
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.ones(3))], lr=0.1, momentum=0.9)
    return dict(
        meta=dict(epoch=1, iter=np.int64(3), cfg='a = 1', dataset_meta=dict(classes=('a', 'b'))),
        state_dict=OrderedDict(weight=torch.arange(3.0)),
        message_hub=dict(
            log_scalars=OrderedDict(loss=history),
            runtime_info=OrderedDict(best=np.float32(0.5), flag=np.bool_(True)),
            resumed_keys=OrderedDict(loss=True),
        ),
        optimizer=optimizer.state_dict(),
        LevelSetAlignHook=dict(round=2, folder='a'),
        arrays=[np.zeros((2, 3), 'f4'), np.arange(4), np.array([True]), np.empty(0, 'u1')],
    )


def attacks(marker):
    """Contents that would make the file `marker` if they were run."""
    touch = Call(open, str(marker), 'w')
    yield 'call', dict(state_dict={}, meta=touch)
    yield 'eval', dict(meta=Call(eval, f'open({str(marker)!r}, "w")'))
    yield 'attribute', dict(meta=Call(getattr, HistoryBuffer, '__init__'))
    yield 'method', dict(meta=Call(getattr, np.ndarray, 'tofile'))
    history = HistoryBuffer([1.0], [1])
    history.__dict__['_log_history'] = touch
    yield 'history', dict(message_hub=dict(log_scalars=dict(loss=history)))
    yield 'class', dict(state_dict=Opaque())
    yield 'module', dict(state_dict=torch.nn.Linear(2, 2))


ATTACKS = [name for name, _ in attacks('')]


@pytest.fixture(params=['fork', 'openmmlab'])
def loader(request, monkeypatch):
    """How mmengine loads; the families differ in one helper."""
    monkeypatch.setattr(CheckpointLoader, '_schemes', dict(CheckpointLoader._schemes))
    for name in ('_safe_torch_load', 'load_url'):
        monkeypatch.setattr(mm_checkpoint, name, None, raising=False)
    if request.param == 'openmmlab':
        monkeypatch.delattr(mm_checkpoint, '_safe_torch_load')
    restrict_checkpoints()
    return lambda path: CheckpointLoader.load_checkpoint(str(path), map_location='cpu')


def test_own_checkpoints_load_whole(tmp_path, loader):
    torch.save(contents(), tmp_path / 'own.pth')
    found, expected = loader(tmp_path / 'own.pth'), contents()
    assert found.keys() == expected.keys()
    assert found['meta'] == expected['meta']
    assert torch.equal(found['state_dict']['weight'], expected['state_dict']['weight'])
    history = found['message_hub']['log_scalars']['loss']
    assert [history.mean(), history.max(), history.current()] == [1.75, 2.5, 2.5]
    assert history.statistics('min') == 1
    for one, other in zip(found['arrays'], expected['arrays'], strict=True):
        np.testing.assert_array_equal(one, other)
        assert one.dtype == other.dtype


@pytest.mark.parametrize('name', ATTACKS)
@pytest.mark.parametrize('zipped', [True, False])
def test_nothing_is_run(tmp_path, loader, name, zipped):
    path, marker = tmp_path / 'bad.pth', tmp_path / 'marker'
    torch.save(dict(attacks(marker))[name], path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(ValueError, match=r'bad\.pth.*(.|\n)*--trust-checkpoint.*TRUST_CHECKP'):
        loader(path)
    assert not marker.exists()


def test_nothing_is_run_from_a_plain_pickle(tmp_path, loader):
    path, marker = tmp_path / 'bad.pth', tmp_path / 'marker'
    path.write_bytes(pickle.dumps(Call(open, str(marker), 'w'), 2))
    with pytest.raises(ValueError, match=r'bad\.pth'):
        loader(path)
    assert not marker.exists()


@pytest.mark.parametrize('name', ['call', 'class'])
def test_who_trusts_a_file_says_so(tmp_path, loader, monkeypatch, name):
    path, marker = tmp_path / 'known.pth', tmp_path / 'marker'
    torch.save(dict(attacks(marker))[name], path)
    monkeypatch.setenv('MMSTEAL_TRUST_CHECKPOINTS', '0')
    with pytest.raises(ValueError, match='trust'):
        loader(path)
    monkeypatch.setenv('MMSTEAL_TRUST_CHECKPOINTS', '1')
    if name == 'class':
        assert isinstance(loader(path)['state_dict'], Opaque)
    else:
        loader(path)
        assert marker.exists()


def test_damaged_files(tmp_path, loader):
    path = tmp_path / 'cut.pth'
    torch.save(contents(), path)
    whole = path.read_bytes()
    for content in (b'', b'no checkpoint', whole[: len(whole) // 2], whole[:-1], whole[10:]):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r'cut\.pth to be a checkpoint'):
            loader(path)
    with pytest.raises(FileNotFoundError, match=r'none\.pth'):
        loader(tmp_path / 'none.pth')


def test_what_comes_over_the_network_is_not_run_either(tmp_path, monkeypatch, loader):
    monkeypatch.setenv('TORCH_HOME', str(tmp_path))
    folder = tmp_path / 'hub' / 'checkpoints'  # as if it had been fetched
    folder.mkdir(parents=True)
    torch.save(dict(attacks(tmp_path / 'marker'))['call'], folder / 'bad.pth')
    torch.save(contents(), folder / 'good.pth')
    address = 'https://example.invalid/'
    with pytest.raises(ValueError, match=r'bad\.pth.*--trust-checkpoint'):
        mm_checkpoint.load_url(f'{address}bad.pth', map_location='cpu')
    assert not (tmp_path / 'marker').exists()
    found = mm_checkpoint.load_url(f'{address}good.pth', map_location='cpu')
    assert found['meta']['epoch'] == 1


def test_open_files(tmp_path):
    buffer = io.BytesIO()
    torch.save(contents(), buffer)
    buffer.seek(0)
    assert load_weights(buffer)['meta']['epoch'] == 1


COMMANDS = {
    'infer': ['infer', 'a.png', 'out', '--config', 'mmsteal::steal_demo.py',
              '--checkpoint', 'bad.pth'],
    'test': ['test', 'mmsteal::steal_demo.py', 'bad.pth', '--work-dir', 'w'],
    'refine': ['refine', '--format', 'png', '--labels', 'l', '--images', 'l', '--out', 'o',
               '--config', 'mmsteal::steal_demo.py', '--checkpoint', 'bad.pth'],
    'label-studio': ['label-studio', '--data-root', '.', '--port', '0', '--config',
                     'mmsteal::steal_demo.py', '--checkpoint', 'bad.pth'],
}  # fmt: skip


@pytest.mark.parametrize('name', ['infer', 'label-studio'])
def test_commands_run_nothing(tmp_path, name):
    torch.save(dict(attacks(tmp_path / 'marker'))['call'], tmp_path / 'bad.pth')
    (tmp_path / 'l').mkdir()
    done = subprocess.run(
        [sys.executable, '-m', 'mmsteal', *COMMANDS[name]],
        cwd=tmp_path, capture_output=True, text=True,
        env={**os.environ, 'PYTHONPATH': str(REPO)},
    )  # fmt: skip
    assert done.returncode == 1
    assert '--trust-checkpoint' in done.stderr.splitlines()[-1]
    assert 'Traceback' not in done.stderr
    assert not (tmp_path / 'marker').exists()


@pytest.mark.parametrize('name', sorted(COMMANDS))
def test_commands_take_the_option(name, monkeypatch):
    import importlib

    module = {'infer': 'infer_edges', 'label-studio': 'label_studio_backend'}.get(name, name)
    parser = importlib.import_module(f'mmsteal.cli.{module}').build_parser()
    monkeypatch.setenv('MMSTEAL_TRUST_CHECKPOINTS', '')
    parser.parse_args([*COMMANDS[name][1:], '--trust-checkpoint'])
    assert os.environ['MMSTEAL_TRUST_CHECKPOINTS'] == '1'
