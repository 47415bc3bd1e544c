"""Edge maps against two-sided Euclidean distance transforms and hand-made maps."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image
from scipy.ndimage import distance_transform_edt
from skimage.morphology import thin as skimage_thin

from mmsteal.functional.edge_maps.edges import (
    label_map_to_edges,
    mask_edges,
    union_edges,
    valid_mask_edges,
)

RADII = [1, 1.5, 2, 13**0.5, 5.0, 100]


def reach(region, radius):
    """Pixels within the radius of a region."""
    if not region.any():
        return np.zeros_like(region)
    return distance_transform_edt(~region) <= radius


def reference(label_map, values, radius, ignore_index=255, instance_map=None):
    valid = label_map != ignore_index
    out = np.zeros((len(values), *label_map.shape), np.uint8)
    for channel, value in zip(out, values, strict=True):
        mine = label_map == value
        for instance in [None] if instance_map is None else np.unique(instance_map[mine]):
            one = mine if instance is None else mine & (instance_map == instance)
            channel |= reach(one, radius) & reach(valid & ~one, radius)
        channel[~valid] = 255
    return out


def blocks(rng, values, shape=(5, 6), scale=(6, 7)):
    return np.kron(rng.choice(values, shape), np.ones(scale, int))


@pytest.mark.parametrize('radius', RADII)
def test_mask_edges_equal_the_distance_transform(rng, radius):
    masks = rng.random((2, 3, 13, 17)) < 0.1
    masks[0, 0], masks[0, 1] = True, False
    want = [[reach(m, radius) & reach(~m, radius) for m in row] for row in masks]
    got = mask_edges(masks, radius)
    assert got.dtype == np.uint8
    np.testing.assert_array_equal(got, want)
    np.testing.assert_array_equal(mask_edges(masks * np.uint8(255), radius), want)
    np.testing.assert_array_equal(mask_edges(torch.from_numpy(masks), radius).numpy(), want)


@pytest.mark.parametrize('radius', RADII)
def test_image_border_counts_as_outside_on_request(rng, radius):
    mask = rng.random((9, 12)) < 0.9
    padded = np.pad(mask, 1)
    want = (reach(padded, radius) & reach(~padded, radius))[1:-1, 1:-1]
    np.testing.assert_array_equal(mask_edges(mask, radius, image_border=True), want)
    tensor = mask_edges(torch.from_numpy(mask), radius, image_border=True)
    np.testing.assert_array_equal(tensor.numpy(), want)
    assert not mask_edges(np.ones((9, 12), bool), radius).any()


@given(st.integers(0, 999), st.floats(1, 6), st.integers(1, 9), st.integers(1, 9))
def test_an_edge_belongs_to_both_sides(seed, radius, height, width):
    mask = np.random.default_rng(seed).random((height, width)) < 0.5
    edges = mask_edges(mask, radius)
    np.testing.assert_array_equal(edges, mask_edges(~mask, radius))
    np.testing.assert_array_equal(edges[::-1, ::-1], mask_edges(mask[::-1, ::-1], radius))
    assert (edges <= mask_edges(mask, radius + 1)).all()


@pytest.mark.parametrize('radius', RADII)
@pytest.mark.parametrize(('num_classes', 'background'), [(1, 0), (3, None), (5, 0), (20, 7)])
def test_label_map_to_edges_equals_the_distance_transform(rng, radius, num_classes, background):
    values = [v for v in range(num_classes + 1) if v != background][:num_classes]
    label_map = blocks(rng, values if background is None else [*values, background])
    label_map[rng.random(label_map.shape) < 0.05] = 255
    got = label_map_to_edges(label_map, num_classes, radius=radius, background=background)
    assert got.dtype == np.uint8
    np.testing.assert_array_equal(got, reference(label_map, values, radius))


def test_three_hundred_classes(rng):
    # More than one 64-bit word of classes; 255 stays ignored, so channel 255 is value 256.
    label_map = rng.permutation(400).reshape(20, 20) % 301
    got = label_map_to_edges(label_map, 300)
    values = [v for v in range(301) if v != 255]
    np.testing.assert_array_equal(got, reference(label_map, values, 2))


@pytest.mark.parametrize('radius', [1, 2, 3.5])
@pytest.mark.parametrize('num_instances', [3, 90])
def test_instances_of_one_class_have_an_edge_between_them(rng, radius, num_instances):
    label_map = blocks(rng, [0, 1, 2, 255], (10, 12), (3, 3))
    ids = rng.integers(-(10**6), 10**6, num_instances)
    instance_map = blocks(rng, ids, (10, 12), (3, 3))
    got = label_map_to_edges(label_map, 2, radius=radius, background=0, instance_map=instance_map)
    want = reference(label_map, [1, 2], radius, instance_map=instance_map)
    np.testing.assert_array_equal(got, want)
    plain = label_map_to_edges(label_map, 2, radius=radius, background=0)
    assert (plain <= got).all()
    assert (plain < got).any()


def test_instance_ids_of_the_background_make_no_edge():
    instance_map = np.arange(12).reshape(3, 4)
    zeros = np.zeros((3, 4), int)
    assert not label_map_to_edges(zeros, 2, background=0, instance_map=instance_map).any()


def test_classes_skip_background_and_ignored_value():
    label_map = np.array([[3, 3, 3, 0, 0, 0]])
    edges = label_map_to_edges(label_map, 3, radius=1, background=2, ignore_index=1)
    # Classes are 0, 3, 4.
    np.testing.assert_array_equal(edges[:, 0], [[0, 0, 1, 1, 0, 0]] * 2 + [[0] * 6])


def test_ignored_pixels_separate():
    label_map = np.array([[0, 0, 255, 255, 1, 1]])
    want = [[0, 0, 255, 255, 0, 0]] * 2
    np.testing.assert_array_equal(label_map_to_edges(label_map, 2, radius=2)[:, 0], want)
    edges = label_map_to_edges(label_map, 2, radius=3)[:, 0]
    np.testing.assert_array_equal(edges, [[0, 1, 255, 255, 1, 0]] * 2)


def test_all_ignored_or_one_value():
    assert (label_map_to_edges(np.full((4, 5), 255), 3) == 255).all()
    assert not label_map_to_edges(np.full((4, 5), 2, np.uint8), 3).any()


@pytest.mark.parametrize('with_ignored', [False, True])
def test_thin_is_the_thinned_band(rng, with_ignored):
    label_map = blocks(rng, [0, 1, 2], scale=(12, 14))
    if with_ignored:
        label_map[30:40, 20:30] = 255
    band = label_map_to_edges(label_map, 3, radius=2)
    line = label_map_to_edges(label_map, 3, radius=2, thin=True)
    for b, t in zip(band, line, strict=True):
        np.testing.assert_array_equal(t == 1, skimage_thin(b == 1))
        np.testing.assert_array_equal(t == 255, b == 255)


@pytest.mark.parametrize('dtype', [np.uint8, np.int16, np.uint16, np.int32, np.int64, np.uint64])
def test_integer_types(rng, dtype):
    label_map = blocks(rng, [0, 1, 2]).astype(dtype)
    want = reference(label_map, [1, 2], 2)
    np.testing.assert_array_equal(label_map_to_edges(label_map, 2, background=0), want)


def test_negative_and_large_values_as_background_and_ignored(rng):
    label_map = blocks(rng, [-1, 0, 1, 70_000])
    got = label_map_to_edges(label_map, 2, background=-1, ignore_index=70_000)
    np.testing.assert_array_equal(got, reference(label_map, [0, 1], 2, ignore_index=70_000))


@given(st.integers(0, 999), st.floats(1, 4))
def test_two_classes_share_their_edge(seed, radius):
    label_map = np.random.default_rng(seed).integers(0, 2, (8, 9))
    edges = label_map_to_edges(label_map, 2, radius=radius)
    np.testing.assert_array_equal(edges[0], edges[1])
    np.testing.assert_array_equal(edges[1], mask_edges(label_map == 1, radius))


@given(st.integers(0, 999))
def test_edges_do_not_depend_on_names_or_orientation(seed):
    rng = np.random.default_rng(seed)
    label_map = rng.integers(0, 4, (8, 9))
    names = rng.permutation(4)
    edges = label_map_to_edges(label_map, 4)
    np.testing.assert_array_equal(label_map_to_edges(names[label_map], 4)[names], edges)
    np.testing.assert_array_equal(label_map_to_edges(label_map.T, 4), edges.swapaxes(1, 2))


@pytest.mark.shared_data
def test_real_label_maps(shared_data):
    paths = sorted((shared_data / 'cityscapes').rglob('*gtFine_labelIds.png'))[:1]
    if not paths:
        pytest.skip('no Cityscapes label maps in the folder of real images')
    label_map = np.array(Image.open(paths[0]))[::4, ::4]
    instance_map = np.array(Image.open(str(paths[0]).replace('labelIds', 'instanceIds')))[::4, ::4]
    got = label_map_to_edges(
        label_map, 34, radius=2, ignore_index=0, background=-1, instance_map=instance_map
    )
    # Value 0 is ignored, so the channels are the values 1 to 34.
    want = reference(label_map, range(1, 35), 2, 0, instance_map)
    np.testing.assert_array_equal(got, want)
    assert (got == 1).any(axis=(1, 2)).sum() > 5


@pytest.mark.gpu
def test_mask_edges_on_a_gpu(rng):
    masks = rng.random((3, 20, 30)) < 0.2
    got = mask_edges(torch.from_numpy(masks).cuda(), 2.5, image_border=True)
    np.testing.assert_array_equal(got.cpu().numpy(), mask_edges(masks, 2.5, image_border=True))


@pytest.mark.parametrize('radius', [0, -1, 0.99, float('nan'), float('inf')])
def test_radius_exceptions(radius):
    with pytest.raises(ValueError, match='`radius` to be a finite number of at least 1 pixel'):
        mask_edges(np.zeros((3, 3), bool), radius)
    with pytest.raises(ValueError, match='`radius`'):
        label_map_to_edges(np.zeros((3, 3), int), 1, radius=radius)


def test_mask_exceptions():
    with pytest.raises(TypeError, match='bool or uint8 array or tensor, but got float64'):
        mask_edges(np.zeros((3, 3)))
    with pytest.raises(TypeError, match='but got list'):
        mask_edges([[True]])
    with pytest.raises(ValueError, match=r'shape \(\.\.\., H, W\)'):
        mask_edges(np.zeros(3, bool))


def test_label_map_exceptions():
    label_map = np.array([[0, 1, 5, 9]])
    with pytest.raises(ValueError, match=r'0 to 1, background None .* also holds 5, 9; map'):
        label_map_to_edges(label_map, 2)
    with pytest.raises(TypeError, match='`label_map` to hold integers, but got dtype float64'):
        label_map_to_edges(label_map * 1.0, 10)
    with pytest.raises(ValueError, match=r'`label_map` to have shape \(H, W\)'):
        label_map_to_edges(label_map[None], 10)
    with pytest.raises(ValueError, match='H, W >= 1'):
        label_map_to_edges(label_map[:0], 10)
    with pytest.raises(ValueError, match='`instance_map` to have the shape'):
        label_map_to_edges(label_map, 10, instance_map=label_map.T)
    with pytest.raises(TypeError, match='`instance_map` to hold integers'):
        label_map_to_edges(label_map, 10, instance_map=label_map * 1.0)
    with pytest.raises(ValueError, match='`num_classes` to be a positive integer'):
        label_map_to_edges(label_map, 0)
    with pytest.raises(ValueError, match='`background` to differ from `ignore_index`'):
        label_map_to_edges(label_map, 10, background=255)


@pytest.mark.parametrize('radius', [1, 2, 2.5])
def test_invalid_pixels_belong_to_neither_side(radius, rng):
    masks = rng.random((2, 12, 15)) < 0.5
    valid = rng.random((1, 12, 15)) < 0.7
    found = valid_mask_edges(torch.from_numpy(masks), torch.from_numpy(valid), radius).numpy()
    counted = np.broadcast_to(valid, masks.shape)
    for m, y, x in np.ndindex(masks.shape):
        near = np.hypot(*(np.indices(masks.shape[1:]) - np.array([y, x])[:, None, None])) <= radius
        sides = masks[m][near & counted[m]]
        assert found[m, y, x] == (valid[0, y, x] and sides.any() and not sides.all())


CLASS_MAPS = arrays(
    np.uint8,
    array_shapes(min_dims=3, max_dims=4, max_side=4),
    elements=st.sampled_from([0, 1, 255]),
)


@given(CLASS_MAPS)
def test_union_equals_a_loop_over_pixels(maps):
    expected = np.zeros((*maps.shape[:-3], 1, *maps.shape[-2:]), np.uint8)
    for *batch, row, column in np.ndindex(*maps.shape[:-3], *maps.shape[-2:]):
        values = [maps[(*batch, k, row, column)] for k in range(maps.shape[-3])]
        value = 1 if 1 in values else 255 if 255 in values else 0
        expected[(*batch, 0, row, column)] = value
    found = union_edges(maps)
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, expected)
    tensor = union_edges(torch.from_numpy(maps))
    assert tensor.dtype == torch.uint8
    np.testing.assert_array_equal(tensor.numpy(), expected)


def test_union_of_one_class_is_that_class():
    maps = np.array([[[0, 1, 255]]], np.uint8)
    np.testing.assert_array_equal(union_edges(maps), maps)


def test_union_with_another_ignore_index():
    assert union_edges(np.array([[[0, 9]], [[1, 0]]]), ignore_index=9).tolist() == [[[1, 9]]]


def test_union_exceptions():
    with pytest.raises(TypeError, match='list'):
        union_edges([[[1]]])
    with pytest.raises(ValueError, match=r'\(K?.*edge_maps\[None\]'):
        union_edges(np.zeros((4, 4), np.uint8))
