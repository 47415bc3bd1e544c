"""Every config builds, takes a training step and predicts; what they share stands once."""

import ast
import re

import pytest
import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData
from mmseg.registry import DATASETS, HOOKS, METRICS, MODELS
from mmseg.structures import SegDataSample

from tests.conftest import REPO

FOLDER = REPO / 'configs'
CONFIGS = sorted(p.name for p in FOLDER.glob('*.py'))
FILES = sorted(FOLDER.rglob('*.py'))
LEAVES = [path for path in FILES if '_base_' not in path.parts]


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
    dataset = dataset.get('dataset', dataset)  # what a MultiImageMixDataset wraps
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
    for evaluator in (cfg.val_evaluator, cfg.test_evaluator):
        assert type(METRICS.build(evaluator)).__name__ == 'EdgeMetric'
    for hook in cfg.get('custom_hooks', []):
        assert type(HOOKS.build(hook)).__name__ == hook.type


def test_recipes_of_the_paper():
    sbd = load('steal_casenet_sbd.py')
    losses = {loss.type: loss for loss in sbd.model.decode_head.loss_decode}
    assert [loss.get('loss_weight', 1) for loss in losses.values()] == [1, 10, 1]
    assert list(losses) == ['BalancedBCELoss', 'ThinningNMSLoss', 'DirectionLoss']
    assert (sbd.total_batch_size, sbd.crop_size) == (8, (472, 472))
    assert (sbd.optim_wrapper.optimizer.lr, sbd.train_cfg.max_iters) == (1e-7, 70000)
    assert sbd.custom_hooks[0].schedule[0] == dict(begin=20000, loss='BalancedBCELoss', beta=0.5)
    city = load('steal_casenet_cityscapes.py')
    assert {loss.get('loss_weight', 1) for loss in city.model.decode_head.loss_decode} == {1}
    assert (city.optim_wrapper.optimizer.lr, city.train_cfg.max_iters) == (5e-8, 60000)
    assert city.param_scheduler[0].gamma == 1 / 20


def heads(cfg):
    """Edge heads of a config, with the losses of STEAL or without."""
    found = [cfg.model.decode_head, cfg.model.get('auxiliary_head') or []]
    flat = [h for head in found for h in (head if isinstance(head, list) else [head])]
    return [head for head in flat if head.type in ('CASENetHead', 'HEDHead', 'DFFHead', 'DDSHead')]


# The weights of NMS and direction loss, by the reduction: what the base has, and what stands alone.
WEIGHTS = {'sum': {(10.0, 1.0)}, 'mean': {(5.0, 0.5)}}
OWN_WEIGHTS = {
    'steal_casenet_cityscapes': (1.0, 1.0),
    'steal_dff_sbd': (2.5, 0.25),
    'pspnet_r50_cityscapes_aux': (2.0, 0.2),
}


@pytest.mark.parametrize('path', LEAVES, ids=lambda p: p.stem)
def test_losses_of_steal(path):
    """One cross entropy in front; the pair of the base; one reduction for the three."""
    edge_heads = heads(Config.fromfile(path))
    steal = path.stem.startswith('steal') or path.stem.endswith('_aux')
    for head in edge_heads:
        cross_entropy, *pair = head.loss_decode
        assert cross_entropy.type == 'BalancedBCELoss'
        assert [loss.type for loss in pair] == (['ThinningNMSLoss', 'DirectionLoss'] * steal)
        if not pair:
            continue
        reductions = {loss.get('reduction', 'sum') for loss in head.loss_decode}
        assert len(reductions) == 1
        found = tuple(loss.loss_weight for loss in pair)
        if path.stem in OWN_WEIGHTS:
            assert found == OWN_WEIGHTS[path.stem]
        else:
            assert found in WEIGHTS[reductions.pop()]


@pytest.mark.parametrize('path', LEAVES, ids=lambda p: p.stem)
def test_level_sets_have_the_options_of_the_base(path):
    hooks = Config.fromfile(path).get('custom_hooks', [])
    aligned = [hook for hook in hooks if hook.type == 'LevelSetAlignHook']
    for hook in aligned:
        if path.stem != 'steal_demo_aligned':  # whose labels err to one side
            assert hook.align == Config.fromfile(FOLDER / '_base_/steal.py').level_set
    on_sbd = path.stem.startswith('steal') and '_sbd' in path.stem
    assert len(aligned) == (on_sbd or path.stem == 'steal_demo_aligned')


def test_parts_are_called_by_name():
    """A list that is cut or changed by position goes wrong in silence when its base changes."""
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Subscript):
                assert isinstance(node.slice, ast.Constant), f'{path}:{node.lineno}'
                assert isinstance(node.slice.value, str), f'{path}:{node.lineno}'


def test_options_of_steal_stand_once():
    """NMS loss and level sets: in the base, and where a config has weights of its own."""
    written = [path.stem for path in FILES if 'ThinningNMSLoss' in path.read_text()]
    assert sorted(written) == sorted(['steal', *OWN_WEIGHTS])
    written = [path.stem for path in FILES if 'num_iters=' in path.read_text()]
    assert sorted(written) == ['steal', 'steal_demo_aligned']


def test_names_are_made_as_the_readme_says():
    system = 'casenet-s|casenet|hed|dff|dds|pspnet|deeplabv3plus|segformer'
    backbone = 'lite0|r18|r50|r101|mit-b0|swin-t|vit-b|mscan-t|mobilenet-v2|hrnet-w18'
    variant = 'fast|online|noise8|aligned|aux|loss|fine|coarse|refined'
    name = re.compile(
        rf'(?:(?:released_)?steal_|seal_)?(?:(?:{system})_)?(?:(?:{backbone})_)?'
        rf'(?:sbd|bsds|coco|cityscapes|camvid|demo)(?:_(?:{variant}))?'
    )
    text = (FOLDER / 'README.md').read_text()
    for path in LEAVES:
        assert name.fullmatch(path.stem), path.stem
    for word in (*system.split('|'), *variant.split('|')):
        assert f'`{word}`' in text, word
