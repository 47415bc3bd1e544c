import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter
from skimage.morphology import thin as reference_thin

from mmsteal.functional.edge_maps.thin import _thin_tensor, pack_words, thin, unpack_words

KINDS = {
    'array': thin,
    'cpu tensor': lambda m: thin(torch.from_numpy(m)).numpy(),
    'tensor operations': lambda m: _thin_tensor(torch.from_numpy(m)).numpy(),
}
every_kind = pytest.mark.parametrize('apply', KINDS.values(), ids=KINDS.keys())


def random_map(seed, height, width, smooth, fraction):
    noise = np.random.default_rng(seed).random((height, width))
    noise = gaussian_filter(noise, smooth) if smooth else noise
    return noise > np.quantile(noise, 1 - fraction)


@every_kind
@given(
    seed=st.integers(0, 2**32),
    height=st.integers(1, 50),
    width=st.integers(1, 140),
    smooth=st.sampled_from([0, 0.7, 2, 5]),
    fraction=st.floats(0, 1),
)
def test_equals_scikit_image(apply, seed, height, width, smooth, fraction):
    mask = random_map(seed, height, width, smooth, fraction)
    np.testing.assert_array_equal(apply(mask), reference_thin(mask))


@every_kind
@pytest.mark.parametrize('shape', [(1, 1), (1, 70), (70, 1), (64, 64), (3, 128), (65, 129)])
def test_full_map(apply, shape):
    mask = np.ones(shape, dtype=bool)
    np.testing.assert_array_equal(apply(mask), reference_thin(mask))


@every_kind
def test_golden(apply, golden):
    stored = np.load(golden / 'thin_golden.npz')
    cases = [key[:-3] for key in stored if key.endswith('_in')]
    assert len(cases) == 12
    for case in cases:
        shape = stored[case[: case.rindex('_')] + '_shape']
        before, after = (
            np.unpackbits(stored[f'{case}_{part}'])[: shape.prod()].reshape(shape).astype(bool)
            for part in ('in', 'out')
        )
        np.testing.assert_array_equal(apply(before), after, err_msg=case)


@every_kind
def test_goes_on_after_a_sub_iteration_without_change(apply, golden):
    case = np.load(golden / 'thin_early_stop_case.npz')
    np.testing.assert_array_equal(apply(case['x']), case['bwmorph'])
    assert (case['bwmorph'] != case['pyedgeeval']).any()


@every_kind
def test_leading_dimensions_are_independent(apply):
    maps = np.stack([random_map(i, 40, 70, 2, f) for i, f in enumerate([0, 0.1, 0.4, 0, 0.7, 1])])
    expected = np.stack([reference_thin(m) for m in maps])
    batched = apply(maps.reshape(2, 3, 40, 70))
    assert batched.shape == (2, 3, 40, 70)
    np.testing.assert_array_equal(batched.reshape(maps.shape), expected)


@pytest.mark.parametrize('shape', [(0, 5, 5), (2, 0, 5), (0, 0)])
@every_kind
def test_empty_input(apply, shape):
    assert apply(np.zeros(shape, dtype=bool)).shape == shape


def test_kind_and_dtype_of_the_result():
    mask = random_map(0, 20, 20, 1, 0.5)
    before = mask.copy()
    expected = reference_thin(mask)
    for given_mask in (
        mask,
        mask.astype(np.uint8) * 255,
        np.asfortranarray(mask),
        mask[::-1, ::-1],
    ):
        result = thin(given_mask)
        assert isinstance(result, np.ndarray)
        assert result.dtype == np.bool_
    np.testing.assert_array_equal(thin(mask[:, ::-1]), reference_thin(mask[:, ::-1]))
    np.testing.assert_array_equal(thin(mask.astype(np.uint8) * 7), expected)
    tensor = thin(torch.from_numpy(mask.astype(np.uint8)))
    assert isinstance(tensor, torch.Tensor)
    assert tensor.dtype == torch.bool
    np.testing.assert_array_equal(mask, before)  # the input stays as it is


def test_thinning_a_line_changes_nothing():
    line = thin(random_map(3, 60, 60, 3, 0.4))
    np.testing.assert_array_equal(thin(line), line)


@given(height=st.integers(1, 9), width=st.integers(1, 200), seed=st.integers(0, 99))
def test_packing_round_trip(height, width, seed):
    maps = np.random.default_rng(seed).random((2, height, width)) < 0.5
    words = pack_words(maps)
    assert words.shape == (2, height + 2, -(-width // 64) + 2)
    np.testing.assert_array_equal(unpack_words(words, width), maps)


@pytest.mark.parametrize(
    'mask', [np.zeros((4, 4)), torch.zeros(4, 4), [[0, 1]], np.zeros((4, 4), int)]
)
def test_exception_dtype(mask):
    with pytest.raises(TypeError, match='Expected argument `mask`'):
        thin(mask)


@pytest.mark.parametrize('mask', [np.zeros(4, bool), torch.zeros(4, dtype=torch.bool)])
def test_exception_shape(mask):
    with pytest.raises(ValueError, match=r'shape \(\.\.\., H, W\)'):
        thin(mask)


@pytest.mark.gpu
def test_gpu_equals_cpu():
    maps = np.stack([random_map(i, 90, 130, 2, 0.3) for i in range(4)])
    result = thin(torch.from_numpy(maps).cuda())
    assert result.is_cuda
    np.testing.assert_array_equal(result.cpu().numpy(), thin(maps))
