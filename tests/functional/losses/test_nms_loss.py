"""NMS loss against a loop over pixels and samples, closed forms, and what it does to a response."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from skimage.morphology import thin as skimage_thin

from mmsteal.functional.edge_maps.edges import mask_edges
from mmsteal.functional.edge_maps.normals import edge_normals
from mmsteal.functional.losses.edge_geometry import edge_geometry
from mmsteal.functional.losses.nms_loss import thinning_nms_loss


def make(shape=(2, 2, 9, 11), density=0.2, ignored=0.1, dtype=torch.float64):
    logits = 2 * torch.randn(shape, dtype=dtype)
    target = (torch.rand(shape) < density).to(torch.uint8)
    target[torch.rand(shape) < ignored] = 255
    return logits, target


def nms_loss(logits, target, positives='center', normals='hessian', **options):
    """The loss of other positive pixels and normals than the default ones."""
    geometry = edge_geometry(target, positives=positives, normals=normals, dtype=torch.float64)
    return thinning_nms_loss(logits, target, geometry=geometry, **options)


def bilinear(image, y, x):
    height, width = image.shape
    y, x = min(max(y, 0.0), height - 1.0), min(max(x, 0.0), width - 1.0)
    top, left = min(int(y), max(height - 2, 0)), min(int(x), max(width - 2, 0))
    bottom, right = min(top + 1, height - 1), min(left + 1, width - 1)
    fy, fx = y - top, x - left
    return (
        image[top, left] * (1 - fy) * (1 - fx)
        + image[top, right] * (1 - fy) * fx
        + image[bottom, left] * fy * (1 - fx)
        + image[bottom, right] * fy * fx
    )


def reference(logits, target, length, temperature, positives, normals, response):
    total, count = 0.0, 0
    for z, label in zip(logits.flatten(0, 1).numpy(), target.flatten(0, 1).numpy(), strict=True):
        f = 1 / (1 + np.exp(-z)) if response == 'probability' else z
        edge = label == 1
        angle = edge_normals(edge.astype(np.float64), method=normals)
        height, width = f.shape
        for y, x in np.argwhere(skimage_thin(edge) if positives == 'center' else edge):
            powers = {}
            for t in range(-length, length + 1):
                yt, xt = y + t * math.sin(angle[y, x]), x + t * math.cos(angle[y, x])
                if -1e-3 < yt < height - 1 + 1e-3 and -1e-3 < xt < width - 1 + 1e-3:
                    powers[t] = math.exp(bilinear(f, yt, xt) / temperature)
            total -= math.log(powers[0] / sum(powers.values()))
            count += 1
    return total, count


@pytest.mark.parametrize(
    'options',
    [
        {},
        {'length': 4, 'temperature': 0.5},
        {'positives': 'band'},
        {'normals': 'dollar'},
        {'response': 'logit', 'temperature': 1.0},
    ],
)
@pytest.mark.parametrize('shape', [(2, 2, 9, 11), (1, 1, 1, 8), (1, 2, 3, 2)])
def test_equals_the_loop(options, shape):
    logits, target = make(shape, density=0.4)
    settings = {
        'length': 2,
        'temperature': 0.1,
        'positives': 'center',
        'normals': 'hessian',
        'response': 'probability',
    } | options
    total, count = reference(logits, target, **settings)
    assert count > 0
    assert nms_loss(logits, target, **options).item() == pytest.approx(total, rel=1e-9)
    mean = nms_loss(logits, target, reduction='mean', **options)
    assert mean.item() == pytest.approx(total / count, rel=1e-9)


@pytest.mark.parametrize('swap', [False, True])
def test_closed_form_of_a_straight_edge(swap):
    profile = torch.tensor([0.1, 0.3, 0.6, 0.9, 0.7, 0.2, 0.1], dtype=torch.float64)
    logits = torch.logit(profile).expand(1, 1, 7, 7).clone()
    target = torch.zeros(1, 1, 7, 7, dtype=torch.uint8)
    target[..., 3] = 1
    if swap:
        logits, target = logits.mT, target.mT
    want = -torch.log_softmax(profile[1:6] / 0.1, 0)[2]
    torch.testing.assert_close(thinning_nms_loss(logits, target, reduction='mean'), want)
    torch.testing.assert_close(thinning_nms_loss(logits, target), 7 * want)


def test_samples_outside_the_image_do_not_compete():
    target = torch.zeros(1, 1, 9, 9, dtype=torch.uint8)
    target[..., 1] = 1  # the normal leaves the image on one side, after one pixel
    # The ends of the line lie on the border, where rounding must not push the samples out.
    for t in (target, target.mT):
        flat = thinning_nms_loss(torch.zeros(1, 1, 9, 9), t, reduction='mean')
        assert flat.item() == pytest.approx(math.log(4), rel=1e-5)


@given(st.floats(-50, 50), st.integers(1, 4), st.floats(0.01, 10))
def test_flat_prediction_costs_log_of_the_samples(level, length, temperature):
    target = torch.zeros(1, 1, 15, 15, dtype=torch.uint8)
    target[..., 7] = 1
    logits = torch.full((1, 1, 15, 15), level, dtype=torch.float64)
    loss = thinning_nms_loss(
        logits, target, length=length, temperature=temperature, reduction='mean'
    )
    assert loss.item() == pytest.approx(math.log(2 * length + 1), rel=1e-9)


@given(st.integers(0, 99))
def test_loss_is_not_negative_and_mirrors_with_the_image(seed):
    torch.manual_seed(seed)
    logits = torch.randn(1, 1, 25, 25, dtype=torch.float64)
    # An ellipse: where the label has no direction, as at a lonely pixel, a normal is arbitrary.
    y, x = np.mgrid[:25, :25]
    target = torch.from_numpy(mask_edges((x - 12) ** 2 + 2 * (y - 11) ** 2 < 70))[None, None]
    # Thinning is not symmetric, so the whole band is compared.
    loss = nms_loss(logits, target, positives='band')
    assert loss >= 0
    mirrored = nms_loss(logits.flip(-1), target.flip(-1), positives='band')
    torch.testing.assert_close(mirrored, loss, rtol=1e-6, atol=1e-6)
    turned = nms_loss(logits.mT, target.mT, positives='band')
    torch.testing.assert_close(turned, loss, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    'options',
    [{}, {'positives': 'band'}, {'response': 'logit'}, {'reduction': 'mean', 'length': 3}],
)
def test_gradcheck(options):
    logits, target = make((2, 2, 6, 7))
    logits.requires_grad_()
    assert torch.autograd.gradcheck(lambda z: nms_loss(z, target, **options), logits)


@pytest.mark.parametrize('value', [0, 255])
@pytest.mark.parametrize('reduction', ['sum', 'mean'])
@pytest.mark.parametrize('level', [0.0, torch.inf, -torch.inf, torch.nan])
def test_no_positive_pixel_is_a_zero_in_the_graph(value, reduction, level):
    logits = torch.full((2, 2, 5, 5), level, requires_grad=True)
    loss = thinning_nms_loss(logits, torch.full((2, 2, 5, 5), value), reduction=reduction)
    loss.backward()
    assert loss == 0
    assert (logits.grad == 0).all()


def test_gradient_of_saturated_logits_is_finite():
    logits, target = make(dtype=torch.float32)
    for scale in (1e4, torch.inf):
        z = (logits.sign() * scale).requires_grad_()
        loss = thinning_nms_loss(z, target)
        loss.backward()
        assert loss.isfinite()
        assert z.grad.isfinite().all()


def test_only_maps_with_positives_get_a_gradient():
    logits, target = make()
    target[0, 1] = 0
    logits.requires_grad_()
    thinning_nms_loss(logits, target).backward()
    assert (logits.grad[0, 1] == 0).all()
    assert (logits.grad[0, 0] != 0).any()


def test_shared_geometry_is_the_same_loss():
    logits, target = make()
    geometry = edge_geometry(target, dtype=torch.float64)
    want = thinning_nms_loss(logits, target)
    assert torch.equal(thinning_nms_loss(logits, target, geometry=geometry), want)


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(dtype):
    logits, target = make(dtype=dtype)
    logits.requires_grad_()
    with torch.autocast('cpu', torch.bfloat16):
        loss = thinning_nms_loss(logits, target)
    loss.backward()
    assert loss.dtype == torch.float32
    assert logits.grad.dtype == dtype
    assert torch.equal(loss, thinning_nms_loss(logits.float(), target))


def test_channels_last_and_other_ignored_value():
    logits, target = make()
    want = thinning_nms_loss(logits, target)
    last = logits.to(memory_format=torch.channels_last)
    torch.testing.assert_close(thinning_nms_loss(last, target), want)
    other = torch.where(target == 255, 7, target.long())
    torch.testing.assert_close(thinning_nms_loss(logits, other, ignore_index=7), want)


def half_width(profile):
    return (profile >= profile.max() / 2).sum().item()


def test_optimisation_thins_a_wide_response():
    y, x = np.mgrid[:40, :40]
    mask = np.hypot(y - 19.5, x - 19.5) < 11
    target = torch.from_numpy(mask_edges(mask, 2))[None, None]
    distance = torch.from_numpy(np.hypot(y - 19.5, x - 19.5) - 11).float()
    logits = (4 - 0.25 * distance.square())[None, None].requires_grad_()
    before = half_width(logits.detach()[0, 0, 20, 20:].sigmoid())
    optimizer = torch.optim.Adam([logits], 0.1)
    for _ in range(60):
        optimizer.zero_grad()
        thinning_nms_loss(logits, target, reduction='mean').backward()
        optimizer.step()
    after = half_width(logits.detach()[0, 0, 20, 20:].sigmoid())
    assert before >= 7
    assert after <= before - 3


@pytest.mark.gpu
def test_gpu_equals_cpu():
    logits, target = make((2, 3, 40, 50), dtype=torch.float32)
    got = thinning_nms_loss(logits.cuda(), target.cuda(), reduction='mean')
    torch.testing.assert_close(
        got.cpu(), thinning_nms_loss(logits, target, reduction='mean'), rtol=1e-3, atol=1e-3
    )


def test_exceptions():
    logits, target = make()
    with pytest.raises(ValueError, match='resize the logits'):
        thinning_nms_loss(logits, target[..., 1:])
    for options, message in [
        ({'length': 0}, '`length`'),
        ({'length': 1.5}, '`length`'),
        ({'temperature': 0.0}, '`temperature`'),
        ({'reduction': 'none'}, '`reduction`'),
        ({'response': 'sigmoid'}, '`response`'),
    ]:
        with pytest.raises(ValueError, match=message):
            thinning_nms_loss(logits, target, **options)
    with pytest.raises(ValueError, match='`geometry`'):
        thinning_nms_loss(logits, target, geometry=edge_geometry(target[:1]))
