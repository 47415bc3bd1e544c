"""Direction loss against a loop over pixels, closed forms, and its gradient."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from skimage.morphology import thin as skimage_thin

from mmsteal.functional.edge_maps.edges import mask_edges
from mmsteal.functional.edge_maps.normals import edge_normals, hessian
from mmsteal.functional.losses.direction import direction_loss
from mmsteal.functional.losses.edge_geometry import edge_geometry


def make(shape=(2, 2, 12, 13), density=0.1, ignored=0.1, dtype=torch.float64):
    logits = 2 * torch.randn(shape, dtype=dtype)
    target = (torch.rand(shape) < density).to(torch.uint8)
    target[torch.rand(shape) < ignored] = 255
    return logits, target


def direction(logits, target, positives='center', normals='hessian', filter_radius=4, **options):
    """The loss of other positive pixels and normals than the default ones."""
    geometry = edge_geometry(
        target,
        positives=positives,
        normals=normals,
        filter_radius=filter_radius,
        dtype=torch.float64,
    )
    return direction_loss(logits, target, filter_radius=filter_radius, geometry=geometry, **options)


def reference(logits, target, power, positives='center', normals='hessian', filter_radius=4):
    """Eq. 6 as printed: the arc cosine of the unit normals, as lines."""
    total, count = 0.0, 0
    for z, label in zip(logits.flatten(0, 1).numpy(), target.flatten(0, 1).numpy(), strict=True):
        edge = label == 1
        options = {'filter_radius': filter_radius}
        d = edge_normals(edge.astype(np.float64), method=normals, **options)
        e = edge_normals(1 / (1 + np.exp(-z)), **options)
        for y, x in np.argwhere(skimage_thin(edge) if positives == 'center' else edge):
            dot = math.cos(d[y, x]) * math.cos(e[y, x]) + math.sin(d[y, x]) * math.sin(e[y, x])
            total += math.acos(min(abs(dot), 1.0)) ** power
            count += 1
    return total, count


def line(degrees, size=31):
    """Logits of a smooth straight line through the middle whose normal has the given angle."""
    y, x = torch.meshgrid(*[torch.arange(size, dtype=torch.float64) - size // 2] * 2, indexing='ij')
    theta = math.radians(degrees)
    offset = x * math.cos(theta) + y * math.sin(theta)
    return (2 - 0.2 * offset.square())[None, None], (offset.abs() < 1.9)[None, None]


@pytest.mark.parametrize('power', [1, 2])
@pytest.mark.parametrize(
    'options', [{}, {'positives': 'band'}, {'normals': 'dollar'}, {'filter_radius': 2}]
)
def test_equals_the_loop(power, options):
    logits, target = make()
    total, count = reference(logits, target, power, **options)
    got = direction(logits, target, power=power, **options)
    # The arc cosine of the reference loses digits near 1.
    assert got.item() == pytest.approx(total, rel=1e-6)
    mean = direction(logits, target, power=power, reduction='mean', **options)
    assert mean.item() == pytest.approx(total / count, rel=1e-6)


@pytest.mark.parametrize('label', [0, 45, 90, 135])
@pytest.mark.parametrize('turn', [0, 20, 60, 90])
def test_closed_form_of_straight_edges(label, turn):
    target = line(label)[1]
    logits = line(label + turn)[0]
    geometry = edge_geometry(target, dtype=torch.float64)
    # Only where the two lines cross is the normal of the prediction that of its line.
    middle = (geometry.x == 15) & (geometry.y == 15)
    assert middle.sum() == 1
    part = geometry._replace(
        **{f: getattr(geometry, f)[middle] for f in ('slot', 'y', 'x', 'angle')}
    )
    angle = direction_loss(logits, target, power=1, geometry=part).item()
    assert angle == pytest.approx(math.radians(turn), abs=math.radians(1))
    square = direction_loss(logits, target, geometry=part).item()
    assert square == pytest.approx(angle**2, abs=1e-12)


def test_same_line_costs_nothing():
    target = torch.zeros(1, 1, 31, 31, dtype=torch.uint8)
    target[..., 14:17] = 1
    logits = (20.0 * target - 10).requires_grad_()
    loss = direction_loss(logits, target, reduction='mean')
    loss.backward()
    assert loss.item() < 1e-10
    assert logits.grad.abs().max() < 1e-4


@given(st.integers(0, 99), st.sampled_from([1, 2]))
def test_bounds_and_symmetry(seed, power):
    torch.manual_seed(seed)
    logits = torch.randn(1, 1, 25, 25, dtype=torch.float64)
    # An ellipse: where the label has no direction, as at a lonely pixel, a normal is arbitrary.
    y, x = np.mgrid[:25, :25]
    target = torch.from_numpy(mask_edges((x - 12) ** 2 + 2 * (y - 11) ** 2 < 70))[None, None]
    loss = direction(logits, target, power=power, positives='band', reduction='mean')
    assert 0 <= loss <= (math.pi / 2) ** power
    # A mirror mirrors both normals; thinning is not symmetric, so the whole band is compared.
    for change in (lambda t: t.flip(-1), lambda t: t.flip(-2), lambda t: t.mT):
        changed = direction(
            change(logits), change(target), power=power, positives='band', reduction='mean'
        )
        torch.testing.assert_close(changed, loss, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize('power', [1, 2])
def test_gradcheck(power):
    logits, target = make((2, 2, 7, 8), density=0.2)
    logits.requires_grad_()
    assert torch.autograd.gradcheck(
        lambda z: direction_loss(z, target, power=power, damping=1e-9), logits
    )


def test_damping_scales_the_gradient_of_a_pixel_and_not_the_loss():
    logits, target = make((1, 1, 12, 13))
    geometry = edge_geometry(target, dtype=torch.float64)
    one = geometry._replace(**{f: getattr(geometry, f)[:1] for f in ('slot', 'y', 'x', 'angle')})
    grads, losses = [], []
    for damping in (1e-9, 1e-2):
        z = logits.clone().requires_grad_()
        loss = direction_loss(z, target, geometry=one, damping=damping)
        loss.backward()
        losses.append(loss.item())
        grads.append(z.grad)
    oxx, oxy, oyy = (d[0, 0, one.y, one.x].item() for d in hessian(logits.sigmoid()))
    square = (oyy - oxx) ** 2 + 4 * oxy**2
    assert losses[0] == pytest.approx(losses[1], rel=1e-12)
    torch.testing.assert_close(grads[1], grads[0] * square / (square + 1e-4))


@pytest.mark.parametrize('level', [0.0, -30.0, 30.0, torch.inf, -torch.inf])
def test_flat_prediction_is_half_way_and_has_no_gradient(level):
    _, target = make()
    logits = torch.full(target.shape, level, requires_grad=True)
    loss = direction_loss(logits, target, power=1, reduction='mean')
    loss.backward()
    assert loss.item() == pytest.approx(math.pi / 4)
    assert (logits.grad == 0).all()


@pytest.mark.parametrize('power', [1, 2])
@pytest.mark.parametrize('scale', [1e-30, 1e-12, 1e-8, 1e-4, 1.0, 1e3, torch.inf])
@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
def test_gradient_is_finite_at_any_contrast(power, scale, dtype):
    logits, target = make(dtype=dtype)
    z = (logits * scale).requires_grad_()
    loss = direction_loss(z, target, power=power)
    loss.backward()
    assert loss.isfinite()
    assert z.grad.isfinite().all()


@pytest.mark.parametrize('turn', [0, 90])
def test_gradient_is_finite_where_the_angle_is_extreme(turn):
    target = line(0)[1]
    logits = line(turn)[0].requires_grad_()
    for power in (1, 2):
        (grad,) = torch.autograd.grad(direction_loss(logits, target, power=power), logits)
        assert grad.isfinite().all()


@pytest.mark.parametrize('value', [0, 255])
@pytest.mark.parametrize('reduction', ['sum', 'mean'])
@pytest.mark.parametrize('level', [0.0, torch.inf, -torch.inf, torch.nan])
def test_no_positive_pixel_is_a_zero_in_the_graph(value, reduction, level):
    logits = torch.full((2, 2, 5, 5), level, requires_grad=True)
    loss = direction_loss(logits, torch.full((2, 2, 5, 5), value), reduction=reduction)
    loss.backward()
    assert loss == 0
    assert (logits.grad == 0).all()


@pytest.mark.parametrize('shape', [(1, 1, 1, 1), (1, 1, 1, 9), (1, 2, 3, 2)])
def test_smoke_of_tiny_maps(shape):
    logits = torch.randn(shape, requires_grad=True)
    loss = direction(logits, torch.ones(shape), positives='band')
    loss.backward()
    assert loss.isfinite()
    assert logits.grad.isfinite().all()


def test_a_step_turns_the_response_towards_the_label():
    target = line(0)[1]
    logits = line(35)[0].requires_grad_()
    optimizer = torch.optim.Adam([logits], 0.05)
    losses = []
    for _ in range(40):
        optimizer.zero_grad()
        loss = direction_loss(logits, target, reduction='mean')
        loss.backward()
        losses.append(loss.item())
        optimizer.step()
    assert losses[-1] < losses[0] / 4


def test_shared_geometry_is_the_same_loss():
    logits, target = make()
    for radius in (4, 2):
        geometry = edge_geometry(target, filter_radius=radius, dtype=torch.float64)
        want = direction_loss(logits, target, filter_radius=radius)
        shared = direction_loss(logits, target, filter_radius=radius, geometry=geometry)
        assert torch.equal(shared, want)


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(dtype):
    logits, target = make(dtype=dtype)
    logits.requires_grad_()
    with torch.autocast('cpu', torch.bfloat16):
        loss = direction_loss(logits, target)
    loss.backward()
    assert loss.dtype == torch.float32
    assert logits.grad.dtype == dtype
    assert torch.equal(loss, direction_loss(logits.float(), target))


@pytest.mark.gpu
def test_gpu_equals_cpu():
    logits, target = make((2, 3, 40, 50), dtype=torch.float32)
    got = direction_loss(logits.cuda(), target.cuda(), reduction='mean')
    want = direction_loss(logits, target, reduction='mean')
    torch.testing.assert_close(got.cpu(), want, rtol=1e-3, atol=1e-3)


def test_exceptions():
    logits, target = make()
    with pytest.raises(ValueError, match='resize the logits'):
        direction_loss(logits, target[..., 1:])
    for options, message in [
        ({'power': 3}, '`power`'),
        ({'damping': 0.0}, '`damping`'),
        ({'reduction': 'none'}, '`reduction`'),
        ({'filter_radius': -1}, '`filter_radius`'),
    ]:
        with pytest.raises(ValueError, match=message):
            direction_loss(logits, target, **options)
    with pytest.raises(ValueError, match='`geometry`'):
        direction_loss(logits, target, geometry=edge_geometry(target[:1]))
