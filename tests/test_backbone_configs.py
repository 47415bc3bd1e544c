"""The edge head on each backbone: trains, predicts, is evaluated; levels that do not fit."""

import re

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample

from mmsteal.models import CASENetHead, EdgeHeadWrapper
from tests.conftest import REPO
from tests.tiny_runs import CAMVID_OPTIONS, run_tiny, write_camvid

FOLDER = REPO / 'configs' / 'backbones'
CONFIGS = [*sorted(FOLDER.glob('*.py')), REPO / 'configs' / 'steal_mit-b0_camvid.py']
# Training runs on thinner networks of the same kind; those of the configs are built and asked for a
# prediction in the test after it.
LIGHTER = {
    'steal_r50_camvid': {
        'model.backbone.base_channels': 16,
        'model.backbone.stem_channels': 16,
        'model.decode_head.in_channels': [64, 128, 256, 512],
    },
    'steal_hrnet-w18_camvid': {
        f'model.backbone.extra.stage{i}.{key}': value
        for i in (2, 3, 4)
        for key, value in (('num_modules', 1), ('num_blocks', (1,) * i))
    },
    'steal_swin-t_camvid': {'model.backbone.depths': (1, 1, 2, 1)},
    'steal_vit-b_camvid': {
        'model.backbone.embed_dims': 96,
        'model.neck.embed_dim': 96,
        'model.decode_head.in_channels': [96] * 4,
    },
    'steal_mscan-t_camvid': {'model.backbone.depths': [1, 1, 1, 1]},
}


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    return write_camvid(tmp_path_factory.mktemp('camvid'))


@pytest.mark.parametrize('path', CONFIGS, ids=lambda p: p.stem)
def test_backbone_trains_and_is_evaluated(path, data, tmp_path):
    runner, losses, metrics = run_tiny(
        path, data, tmp_path, options={**CAMVID_OPTIONS, **LIGHTER.get(path.stem, {})}
    )
    for name in ('decode.loss_bce', 'decode.loss_nms', 'decode.loss_dir', 'decode.side5.loss_bce'):
        assert np.isfinite(losses[name]), name
        assert losses[name] > 0, name
    assert np.isfinite(metrics['edge/MF_ODS'])
    assert metrics['edge/num_classes'] == 3
    # Every level has learnt something.
    head = runner.model.decode_head
    assert all(conv.bias.abs().sum() > 0 for conv in (*head.sides, head.side5))


@pytest.mark.parametrize('path', CONFIGS, ids=lambda p: p.stem)
def test_any_image_size(path):
    cfg = Config.fromfile(path)
    init_default_scope('mmseg')
    model = MODELS.build(cfg.model).eval()
    size = (45, 70)
    sample = SegDataSample(metainfo=dict(ori_shape=size, img_shape=size))
    image = torch.zeros(3, *size, dtype=torch.uint8)
    with torch.no_grad():
        out = model.test_step(dict(inputs=[image], data_samples=[sample]))[0].pred_edge_map.data
    assert out.shape == (11, *size)


def make_levels(channels=(8, 16, 32), size=32):
    return [torch.zeros(2, c, size >> i, size >> i) for i, c in enumerate(channels)]


def make_head(**options):
    config = dict(in_channels=[8, 16, 32], in_index=[0, 1, 2], num_classes=3)
    return CASENetHead(**{**config, **options})


def test_exception_channels_name_the_line_to_set():
    with pytest.raises(ValueError, match=r'CASENetHead.*set the head.*in_channels=\[8, 16, 32\]'):
        make_head(in_channels=[8, 16, 64])(make_levels())


def test_exception_missing_level():
    with pytest.raises(ValueError, match=r'returns 3.*\[8, 16, 32\].*out_indices'):
        make_head(in_index=[1, 2, 3])(make_levels())


def test_exception_single_tensor():
    with pytest.raises(ValueError, match='one tensor'):
        make_head()(torch.zeros(2, 8, 32, 32))


def test_exception_finest_level_is_not_first():
    head = make_head(in_index=[2, 1, 0], in_channels=[32, 16, 8])
    with pytest.raises(ValueError, match=r'finest.*in_index'):
        head(make_levels())


def test_exception_strides_that_contradict_the_levels():
    strides = dict(upsample='upconv', in_strides=[1, 2, 8])
    with pytest.raises(ValueError, match=r'in_strides=\[1, 2, 8\]'):
        make_head(**strides)(make_levels(size=128))
    make_head(upsample='upconv', in_strides=[1, 2, 4])(make_levels(size=128))


@pytest.mark.parametrize(
    ('config', 'message'),
    [
        (dict(type='FCNHead', in_channels=64, in_index=2, channels=4), 'FCNHead.*in_channels=32'),
        (dict(type='FCNHead', in_channels=8, in_index=5, channels=4), r'in_index=\[5\].*FCNHead'),
        (
            dict(type='SegformerHead', in_channels=[8, 16, 64], in_index=[0, 1, 2], channels=4),
            r'SegformerHead.*in_channels=\[8, 16, 32\]',
        ),
        (
            dict(
                type='FCNHead', in_channels=[8, 64], in_index=[0, 1], channels=4,
                input_transform='resize_concat',
            ),
            r'in_channels=\[8, 16\]',
        ),
    ],
)  # fmt: skip
def test_exception_wrapped_head(config, message):
    init_default_scope('mmseg')
    with pytest.raises(ValueError, match=message):
        EdgeHeadWrapper(config, num_classes=3)(make_levels())


def test_concatenated_levels_fit():
    init_default_scope('mmseg')
    head = EdgeHeadWrapper(
        dict(
            type='FCNHead', in_channels=[8, 16], in_index=[0, 1], channels=4,
            input_transform='resize_concat',
        ),
        num_classes=3,
    )  # fmt: skip
    assert head(make_levels())['fused'].shape == (2, 3, 32, 32)


def test_documented_pairing_runs(tmp_path):
    text = (REPO / 'docs' / 'backbones.md').read_text()
    blocks = re.findall(r'```python\n(.*?)```', text, re.DOTALL)
    (block,) = [block for block in blocks if '_base_' in block]
    path = tmp_path / 'mine.py'
    path.write_text(block.replace('./', f'{REPO}/configs/'))
    init_default_scope('mmseg')
    model = MODELS.build(Config.fromfile(path).model).eval()
    with torch.no_grad():
        out = model.decode_head(model.extract_feat(torch.zeros(1, 3, 64, 64)))
    assert out['fused'].shape == (1, 11, 16, 16)
