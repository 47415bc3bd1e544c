"""Pretrained weights are loaded whole or the run stops; none are fetched at inference."""

import sys
from types import ModuleType, SimpleNamespace
from urllib.error import URLError

import pytest
import torch
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from torch import nn

from mmsteal.apis import EdgeInferencer
from mmsteal.models import TimmBackbone
from mmsteal.models.pretrained import without_pretrained
from tests.conftest import REPO

HEAD = dict(type='CASENetHead', in_channels=[8, 16], in_index=[0, 1], num_classes=3)


class TinyFeatures(nn.Module):
    """What timm's `features_only` networks offer."""

    def __init__(self, out_indices=(0, 1)):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.conv2 = nn.Conv2d(8, 16, 3, stride=2, padding=1)
        self.bn = nn.BatchNorm2d(16)
        self.out_indices = out_indices
        self.feature_info = SimpleNamespace(channels=lambda: [8, 16], reduction=lambda: [2, 4])

    def forward(self, x):
        first = self.conv1(x)
        return [[first, self.bn(self.conv2(first))][i] for i in self.out_indices]


@pytest.fixture
def timm(monkeypatch):
    """A timm with one tiny network; it notes what was asked of it."""
    module = ModuleType('timm')
    module.asked = []

    def create_model(model_name, *, features_only, pretrained, **options):
        module.asked.append((model_name, pretrained, options))
        if model_name != 'tiny':
            raise RuntimeError(f'Unknown model ({model_name})')
        options = {k: v for k, v in options.items() if k == 'out_indices'}
        return TinyFeatures(**options)

    module.create_model = create_model
    monkeypatch.setitem(sys.modules, 'timm', module)
    wrapper = sys.modules['mmseg.models.backbones.timm_backbone']
    monkeypatch.setattr(wrapper, 'timm', module)
    init_default_scope('mmseg')
    return module


def segmentor(backbone, **options):
    return MODELS.build(dict(type='EdgeEncoderDecoder', backbone=backbone,
                             decode_head={**HEAD, **options}, train_cfg=dict(),
                             test_cfg=dict(mode='whole')))  # fmt: skip


def write(path, state):
    torch.save(state, path)
    return dict(type='Pretrained', checkpoint=str(path))


def test_timm_levels_and_weights(timm, tmp_path):
    weights = TinyFeatures().state_dict()
    source = write(tmp_path / 'tiny.pth', {**weights, 'classifier.weight': torch.zeros(4, 16)})
    model = segmentor(dict(type='TimmBackbone', model='tiny', norm_eval=True, init_cfg=source))
    model.init_weights()
    backbone = model.backbone
    assert (backbone.out_channels, backbone.strides) == ([8, 16], [2, 4])
    for name, value in weights.items():
        torch.testing.assert_close(backbone.net.state_dict()[name], value)
    assert [tuple(x.shape[1:]) for x in backbone(torch.zeros(1, 3, 32, 32))] == [
        (8, 16, 16), (16, 8, 8),
    ]  # fmt: skip
    assert not backbone.train().net.bn.training
    assert [pretrained for _, pretrained, _ in timm.asked] == [False]


def test_timm_options_reach_the_network(timm):
    TimmBackbone('tiny', out_indices=(1,), output_stride=16, in_chans=3)
    assert timm.asked == [('tiny', False, dict(out_indices=(1,), output_stride=16, in_chans=3))]


def test_exception_unknown_to_timm(timm):
    with pytest.raises(ValueError, match=r'resnet999.*list_models'):
        TimmBackbone('resnet999')


def test_exception_no_timm(monkeypatch):
    monkeypatch.setitem(sys.modules, 'timm', None)
    with pytest.raises(ImportError, match=r'mmsteal\[timm\].*EfficientNetLite needs neither'):
        TimmBackbone('resnet18')


@pytest.mark.parametrize('lost', ['conv1.weight', 'conv2.weight'])
def test_exception_a_weight_is_missing(timm, tmp_path, lost):
    weights = {n: x for n, x in TinyFeatures().state_dict().items() if n != lost}
    source = write(tmp_path / 'part.pth', weights)
    model = segmentor(dict(type='TimmBackbone', model='tiny', init_cfg=source))
    with pytest.raises(ValueError, match=rf'1 of its 2 stayed random.*net\.{lost}.*init_cfg=None'):
        model.init_weights()


def test_exception_a_weight_of_another_shape(timm, tmp_path):
    weights = {**TinyFeatures().state_dict(), 'conv2.weight': torch.zeros(9, 8, 3, 3)}
    source = write(tmp_path / 'wide.pth', weights)
    model = segmentor(dict(type='TimmBackbone', model='tiny', init_cfg=source))
    with pytest.raises(ValueError, match=r'stayed random.*conv2'):
        model.init_weights()


def test_exception_mmseg_wrapper_with_a_plain_file_of_timm(timm, tmp_path):
    """It would train from scratch without a word."""
    source = write(tmp_path / 'plain.pth', TinyFeatures().state_dict())
    backbone = dict(type='TIMMBackbone', model_name='tiny', pretrained=False, init_cfg=source)
    with pytest.raises(
        ValueError, match=r'2 of its 2 stayed random.*timm_model.*names such as conv1'
    ):
        segmentor(backbone).init_weights()
    named = {f'timm_model.{n}': x for n, x in TinyFeatures().state_dict().items()}
    backbone['init_cfg'] = write(tmp_path / 'named.pth', named)
    segmentor(backbone).init_weights()


def test_own_backbones_load_and_are_checked(tmp_path):
    init_default_scope('mmseg')
    head = dict(in_channels=[8, 8, 16, 64], in_index=[0, 1, 2, 3])
    backbone = dict(type='CASENetResNet', depth=18, base_channels=8, stem_channels=8)
    weights = segmentor(backbone, **head).backbone.state_dict()
    source = write(tmp_path / 'whole.pth', {f'backbone.{n}': x for n, x in weights.items()})
    model = segmentor({**backbone, 'init_cfg': {**source, 'prefix': 'backbone.'}}, **head)
    model.init_weights()
    torch.testing.assert_close(model.backbone.conv1.weight, weights['conv1.weight'])
    model = segmentor({**backbone, 'init_cfg': source}, **head)
    with pytest.raises(ValueError, match=r'stayed random.*set `prefix`'):
        model.init_weights()


def test_exception_files(tmp_path):
    init_default_scope('mmseg')
    source = dict(type='Pretrained', checkpoint=str(tmp_path / 'none.pth'))
    head = dict(in_channels=[16, 24], in_index=[0, 1])
    backbone = dict(type='EfficientNetLite', out_indices=(0, 1), init_cfg=source)
    with pytest.raises(FileNotFoundError, match=r'none\.pth.*mmsteal convert-backbone'):
        segmentor(backbone, **head).init_weights()
    (tmp_path / 'none.pth').write_bytes(b'cut off')
    with pytest.raises(ValueError, match=r'none\.pth.*get it again'):
        segmentor(backbone, **head).init_weights()


def test_exception_no_network(monkeypatch, tmp_path):
    init_default_scope('mmseg')

    def no_network(*_, **__):
        raise URLError('no route to host')

    monkeypatch.setattr('torch.hub.urlopen', no_network)
    monkeypatch.setenv('TORCH_HOME', str(tmp_path))
    source = dict(type='Pretrained', checkpoint='https://example.org/weights.pth')
    backbone = dict(type='EfficientNetLite', out_indices=(0, 1), init_cfg=source)
    with pytest.raises(OSError, match=r'weights\.pth.*no route.*init_cfg=None'):
        segmentor(backbone, in_channels=[16, 24], in_index=[0, 1]).init_weights()


def test_config_without_pretrained():
    pretrained = dict(type='Pretrained', checkpoint='x.pth')
    config = dict(
        pretrained='x.pth',
        backbone=dict(type='mmseg.TIMMBackbone', checkpoint_path='x.pth'),
        neck=[dict(init_cfg=[dict(type='Kaiming'), pretrained]), dict(init_cfg=pretrained)],
    )
    assert without_pretrained(config) == dict(
        pretrained=None,
        backbone=dict(type='mmseg.TIMMBackbone', checkpoint_path='', pretrained=False),
        neck=[dict(init_cfg=[dict(type='Kaiming')]), dict(init_cfg=None)],
    )


def test_nothing_is_fetched_at_inference(timm):
    config = str(REPO / 'configs/steal_casenet_r18_camvid.py')
    options = {
        'model.backbone': dict(_delete_=True, type='TIMMBackbone', model_name='tiny'),
        'model.decode_head.in_channels': [8, 16],
        'model.decode_head.in_index': [0, 1],
    }
    EdgeInferencer(config, cfg_options=options, device='cpu')
    assert [pretrained for _, pretrained, _ in timm.asked] == [False]
