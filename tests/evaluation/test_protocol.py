import numpy as np
import pytest
import skimage.morphology

from mmsteal.evaluation import PROTOCOLS, BoundaryProtocol, boundary_protocol
from mmsteal.functional import label_map_to_edges

LABELS = np.zeros((40, 60), np.uint8)
LABELS[10:30, 21:41] = 1


@pytest.mark.parametrize('name', PROTOCOLS)
def test_published_protocols(name):
    for mode in PROTOCOLS[name]:
        protocol = boundary_protocol(name, mode)
        assert protocol.name in protocol.label
        assert f'maxDist {protocol.max_dist:g}' in protocol.label


def test_changes_and_none():
    protocol = boundary_protocol('seal', 'raw', max_dist=0.02, margin=None)
    assert (protocol.max_dist, protocol.margin, protocol.mode) == (0.02, 5, 'raw')


def test_raw_truth_is_the_band_and_thin_truth_its_centre_line():
    band = label_map_to_edges(LABELS, 2, radius=2) == 1
    raw = BoundaryProtocol(mode='raw', radius=2).ground_truth(LABELS, 2)
    thin = BoundaryProtocol(mode='thin', radius=2).ground_truth(LABELS, 2)
    np.testing.assert_array_equal(raw, band)
    np.testing.assert_array_equal(thin, np.stack([skimage.morphology.thin(b) for b in band]))


def test_half_scale_thin_makes_edges_after_scaling_and_raw_before():
    half = boundary_protocol('cityscapes', 'thin', instance_sensitive=False)
    thin = half.ground_truth(LABELS, 2)
    expected = label_map_to_edges(LABELS[::2, ::2].copy(), 2, radius=1) == 1
    np.testing.assert_array_equal(thin, np.stack([skimage.morphology.thin(e) for e in expected]))
    raw = boundary_protocol('cityscapes', 'raw', instance_sensitive=False).ground_truth(LABELS, 2)
    full = label_map_to_edges(LABELS, 2, radius=2) == 1
    np.testing.assert_array_equal(raw, full[:, ::2, ::2])


def test_ignored_pixels_make_no_truth():
    labels = LABELS.copy()
    labels[:, 30:] = 255
    truth = BoundaryProtocol(mode='raw').ground_truth(labels, 2)
    assert truth[:, :, :25].any()
    assert not truth[:, :, 30:].any()
    assert not truth[:, 15:25, 25:30].any()  # no edge along the ignored side either


def test_stored_boundaries_are_taken_as_they_are():
    stored = np.zeros((2, 40, 60), np.uint8)
    stored[1, 5] = 1
    protocol = boundary_protocol('seal', 'thin')
    np.testing.assert_array_equal(
        protocol.ground_truth(LABELS, 2, boundary_map=stored), stored == 1
    )
    with pytest.raises(ValueError, match='LoadSBDAnnotations'):
        protocol.ground_truth(LABELS, 2)


def test_prediction_is_brought_to_the_evaluation_size():
    prob = np.random.default_rng(0).random((3, 20, 30), np.float32)
    assert BoundaryProtocol().prediction(prob) is prob
    half = BoundaryProtocol(scale=0.5).prediction(prob)
    np.testing.assert_allclose(half[1, 2, 3], prob[1, 4:6, 6:8].mean(), atol=1e-6)


@pytest.mark.parametrize(
    ('arguments', 'changes', 'message'),
    [
        (('kitti',), {}, 'protocol'),
        (('seal', 'wide'), {}, 'mode'),
        (('sbd', 'raw'), {}, "mode of 'sbd'"),
        ((None, 'thick'), {}, 'mode'),
        ((), dict(max_dist=4), 'fraction'),
        ((), dict(max_distance=0.1), 'max_distance'),
    ],
)
def test_exception(arguments, changes, message):
    with pytest.raises(ValueError, match=message):
        boundary_protocol(*arguments, **changes)


def test_exception_no_instances():
    with pytest.raises(ValueError, match='instance'):
        BoundaryProtocol(instance_sensitive=True).ground_truth(LABELS, 2)
