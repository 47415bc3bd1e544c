import pytest
import torch
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS

from mmsteal.apis import EdgeInferencer
from mmsteal.models.checkpoint_fit import check_checkpoint_fits
from tests.conftest import REPO

CONFIG = str(REPO / 'configs/steal_casenet_r18_camvid.py')


def make_model(num_classes=3, depth=18):
    init_default_scope('mmseg')
    wide = 4 if depth >= 50 else 1
    return MODELS.build(
        dict(
            type='EdgeEncoderDecoder',
            backbone=dict(type='CASENetResNet', depth=depth, base_channels=8, stem_channels=8),
            decode_head=dict(
                type='CASENetHead', in_channels=[8, 8 * wide, 16 * wide, 64 * wide],
                in_index=[0, 1, 2, 3], num_classes=num_classes,
            ),
            train_cfg=dict(), test_cfg=dict(mode='whole'),
        )
    )  # fmt: skip


def test_own_weights_fit_with_prefix_and_without_counters():
    model = make_model()
    state = model.state_dict()
    with_prefix = {f'module.{n}': x for n, x in state.items()}
    without_counters = {n: x for n, x in state.items() if 'num_batches' not in n}
    for fitting in (state, with_prefix, without_counters):
        check_checkpoint_fits(model, fitting)
        names = {n.removeprefix('module.'): x for n, x in fitting.items()}
        missing, unexpected = model.load_state_dict(names, strict=False)
        assert not unexpected
        assert all('num_batches' in name for name in missing)


def test_exception_other_class_count():
    with pytest.raises(ValueError, match=r'model\.decode_head\.num_classes=5'):
        check_checkpoint_fits(make_model(3), make_model(5).state_dict())


def test_exception_other_depth():
    with pytest.raises(ValueError, match=r'ResNet-34 or ResNet-50(.|\n)*model\.backbone\.depth'):
        check_checkpoint_fits(make_model(depth=18), make_model(depth=50).state_dict())


def test_exception_names_are_told_as_asked():
    model = make_model()
    state = model.state_dict()
    del state['decode_head.fuse.bias']
    with pytest.raises(ValueError, match=r'missing: DECODE_HEAD\.FUSE\.BIAS'):
        check_checkpoint_fits(model, state, describe=str.upper)


def test_unexpected_weights_pass_only_on_request():
    model = make_model()
    state = dict(model.state_dict(), **{'auxiliary_head.weight': torch.zeros(1)})
    with pytest.raises(ValueError, match=r'unexpected: auxiliary_head\.weight'):
        check_checkpoint_fits(model, state)
    check_checkpoint_fits(model, state, allow_unexpected=True)


def test_inferencer_refuses_weights_of_another_model(tmp_path):
    torch.save(dict(state_dict=make_model(3).state_dict()), tmp_path / 'other.pth')
    with pytest.raises(ValueError, match=r'decode_head\.num_classes=3'):
        EdgeInferencer(CONFIG, str(tmp_path / 'other.pth'), 'cpu')


def test_inferencer_names_the_converter_for_released_weights(tmp_path):
    torch.save({'module.ce_fusion.weight': torch.zeros(20, 4, 1, 1)}, tmp_path / 'released.pt')
    with pytest.raises(ValueError, match='mmsteal convert-released'):
        EdgeInferencer(CONFIG, str(tmp_path / 'released.pt'), 'cpu')
