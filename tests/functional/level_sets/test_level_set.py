"""Evolution of level sets, against scikit-image and against the plain reference."""

from itertools import cycle

import numpy as np
import pytest
import skimage.data
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage as ndi
from skimage.segmentation import inverse_gaussian_gradient, morphsnakes

from mmsteal.functional.level_sets import _level_set_torch as device_ops
from mmsteal.functional.level_sets import level_set
from mmsteal.functional.level_sets.evolution_options import EvolutionOptions
from mmsteal.functional.level_sets.level_set import evolve_level_set
from mmsteal.functional.level_sets.level_set_reference import evolve_level_set_reference

BALLOONS = (0.0, 1.0, -1.0, 2.0, -0.5)


def scikit_image(mask, speed, num_iters, *, smoothing, balloon, threshold, phase):
    """All states of scikit-image's evolution, (num_iters + 1, H, W); sets its hidden phase."""
    operators = [
        lambda u: morphsnakes.sup_inf(morphsnakes.inf_sup(u)),
        lambda u: morphsnakes.inf_sup(morphsnakes.sup_inf(u)),
    ]
    morphsnakes._curvop.funcs = cycle(operators[phase:] + operators[:phase])
    states = []
    with np.errstate(all='ignore'):
        morphsnakes.morphological_geodesic_active_contour(
            speed,
            num_iters,
            mask,
            smoothing=smoothing,
            balloon=balloon,
            threshold=threshold,
            iter_callback=lambda u: states.append(u.astype(bool)),
        )
    return np.stack(states)


def evolve_on_device_code(masks, speed, steps, **options):
    """The tensor implementation, which on the CPU is otherwise not used."""
    return level_set._evolve_on_device(
        torch.from_numpy(masks), torch.from_numpy(speed), steps, EvolutionOptions(**options)
    ).numpy()


@st.composite
def scenes(draw, max_size=90):
    """A mask and a speed of any texture, with ties, and with odd values now and then."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    height, width = draw(st.integers(2, max_size)), draw(st.integers(2, max_size))
    dtype = draw(st.sampled_from([np.float32, np.float64]))
    mask = ndi.gaussian_filter(rng.random((height, width)), draw(st.sampled_from([0, 1, 3])))
    mask = mask > np.quantile(mask, draw(st.sampled_from([0.02, 0.3, 0.5, 0.8, 0.98])))
    mask |= draw(st.sampled_from([False, False, False, True]))
    speed = ndi.gaussian_filter(rng.random((height, width)), draw(st.sampled_from([0, 0.7, 2])))
    kind = draw(st.sampled_from(['smooth', 'smooth', 'levels', 'constant', 'odd', 'subnormal']))
    if kind == 'levels':
        speed = np.round(speed * 4) / 4
    elif kind == 'constant':
        speed = np.ones_like(speed)
    speed = speed.astype(dtype)
    if kind == 'odd':
        at = rng.integers(0, speed.size, 4)
        speed.ravel()[at] = [np.nan, np.inf, -np.inf, np.finfo(dtype).max]
    elif kind == 'subnormal':
        speed = (np.round(speed * 5) * np.finfo(dtype).smallest_subnormal).astype(dtype)
    return mask, speed


OPTIONS = st.fixed_dictionaries(
    {
        'smoothing': st.sampled_from([0, 1, 1, 2, 3, 4, 5, 9]),
        'balloon': st.sampled_from(BALLOONS),
        'threshold': st.sampled_from([0.0, 0.25, 0.45, 0.5, 0.55]),
        'phase': st.sampled_from([0, 1]),
    }
)


@settings(max_examples=500)
@given(scene=scenes(), num_iters=st.integers(1, 9), options=OPTIONS)
def test_equals_scikit_image_at_every_checkpoint(scene, num_iters, options):
    mask, speed = scene
    expected = scikit_image(mask, speed, num_iters, **options)
    steps = list(range(num_iters + 1))
    states = evolve_level_set(mask[None], speed[None], num_iters, checkpoints=steps, **options)
    assert list(states) == steps
    np.testing.assert_array_equal(np.concatenate(list(states.values())), expected)
    on_device = evolve_on_device_code(mask[None], speed[None], steps, border='constant', **options)
    np.testing.assert_array_equal(on_device[:, 0], expected)


@settings(max_examples=200)
@given(
    scene=scenes(max_size=40),
    num_iters=st.integers(1, 6),
    options=OPTIONS,
    border=st.sampled_from(['constant', 'replicate']),
)
def test_equals_the_reference(scene, num_iters, options, border):
    mask, speed = scene
    with np.errstate(all='ignore'):
        expected = evolve_level_set_reference(mask, speed, num_iters, border=border, **options)
    evolved = evolve_level_set(mask[None], speed[None], num_iters, border=border, **options)
    np.testing.assert_array_equal(evolved[0], expected)
    on_device = evolve_on_device_code(
        mask[None], speed[None], [num_iters], border=border, **options
    )
    np.testing.assert_array_equal(on_device[0, 0], expected)


@pytest.mark.parametrize('balloon', [0.0, 1.0, -1.0])
@pytest.mark.parametrize('smoothing', [1, 2])
@pytest.mark.parametrize('dtype', [np.float32, np.float64])
def test_equals_scikit_image_on_photographs(balloon, smoothing, dtype):
    speeds, masks = [], []
    for image in (skimage.data.coins(), skimage.data.camera()[100:403, 100:484]):
        image = image[:303, :384] / 255.0
        speeds.append(inverse_gaussian_gradient(image, sigma=2).astype(dtype))
        y, x = np.mgrid[: image.shape[0], : image.shape[1]]
        masks.append((y // 40 + x // 40) % 2 == 0)
        speeds.append(speeds[-1])
        masks.append(np.hypot(y - 120, x - 200) < 90)
    masks, speeds = np.stack(masks), np.stack(speeds)
    threshold = float(np.percentile(speeds, 40))
    options = {'smoothing': smoothing, 'balloon': balloon, 'threshold': threshold, 'phase': 0}
    steps = [0, 1, 2, 7, 12]
    states = evolve_level_set(masks, speeds, 12, checkpoints=steps, **options)
    for m, mask in enumerate(masks):
        expected = scikit_image(mask, speeds[m], 12, **options)
        for step in steps:
            np.testing.assert_array_equal(states[step][m], expected[step])


def test_long_evolution_equals_scikit_image():
    """Most tiles have settled into a period of two by then; they must not be left behind."""
    rng = np.random.default_rng(3)
    y, x = np.mgrid[:150, :200]
    mask = np.hypot(y - 60, x - 70) < 25
    edge = np.exp(-((np.hypot(y - 70, x - 80) - 45) ** 2) / 6)
    speed = 1 / np.sqrt(1 + edge + 0.2 * ndi.gaussian_filter(rng.random(mask.shape), 1.5))
    options = {'smoothing': 1, 'balloon': 1.0, 'threshold': 0.85, 'phase': 0}
    expected = scikit_image(mask, speed, 120, **options)
    states = evolve_level_set(mask[None], speed[None], 120, checkpoints=range(121), **options)
    np.testing.assert_array_equal(np.concatenate(list(states.values())), expected)


@pytest.mark.parametrize('num_masks', [1, 8, 9, 17, 33, 64, 65])
def test_masks_do_not_mix(num_masks, rng):
    masks = ndi.gaussian_filter(rng.random((num_masks, 23, 31)), (0, 1, 1)) > 0.5
    speed = rng.random(masks.shape)
    options = {'smoothing': 1, 'balloon': 1.0, 'threshold': 0.5, 'phase': 0, 'border': 'constant'}
    together = evolve_level_set(masks, speed, 3, **options)
    for m in range(num_masks):
        alone = evolve_level_set(masks[m : m + 1], speed[m : m + 1], 3, **options)
        np.testing.assert_array_equal(together[m], alone[0])
    on_device = evolve_on_device_code(masks, speed, [3], **options)
    np.testing.assert_array_equal(on_device[0], together)


@given(
    scene=scenes(max_size=60),
    split=st.integers(0, 6),
    smoothing=st.integers(0, 3),
    balloon=st.sampled_from(BALLOONS),
)
@settings(max_examples=50)
def test_phase_continues_an_evolution(scene, split, smoothing, balloon):
    mask, speed = scene[0][None], scene[1][None]
    options = {'smoothing': smoothing, 'balloon': balloon, 'threshold': 0.5}
    whole = evolve_level_set(mask, speed, 6, **options)
    half = evolve_level_set(mask, speed, split, **options)
    phase = split * smoothing % 2
    rest = evolve_level_set(half, speed, 6 - split, phase=phase, **options)
    np.testing.assert_array_equal(rest, whole)


def test_tensors_of_any_kind_give_tensors(rng):
    masks = rng.random((2, 20, 30)) > 0.5
    speed = rng.random((2, 20, 30)).astype(np.float32)
    expected = evolve_level_set(masks, speed, 4, balloon=1, threshold=0.5)
    tensors = torch.from_numpy(masks), torch.from_numpy(speed).requires_grad_()
    evolved = evolve_level_set(*tensors, 4, balloon=1, threshold=0.5)
    assert isinstance(evolved, torch.Tensor)
    assert evolved.dtype == torch.bool
    np.testing.assert_array_equal(evolved.numpy(), expected)
    as_uint8 = evolve_level_set(masks.astype(np.uint8) * 255, speed, 4, balloon=1, threshold=0.5)
    np.testing.assert_array_equal(as_uint8, expected)
    strided = evolve_level_set(
        np.asfortranarray(masks), np.asfortranarray(speed), 4, balloon=1, threshold=0.5
    )
    np.testing.assert_array_equal(strided, expected)
    for dtype in (torch.float16, torch.bfloat16):
        half = tensors[1].detach().to(dtype)
        np.testing.assert_array_equal(
            evolve_level_set(tensors[0], half, 4), evolve_level_set(tensors[0], half.float(), 4)
        )


def test_inputs_are_left_alone(rng):
    masks, speed = rng.random((2, 20, 30)) > 0.5, rng.random((2, 20, 30))
    masks.flags.writeable = speed.flags.writeable = False
    before = masks.copy()
    start = evolve_level_set(masks, speed, 3, checkpoints=[0, 3])[0]
    np.testing.assert_array_equal(masks, before)
    np.testing.assert_array_equal(start, before)
    assert not np.shares_memory(start, masks)
    assert evolve_level_set(masks, speed, 0).flags.writeable


@pytest.mark.parametrize('shape', [(1, 1), (1, 7), (7, 1), (1, 70), (2, 64), (5, 65), (33, 129)])
@pytest.mark.parametrize('border', ['constant', 'replicate'])
def test_small_and_odd_shapes(shape, border, rng):
    """Also one-pixel axes, which scikit-image refuses: nothing attracts along them."""
    masks, speed = rng.random((3, *shape)) > 0.4, rng.random((3, *shape))
    options = {'smoothing': 1, 'balloon': 1.0, 'threshold': 0.4, 'phase': 0, 'border': border}
    evolved = evolve_level_set(masks, speed, 3, **options)
    on_device = evolve_on_device_code(masks, speed, [3], **options)[0]
    np.testing.assert_array_equal(evolved, on_device)


def test_no_masks_no_pixels_no_iterations():
    assert evolve_level_set(np.zeros((0, 5, 6), bool), np.zeros((0, 5, 6)), 3).shape == (0, 5, 6)
    assert evolve_level_set(np.zeros((2, 0, 6), bool), np.zeros((2, 0, 6)), 3).shape == (2, 0, 6)
    mask = np.eye(5, dtype=bool)[None]
    np.testing.assert_array_equal(evolve_level_set(mask, np.ones((1, 5, 5)), 0), mask)


def test_empty_full_and_one_pixel_masks():
    masks = np.zeros((3, 40, 50), bool)
    masks[1] = True
    masks[2, 20, 25] = True
    speed = np.ones(masks.shape)
    grown = evolve_level_set(masks, speed, 4, balloon=1, border='replicate')
    assert not grown[0].any()
    assert grown[1].all()
    assert grown[2].sum() > 30
    # without a balloon, the curvature alone removes a single pixel
    assert not evolve_level_set(masks, speed, 2)[2].any()


def test_replicated_border_keeps_corners():
    mask = np.zeros((1, 60, 60), bool)
    mask[:, :30, :30] = True
    speed = np.ones(mask.shape)
    kept = evolve_level_set(mask, speed, 20, smoothing=2, border='replicate')
    eaten = evolve_level_set(mask, speed, 20, smoothing=2, border='constant')
    corner = (0, slice(0, 8), slice(0, 8))
    assert kept[corner].all()
    assert not eaten[corner].all()


def test_balloon_divides_the_threshold(rng):
    mask = np.zeros((1, 30, 30), bool)
    mask[0, 15, 15] = True
    speed = np.full(mask.shape, 0.6)
    assert evolve_level_set(mask, speed, 3, smoothing=0, balloon=2, threshold=1).sum() == 49
    assert evolve_level_set(mask, speed, 3, smoothing=0, balloon=1, threshold=1).sum() == 1


MASK, SPEED = np.zeros((2, 5, 6), bool), np.ones((2, 5, 6))


@pytest.mark.parametrize(
    ('error', 'message', 'arguments'),
    [
        (TypeError, '`masks` to be bool or uint8', (MASK.astype(float), SPEED, 1)),
        (TypeError, '`speed` to be floating point', (MASK, SPEED.astype(int), 1)),
        (TypeError, 'both arrays or both tensors', (MASK, torch.from_numpy(SPEED), 1)),
        (TypeError, '`masks` to be an array', (MASK.tolist(), SPEED, 1)),
        (ValueError, 'shape of `masks`', (MASK, SPEED[:1], 1)),
        (ValueError, r'shape \(M, H, W\)', (MASK[0], SPEED[0], 1)),
        (ValueError, '`num_iters`', (MASK, SPEED, -1)),
        (ValueError, '`num_iters`', (MASK, SPEED, 1.5)),
    ],
)
def test_exception_arguments(error, message, arguments):
    with pytest.raises(error, match=message):
        evolve_level_set(*arguments)


@pytest.mark.parametrize(
    ('name', 'value'),
    [
        ('smoothing', -1),
        ('phase', 2),
        ('border', 'wrap'),
        ('balloon', float('nan')),
    ],
)
def test_exception_options(name, value):
    with pytest.raises(ValueError, match=f'`{name}`'):
        evolve_level_set(MASK, SPEED, 2, **{name: value})


def test_exception_unknown_option():
    with pytest.raises(TypeError, match=r'out of smoothing, balloon, .*but got ballon'):
        evolve_level_set(MASK, SPEED, 2, ballon=1)


@pytest.mark.parametrize('checkpoints', [[3], [-1], []])
def test_exception_checkpoints(checkpoints):
    with pytest.raises(ValueError, match='`checkpoints`'):
        evolve_level_set(MASK, SPEED, 2, checkpoints=checkpoints)


def test_checkpoints_come_back_in_order_and_once(rng):
    masks, speed = rng.random((2, 9, 8)) > 0.5, rng.random((2, 9, 8))
    states = evolve_level_set(masks, speed, 5, checkpoints=(n for n in (4, 0, 2, 4)))
    assert list(states) == [0, 2, 4]
    np.testing.assert_array_equal(states[4], evolve_level_set(masks, speed, 4))


@pytest.mark.gpu
@settings(max_examples=30)
@given(scene=scenes(), num_iters=st.integers(1, 9), options=OPTIONS)
def test_cuda_equals_cpu(scene, num_iters, options):
    mask, speed = torch.from_numpy(scene[0][None]), torch.from_numpy(scene[1][None])
    expected = evolve_level_set(mask, speed, num_iters, **options)
    evolved = evolve_level_set(mask.cuda(), speed.cuda(), num_iters, **options)
    assert evolved.is_cuda
    assert torch.equal(evolved.cpu(), expected)


def test_device_words_hold_every_bit():
    masks = torch.from_numpy(np.random.default_rng(0).random((64, 3, 4)) > 0.5)
    for count in (1, 8, 16, 31, 32, 63, 64):
        words = device_ops.pack_masks(masks[:count])
        assert torch.equal(device_ops.unpack_masks(words, count), masks[:count])
