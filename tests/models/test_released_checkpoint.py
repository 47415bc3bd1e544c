"""Released weights give the edges of the released network, stated in released_network.py."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS

from mmsteal.apis import EdgeInferencer
from mmsteal.cli import steal2mmsteal
from mmsteal.models import released_checkpoint
from mmsteal.models.released_checkpoint import (
    convert_released_checkpoint,
    convert_released_state_dict,
    read_released_checkpoint,
    released_num_classes,
)
from tests.conftest import REPO
from tests.models.released_network import (
    random_weights,
    released_cityscapes_edges,
    released_logits,
    released_sbd_edges,
)

CLASSES = {'sbd': 20, 'cityscapes': 19}
WIDTH = 8  # of 64: all layers, an eighth of the channels


def make_config(name, width=WIDTH, **backbone):
    cfg = Config.fromfile(REPO / f'configs/released_steal_{name}.py')
    cfg.model.backbone.update(base_channels=width, stem_channels=width, **backbone)
    cfg.model.decode_head.in_channels = [width, 4 * width, 8 * width, 32 * width]
    return cfg


def make_model(name='sbd', width=WIDTH, **backbone):
    init_default_scope('mmseg')
    return MODELS.build(make_config(name, width, **backbone).model).eval()


def smooth_image(height, width):
    draw = np.random.default_rng(0)
    coarse = draw.integers(0, 256, (9, 9, 3), dtype=np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


@pytest.fixture(scope='module')
def weights():
    return {name: random_weights(k, WIDTH) for name, k in CLASSES.items()}


@pytest.fixture
def sbd(weights):
    return dict(weights['sbd'])


def run_model(model, image):
    return model.decode_head(model.extract_feat(image))


# --- the network ------------------------------------------------------------------------------


@torch.no_grad()
def test_full_width_network_equals_the_released_one():
    model, released = make_model('cityscapes', 64), random_weights(19, 64)
    model.load_state_dict(convert_released_state_dict(released, model), strict=True)
    image = 60 * torch.randn(1, 3, 64, 88)
    fused, side5 = released_logits(released, image, 'pad')
    out = run_model(model, image)
    assert fused.sigmoid().std() > 0.1
    torch.testing.assert_close(out['fused'].sigmoid(), fused.sigmoid(), atol=1e-5, rtol=0)
    torch.testing.assert_close(out['side5'], side5, atol=1e-3, rtol=1e-5)


@pytest.mark.parametrize('size', [(61, 83), (65, 97), (50, 44)])
@torch.no_grad()
def test_cropping_gives_the_size_of_the_input(sbd, size):
    model = make_model()
    model.load_state_dict(convert_released_state_dict(sbd, model))
    image = 60 * torch.randn(1, 3, *size)
    fused, _ = released_logits(sbd, image, 'crop')
    out = run_model(model, image)['fused']
    assert out.shape[2:] == size
    torch.testing.assert_close(out.sigmoid(), fused.sigmoid(), atol=1e-5, rtol=0)


@torch.no_grad()
def test_cropped_and_padded_upconvolutions_are_one(sbd):
    """Wherever the padded variant runs at all, which is where 8 divides the size."""
    image = 60 * torch.randn(1, 3, 40, 56)
    for cropped, padded in zip(
        released_logits(sbd, image, 'crop'), released_logits(sbd, image, 'pad'), strict=True
    ):
        torch.testing.assert_close(cropped, padded)
    with pytest.raises(RuntimeError, match='Sizes'):
        released_logits(sbd, 60 * torch.randn(1, 3, 44, 56), 'pad')


@pytest.mark.parametrize('backbone', [dict(style='pytorch'), dict(caffe_pool=False)])
@torch.no_grad()
def test_torchvision_strides_or_pooling_would_differ(sbd, backbone):
    state = convert_released_state_dict(sbd, make_model())
    other = make_model(**backbone)
    other.load_state_dict(state, strict=True)
    image = 60 * torch.randn(1, 3, 64, 64)
    fused, _ = released_logits(sbd, image, 'crop')
    assert (run_model(other, image)['fused'].sigmoid() - fused.sigmoid()).abs().max() > 0.01
    with pytest.raises(ValueError, match='caffe_pool=True'):
        convert_released_state_dict(sbd, other)


# --- the whole way: file, converter, image, edges ---------------------------------------------


@pytest.mark.parametrize(
    ('name', 'size', 'reference'),
    [
        ('sbd', (281, 500), released_sbd_edges),
        ('cityscapes', (768, 768), released_cityscapes_edges),
    ],
)
@torch.no_grad()
def test_edges_of_an_image_equal_the_released_ones(weights, tmp_path, name, size, reference):
    source = tmp_path / 'model_checkpoint.pt'
    torch.save({f'module.{n}': x for n, x in weights[name].items()}, source)
    cfg = make_config(name)
    convert_released_checkpoint(source, tmp_path / 'out/steal.pth', cfg)
    inferencer = EdgeInferencer(cfg, str(tmp_path / 'out/steal.pth'), 'cpu')
    image = smooth_image(*size)
    edges = inferencer(image)[0].edges
    expected = reference(weights[name], image).numpy()
    assert edges.shape == (CLASSES[name], *size)
    assert expected.std(axis=(1, 2)).mean() > 0.05
    np.testing.assert_allclose(edges, expected, atol=1e-5)
    assert inferencer.classes[-1] == {'sbd': 'tvmonitor', 'cityscapes': 'bicycle'}[name]
    assert not list(tmp_path.glob('out/.*'))


def as_ports_name_it(name):
    for side in ('edge_side1', 'edge_side2', 'edge_side3', 'cls_side5'):
        name = name.replace(f'score_{side}.conv', f'score_{side}')
        name = name.replace(f'score_{side}.upsampled', f'upsample_{side}')
    return name


@pytest.mark.parametrize(
    'wrap',
    [
        lambda w: {f'module.{n}': x for n, x in w.items()},
        lambda w: dict(state_dict={f'module.{n}': x for n, x in w.items()}, epoch=3),
        lambda w: dict(model=w, optimizer=dict(state={})),
        lambda w: {as_ports_name_it(n): x for n, x in w.items()},
        lambda w: {**w, 'bn1.num_batches_tracked': torch.tensor(0)},
    ],
    ids=['DataParallel', 'state_dict', 'model', 'names of ports', 'counter'],
)
def test_wrappings_and_names(sbd, wrap):
    model = make_model()
    expected = convert_released_state_dict(sbd, model)
    found = convert_released_state_dict(wrap(sbd), model)
    assert list(found) == list(expected) == list(model.state_dict())
    assert all(torch.equal(found[n], x) for n, x in expected.items())
    upsampler = found['decode_head.upsamplers.3.weight']
    assert torch.equal(upsampler, sbd['score_cls_side5.upsampled.weight'])
    assert released_num_classes(wrap(sbd)) == 20


# --- bad input --------------------------------------------------------------------------------


def test_exception_other_class_count(weights):
    with pytest.raises(ValueError, match=r'19 classes.*model\.decode_head\.num_classes=19'):
        convert_released_state_dict(weights['cityscapes'], make_model('sbd'))


def test_exception_resnet50():
    with pytest.raises(ValueError, match=r'ResNet-50\)(.|\n)*model\.backbone\.depth'):
        convert_released_state_dict(random_weights(20, WIDTH, (3, 4, 6, 3)), make_model())


@pytest.mark.parametrize(
    'name', ['layer3.22.bn2.running_var', 'score_edge_side2.upsampled.weight', 'ce_fusion.weight']
)
def test_exception_missing_weight_is_named(sbd, name):
    del sbd[name]
    with pytest.raises(ValueError, match=f'missing: {name}'):
        convert_released_state_dict(sbd, make_model())


@pytest.mark.parametrize('name', ['fc.weight', 'score_edge_side4.conv.weight'])
def test_exception_unexpected_weight_is_named(sbd, name):
    sbd[name] = torch.zeros(3)
    with pytest.raises(ValueError, match=f'unexpected: {name}'):
        convert_released_state_dict(sbd, make_model())


def test_exception_shape_is_named(sbd):
    sbd['score_edge_side3.upsampled.weight'] = torch.zeros(1, 1, 4, 4)
    with pytest.raises(ValueError, match=r'side3\.upsampled\.weight is \(1, 1, 4, 4\), not'):
        convert_released_state_dict(sbd, make_model())


def test_exception_weight_not_finite(sbd):
    sbd['ce_fusion.bias'] = torch.full((20,), torch.nan)
    with pytest.raises(ValueError, match=r'ce_fusion\.bias'):
        convert_released_state_dict(sbd, make_model())


def test_exception_other_input_convention(sbd):
    cfg = make_config('sbd')
    cfg.model.data_preprocessor.bgr_to_rgb = True
    init_default_scope('mmseg')
    with pytest.raises(ValueError, match=r'model\.data_preprocessor'):
        convert_released_state_dict(sbd, MODELS.build(cfg.model))


def test_exception_other_dilations(sbd):
    with pytest.raises(ValueError, match='dilations'):
        convert_released_state_dict(sbd, make_model(dilations=(1, 1, 1, 2)))


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        ({'conv1.weight': torch.zeros(1), 'fc.weight': torch.zeros(1)}, 'init_cfg'),
        ({'decode_head.fuse.weight': torch.zeros(1)}, 'layout of mmseg already'),
        ({'epoch': 3}, r"keys \['epoch'\]"),
        ([1, 2], 'a list'),
        ({}, 'a dict'),
    ],
)
def test_exception_not_released_weights(tmp_path, content, message):
    torch.save(content, tmp_path / 'a.pt')
    with pytest.raises(ValueError, match=message):
        released_num_classes(read_released_checkpoint(tmp_path / 'a.pt'))


@pytest.mark.parametrize('content', [b'', b'not a checkpoint', b'\x1f\x8b' + bytes(100)])
def test_exception_no_checkpoint(tmp_path, content):
    (tmp_path / 'a.pt').write_bytes(content)
    with pytest.raises(ValueError, match=r'a\.pt'):
        read_released_checkpoint(tmp_path / 'a.pt')


def test_exception_truncated_file_or_none(sbd, tmp_path):
    torch.save(sbd, tmp_path / 'a.pt')
    whole = (tmp_path / 'a.pt').read_bytes()
    (tmp_path / 'a.pt').write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r'a\.pt'):
        read_released_checkpoint(tmp_path / 'a.pt')
    with pytest.raises(FileNotFoundError, match=r'b\.pt'):
        read_released_checkpoint(tmp_path / 'b.pt')


def test_exception_file_with_code_is_not_run(sbd, tmp_path):
    torch.save(dict(state_dict=sbd, args=Config(dict(a=1))), tmp_path / 'a.pt')
    with pytest.raises(ValueError, match='more than tensors is refused'):
        read_released_checkpoint(tmp_path / 'a.pt')


# --- the command ------------------------------------------------------------------------------


def run(*args):
    steal2mmsteal.main(list(map(str, args)))


@pytest.mark.parametrize('name', ['sbd', 'cityscapes'])
def test_command_takes_the_config_of_the_class_count(weights, tmp_path, monkeypatch, name):
    calls = []
    monkeypatch.setattr(
        released_checkpoint, 'convert_released_checkpoint', lambda *args: calls.append(args)
    )
    torch.save(weights[name], tmp_path / 'a.pt')
    run(tmp_path / 'a.pt', 'out.pth')
    assert Path(calls[0][2]).samefile(REPO / f'configs/released_steal_{name}.py')


def test_command_converts_and_refuses(weights, tmp_path, capsys):
    torch.save(weights['sbd'], tmp_path / 'a.pt')
    make_config('sbd').dump(tmp_path / 'small.py')
    run(tmp_path / 'a.pt', tmp_path / 'b.pth', '--config', tmp_path / 'small.py')
    assert 'b.pth' in capsys.readouterr().out
    meta = torch.load(tmp_path / 'b.pth')['meta']['dataset_meta']
    assert (meta['classes'][0], meta['palette'][0]) == ('aeroplane', [128, 0, 0])
    torch.save([1], tmp_path / 'a.pt')
    with pytest.raises(SystemExit, match='error: Expected weights by name'):
        run(tmp_path / 'a.pt', tmp_path / 'b.pth')
    with pytest.raises(SystemExit, match=r'error: .*none\.pt'):
        run(tmp_path / 'none.pt', tmp_path / 'b.pth')
