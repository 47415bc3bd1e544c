import pytest
import torch
from mmengine.registry import init_default_scope

from mmsteal.models import EdgeHeadWrapper
from tests.models.test_casenet_head import STEAL_LOSSES, make_inputs, make_samples

HEADS = [
    dict(type='FCNHead', in_channels=8, in_index=2, channels=4, num_convs=1),
    dict(type='SegformerHead', in_channels=[4, 6, 8], in_index=[0, 1, 2], channels=4),
    dict(type='UPerHead', in_channels=[4, 6, 8], in_index=[0, 1, 2], channels=4,
         pool_scales=(1, 2)),
    dict(type='DepthwiseSeparableASPPHead', in_channels=8, in_index=2, channels=4,
         dilations=(1, 2), c1_in_channels=4, c1_channels=2),
]  # fmt: skip


@pytest.fixture(autouse=True)
def _scope():
    init_default_scope('mmseg')


@pytest.mark.parametrize('config', HEADS, ids=lambda c: c['type'])
@pytest.mark.parametrize('num_classes', [1, 3])
def test_heads_of_mmseg_learn_edges(config, num_classes):
    head = EdgeHeadWrapper(config, num_classes=num_classes, loss_decode=STEAL_LOSSES)
    losses = head.loss(make_inputs(), make_samples(num_classes), {})
    assert {'loss_bce', 'loss_nms', 'loss_dir'} <= set(losses)
    sum(v for k, v in losses.items() if 'loss' in k).backward()
    for name, parameter in head.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
    meta = [dict(img_shape=(32, 32))]
    assert head.predict(make_inputs(), meta, {}).shape == (2, num_classes, 32, 32)


def test_exception_head_without_a_single_output(monkeypatch):
    head = EdgeHeadWrapper(HEADS[0], num_classes=3)
    monkeypatch.setattr(head.head, 'forward', lambda x: (torch.zeros(1), torch.zeros(1)))
    with pytest.raises(TypeError, match='FCNHead'):
        head(make_inputs())
