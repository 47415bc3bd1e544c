"""How far two labelings of one image agree."""

import math

import numpy as np
import pytest
from scipy import ndimage as ndi
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import maximum_bipartite_matching

from mmsteal.functional import LabelAgreement, label_agreement

SIZE = (26, 31)


def naive_outline(labels, value, valid, instances=None):
    """Pixels (N, 2) of a class with a valid 4-neighbor that is of another class or instance."""
    found = []
    for y, x in np.argwhere((labels == value) & valid):
        for dy, dx in ((0, 1), (1, 0), (0, -1), (-1, 0)):
            row, column = y + dy, x + dx
            if not (0 <= row < SIZE[0] and 0 <= column < SIZE[1] and valid[row, column]):
                continue
            other = labels[row, column] != value
            if instances is not None:
                other = other or instances[row, column] != instances[y, x]
            if other:
                found.append((y, x))
                break
    return np.array(found, np.int64).reshape(-1, 2)


def naive(labels, reference, value, ignore, tolerance_px, instances=(None, None)):
    """IoU, mean distance, boundary F by their definitions."""
    valid = (labels != ignore) & (reference != ignore)
    masks = (labels == value) & valid, (reference == value) & valid
    union = (masks[0] | masks[1]).sum()
    iou = (masks[0] & masks[1]).sum() / union if union else math.nan
    a, b = (
        naive_outline(given, value, valid, ids)
        for given, ids in zip((labels, reference), instances, strict=True)
    )
    if not len(a) + len(b):
        return iou, math.nan, math.nan
    if not (len(a) and len(b)):
        return iou, math.nan, 0.0
    table = np.hypot(*(a[:, None] - b[None]).transpose(2, 0, 1))
    px = (table.min(axis=1).sum() + table.min(axis=0).sum()) / (len(a) + len(b))
    pairs = maximum_bipartite_matching(csr_matrix(table <= tolerance_px + 1e-9))
    return iou, px, 2 * (pairs >= 0).sum() / (len(a) + len(b))


def scene(rng, values=(0, 1, 2, 3, 255)):
    """Blobs of each value, and the same a little displaced."""
    noise = ndi.gaussian_filter(rng.normal(size=(len(values), *SIZE)), (0, 2, 2))
    moved = noise + 0.4 * ndi.gaussian_filter(rng.normal(size=noise.shape), (0, 2, 2))
    return [np.array(values, np.uint8)[found.argmax(axis=0)] for found in (noise, moved)]


def numbers(found):
    return found.iou, found.distance_px, found.boundary_f


@pytest.mark.parametrize('tolerance_px', [0, 1, 1.5, 2, 5])
def test_against_the_definitions(rng, tolerance_px):
    for _ in range(4):
        labels, reference = scene(rng)
        found = label_agreement(labels, reference, 3, background=0, tolerance_px=tolerance_px)
        for value, one in enumerate(found, 1):
            expected = naive(labels, reference, value, 255, tolerance_px)
            np.testing.assert_allclose(numbers(one), expected, rtol=1e-12)


def test_instances_against_the_definitions(rng):
    labels, reference = scene(rng)
    ids = [rng.integers(0, 3, (7, 8)).repeat(4, 0).repeat(4, 1)[:26, :31] for _ in range(2)]
    found = label_agreement(
        labels, reference, 3, background=0, instance_map=ids[0], reference_instances=ids[1]
    )
    for value, one in enumerate(found, 1):
        expected = naive(labels, reference, value, 255, 2, ids)
        np.testing.assert_allclose(numbers(one), expected, rtol=1e-12)


def test_change_of_places_changes_nothing(rng):
    labels, reference = scene(rng)
    there = label_agreement(labels, reference, 3, background=0)
    back = label_agreement(reference, labels, 3, background=0)
    for one, other in zip(there, back, strict=True):
        assert numbers(one) == pytest.approx(numbers(other), rel=1e-12)
        assert one.boundary_precision == other.boundary_recall


def test_equal_labels_and_nothing_at_all():
    labels = np.zeros((9, 9), np.int32)
    labels[2:6, 3:8] = 2
    found = label_agreement(labels, labels.copy(), 3, background=0)
    assert numbers(found[1]) == (1, 0, 1)
    for one in (found[0], found[2]):
        assert one == LabelAgreement()
        assert np.isnan(numbers(one)).all()


def test_only_one_of_them_has_the_class():
    labels = np.zeros((9, 9), np.int32)
    labels[2:6, 3:8] = 1
    (lost,) = label_agreement(np.zeros_like(labels), labels, 1, background=0)
    (made,) = label_agreement(labels, np.zeros_like(labels), 1, background=0)
    for one in (lost, made):
        assert (one.iou, one.boundary_f) == (0, 0)
        assert math.isnan(one.distance_px)
    assert (lost.boundary_recall, made.boundary_precision) == (0, 0)
    assert math.isnan(lost.boundary_precision)


def test_class_that_fills_the_image_has_no_outline():
    labels = np.ones((5, 6), np.int32)
    (found,) = label_agreement(labels, labels, 1, background=0)
    assert found.iou == 1
    assert math.isnan(found.boundary_f)


def test_counts_add_up(rng):
    parts = [label_agreement(*scene(rng), 3, background=0)[0] for _ in range(3)]
    whole = sum(parts, LabelAgreement())
    assert whole.iou == sum(p.intersection for p in parts) / sum(p.union for p in parts)
    assert whole.distance_px == pytest.approx(
        np.average([p.distance_px for p in parts], weights=[p.num_distances for p in parts])
    )
    pixels = sum(p.outline + p.reference_outline for p in parts)
    assert whole.boundary_f == 2 * sum(p.matched for p in parts) / pixels


@pytest.mark.parametrize('shift', [1, 2, 7, 30])
def test_tolerance_of_whole_pixels_is_kept(shift):
    """Lines that are exactly the tolerance apart match, whatever the size of the image."""
    for height in (40, 97, 511):
        labels, reference = np.zeros((2, height, 130), np.uint8)
        labels[:, 50], reference[:, 50 + shift] = 1, 1
        for tolerance_px, f in ((shift, 1.0), (shift - 0.01, 0.0)):
            (found,) = label_agreement(
                labels, reference, 1, background=0, tolerance_px=tolerance_px
            )
            assert (found.distance_px, found.boundary_f) == (shift, f)


def test_exception():
    labels = np.zeros((4, 5), np.int32)
    with pytest.raises(ValueError, match=r'shape of `label_map`, \(4, 5\), but got \(5, 4\)'):
        label_agreement(labels, labels.T, 1)
    for tolerance_px in (-1, math.inf, math.nan):
        with pytest.raises(ValueError, match='`tolerance_px`'):
            label_agreement(labels, labels, 1, tolerance_px=tolerance_px)
    with pytest.raises(ValueError, match='also holds 7'):
        label_agreement(labels, labels + 7, 1)
    with pytest.raises(TypeError, match='integers'):
        label_agreement(labels * 1.0, labels, 1)
