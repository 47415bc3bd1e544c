"""Normals against scipy and numpy filters, analytic edges, and pixels read one by one."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import convolve1d

from mmsteal.functional.edge_maps.normals import (
    edge_normals,
    hessian,
    normal_angle,
    triangle_filter,
)
from mmsteal.functional.edge_maps.point_hessian import hessian_at

SHAPES = [(1, 1), (1, 7), (2, 3), (3, 5), (12, 30)]


def reference_triangle(x, radius):
    kernel = np.r_[1 : radius + 2, radius:0:-1] / (radius + 1) ** 2
    # scipy's 'reflect' repeats the border pixel and goes on reflecting, as 'symmetric' of numpy.
    return convolve1d(convolve1d(x, kernel, 0, mode='reflect'), kernel, 1, mode='reflect')


def reference_hessian(x, radius):
    oy, ox = np.gradient(reference_triangle(x, radius))
    oyy, oxy = np.gradient(oy)
    return np.gradient(ox, axis=1), oxy, oyy


def line_difference(a, b):
    d = np.abs(a - b) % np.pi
    return np.minimum(d, np.pi - d)


@pytest.mark.parametrize('shape', SHAPES)
@pytest.mark.parametrize('radius', [0, 1, 2, 4, 9])
def test_triangle_filter_equals_scipy(rng, shape, radius):
    x = rng.random(shape)
    np.testing.assert_allclose(
        triangle_filter(x, radius), reference_triangle(x, radius), atol=1e-13
    )


@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 15), st.integers(0, 99))
def test_triangle_filter_keeps_constants_and_the_sum(height, width, radius, seed):
    x = np.random.default_rng(seed).random((height, width))
    np.testing.assert_allclose(triangle_filter(np.full_like(x, 0.7), radius), 0.7, atol=1e-12)
    # Reflection about the border gives back what would leave the map.
    np.testing.assert_allclose(triangle_filter(x, radius).sum(), x.sum(), rtol=1e-10)


def test_triangle_filter_of_a_label_is_exact_in_float32():
    label = torch.zeros(9, 9)
    label[4] = 1
    assert torch.equal(
        triangle_filter(label, 2)[:, 4] * 9, torch.tensor([0.0, 0, 1, 2, 3, 2, 1, 0, 0])
    )


@pytest.mark.parametrize('radius', [0, 2, 4])
def test_hessian_equals_numpy_gradient(rng, radius):
    x = rng.random((3, 17, 23))
    for got, *want in zip(
        hessian(x, radius), *(reference_hessian(m, radius) for m in x), strict=True
    ):
        np.testing.assert_allclose(got, want, atol=1e-13)


def test_an_axis_of_one_pixel_has_no_derivative():
    oxx, oxy, oyy = hessian(np.arange(9.0)[None] ** 2, 0)
    assert (oxy == 0).all()
    assert (oyy == 0).all()
    assert oxx[0, 4] == 2


def test_dollar_is_the_published_formula(rng):
    x = rng.random((20, 31))
    oxx, oxy, oyy = reference_hessian(x, 4)
    want = np.mod(np.arctan(oyy * np.sign(-(oxy + 1e-5)) / (oxx + 1e-5)), np.pi)
    np.testing.assert_allclose(edge_normals(x, method='dollar'), want, atol=1e-12)


def test_hessian_angle_is_the_eigenvector(rng):
    x = rng.random((20, 31))
    angle = edge_normals(x)
    oxx, oxy, oyy = reference_hessian(x, 4)
    for y, c in [(3, 4), (10, 20), (19, 30), (0, 0)]:
        matrix = [[oxx[y, c], oxy[y, c]], [oxy[y, c], oyy[y, c]]]
        vx, vy = np.linalg.eigh(matrix)[1][:, 0]  # of the most negative curvature
        assert line_difference(angle[y, c], np.arctan2(vy, vx)) < 1e-9


@pytest.mark.parametrize('degrees', [0, 30, 45, 90, 120, 179])
def test_normals_of_a_smooth_ridge(degrees):
    y, x = np.mgrid[-15:16, -15:16]
    theta = np.deg2rad(degrees)
    ridge = np.exp(-((x * np.cos(theta) + y * np.sin(theta)) ** 2) / 18)
    # x to the right, y down; the triangle is not quite isotropic.
    assert line_difference(edge_normals(ridge)[15, 15], theta) < np.deg2rad(0.5)


def test_hessian_normals_of_a_circle_beat_the_published_formula():
    y, x = np.mgrid[-40:41, -40:41]
    distance = np.hypot(x, y)
    band = np.abs(distance - 28) <= 2
    on_line = np.abs(distance - 28) < 0.5
    error = {
        m: line_difference(edge_normals(band, method=m), np.arctan2(y, x))[on_line].mean()
        for m in ('hessian', 'dollar')
    }
    assert error['hessian'] < np.deg2rad(2) < np.deg2rad(5) < error['dollar']


@given(st.integers(0, 999), st.sampled_from(['hessian', 'dollar']), st.booleans())
def test_angles_lie_in_the_half_open_interval(seed, method, single):
    x = np.random.default_rng(seed).random((7, 9)).astype(np.float32 if single else np.float64)
    angle = edge_normals(x, method=method)
    assert angle.dtype == x.dtype
    assert (angle >= 0).all()
    assert (angle < np.pi).all()
    assert not np.signbit(angle).any()


def test_tiny_negative_angle_is_the_line_of_angle_zero():
    zero = torch.zeros(1)
    assert normal_angle(-torch.ones(1), zero + 1e-9, zero).item() == 0


@given(st.integers(0, 99))
def test_turning_the_map_turns_the_normals(seed):
    x = np.random.default_rng(seed).random((11, 11))
    turned = edge_normals(np.rot90(x).copy())
    # rot90 turns against the clock on the screen, where y points down.
    assert line_difference(turned, np.rot90(edge_normals(x)) - np.pi / 2).max() < 1e-7


def test_flat_map_has_angle_zero_and_no_gradient():
    x = torch.zeros(8, 8, requires_grad=True)
    angle = edge_normals(x)
    angle.sum().backward()
    assert (angle == 0).all()
    assert (x.grad == 0).all()


def test_gradcheck():
    x = torch.rand(2, 6, 7, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda v: hessian(v, 2), x)
    assert torch.autograd.gradcheck(lambda v: torch.cos(2 * edge_normals(v, filter_radius=2)), x)


@pytest.mark.parametrize('make', [lambda x: x, lambda x: x[:, ::-1], lambda x: x.T])
def test_arrays_of_any_layout_and_leading_axes(rng, make):
    x = make(rng.random((9, 9)))
    expected = edge_normals(np.ascontiguousarray(x))
    assert isinstance(expected, np.ndarray)
    np.testing.assert_array_equal(edge_normals(x), expected)
    np.testing.assert_array_equal(edge_normals(np.stack([x, x])[None])[0, 1], expected)
    np.testing.assert_array_equal(edge_normals(torch.from_numpy(x.copy())).numpy(), expected)


@pytest.mark.parametrize('dtype', [torch.uint8, torch.bool, torch.float16, torch.bfloat16])
def test_other_types_are_computed_in_float32(dtype):
    x = (torch.rand(12, 12) < 0.3).to(dtype)
    assert torch.equal(edge_normals(x), edge_normals(x.float()))


def test_autocast_does_not_lower_the_precision():
    x = torch.rand(1, 12, 12)
    with torch.autocast('cpu', torch.bfloat16):
        assert torch.equal(edge_normals(x), edge_normals(x.clone()))
        inside = triangle_filter(x, 4)
    assert torch.equal(inside, triangle_filter(x, 4))


@pytest.mark.parametrize('shape', SHAPES)
@pytest.mark.parametrize('radius', [0, 1, 4])
def test_hessian_at_points_equals_the_dense_one(shape, radius):
    maps = torch.rand(2, *shape, dtype=torch.float64)
    points = torch.ones(2, *shape).nonzero(as_tuple=True)
    for dense, sparse in zip(
        hessian(maps, radius), hessian_at(maps, *points, filter_radius=radius), strict=True
    ):
        torch.testing.assert_close(sparse, dense.flatten(), rtol=0, atol=1e-13)


def test_hessian_at_points_in_chunks(monkeypatch):
    monkeypatch.setattr('mmsteal.functional.edge_maps.point_hessian._POINTS_AT_ONCE', 7)
    maps = torch.rand(2, 8, 9, dtype=torch.float64, requires_grad=True)
    points = (torch.rand(2, 8, 9) < 0.3).nonzero(as_tuple=True)
    assert len(points[0]) > 21
    dense = torch.stack([d[points] for d in hessian(maps, 2)])
    sparse = torch.stack(hessian_at(maps, *points, filter_radius=2))
    torch.testing.assert_close(sparse, dense, rtol=0, atol=1e-13)
    weight = torch.rand_like(dense)
    (want,) = torch.autograd.grad((dense * weight).sum(), maps)
    (got,) = torch.autograd.grad((sparse * weight).sum(), maps)
    torch.testing.assert_close(got, want, rtol=0, atol=1e-13)


def test_hessian_at_no_point_keeps_the_graph():
    maps = torch.full((0, 5, 5), torch.inf, requires_grad=True)
    none = torch.zeros(0, dtype=torch.long)
    sum(v.sum() for v in hessian_at(maps, none, none, none)).backward()
    assert maps.grad.shape == maps.shape


@pytest.mark.gpu
def test_gpu_equals_cpu():
    x = torch.rand(3, 40, 50)
    torch.testing.assert_close(edge_normals(x.cuda()).cpu(), edge_normals(x), rtol=0, atol=1e-2)
    for a, b in zip(hessian(x.cuda()), hessian(x), strict=True):
        torch.testing.assert_close(a.cpu(), b, rtol=0, atol=1e-6)


def test_exceptions():
    with pytest.raises(TypeError, match='`x` to be a numpy array or a torch tensor, but got list'):
        triangle_filter([[1.0]], 1)
    with pytest.raises(ValueError, match=r'shape \(\.\.\., H, W\)'):
        hessian(np.zeros(3))
    with pytest.raises(ValueError, match='H, W >= 1'):
        edge_normals(torch.zeros(2, 0, 3))
    for radius in (-1, 1.5, True):
        with pytest.raises(ValueError, match='`radius`'):
            triangle_filter(np.zeros((3, 3)), radius)
    with pytest.raises(ValueError, match='`filter_radius`'):
        edge_normals(np.zeros((3, 3)), filter_radius=-1)
    with pytest.raises(ValueError, match='method'):
        edge_normals(np.zeros((3, 3)), method='sobel')
