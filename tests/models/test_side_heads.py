"""HED, DFF and DDS: what they compute, what they learn, and what they refuse."""

from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F
from mmengine.config import ConfigDict
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from torch import nn

from mmsteal.engine.alignment import BatchAligner
from mmsteal.engine.alignment.masks import LabelRule
from mmsteal.functional import AlignOptions, balanced_bce_loss
from mmsteal.functional.edge_maps.edges import union_edges
from mmsteal.models import CASENetHead, DDSHead, DFFHead, HEDHead, SideOutputHead
from tests.models.test_casenet_head import STEAL_LOSSES, make_samples

HEADS = [HEDHead, DFFHead, DDSHead]
LEVELS = [(4, 16), (6, 8), (8, 4), (10, 2), (12, 2)]
K = 3


@pytest.fixture(autouse=True)
def _scope():
    init_default_scope('mmseg')


def make(head, num_levels=3, num_classes=K, **kwargs):
    options = dict(
        in_channels=[c for c, _ in LEVELS[:num_levels]],
        in_index=list(range(num_levels)),
        num_classes=num_classes,
        loss_decode=STEAL_LOSSES,
    )
    options.update(kwargs)
    return head(**options)


def levels(num_levels=3, grad=False):
    return [torch.randn(2, c, s, s, requires_grad=grad) for c, s in LEVELS[:num_levels]]


def randomise(head):
    for parameter in head.parameters():
        nn.init.normal_(parameter, std=0.5)


def enlarged(x, size=16):
    return F.interpolate(x, size=(size, size), mode='bilinear', align_corners=False)


def score(conv, x):
    return F.conv2d(x, conv.weight, conv.bias)


@pytest.mark.parametrize('num_classes', [1, K])
def test_hed_is_a_weighted_sum_of_its_sides(num_classes):
    head = make(HEDHead, num_classes=num_classes)
    randomise(head)
    inputs = levels()
    out = head(inputs)
    convs = [*head.sides, head.side5]
    sides = [enlarged(score(conv, x)) for conv, x in zip(convs, inputs, strict=True)]
    assert list(out) == ['fused', 'side1', 'side2', 'side3']
    for i, side in enumerate(sides, start=1):
        torch.testing.assert_close(out[f'side{i}'], side)
    for k in range(num_classes):
        weights = head.fuse.weight[k].flatten()
        expected = sum(w * side[:, k] for w, side in zip(weights, sides, strict=True))
        torch.testing.assert_close(out['fused'][:, k], expected + head.fuse.bias[k])


def test_hed_starts_as_the_mean_and_is_class_agnostic_by_default():
    head = HEDHead(in_channels=[4, 6, 8], in_index=[0, 1, 2])
    out = head(levels())
    assert out['fused'].shape == (2, 1, 16, 16)
    torch.testing.assert_close(
        out['fused'], (out['side1'] + out['side2'] + out['side3']) / 3, atol=1e-6, rtol=1e-4
    )


CONV = ('weight', 'bias')
CONVERTER = ['reduce.weight'] + [
    f'block{i}.{name}' for i in (1, 2) for name in ('conv1.weight', 'conv1.bias', 'conv2.weight')
]
SCORES = {
    CASENetHead: CONV,
    HEDHead: CONV,
    DFFHead: [f'score.{name}' for name in CONV],
    DDSHead: [*(f'convert.{name}' for name in CONVERTER), *(f'score.{name}' for name in CONV)],
}


@pytest.mark.parametrize('head', [CASENetHead, *HEADS])
def test_names_of_the_weights_are_those_of_saved_checkpoints(head):
    options = dict(norm_cfg=None) if head is DFFHead else {}
    names = set(make(head, upsample='upconv', in_strides=[1, 2, 4], **options).state_dict())
    expected = {f'{side}.{x}' for side in ('sides.0', 'sides.1', 'side5') for x in SCORES[head]}
    expected |= {'upsamplers.1.weight', 'upsamplers.2.weight'}
    if head is DFFHead:
        layers = [f'fuse.learner.{i}.conv' for i in range(3)]
        expected |= {f'{layer}.{x}' for layer in layers for x in CONV}
        expected |= {f'weight_features.score.{x}' for x in CONV} | {'upsamplers.3.weight'}
    else:
        expected |= {'fuse.weight', 'fuse.bias'}
    assert names == expected


def test_hed_and_casenet_share_the_side_outputs_alone():
    assert not issubclass(HEDHead, CASENetHead)
    assert issubclass(HEDHead, SideOutputHead)
    assert issubclass(CASENetHead, SideOutputHead)


def plain_norm(x, norm):
    """Batch normalisation as in the textbook."""
    mean = x.mean(dim=(0, 2, 3), keepdim=True)
    var = x.var(dim=(0, 2, 3), keepdim=True, correction=0)
    shape = (1, -1, 1, 1)
    return (x - mean) / (var + norm.eps).sqrt() * norm.weight.view(shape) + norm.bias.view(shape)


@pytest.mark.parametrize('upsample', ['bilinear', 'upconv'])
def test_dff_weighs_every_pixel(upsample):
    head = make(DFFHead, upsample=upsample, in_strides=[1, 2, 4])
    randomise(head)
    inputs = levels()
    out = head(inputs)
    ups = head.upsamplers or [enlarged] * 4

    def normalised(side, x, up):
        return up(plain_norm(score(side.score, x), side.norm))

    f1, f2 = (normalised(head.sides[i], inputs[i], ups[i]) for i in (0, 1))
    a = normalised(head.side5, inputs[2], ups[2])
    weights = normalised(head.weight_features, inputs[2], ups[3])
    for i, layer in enumerate(head.fuse.learner):
        weights = plain_norm(score(layer.conv, weights), layer.bn)
        weights = weights if i == 2 else weights.clamp(min=0)
    expected = torch.zeros(2, K, 16, 16)
    for k in range(K):
        for j, x in enumerate((a[:, k], f1[:, 0], f2[:, 0])):
            expected[:, k] += weights[:, 3 * k + j] * x
    assert list(out) == ['fused', 'side5']
    torch.testing.assert_close(out['side5'], a, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(out['fused'], expected, atol=1e-4, rtol=1e-4)


def test_dff_without_normalisation():
    head = make(DFFHead, norm_cfg=None)
    assert not any(isinstance(m, nn.BatchNorm2d) for m in head.modules())
    assert head(levels())['fused'].shape == (2, K, 16, 16)


def plain_converter(converter, x):
    x = F.conv2d(x, converter.reduce.weight, padding=1)
    for block in (converter.block1, converter.block2):
        inner = F.conv2d(x.clamp(min=0), block.conv1.weight, block.conv1.bias, padding=1)
        x = x + F.conv2d(inner.clamp(min=0), block.conv2.weight, padding=1)
    return x


def test_dds_converts_before_it_scores():
    head = make(DDSHead)
    randomise(head)
    inputs = levels()
    out = head(inputs)
    modules = [*head.sides, head.side5]
    f1, f2, a = (
        enlarged(score(m.score, plain_converter(m.convert, x)))
        for m, x in zip(modules, inputs, strict=True)
    )
    concatenated = torch.cat([m for k in range(K) for m in (a[:, k : k + 1], f1, f2)], dim=1)
    expected = dict(fused=head.fuse(concatenated), side5=a, edge1=f1, edge2=f2)
    assert set(out) == set(expected)
    for name, x in expected.items():
        torch.testing.assert_close(out[name], x, atol=1e-3, rtol=1e-3)


def test_dds_converters_have_the_widths_of_the_released_networks():
    head = DDSHead(in_channels=[64, 256, 512, 1024, 2048], in_index=range(5), num_classes=20)
    widths = [side.score.in_channels for side in (*head.sides, head.side5)]
    assert widths == [64, 128, 128, 128, 512]


def test_class_agnostic_outputs_learn_the_edges_of_all_classes():
    head = make(DDSHead, loss_side=[dict(type='BalancedBCELoss'), dict(type='ThinningNMSLoss')])
    samples = make_samples()
    for i, sample in enumerate(samples):
        sample.gt_edge_map.data[1, :, 10 + i] = 1
        sample.gt_edge_map.data[:, 0] = 255
    inputs = levels()
    losses = head.loss(inputs, samples, {})
    target = torch.stack([s.gt_edge_map.data for s in samples])
    united = union_edges(target)
    assert (united == 1).sum() > (target[:, 0] == 1).sum()
    for name, x in head(inputs).items():
        if name == 'fused':
            continue
        goal = united if name.startswith('edge') else target
        found = losses[f'{name}.loss_bce']
        torch.testing.assert_close(found, balanced_bce_loss(x, goal))
        torch.testing.assert_close(losses[f'{name}.loss_nms'], head.loss_side[1](x, goal))


@pytest.mark.parametrize('head', HEADS)
@pytest.mark.parametrize('num_classes', [1, K])
@pytest.mark.parametrize('upsample', ['bilinear', 'upconv'])
def test_losses_reach_every_parameter(head, num_classes, upsample):
    head = make(head, num_classes=num_classes, upsample=upsample, in_strides=[1, 2, 4])
    losses = head.loss(levels(), make_samples(num_classes), {})
    assert {'loss_bce', 'loss_nms', 'loss_dir'} <= set(losses)
    assert any(name.endswith('.loss_bce') for name in losses)
    sum(v for k, v in losses.items() if 'loss' in k).backward()
    for name, parameter in head.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name


@pytest.mark.parametrize('head', HEADS)
@pytest.mark.parametrize('num_levels', [2, 5])
def test_other_numbers_of_levels(head, num_levels):
    out = make(head, num_levels)(levels(num_levels))
    assert {x.shape[2:] for x in out.values()} == {(16, 16)}
    assert len(out) == {HEDHead: 1 + num_levels, DFFHead: 2, DDSHead: 1 + num_levels}[head]


@pytest.mark.parametrize('head', HEADS)
def test_without_side_losses(head):
    losses = make(head, loss_side=None).loss(levels(), make_samples(), {})
    assert {name for name in losses if 'loss' in name} == {'loss_bce', 'loss_nms', 'loss_dir'}


@pytest.mark.parametrize('head', [CASENetHead, *HEADS])
def test_a_second_initialisation_keeps_the_scores_small(head):
    head = make(head)
    randomise(head)
    head.init_weights()
    for side in (*head.sides, head.side5):
        assert getattr(side, 'score', side).weight.abs().max() < 0.1


def one_class_labels(samples):
    """A label map of 16x16 with a square of each of two classes; 2 is background."""
    for sample in samples:
        labels = torch.full((1, 16, 16), 2)
        labels[0, 2:7, 2:7], labels[0, 9:14, 9:14] = 0, 1
        sample.gt_sem_seg = PixelData(data=labels)
    return samples


@pytest.mark.parametrize('head', HEADS)
def test_aligner_of_the_head_gives_the_target(head):
    head = make(head)
    seen = SimpleNamespace()
    moved = torch.stack([s.gt_edge_map.data for s in make_samples()]).roll(3, dims=3)

    def aligner(logits, samples, target):
        seen.logits = logits
        return moved

    inputs = levels()
    plain = head.loss(inputs, make_samples(), {})
    head.aligner = aligner
    losses = head.loss(inputs, make_samples(), {})
    assert seen.logits.shape == (2, K, 16, 16)
    assert not seen.logits.requires_grad
    assert losses['loss_bce'] != plain['loss_bce']
    side = 'side1.loss_bce' if isinstance(head, HEDHead) else 'side5.loss_bce'
    assert losses[side] != plain[side]


def test_level_sets_align_labels_of_many_classes_for_one_map():
    samples = one_class_labels(make_samples(1))
    rule = LabelRule(2, background=2, radius=1, class_agnostic=True)
    head = make(HEDHead, num_classes=1)
    head.aligner = BatchAligner(rule, AlignOptions(num_iters=4))
    losses = head.loss(levels(), samples, {})
    assert losses['loss_bce'].isfinite()
    assert head.aligner.latest.num_masks == 4


@pytest.mark.parametrize('head', HEADS)
@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(in_index=[0, 1]), 'in_index'),
        (dict(in_channels=[4], in_index=[0]), 'two or more'),
        (dict(upsample='upconv'), 'in_strides'),
    ],
)
def test_exception_arguments(head, options, message):
    with pytest.raises(ValueError, match=message):
        make(head, **options)


@pytest.mark.parametrize('head', HEADS)
def test_exception_backbone_of_other_levels(head):
    with pytest.raises(ValueError, match='in_index'):
        make(head)(levels(2))
    with pytest.raises(ValueError, match='in_channels'):
        make(head)(levels()[::-1])


def test_exception_many_classes_for_a_class_agnostic_head():
    head = make(HEDHead, num_classes=1)
    with pytest.raises(ValueError, match=r'1 classes.*has 3.*class_agnostic=True'):
        head.loss(levels(), make_samples(3), {})


@pytest.mark.parametrize('mode', ['whole', 'slide'])
def test_one_map_is_squashed_once(mode):
    """mmseg's segmentor applies a sigmoid to a single channel; ours has applied it already."""
    model = MODELS.build(
        dict(
            type='EdgeEncoderDecoder',
            backbone=dict(type='CASENetResNet', depth=18, stem_channels=8, base_channels=8),
            decode_head=dict(type='HEDHead', in_channels=[8, 8, 16, 64], in_index=[0, 1, 2, 3]),
            test_cfg=ConfigDict(mode=mode, crop_size=(32, 32), stride=(32, 32)),
        )
    ).eval()
    nn.init.constant_(model.decode_head.fuse.bias, -3.0)
    image = torch.randn(1, 3, 32, 32)
    with torch.no_grad():
        logits = model.decode_head(model.backbone(image))['fused']
        found = model.predict(image)[0].pred_edge_map.data
    assert found.shape == (1, 32, 32)
    torch.testing.assert_close(found, logits[0].sigmoid(), atol=1e-5, rtol=1e-4)
