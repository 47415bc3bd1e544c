import numpy as np
import pytest
import skimage.morphology
from PIL import Image

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


def test_raw_truth_is_the_band_and_thin_truth_its_center_line():
    band = label_map_to_edges(LABELS, 2, radius=2) == 1
    raw = BoundaryProtocol(mode='raw', radius=2).ground_truth(LABELS, 2)
    thin = BoundaryProtocol(mode='thin', radius=2).ground_truth(LABELS, 2)
    np.testing.assert_array_equal(raw, band)
    np.testing.assert_array_equal(thin, np.stack([skimage.morphology.thin(b) for b in band]))


def test_half_scale_thin_makes_edges_after_scaling_and_raw_before():
    half = boundary_protocol('cityscapes', 'thin', instance_sensitive=False)
    thin = half.ground_truth(LABELS, 2)
    expected = label_map_to_edges(LABELS[1::2, 1::2].copy(), 2, radius=1) == 1
    np.testing.assert_array_equal(thin, np.stack([skimage.morphology.thin(e) for e in expected]))
    raw = boundary_protocol('cityscapes', 'raw', instance_sensitive=False).ground_truth(LABELS, 2)
    full = label_map_to_edges(LABELS, 2, radius=2) == 1
    np.testing.assert_array_equal(raw, full[:, 1::2, 1::2])


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


def test_half_size_takes_the_pixels_that_pil_takes():
    labels = np.random.default_rng(0).integers(0, 200, (10, 14)).astype(np.uint8)
    half = BoundaryProtocol(scale=0.5).nearest(labels)
    np.testing.assert_array_equal(half, Image.fromarray(labels).resize((7, 5), Image.NEAREST))


def test_prediction_size_rule():
    half = BoundaryProtocol(scale=0.5)
    prob = np.random.default_rng(0).random((1, 20, 30), np.float32)
    assert half.prediction(prob, (20, 30)) is prob  # made at the evaluation size
    assert half.prediction(prob, (10, 15)).shape == (1, 10, 15)  # of the whole image
    with pytest.raises(ValueError, match='9 x 15 px'):
        half.prediction(prob, (9, 15))
    assert BoundaryProtocol(resize=True).prediction(prob, (9, 15)).shape == (1, 9, 15)
    levels = (prob * 255).astype(np.uint8)
    np.testing.assert_allclose(
        half.prediction(levels, (10, 15)), half.prediction(levels / np.float32(255), (10, 15))
    )


def test_class_agnostic():
    protocol = BoundaryProtocol(mode='raw', class_agnostic=True)
    both = label_map_to_edges(LABELS, 2, radius=2) == 1
    np.testing.assert_array_equal(protocol.ground_truth(LABELS, 2), both.any(axis=0, keepdims=True))
    prob = np.random.default_rng(0).random((3, 4, 5))
    np.testing.assert_array_equal(protocol.prediction(prob), prob.max(axis=0, keepdims=True))
    annotators = np.zeros((4, 6, 7), np.uint8)
    truth = boundary_protocol('bsds').ground_truth(LABELS, 1, boundary_map=annotators)
    assert truth.shape == (1, 4, 6, 7)
    with pytest.raises(ValueError, match='2 classes'):
        boundary_protocol('seal').ground_truth(LABELS, 2, boundary_map=annotators)


def test_interior_is_the_class_whatever_the_background():
    protocol = boundary_protocol('sbd')
    np.testing.assert_array_equal(protocol.interior(LABELS, 1, background=0)[0], LABELS == 1)
    np.testing.assert_array_equal(protocol.interior(LABELS, 2, background=2)[1], LABELS == 1)
    assert BoundaryProtocol().interior(LABELS, 2) is None


def test_predicted_edges_follow_the_rule_of_the_truth():
    for mode in ('thin', 'raw'):
        protocol = boundary_protocol('cityscapes', mode)
        instances = np.zeros_like(LABELS)
        np.testing.assert_array_equal(
            protocol.predicted_edges(LABELS, 2, background=2),
            protocol.ground_truth(LABELS, 2, background=2, instance_map=instances),
        )


@pytest.mark.parametrize(
    ('arguments', 'changes', 'message'),
    [
        (('kitti',), {}, 'protocol'),
        (('seal', 'wide'), {}, 'mode'),
        (('sbd', 'raw'), {}, "mode of 'sbd'"),
        ((None, 'thick'), {}, 'mode'),
        ((), dict(max_dist=4), 'fraction'),
        ((), dict(max_distance=0.1), 'max_distance'),
        ((), dict(scale=2), 'scale'),
        ((), dict(thresholds=0), 'thresholds'),
    ],
)
def test_exception(arguments, changes, message):
    with pytest.raises(ValueError, match=message):
        boundary_protocol(*arguments, **changes)


def test_exception_no_instances():
    with pytest.raises(ValueError, match='instance'):
        BoundaryProtocol(instance_sensitive=True).ground_truth(LABELS, 2)
