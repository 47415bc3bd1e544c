"""Balanced binary cross entropy against loops over pixels and PyTorch's own loss."""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from mmsteal.functional.losses.balanced_bce import balanced_bce_loss

MODES = ['batch', 'image', 'class', 0.0, 0.3, 1.0]


def make(shape=(2, 3, 4, 5), ignored=0.2, dtype=torch.float64):
    logits = 3 * torch.randn(shape, dtype=dtype)
    target = (torch.rand(shape) < 0.3).to(torch.uint8)
    target[torch.rand(shape) < ignored] = 255
    return logits, target


def reference(logits, target, beta, ignore_index=255):
    """Eq. 1, pixel by pixel; the loss of each pixel as nested lists."""
    num_images, num_classes, height, width = logits.shape
    everything = [
        (n, k, target[n, k, y, x].item())
        for n in range(num_images)
        for k in range(num_classes)
        for y in range(height)
        for x in range(width)
    ]

    def weight(n, k):
        if not isinstance(beta, str):
            return beta
        group = [
            v
            for i, j, v in everything
            if v != ignore_index and (beta != 'image' or i == n) and (beta != 'class' or j == k)
        ]
        return sum(v != 1 for v in group) / len(group) if group else 0.0

    out = torch.zeros(logits.shape, dtype=torch.float64)
    for n in range(num_images):
        for k in range(num_classes):
            b = weight(n, k)
            for y in range(height):
                for x in range(width):
                    f = 1 / (1 + math.exp(-logits[n, k, y, x].item()))
                    label = target[n, k, y, x].item()
                    if label == ignore_index:
                        continue
                    out[n, k, y, x] = -(
                        b * math.log(f) if label == 1 else (1 - b) * math.log(1 - f)
                    )
    return out


@pytest.mark.parametrize('beta', MODES)
@pytest.mark.parametrize('ignored', [0.0, 0.2])
def test_equals_the_loop(beta, ignored):
    logits, target = make(ignored=ignored)
    want = reference(logits, target, beta)
    got = {
        r: balanced_bce_loss(logits, target, beta=beta, reduction=r)
        for r in ('none', 'sum', 'mean')
    }
    torch.testing.assert_close(got['none'], want, rtol=1e-6, atol=1e-8)
    torch.testing.assert_close(got['sum'], want.sum(), rtol=1e-6, atol=1e-8)
    # A logit of zero costs log 2 times its weight: that tells the weights.
    weights = reference(torch.zeros_like(logits), target, beta) / math.log(2)
    torch.testing.assert_close(got['mean'], want.sum() / weights.sum(), rtol=1e-6, atol=1e-8)


def test_half_is_half_the_unweighted_loss():
    logits, target = make(ignored=0)
    plain = F.binary_cross_entropy_with_logits(logits, target.double(), reduction='sum')
    torch.testing.assert_close(balanced_bce_loss(logits, target, beta=0.5), plain / 2)


@pytest.mark.parametrize('beta', MODES)
def test_gradcheck(beta):
    logits, target = make((2, 2, 3, 3))
    logits.requires_grad_()
    assert torch.autograd.gradcheck(lambda z: balanced_bce_loss(z, target, beta=beta), logits)


@pytest.mark.parametrize('beta', MODES)
def test_ignored_pixels_pay_nothing(beta):
    logits, target = make((1, 2, 3, 4))
    changed = torch.where(target == 255, torch.inf * torch.randn_like(logits).sign(), logits)
    changed.requires_grad_()
    loss = balanced_bce_loss(changed, target, beta=beta)
    torch.testing.assert_close(loss, balanced_bce_loss(logits, target, beta=beta))
    loss.backward()
    assert (changed.grad[target == 255] == 0).all()
    assert changed.grad.isfinite().all()


def test_infinite_logits_on_the_right_side_cost_nothing():
    target = torch.tensor([[[[1, 0, 1, 0]]]])
    logits = torch.where(target == 1, torch.inf, -torch.inf).requires_grad_()
    loss = balanced_bce_loss(logits, target)
    loss.backward()
    assert loss == 0
    assert (logits.grad == 0).all()


@pytest.mark.parametrize('beta', ['batch', 'image', 'class'])
@pytest.mark.parametrize('value', [0, 255])
@pytest.mark.parametrize('reduction', ['sum', 'mean'])
def test_without_edges_or_without_labels_the_loss_is_zero(beta, value, reduction):
    logits = torch.randn(2, 2, 3, 3, requires_grad=True)
    loss = balanced_bce_loss(
        logits, torch.full((2, 2, 3, 3), value), beta=beta, reduction=reduction
    )
    loss.backward()
    assert loss == 0
    assert (logits.grad == 0).all()


@pytest.mark.parametrize('kind', [torch.uint8, torch.int64, torch.float32, torch.bool])
def test_target_types(kind):
    logits, target = make(ignored=0)
    want = balanced_bce_loss(logits, target)
    torch.testing.assert_close(balanced_bce_loss(logits, target.to(kind)), want)


def test_other_ignored_value():
    logits, target = make()
    other = torch.where(target == 255, 7, target.long())
    torch.testing.assert_close(
        balanced_bce_loss(logits, other, ignore_index=7), balanced_bce_loss(logits, target)
    )


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(dtype):
    logits, target = make(dtype=dtype)
    logits.requires_grad_()
    with torch.autocast('cpu', torch.bfloat16):
        loss = balanced_bce_loss(logits, target)
    loss.backward()
    assert loss.dtype == torch.float32
    assert logits.grad.dtype == dtype
    torch.testing.assert_close(loss, balanced_bce_loss(logits.float(), target))


def test_few_edges_among_many_pixels_keep_their_digits():
    logits, target = torch.zeros(1, 1, 2000, 1000), torch.zeros(1, 1, 2000, 1000)
    target[0, 0, 0, 0] = 1
    share = 1 / 2_000_000
    want = math.log(2) * 2 * (1 - share)  # (1 - share) * 1 edge + share * the others
    assert balanced_bce_loss(logits, target).item() == pytest.approx(want, rel=1e-6)


@given(st.integers(0, 99), st.sampled_from(['batch', 'image', 'class']))
def test_order_of_the_pixels_does_not_matter(seed, beta):
    torch.manual_seed(seed)
    logits, target = make()
    order = torch.randperm(20)
    mixed = [t.flatten(2)[..., order].view(t.shape) for t in (logits, target)]
    torch.testing.assert_close(
        balanced_bce_loss(*mixed, beta=beta), balanced_bce_loss(logits, target, beta=beta)
    )


@pytest.mark.gpu
@pytest.mark.parametrize('beta', MODES)
def test_gpu_equals_cpu(beta):
    logits, target = make(dtype=torch.float32)
    got = balanced_bce_loss(logits.cuda(), target.cuda(), beta=beta)
    torch.testing.assert_close(got.cpu(), balanced_bce_loss(logits, target, beta=beta))


def test_exceptions():
    logits, target = make()
    with pytest.raises(TypeError, match='`logits` to be a torch tensor, but got list'):
        balanced_bce_loss([0.0], target)
    with pytest.raises(TypeError, match='`target` to be a torch tensor'):
        balanced_bce_loss(logits, target.numpy())
    with pytest.raises(TypeError, match=r'floating point, but got torch\.int64'):
        balanced_bce_loss(logits.long(), target)
    with pytest.raises(ValueError, match=r'shape \(N, K, H, W\)'):
        balanced_bce_loss(logits[0], target[0])
    with pytest.raises(ValueError, match='resize the logits'):
        balanced_bce_loss(logits, target[..., 1:])
    with pytest.raises(ValueError, match='on the device of `logits`'):
        balanced_bce_loss(logits, target.to('meta'))
    with pytest.raises(ValueError, match="`reduction` to be one of 'sum', 'mean', 'none'"):
        balanced_bce_loss(logits, target, reduction='avg')
    for beta in ('pixel', 1.5, -0.1, float('nan'), None):
        with pytest.raises(ValueError, match='`beta`'):
            balanced_bce_loss(logits, target, beta=beta)
