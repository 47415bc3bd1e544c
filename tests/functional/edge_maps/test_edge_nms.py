import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import convolve1d, gaussian_filter, map_coordinates

from mmsteal.functional.edge_maps.edge_nms import edge_nms
from mmsteal.functional.edge_maps.thin import thin


def triangle(x, radius):
    weights = np.array([*range(1, radius + 2), *range(radius, 0, -1)], float) / (radius + 1) ** 2
    for axis in (0, 1):
        x = convolve1d(x, weights, axis=axis, mode='reflect')
    return x


def smooth_and_angle(score):
    smooth = triangle(np.asarray(score, float), 2)
    dy, dx = np.gradient(triangle(smooth, 4))
    oxx, (oyy, oxy) = np.gradient(dx, axis=1), np.gradient(dy)
    angle = np.arctan(oyy * np.sign(-(oxy + 1e-5)) / (oxx + 1e-5))
    return smooth, np.mod(angle, math.pi)


def naive_nms(score):
    """The five steps of the published procedure in float64, with the margin of every decision."""
    smooth, angle = smooth_and_angle(score)
    height, width = score.shape
    y, x = np.mgrid[:height, :width]
    gap = np.full(score.shape, np.inf)
    for d in (-2, -1, 1, 2):
        at = [
            np.clip(y + d * np.sin(angle), 0, height - 1),
            np.clip(x + d * np.cos(angle), 0, width - 1),
        ]
        gap = np.minimum(gap, smooth - map_coordinates(smooth, at, order=1, mode='nearest'))
    out = np.where(gap >= 0, smooth, 0)
    for i in range(5):
        out[i] *= i / 5
        out[-1 - i] *= i / 5
        out[:, i] *= i / 5
        out[:, -1 - i] *= i / 5
    return out, gap


def random_score(seed, height, width):
    noise = gaussian_filter(np.random.default_rng(seed).random((height, width)), 2)
    return ((noise - noise.min()) / np.ptp(noise)).astype(np.float32)


@given(seed=st.integers(0, 2**32), height=st.integers(12, 40), width=st.integers(12, 40))
def test_equals_definition(seed, height, width):
    score = random_score(seed, height, width)
    expected, gap = naive_nms(score)
    # A comparison is not decided in float32 when both sides are equal to rounding, and neither is
    # an angle whose formula divides by a number near 0.
    decided = abs(gap) > 1e-4
    assert decided.mean() > 0.9
    different = abs(edge_nms(score) - expected) > 1e-5
    assert (different & decided).mean() < 0.005


def test_crest_of_a_ridge_stays():
    y, x = np.mgrid[:60, :80]
    for normal_deg in (0, 45, 90):
        normal = math.radians(normal_deg)
        distance = (x - 40) * math.cos(normal) + (y - 30) * math.sin(normal)
        score = np.exp(-(distance**2) / 18).astype(np.float32)
        kept = edge_nms(score)[8:-8, 8:-8] > 0
        assert abs(distance[8:-8, 8:-8][kept]).max() < 1
        assert kept.any(axis=1 if normal_deg < 90 else 0).all()


def test_thins_a_band():
    band = np.zeros((40, 60), dtype=np.float32)
    band[18:23] = 1
    kept = edge_nms(band) > 0
    assert kept[:, 10:-10].sum() < (band > 0)[:, 10:-10].sum() / 2
    assert kept[20, 10:-10].all()


def test_border_fades():
    ridge = np.zeros((40, 40), dtype=np.float32)
    ridge[:, 20] = 1
    column = edge_nms(ridge)[:, 20] / edge_nms(ridge, border=0)[20, 20]
    np.testing.assert_allclose(column[:6], [0, 0.2, 0.4, 0.6, 0.8, 1], atol=1e-6)
    np.testing.assert_allclose(column[-6:], [1, 0.8, 0.6, 0.4, 0.2, 0], atol=1e-6)


def test_options():
    score = random_score(0, 40, 50)
    smooth = triangle(score.astype(float), 2)
    np.testing.assert_allclose(edge_nms(score, radius=0, border=0), smooth, atol=1e-6)
    np.testing.assert_allclose(edge_nms(score, multiplier=100, border=0), smooth, atol=1e-6)
    kept = [(edge_nms(score, multiplier=m) > 0).sum() for m in (1.0, 1.05, 1.3)]
    assert kept[0] < kept[1] < kept[2]
    raw = edge_nms(score, smooth_radius=0, border=0)
    np.testing.assert_array_equal(raw[raw > 0], score[raw > 0])


def test_batch_and_kinds():
    scores = np.stack([random_score(i, 30, 40) for i in range(6)]).reshape(2, 3, 30, 40)
    result = edge_nms(scores)
    assert isinstance(result, np.ndarray)
    assert result.shape == scores.shape
    assert result.dtype == np.float32
    for i in range(6):
        np.testing.assert_allclose(
            result[i // 3, i % 3], edge_nms(scores[i // 3, i % 3]), atol=1e-6
        )
    tensor = torch.from_numpy(scores)
    before = tensor.clone()
    np.testing.assert_array_equal(edge_nms(tensor).numpy(), result)
    assert torch.equal(tensor, before)
    assert edge_nms(tensor.double()).dtype == torch.float32
    assert edge_nms(tensor.half()).dtype == torch.float32
    assert not edge_nms(tensor.requires_grad_()).requires_grad


@pytest.mark.parametrize('shape', [(1, 1), (1, 20), (3, 4), (9, 9), (0, 12, 12)])
def test_small_maps(shape):
    result = edge_nms(np.full(shape, 0.5, dtype=np.float32))
    assert result.shape == shape
    assert np.isfinite(result).all()


def test_zero_stays_zero():
    assert not edge_nms(np.zeros((20, 20), dtype=np.float32)).any()


def test_result_is_a_subset_of_the_smoothed_map_and_thins_further():
    score = random_score(3, 60, 60)
    kept = edge_nms(score) > 0.3
    assert thin(kept).sum() <= kept.sum() < (score > 0.3).sum()


@pytest.mark.parametrize('score', [np.zeros((9, 9), np.uint8), torch.zeros(9, 9).int(), [[0.5]]])
def test_exception_dtype(score):
    with pytest.raises(TypeError, match='Expected argument `score`'):
        edge_nms(score)


def test_exception_shape():
    with pytest.raises(ValueError, match=r'\(\.\.\., H, W\)'):
        edge_nms(np.zeros(9, dtype=np.float32))
    with pytest.raises(ValueError, match='one pixel'):
        edge_nms(np.zeros((0, 9), dtype=np.float32))


@pytest.mark.parametrize(
    'option', ['radius', 'multiplier', 'smooth_radius', 'normal_radius', 'border']
)
def test_exception_option(option):
    with pytest.raises(ValueError, match='at least 0'):
        edge_nms(np.zeros((9, 9), dtype=np.float32), **{option: -1})


@pytest.mark.gpu
def test_gpu_equals_cpu():
    score = random_score(5, 60, 70)
    result = edge_nms(torch.from_numpy(score).cuda()).cpu().numpy()
    assert (abs(result - edge_nms(score)) > 1e-5).mean() < 0.002
