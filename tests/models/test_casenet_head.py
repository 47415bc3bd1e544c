import pytest
import torch
import torch.nn.functional as F
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from mmsteal.models import BilinearUpConv, CASENetHead

STEAL_LOSSES = [
    dict(type='BalancedBCELoss'),
    dict(type='ThinningNMSLoss', loss_weight=10.0),
    dict(type='DirectionLoss'),
]


def make_head(**kwargs):
    options = dict(
        in_channels=[4, 6, 8], in_index=[0, 1, 2], num_classes=3, loss_decode=STEAL_LOSSES
    )
    options.update(kwargs)
    return CASENetHead(**options)


def make_inputs(size=16, grad=False):
    shapes = [(4, size), (6, size // 2), (8, size // 4)]
    return [torch.randn(2, c, s, s, requires_grad=grad) for c, s in shapes]


def make_samples(num_classes=3, size=16, edge=True, value=None):
    samples = []
    for i in range(2):
        target = torch.zeros(num_classes, size, size, dtype=torch.uint8)
        if edge:
            target[0, :, 5 + i : 7 + i] = 1
        if value is not None:
            target[:] = value
        sample = SegDataSample(metainfo=dict(img_path=f'{i}.jpg'))
        sample.set_data(dict(gt_edge_map=PixelData(data=target)))
        samples.append(sample)
    return samples


def test_fusion_equals_grouped_convolution_over_concatenation():
    head = make_head()
    torch.nn.init.normal_(head.fuse.weight)
    torch.nn.init.normal_(head.fuse.bias)
    inputs = make_inputs()
    out = head(inputs)
    size = inputs[0].shape[2:]
    sides = [
        F.interpolate(conv(x), size=size, mode='bilinear', align_corners=False)
        for conv, x in zip(head.sides, inputs, strict=False)
    ]
    side5 = F.interpolate(head.side5(inputs[2]), size=size, mode='bilinear', align_corners=False)
    concatenated = torch.cat([m for k in range(3) for m in (side5[:, k : k + 1], *sides)], dim=1)
    torch.testing.assert_close(out['side5'], side5)
    torch.testing.assert_close(out['fused'], head.fuse(concatenated))


def test_fusion_starts_as_mean():
    head = make_head()
    assert head.fuse.weight.unique().tolist() == pytest.approx([1 / 3])
    assert not head.fuse.bias.any()


@pytest.mark.parametrize('factor', [2, 4, 8])
def test_upconv_starts_bilinear(factor):
    x = torch.randn(1, 2, 6, 7)
    up = BilinearUpConv(2, factor)(x)
    expected = F.interpolate(x, scale_factor=factor, mode='bilinear', align_corners=False)
    inner = slice(
        factor, -factor
    )  # at the border the convolution sees zeros, interpolation repeats
    torch.testing.assert_close(up[..., inner, inner], expected[..., inner, inner])


def test_upconv_odd_factor():
    with pytest.raises(ValueError, match='even'):
        BilinearUpConv(1, 3)


def test_upconv_head_cuts_levels_to_one_size():
    head = make_head(upsample='upconv', in_strides=[1, 2, 4])
    # 15 = 4 * 4 - 1: the coarser levels come back one and two pixels too large.
    inputs = [torch.randn(1, c, s, s) for c, s in ((4, 15), (6, 8), (8, 4))]
    assert head(inputs)['fused'].shape == (1, 3, 15, 15)


@pytest.mark.parametrize('upsample', ['bilinear', 'upconv'])
def test_losses_reach_every_parameter(upsample):
    head = make_head(
        upsample=upsample, in_strides=[1, 2, 4], loss_side=[dict(type='BalancedBCELoss')]
    )
    losses = head.loss(make_inputs(), make_samples(), {})
    assert {'loss_bce', 'loss_nms', 'loss_dir', 'side5.loss_bce'} <= set(losses)
    sum(v for k, v in losses.items() if 'loss' in k).backward()
    for name, parameter in head.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name


def test_shared_geometry_changes_nothing():
    """The head hands one geometry to both losses; alone they make their own."""
    head = make_head()
    samples = make_samples()
    inputs = make_inputs()
    losses = head.loss(inputs, samples, {})
    logits = head(inputs)['fused']
    target = torch.stack([s.gt_edge_map.data for s in samples])
    for loss in head.loss_decode:
        torch.testing.assert_close(losses[loss.loss_name], loss(logits, target))


@pytest.mark.parametrize('samples', [make_samples(edge=False), make_samples(value=255)])
def test_no_edge_or_all_ignored_gives_finite_zero(samples):
    head = make_head()
    inputs = make_inputs(grad=True)
    losses = head.loss(inputs, samples, {})
    total = sum(v for k, v in losses.items() if 'loss' in k)
    total.backward()
    assert total == 0
    assert all(x.grad.isfinite().all() for x in inputs)
    assert all(v.isfinite() for v in losses.values())


@pytest.mark.parametrize('num_classes', [1, 2])
def test_few_classes(num_classes):
    head = make_head(num_classes=num_classes)
    losses = head.loss(make_inputs(), make_samples(num_classes), {})
    assert head(make_inputs())['fused'].shape[1] == num_classes
    assert losses['loss_bce'] > 0


def test_exception_missing_edges_names_image_and_fix():
    samples = make_samples()
    del samples[1].gt_edge_map
    with pytest.raises(KeyError, match=r'1\.jpg.*GenerateEdges'):
        make_head().loss(make_inputs(), samples, {})


def test_exception_edges_made_before_the_crop():
    samples = make_samples()
    for sample in samples:
        sample.gt_sem_seg = PixelData(data=torch.zeros(1, 8, 8, dtype=torch.int64))
    with pytest.raises(ValueError, match=r'0\.jpg.*after all geometric'):
        make_head().loss(make_inputs(), samples, {})


def test_exception_class_count():
    with pytest.raises(ValueError, match=r'3 classes.*has 5'):
        make_head().loss(make_inputs(), make_samples(5), {})


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(in_index=[0, 1]), 'in_index'),
        (dict(upsample='nearest'), 'upsample'),
        (dict(upsample='upconv'), 'in_strides'),
    ],
)
def test_exception_arguments(options, message):
    with pytest.raises(ValueError, match=message):
        make_head(**options)


def test_exception_loss_config():
    with pytest.raises(TypeError, match='BalancedBCELoss'):
        make_head(loss_decode=['BalancedBCELoss'])
