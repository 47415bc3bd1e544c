"""STEAL in configs of mmseg: an auxiliary edge head, or the losses on segmentation logits."""

import re

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from PIL import Image

from tests.conftest import REPO
from tests.tiny_runs import CAMVID_OPTIONS, SIZE, label_map, run_tiny, write_camvid

FOLDER = REPO / 'configs' / 'mix'
CAMVID = sorted(FOLDER.glob('*_camvid*.py'))
CITYSCAPES = sorted(FOLDER.glob('pspnet_*_cityscapes_*.py'))


def check(path, runner, losses, metrics):
    """What each kind of leaf has to train on and to report."""
    assert all(np.isfinite(value) for value in losses.values())
    assert losses['decode.loss_ce'] > 0
    assert np.isfinite(metrics['mIoU'])
    aux, loss = path.stem.endswith('_aux'), path.stem.endswith('_loss')
    steal = [key for key in losses if key.startswith('aux') and key.endswith('loss_nms')]
    assert len(steal) == aux
    assert ('edge/MF_ODS' in metrics) == aux
    assert ('decode.loss_boundary' in losses) == loss
    if aux:
        head = runner.model.edge_head
        assert all(conv.bias.abs().sum() > 0 for conv in (*head.sides, head.side5))
        assert 'edge/AP' in metrics


def thin_resnet18(path):
    """A quarter of the width of ResNet-18, and the heads with it."""
    if 'r18' not in path.stem:
        return {}
    options = {
        'model.backbone.base_channels': 16,
        'model.backbone.stem_channels': 16,
        'model.decode_head.in_channels': 128,
    }
    if path.stem.startswith('deeplab'):
        options['model.decode_head.c1_in_channels'] = 16
    if path.stem == 'pspnet_r18_camvid_aux':
        options['model.auxiliary_head.0.in_channels'] = 64
        options['model.auxiliary_head.1.in_channels'] = [16, 32, 64, 128]
    else:
        edges = path.stem.endswith('_aux')
        options['model.auxiliary_head.in_channels'] = [16, 32, 64, 128] if edges else 64
    return options


@pytest.mark.parametrize('path', CAMVID, ids=lambda p: p.stem)
def test_on_camvid(path, tmp_path):
    data = write_camvid(tmp_path / 'camvid')
    options = {**CAMVID_OPTIONS, **thin_resnet18(path)}
    runner, losses, metrics = run_tiny(path, data, tmp_path / 'run', options=options)
    check(path, runner, losses, metrics)
    assert np.isfinite(metrics['seg_edge/MF'])


def write_cityscapes(root):
    """leftImg8bit/ and gtFine/ with train ids, as mmseg reads them."""
    labels = label_map((0, 13, 10, 255), SIZE)
    for split in ('train', 'val'):
        images, annotations = root / 'leftImg8bit' / split / 'x', root / 'gtFine' / split / 'x'
        for folder in (images, annotations):
            folder.mkdir(parents=True)
        for i in range(2):
            noise = np.random.default_rng(i).integers(0, 60, (SIZE, SIZE, 3))
            image = (labels[..., None] // 2 + noise).astype(np.uint8)
            Image.fromarray(image).save(images / f'{i}_leftImg8bit.png')
            Image.fromarray(labels).save(annotations / f'{i}_gtFine_labelTrainIds.png')
    return root


BOTH_HEADS = ['decode_head', 'auxiliary_head']
THIN_LEVELS = [64, 128, 256, 512]


def cityscapes_options(heads):
    """Make mmseg's PSPNet thin, its images small, and a GPU not needed (as SyncBN does)."""
    channels = dict(zip(BOTH_HEADS, (512, 256), strict=True))
    return {
        **{f'model.{part}.norm_cfg.type': 'BN' for part in ('backbone', *heads)},
        **{f'model.{head}.in_channels': channels[head.split('.')[0]] for head in heads},
        'model.backbone.base_channels': 16,
        'model.backbone.stem_channels': 16,
        'model.data_preprocessor.size': (SIZE, SIZE),
        'train_dataloader.dataset.pipeline.2.scale': (SIZE, SIZE),
        'train_dataloader.dataset.pipeline.3.crop_size': (SIZE, SIZE),
        'val_dataloader.dataset.pipeline.1.scale': (SIZE, SIZE),
    }


@pytest.mark.parametrize('path', CITYSCAPES, ids=lambda p: p.stem)
def test_on_cityscapes_as_mmseg_reads_it(path, tmp_path):
    if path.stem.endswith('_aux'):
        options = cityscapes_options(['decode_head', 'auxiliary_head.0'])
        options['model.auxiliary_head.1.in_channels'] = THIN_LEVELS
    else:
        options = cityscapes_options(BOTH_HEADS)
    data = write_cityscapes(tmp_path / 'cityscapes')
    runner, losses, metrics = run_tiny(path, data, tmp_path / 'run', options=options)
    check(path, runner, losses, metrics)
    assert runner.model.num_classes == 19


def test_deep_supervision_is_aligned_as_well(tmp_path):
    """LevelSetAlignHook finds an auxiliary edge head, and needs its predictions for the set."""
    data = write_camvid(tmp_path / 'camvid')
    path = FOLDER / 'segformer_mit-b0_camvid_aux.py'
    for scope in ('batch', 'dataset'):
        hook = dict(
            type='LevelSetAlignHook', scope=scope, begin=1, interval=1, num_pictures=0,
            align=dict(num_iters=2, stop_evidence=0.5),
        )  # fmt: skip
        options = {**CAMVID_OPTIONS, 'custom_hooks': [hook]}
        _, losses, _ = run_tiny(path, data, tmp_path / scope, options=options, iters=3)
        assert np.isfinite(losses['loss'])
    (last, *_) = sorted((tmp_path / 'dataset' / 'aligned_labels').glob('iter_*'), reverse=True)
    assert len(list(last.rglob('*.png'))) == 2


DOCUMENTED = re.findall(
    r'```python\n(.*?)```', (REPO / 'docs' / 'mixing.md').read_text(), re.DOTALL
)


def documented_config(tmp_path, name):
    (text,) = [block for block in DOCUMENTED if '_base_ =' in block and name in block]
    path = tmp_path / 'mine_aux.py'
    path.write_text(text)
    return path


def test_documented_head_runs(tmp_path):
    path = documented_config(tmp_path, 'SegEdgeEncoderDecoder')
    data = write_cityscapes(tmp_path / 'cityscapes')
    options = cityscapes_options(['decode_head'])
    options['model.auxiliary_head.0.in_channels'] = THIN_LEVELS
    runner, losses, metrics = run_tiny(path, data, tmp_path / 'run', options=options)
    check(path, runner, losses, metrics)


@pytest.mark.parametrize(
    ('base', 'own'),
    [
        ('pspnet/pspnet_r50-d8_4xb2-40k_cityscapes-512x1024.py', True),
        ('segformer/segformer_mit-b0_8xb1-160k_cityscapes-1024x1024.py', False),
    ],
)
def test_documented_head_fits_bases_with_an_auxiliary_head_and_without(base, own, tmp_path):
    path = documented_config(tmp_path, 'SegEdgeEncoderDecoder')
    given = re.search(r"'mmseg::(.*)'", path.read_text())[1]
    path.write_text(path.read_text().replace(given, base))
    plain = tmp_path / 'plain.py'
    plain.write_text(f"_base_ = ['mmseg::{base}']")
    assert (Config.fromfile(plain).model.get('auxiliary_head') is not None) == own
    cfg = Config.fromfile(path)
    cfg.model.pretrained = None
    cfg.model.auxiliary_head[0].in_channels = [8] * 4
    init_default_scope('mmseg')
    model = MODELS.build(cfg.model)
    assert type(model.edge_head).__name__ == 'CASENetHead'
    assert len(model.auxiliary_head) == 1


@pytest.mark.parametrize('page', ['docs/mixing.md', 'README.md'])
def test_documented_loss_builds(page, tmp_path):
    blocks = re.findall(r'```python\n(.*?)```', (REPO / page).read_text(), re.DOTALL)
    (text,) = [block for block in blocks if '_base_ =' in block and 'SegBoundaryLoss' in block]
    path = tmp_path / 'mine_loss.py'
    path.write_text(text)
    cfg = Config.fromfile(path)
    cfg.model.pretrained = None
    init_default_scope('mmseg')
    head = MODELS.build(cfg.model).decode_head
    assert [loss.loss_name for loss in head.loss_decode] == ['loss_ce', 'loss_boundary']


def test_documented_function_runs():
    (text,) = [block for block in DOCUMENTED if 'boundary_logits' in block]
    names = {}
    exec(text, names)
    assert names['loss'] > 0
    assert names['logits'].grad.isfinite().all()
    assert names['logits'].grad.any()


@pytest.mark.parametrize('packing', ['PackSegInputs', 'PackEdgeInputs'])
def test_exception_edge_head_without_edges_in_the_pipeline(packing, tmp_path):
    data = write_camvid(tmp_path / 'camvid')
    options = {
        **{key: value for key, value in CAMVID_OPTIONS.items() if 'train' not in key},
        'train_dataloader.dataset.pipeline': [
            dict(type='LoadImageFromFile'), dict(type='LoadEdgeAnnotations'), dict(type=packing),
        ],
    }  # fmt: skip
    path = FOLDER / 'segformer_mit-b0_camvid_aux.py'
    with pytest.raises(KeyError, match=r'GenerateEdges.*PackEdgeInputs'):
        run_tiny(path, data, tmp_path / 'run', options=options)


def test_exception_plain_segmentor_names_the_type_that_predicts_edges(tmp_path):
    data = write_camvid(tmp_path / 'camvid')
    path = FOLDER / 'segformer_mit-b0_camvid_aux.py'
    options = {**CAMVID_OPTIONS, 'model.type': 'EncoderDecoder'}
    with pytest.raises(KeyError, match='SegEdgeEncoderDecoder'):
        run_tiny(path, data, tmp_path / 'run', options=options)


@pytest.mark.parametrize('path', CAMVID, ids=lambda p: p.stem)
def test_at_full_width(path):
    init_default_scope('mmseg')
    model = MODELS.build(Config.fromfile(path).model).eval()
    with torch.no_grad():
        out = model(torch.zeros(1, 3, SIZE, SIZE), mode='predict')[0]
    assert out.pred_sem_seg.data.shape == (1, SIZE, SIZE)
    assert ('pred_edge_map' in out) == path.stem.endswith('_aux')
