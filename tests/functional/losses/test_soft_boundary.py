import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.autograd import gradcheck

from mmsteal.functional import label_map_to_edges, mask_edges
from mmsteal.functional.losses.soft_boundary import boundary_logits, class_boundaries, soft_boundary

RADII = [1, 1.5, 2, 3]


def naive(prob, radius, valid):
    """Definition, pixel by pixel, of one map (H, W)."""
    height, width = prob.shape
    out = np.zeros((height, width))
    for y in range(height):
        for x in range(width):
            if not valid[y, x]:
                continue
            seen = [
                prob[v, u]
                for v in range(height)
                for u in range(width)
                if (v - y) ** 2 + (u - x) ** 2 <= radius**2 and valid[v, u]
            ]
            out[y, x] = max(seen) - min(seen)
    return out


@pytest.mark.parametrize('radius', RADII)
@pytest.mark.parametrize('with_ignored', [False, True])
def test_equals_the_definition(rng, radius, with_ignored):
    prob = rng.random((2, 3, 7, 9))
    valid = rng.random((2, 1, 7, 9)) < 0.7 if with_ignored else np.ones((2, 1, 7, 9), bool)
    expected = [
        [naive(f, radius, v[0]) for f in image] for image, v in zip(prob, valid, strict=True)
    ]
    out = soft_boundary(
        torch.from_numpy(prob),
        radius=radius,
        valid=torch.from_numpy(valid) if with_ignored else None,
    )
    torch.testing.assert_close(out, torch.tensor(np.array(expected)))


@given(st.integers(1, 12), st.integers(1, 12), st.sampled_from(RADII), st.integers(0, 2**32 - 1))
def test_hard_probabilities_give_mask_edges(height, width, radius, seed):
    masks = np.random.default_rng(seed).random((2, height, width)) < 0.6
    out = soft_boundary(torch.from_numpy(masks).float(), radius=radius)
    np.testing.assert_array_equal(out.numpy(), mask_edges(masks, radius))


@given(st.integers(1, 12), st.integers(1, 12), st.sampled_from(RADII), st.integers(0, 2**32 - 1))
def test_class_boundaries_equal_those_of_label_maps(height, width, radius, seed):
    label = np.random.default_rng(seed).choice([0, 1, 2, 255], (2, height, width))
    expected = np.stack([label_map_to_edges(one, 3, radius=radius) for one in label])
    out = class_boundaries(torch.from_numpy(label), 3, radius=radius)
    np.testing.assert_array_equal(out.numpy(), expected)


def test_a_right_segmentation_has_the_boundaries_of_its_labels():
    label = torch.randint(0, 4, (2, 16, 16)).repeat_interleave(3, 1).repeat_interleave(3, 2)
    label[:, 10:14, 10:20] = 255
    logits = 40.0 * torch.nn.functional.one_hot(label.clamp(max=3), 4).permute(0, 3, 1, 2)
    valid = (label != 255)[:, None]
    out = boundary_logits(logits, radius=2, valid=valid).sigmoid()
    target = class_boundaries(label, 4, radius=2)
    known = target != 255
    torch.testing.assert_close(out[known], 0.01 + 0.98 * target[known].float())


def test_void_and_other_values_are_no_class():
    label = torch.tensor([[[0, 0, 2, 2, 1, 1]]])  # 2 is K, the background of mmsteal's datasets
    edges = class_boundaries(label, 2)[0, :, 0]
    assert edges.tolist() == [[0, 1, 1, 0, 0, 0], [0, 0, 0, 1, 1, 0]]


@pytest.mark.parametrize('radius', [1, 2])
@pytest.mark.parametrize('use_sigmoid', [False, True])
def test_gradcheck(radius, use_sigmoid):
    logits = torch.randn(1, 3, 5, 6, dtype=torch.float64, requires_grad=True)
    valid = torch.ones(1, 1, 5, 6, dtype=torch.bool)
    valid[..., 2:4, 3] = False
    for mask in (None, valid):
        assert gradcheck(
            lambda x, mask=mask: boundary_logits(
                x, radius=radius, valid=mask, use_sigmoid=use_sigmoid
            ),
            logits,
        )


def test_gradient_equals_that_of_max_pooling():
    x = torch.rand(2, 3, 8, 8, dtype=torch.float64)
    a, b = x.clone().requires_grad_(), x.clone().requires_grad_()
    # A disk of radius 1.5 is a square of 3 by 3.
    pooled = torch.nn.functional.max_pool2d(torch.cat([b, -b]), 3, stride=1, padding=1)
    weight = torch.rand_like(x)
    (soft_boundary(a, radius=1.5) * weight).sum().backward()
    (sum(pooled.chunk(2)) * weight).sum().backward()
    torch.testing.assert_close(a.grad, b.grad)


@pytest.mark.parametrize('value', [0.0, 1e4, -1e4])
def test_flat_and_saturated_predictions_stay_finite(value):
    logits = torch.full((1, 2, 6, 6), value)
    logits[:, 0, :, 3:] *= -1
    logits.requires_grad_()
    out = boundary_logits(logits)
    assert out.abs().max() <= math.log(0.99 / 0.01) + 1e-5
    out.sum().backward()
    assert logits.grad.isfinite().all()


def test_half_precision_is_computed_in_single():
    logits = torch.randn(1, 3, 6, 6)
    out = boundary_logits(logits.bfloat16())
    assert out.dtype == torch.float32
    torch.testing.assert_close(out, boundary_logits(logits.bfloat16().float()))


def test_everything_ignored():
    logits = torch.randn(1, 3, 6, 6, requires_grad=True)
    valid = torch.zeros(1, 1, 6, 6, dtype=torch.bool)
    boundary_logits(logits, valid=valid).sum().backward()
    assert not logits.grad.any()


@pytest.mark.parametrize(
    ('call', 'error', 'message'),
    [
        (lambda: soft_boundary(torch.zeros(3, 4, dtype=torch.int64)), TypeError, 'prob'),
        (lambda: soft_boundary(torch.zeros(3)), ValueError, 'shape'),
        (lambda: soft_boundary(torch.zeros(3, 3), radius=0.5), ValueError, 'radius'),
        (lambda: soft_boundary(torch.zeros(3, 3), radius=math.inf), ValueError, 'radius'),
        (lambda: soft_boundary(torch.zeros(3, 3), valid=torch.ones(3, 3)), TypeError, 'valid'),
        (lambda: boundary_logits(torch.zeros(2, 3, 50)), ValueError, 'sampled points'),
        (lambda: boundary_logits(torch.zeros(1, 1, 3, 3)), ValueError, 'use_sigmoid'),
        (lambda: boundary_logits(torch.zeros(1, 2, 3, 3), eps=0.5), ValueError, 'eps'),
        (lambda: boundary_logits([[0.0]]), TypeError, 'logits'),
        (lambda: class_boundaries(torch.zeros(1, 3, 3), 2), TypeError, 'integers'),
        (lambda: class_boundaries(torch.zeros(3, 3, dtype=int), 2), ValueError, 'shape'),
        (lambda: class_boundaries(torch.zeros(1, 3, 3, dtype=int), 2, radius=0), ValueError, 'rad'),
    ],
)
def test_exception(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.gpu
def test_same_on_cuda():
    logits = torch.randn(2, 5, 40, 50)
    label = torch.randint(0, 5, (2, 40, 50))
    label[:, :5] = 255
    valid = (label != 255)[:, None]
    grads = []
    for device in ('cpu', 'cuda'):
        x = logits.detach().clone().to(device).requires_grad_()
        out = boundary_logits(x, radius=2, valid=valid.to(device))
        out.square().sum().backward()
        grads.append((out.cpu(), x.grad.cpu(), class_boundaries(label.to(device), 5).cpu()))
    for cpu, cuda in zip(*grads, strict=True):
        torch.testing.assert_close(cpu, cuda, rtol=1e-4, atol=1e-4)
