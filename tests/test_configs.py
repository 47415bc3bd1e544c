"""Every config builds, takes a training step and predicts."""

import pytest
import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData
from mmseg.registry import DATASETS, HOOKS, METRICS, MODELS
from mmseg.structures import SegDataSample

from tests.conftest import REPO

CONFIGS = sorted(p.name for p in (REPO / 'configs').glob('*.py'))


def load(name):
    cfg = Config.fromfile(REPO / 'configs' / name)
    cfg.model.backbone.init_cfg = None
    init_default_scope('mmseg')
    return cfg


def batch(num_classes, size=64):
    inputs = torch.randint(0, 256, (2, 3, size, size), dtype=torch.uint8)
    samples = []
    for image in inputs:
        target = torch.zeros(num_classes, size, size, dtype=torch.uint8)
        target[0, :, 30:34] = 1
        image[:, :, 32:] //= 4
        shape = (size, size)
        sample = SegDataSample(metainfo=dict(img_path='x.jpg', ori_shape=shape, img_shape=shape))
        sample.set_data(dict(gt_edge_map=PixelData(data=target)))
        samples.append(sample)
    return dict(inputs=list(inputs), data_samples=samples)


@pytest.mark.parametrize('name', CONFIGS)
def test_config_trains_and_predicts(name):
    cfg = load(name)
    cfg.model.data_preprocessor.size = (64, 64)
    test_cfg = cfg.model.data_preprocessor.get('test_cfg') or {}
    if 'size' in test_cfg:
        test_cfg.size = (64, 64)
    if cfg.model.backbone.get('depth') == 101:
        cfg.model.backbone.depth = 50  # the same levels, in half the time
    model = MODELS.build(cfg.model)
    if not cfg.model.backbone.get('norm_eval'):
        # One step of statistics does not tame weights that were never initialised.
        model.init_weights()
    optim = build_optim_wrapper(model, cfg.optim_wrapper)
    dataset = cfg.train_dataloader.dataset
    names = (
        dataset.get('metainfo', {}).get('classes') or DATASETS.get(dataset.type).METAINFO['classes']
    )
    agnostic = any(step.get('class_agnostic') for step in dataset.pipeline)
    assert agnostic == bool(cfg.val_evaluator.get('class_agnostic'))
    num_classes = 1 if agnostic else len(names)
    assert model.num_classes == num_classes
    before = [p.detach().clone() for p in model.parameters()]
    losses = model.train_step(batch(num_classes), optim)
    assert losses['loss'].isfinite()
    assert losses['loss'] > 0
    assert ('decode.loss_nms' in losses) == name.startswith('steal')
    moved = [not torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True)]
    assert sum(moved) > len(moved) / 2
    model.eval()
    with torch.no_grad():
        out = model.test_step(batch(num_classes))[0].pred_edge_map.data
    assert out.shape == (num_classes, 64, 64)
    assert out.isfinite().all()


@pytest.mark.parametrize('name', CONFIGS)
def test_config_metric_and_hooks_build(name):
    cfg = load(name)
    METRICS.build(cfg.val_evaluator)
    METRICS.build(cfg.test_evaluator)
    for hook in cfg.get('custom_hooks', []):
        HOOKS.build(hook)


def test_recipes_of_the_paper():
    sbd = load('steal_casenet_sbd.py')
    losses = {loss.type: loss for loss in sbd.model.decode_head.loss_decode}
    weights = [
        losses[n].loss_weight for n in ('BalancedBCELoss', 'ThinningNMSLoss', 'DirectionLoss')
    ]
    assert weights == [1, 10, 1]
    assert (sbd.total_batch_size, sbd.crop_size) == (8, (472, 472))
    assert (sbd.optim_wrapper.optimizer.lr, sbd.train_cfg.max_iters) == (1e-7, 70000)
    assert sbd.custom_hooks[0].schedule[0] == dict(begin=20000, loss='BalancedBCELoss', beta=0.5)
    city = load('steal_casenet_cityscapes.py')
    assert {loss.loss_weight for loss in city.model.decode_head.loss_decode} == {1}
    assert (city.optim_wrapper.optimizer.lr, city.train_cfg.max_iters) == (5e-8, 60000)
    assert city.param_scheduler[0].gamma == 1 / 20
