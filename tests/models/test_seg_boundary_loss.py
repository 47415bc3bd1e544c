import pytest
import torch
import torch.nn.functional as F
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample

from mmsteal.functional import balanced_bce_loss, direction_loss, thinning_nms_loss
from mmsteal.functional.losses.soft_boundary import boundary_logits, class_boundaries
from mmsteal.models import SegBoundaryLoss

BCE = dict(type='BalancedBCELoss', reduction='mean')


@pytest.fixture(autouse=True)
def _scope():
    init_default_scope('mmseg')


def make_label(size=16):
    label = torch.zeros(2, size, size, dtype=torch.long)
    label[:, 4:12, 4:12] = 1
    label[1, :, 10:] = 2
    label[:, :2] = 255
    return label


def test_is_the_sum_of_the_functions():
    logits, label = torch.randn(2, 3, 16, 16), make_label()
    z = boundary_logits(logits, valid=(label != 255)[:, None])
    e = class_boundaries(label, 3)
    expected = (
        balanced_bce_loss(z, e, reduction='mean')
        + thinning_nms_loss(z, e, reduction='mean')
        + 0.1 * direction_loss(z, e, reduction='mean')
    )
    torch.testing.assert_close(SegBoundaryLoss(loss_weight=0.5)(logits, label), 0.5 * expected)


def naive(logits, label, eps=0.01):
    """Eq. 1 on the boundaries of the segmentation, pixel by pixel, radius 1."""
    prob = logits.softmax(1)
    n, k, h, w = prob.shape
    terms = {0: [], 1: []}
    for i in range(n):
        for y in range(h):
            for x in range(w):
                if label[i, y, x] == 255:
                    continue
                cross = [(y, x), (y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)]
                seen = [
                    (v, u) for v, u in cross
                    if 0 <= v < h and 0 <= u < w and label[i, v, u] != 255
                ]  # fmt: skip
                for c in range(k):
                    f = [prob[i, c, v, u] for v, u in seen]
                    b = eps + (1 - 2 * eps) * (max(f) - min(f))
                    edge = len({bool(label[i, v, u] == c) for v, u in seen}) == 2
                    terms[edge].append(-torch.log(b if edge else 1 - b))
    # beta |Y+| = (1 - beta) |Y-|: the weighted mean is the mean of both means.
    return (torch.stack(terms[0]).mean() + torch.stack(terms[1]).mean()) / 2


def test_equals_a_naive_loop():
    logits, label = torch.randn(2, 3, 8, 8, dtype=torch.float64), make_label(8)
    torch.testing.assert_close(SegBoundaryLoss(BCE)(logits, label), naive(logits, label))


@pytest.mark.parametrize('losses', [BCE, None])
def test_gradcheck(losses):
    label = make_label(8)[1:]
    loss = SegBoundaryLoss(losses)
    logits = torch.randn(1, 3, 8, 8, dtype=torch.float64, requires_grad=True)
    if losses is None:
        # The direction loss fades its gradient on purpose where a prediction is flat.
        del loss.losses[2]
    assert torch.autograd.gradcheck(lambda x: loss(x, label), logits)


def test_right_segmentation_is_best():
    label = make_label()
    right = 12.0 * F.one_hot(label.clamp(max=2), 3).permute(0, 3, 1, 2)
    loss = SegBoundaryLoss()
    shifted, flat = right.roll(3, dims=3), torch.zeros_like(right)
    soft = F.avg_pool2d(F.pad(right, (3, 3, 3, 3), mode='replicate'), 7, stride=1)
    values = [loss(x, label).item() for x in (right, soft, shifted, flat)]
    assert values[0] == min(values)


def test_descent_sharpens_a_blurred_segmentation():
    label = make_label()
    right = 6.0 * F.one_hot(label.clamp(max=2), 3).permute(0, 3, 1, 2)
    logits = F.avg_pool2d(F.pad(right, (2, 2, 2, 2), mode='replicate'), 5, stride=1)
    logits.requires_grad_()
    loss = SegBoundaryLoss()
    optimizer = torch.optim.SGD([logits], lr=20)
    values = []
    for _ in range(30):
        optimizer.zero_grad()
        value = loss(logits, label)
        value.backward()
        optimizer.step()
        values.append(value.item())
    assert values[-1] < 0.8 * values[0]


def test_weight_zero_pays_nothing():
    logits, label = torch.randn(2, 3, 16, 16), make_label()
    loss = SegBoundaryLoss(BCE)
    weight = torch.ones(2, 16, 16)
    torch.testing.assert_close(loss(logits, label, weight=weight), loss(logits, label))
    weight[:, :, 8:] = 0
    z = boundary_logits(logits, valid=(label != 255)[:, None])
    half = balanced_bce_loss(
        z[..., :8], class_boundaries(label, 3)[..., :8].contiguous(), reduction='mean'
    )
    torch.testing.assert_close(loss(logits, label, weight=weight), half)


@pytest.mark.parametrize('value', [0, 255])
def test_no_boundary_gives_a_finite_gradient(value):
    logits = torch.randn(1, 3, 8, 8, requires_grad=True)
    loss = SegBoundaryLoss()(logits, torch.full((1, 8, 8), value))
    loss.backward()
    assert loss == 0
    assert not logits.grad.any()


def test_other_ignore_index():
    logits, label = torch.randn(2, 3, 16, 16), make_label()
    loss = SegBoundaryLoss()
    other = label.masked_fill(label == 255, -100)
    torch.testing.assert_close(loss(logits, other, ignore_index=-100), loss(logits, label))


def test_binary_head():
    label = make_label().clamp(max=1).masked_fill(make_label() == 255, 255)
    logits = torch.randn(2, 1, 16, 16)
    loss = SegBoundaryLoss(BCE, use_sigmoid=True)
    z = boundary_logits(logits, valid=(label != 255)[:, None], use_sigmoid=True)
    expected = balanced_bce_loss(z, class_boundaries(label, 2)[:, 1:], reduction='mean')
    torch.testing.assert_close(loss(logits, label), expected)


@pytest.mark.parametrize(
    'head',
    [
        dict(type='FCNHead', in_channels=8, channels=4, in_index=0, num_convs=1),
        dict(
            type='FCNHead', in_channels=8, channels=4, in_index=0, num_convs=1,
            sampler=dict(type='OHEMPixelSampler', thresh=0.7, min_kept=50),
        ),
        dict(
            type='SegformerHead', in_channels=[8, 8], in_index=[0, 1], channels=4,
            align_corners=False,
        ),
    ],
    ids=['plain', 'sampler', 'segformer'],
)  # fmt: skip
def test_one_entry_of_loss_decode(head):
    """The contract of BaseDecodeHead.loss_by_feat, with and without its pixel sampler."""
    ce = dict(type='CrossEntropyLoss', avg_non_ignore=True)
    head = MODELS.build(dict(**head, num_classes=3, loss_decode=[ce, dict(type='SegBoundaryLoss')]))
    samples = []
    for label in make_label():
        sample = SegDataSample()
        sample.gt_sem_seg = PixelData(data=label[None])
        samples.append(sample)
    features = [torch.randn(2, 8, 8, 8), torch.randn(2, 8, 4, 4)]
    losses = head.loss(features, samples, {})
    assert {'loss_ce', 'loss_boundary', 'acc_seg'} <= set(losses)
    assert losses['loss_boundary'] > 0
    losses['loss_boundary'].backward()
    assert head.conv_seg.weight.grad.abs().sum() > 0


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(losses=[]), 'losses'),
        (dict(losses=['BalancedBCELoss']), 'BalancedBCELoss'),
        (dict(radius=0), 'radius'),
        (dict(eps=0), 'eps'),
    ],
)
def test_exception_options(options, message):
    with pytest.raises(ValueError, match=message):
        SegBoundaryLoss(**options)


def test_exception_call():
    loss = SegBoundaryLoss()
    with pytest.raises(ValueError, match='reduction'):
        loss(torch.zeros(2, 3, 16, 16), make_label(), avg_factor=7)
    with pytest.raises(ValueError, match='label'):
        loss(torch.zeros(2, 3, 8, 8), make_label())
    with pytest.raises(ValueError, match='sampled points'):
        loss(torch.zeros(2, 3, 50), make_label())
    with pytest.raises(ValueError, match='use_sigmoid'):
        loss(torch.zeros(2, 1, 16, 16), make_label())
