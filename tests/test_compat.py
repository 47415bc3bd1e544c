"""Each repair of the stack, on the stack that is installed."""

import importlib
import os
import sys
from importlib.metadata import PackageNotFoundError
from importlib.util import find_spec
from urllib.error import URLError

import mmengine.config
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmseg.registry import HOOKS, MODELS

from mmsteal import mm_stack  # noqa: F401
from mmsteal.compat import (
    enable_bases,
    hide_broken_timm,
    prepare_distributed,
    stand_in_for_ops,
)
from tests.conftest import REPO


def test_bases_of_mmseg_are_found(tmp_path):
    path = tmp_path / 'mine.py'
    path.write_text("_base_ = 'mmseg::_base_/models/fcn_hr18.py'")
    assert Config.fromfile(path).model.backbone.type == 'HRNet'


@pytest.mark.parametrize('name', ['steal_demo_aligned.py', 'mix/deeplabv3plus_r18_demo.py'])
def test_own_configs_are_bases(tmp_path, name):
    """Also twice repaired, and built where another library's scope is the default."""
    enable_bases(mmengine.config)
    path = tmp_path / 'mine.py'
    path.write_text(f"_base_ = ['mmsteal::{name}']\ndata_root = 'mine'\n")
    cfg = Config.fromfile(path)
    assert cfg.data_root == 'mine'
    own = Config.fromfile(REPO / 'configs' / name)
    assert cfg.train_cfg.max_iters == own.train_cfg.max_iters
    cfg.model.backbone.init_cfg = None
    with DefaultScope.overwrite_default_scope('mmengine'):
        model = MODELS.build(cfg.model)
        hooks = [HOOKS.build(hook) for hook in cfg.get('custom_hooks', [])]
    assert type(model).__name__ == own.model.type
    assert len(hooks) == (2 if 'aligned' in name else 0)


def test_unknown_own_config_is_named(tmp_path):
    path = tmp_path / 'mine.py'
    path.write_text("_base_ = 'mmsteal::steal_none.py'")
    with pytest.raises(FileNotFoundError, match=r'steal_none\.py'):
        Config.fromfile(path)


@pytest.mark.parametrize('lite', [True, False])
def test_ops_that_are_missing_say_so(monkeypatch, lite):
    monkeypatch.setitem(sys.modules, 'mmcv._ext', None)
    monkeypatch.delitem(sys.modules, 'mmcv._ext')

    def version_of(package):
        if not lite:
            raise PackageNotFoundError(package)
        return '2.1.0'

    monkeypatch.setattr('mmsteal.compat.version', version_of)
    stand_in_for_ops()
    assert ('mmcv._ext' in sys.modules) is lite
    if lite:
        from mmcv.utils import ext_loader

        assert find_spec('mmcv._ext').loader is None  # as mmengine asks for it
        ops = ext_loader.load_ext('_ext', ['nms'])
        with pytest.raises(RuntimeError, match='`nms`, but got mmcv-lite'):
            ops.nms(1)


@pytest.mark.parametrize('error', ['RuntimeError', 'ImportError', None])
def test_a_broken_timm_is_none(monkeypatch, tmp_path, error):
    """As beside a torchvision of another torch; mmseg asks for ImportErrors only."""
    (tmp_path / 'timm.py').write_text(f'raise {error}("operator nms")' if error else '')
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, 'timm', raising=False)
    hide_broken_timm()
    if error:
        with pytest.raises(ImportError):
            importlib.import_module('timm')
    else:
        importlib.import_module('timm')
    sys.modules.pop('timm', None)


@pytest.fixture
def offline(monkeypatch, tmp_path):
    """No torchvision, and a network that resolves no name; gives the folder of kept downloads."""

    def refuse(*args, **kwargs):
        raise URLError('no such host')

    monkeypatch.setitem(sys.modules, 'torchvision', None)
    monkeypatch.setattr('urllib.request.urlopen', refuse)
    monkeypatch.setattr('torch.hub.urlopen', refuse)
    monkeypatch.setenv('TORCH_HOME', str(tmp_path))
    return tmp_path / 'hub' / 'checkpoints'


def pretrained_resnet(name):
    """As in the configs, but small."""
    init_cfg = dict(type='Pretrained', checkpoint=name)
    return MODELS.build(dict(type='CASENetResNet', depth=18, init_cfg=init_cfg))


def test_weights_of_torchvision_need_no_torchvision(offline):
    """Only a download, which is here already."""
    model = MODELS.build(dict(type='CASENetResNet', depth=18))
    state = {k: torch.full_like(v, 3) for k, v in model.state_dict().items()}
    offline.mkdir(parents=True)
    torch.save(state, offline / 'resnet18-f37072fd.pth')
    model = pretrained_resnet('torchvision://resnet18')
    model.init_weights()
    assert all((value == 3).all() for value in model.state_dict().values())


def test_weights_without_a_network_name_the_ways_out(offline):
    model = pretrained_resnet('torchvision://resnet18')
    kept = offline / 'resnet18-f37072fd.pth'
    with pytest.raises(OSError, match='Cannot fetch the weights') as error:
        model.init_weights()
    for words in (
        'resnet18-f37072fd.pth',
        'no such host',
        str(kept),
        'model.backbone.init_cfg.checkpoint=FILE',
        'model.backbone.init_cfg=None',
    ):
        assert words in str(error.value)


def test_newer_weights_of_torchvision_need_torchvision(offline):
    model = pretrained_resnet('torchvision://resnet50.imagenet1k_v2')
    with pytest.raises(ImportError, match=r'resnet50\.imagenet1k_v2(.|\n)*init_cfg=None'):
        model.init_weights()


def test_slurm_without_cuda_joins_over_gloo(monkeypatch):
    monkeypatch.setattr('torch.cuda.is_available', lambda: False)
    for name in ('RANK', 'WORLD_SIZE', 'LOCAL_RANK', 'MASTER_ADDR', 'MASTER_PORT'):
        monkeypatch.setenv(name, '')  # so that it is restored, whatever the code sets
        monkeypatch.delenv(name)
    for name, value in (('PROCID', '1'), ('NTASKS', '4'), ('LOCALID', '1')):
        monkeypatch.setenv(f'SLURM_{name}', value)
    monkeypatch.setenv('SLURM_LAUNCH_NODE_IPADDR', '10.0.0.7')
    calls = []
    monkeypatch.setattr('torch.distributed.init_process_group', calls.append)
    cfg = Config(dict(launcher='slurm', model_wrapper_cfg=dict(find_unused_parameters=True)))
    prepare_distributed(cfg)
    assert calls == ['gloo']
    names = ('RANK', 'WORLD_SIZE', 'LOCAL_RANK', 'MASTER_ADDR')
    assert [os.environ[n] for n in names] == ['1', '4', '1', '10.0.0.7']
    assert cfg.model_wrapper_cfg.device_ids is None
    assert cfg.model_wrapper_cfg.find_unused_parameters is True


def test_nothing_changes_with_cuda(monkeypatch):
    monkeypatch.setattr('torch.cuda.is_available', lambda: True)
    cfg = Config(dict(launcher='pytorch'))
    prepare_distributed(cfg)
    assert 'model_wrapper_cfg' not in cfg


def test_bfloat16_runs_the_forward_pass_in_bfloat16():
    from mmsteal.engine import BFloat16OptimWrapper

    model = torch.nn.Linear(4, 2)
    optim = BFloat16OptimWrapper(torch.optim.SGD(model.parameters(), lr=0.1))
    with optim.optim_context(model):
        out = model(torch.ones(1, 4))
    assert out.dtype == torch.bfloat16
    before = model.weight.detach().clone()
    optim.update_params(out.float().sum())
    assert model.weight.dtype == torch.float32
    assert not torch.equal(before, model.weight)
