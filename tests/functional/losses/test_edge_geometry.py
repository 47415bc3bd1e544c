"""Positive pixels and label normals against scikit-image and the dense normals."""

import numpy as np
import pytest
import torch
from skimage.morphology import thin as skimage_thin

from mmsteal.functional.edge_maps.edges import mask_edges
from mmsteal.functional.edge_maps.normals import edge_normals
from mmsteal.functional.losses.edge_geometry import active_maps, edge_geometry


def make_target(height=31, width=36):
    y, x = np.mgrid[:height, :width]
    masks = np.zeros((2, 3, height, width), bool)
    masks[0, 1] = np.hypot(y - 15, x - 15) < 9
    masks[1, 0] = x + 2 * y < 40
    masks[1, 2] = np.hypot(y - 5, x - 30) < 12
    target = torch.from_numpy(mask_edges(masks, 2))
    target[..., :4, 10:20] = 255
    return target


def positive_map(geometry):
    out = torch.zeros(geometry.shape, dtype=torch.bool)
    out.flatten(0, 1)[geometry.maps[geometry.slot], geometry.y, geometry.x] = True
    return out


@pytest.mark.parametrize('positives', ['center', 'band'])
@pytest.mark.parametrize('normals', ['hessian', 'dollar'])
@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
def test_equals_thinned_labels_and_dense_normals(positives, normals, dtype):
    target = make_target()
    geometry = edge_geometry(target, positives=positives, normals=normals, dtype=dtype)
    assert geometry.maps.tolist() == [1, 3, 5]
    assert geometry.shape == target.shape
    want = (target == 1).numpy()
    if positives == 'center':
        want = np.stack([[skimage_thin(m) for m in image] for image in want])
    np.testing.assert_array_equal(positive_map(geometry).numpy(), want)
    assert geometry.angle.dtype == dtype
    dense = edge_normals((target == 1).to(dtype), method=normals).flatten(0, 1)
    dense = dense[geometry.maps[geometry.slot], geometry.y, geometry.x]
    # Compared as lines; the published formula jumps where its denominators cross zero.
    close = (2 * (geometry.angle - dense)).cos() > 1 - 1e-6
    assert close.float().mean() > (0.99 if normals == 'dollar' else 0.9999)


def test_ignored_pixels_are_never_positive():
    target = make_target()
    for positives in ('center', 'band'):
        found = positive_map(edge_geometry(target, positives=positives))
        assert not found[target == 255].any()
    target[target == 1] = 255
    assert len(edge_geometry(target).maps) == 0
    assert len(edge_geometry(torch.ones(1, 1, 5, 5), ignore_index=1).y) == 0


@pytest.mark.parametrize('dtype', [torch.bool, torch.int64, torch.float32])
def test_target_types(dtype):
    target = make_target().clamp(max=1)
    want = edge_geometry(target)
    for a, b in zip(edge_geometry(target.to(dtype))[1:], want[1:], strict=True):
        assert torch.equal(a, b)


def test_active_maps():
    target = make_target()
    logits = torch.randn(target.shape)
    geometry = edge_geometry(target)
    assert torch.equal(active_maps(logits, target, geometry, 255), logits.flatten(0, 1)[[1, 3, 5]])
    with pytest.raises(ValueError, match='`geometry` to be of a target of shape'):
        active_maps(logits[:1], target[:1], geometry, 255)


def test_filter_radius_is_passed_on():
    target = make_target()
    narrow, wide = (edge_geometry(target, filter_radius=r).angle for r in (2, 6))
    assert not torch.equal(narrow, wide)


@pytest.mark.gpu
def test_gpu_equals_cpu():
    target = make_target()
    for a, b in zip(edge_geometry(target.cuda())[1:], edge_geometry(target)[1:], strict=True):
        torch.testing.assert_close(a.cpu(), b, rtol=0, atol=1e-3)


def test_exceptions():
    with pytest.raises(TypeError, match='`target` to be a torch tensor, but got ndarray'):
        edge_geometry(np.zeros((1, 1, 3, 3)))
    with pytest.raises(ValueError, match=r'shape \(N, K, H, W\)'):
        edge_geometry(torch.zeros(3, 3))
    with pytest.raises(ValueError, match="`positives` to be one of 'center', 'band'"):
        edge_geometry(torch.zeros(1, 1, 3, 3), positives='line')
    with pytest.raises(ValueError, match='method'):
        edge_geometry(torch.zeros(1, 1, 3, 3), normals='sobel')
