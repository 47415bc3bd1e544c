import cv2
import numpy as np
import pytest
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from mmsteal.visualization import (
    EdgeLocalVisualizer,
    colorize_edges,
    distinct_palette,
    relative_strength,
)

RED, BLUE = [255, 0, 0], [0, 0, 255]


def test_colors_mix_and_cover():
    edges = np.zeros((2, 1, 4))
    edges[0, 0, [0, 2]] = 1
    edges[1, 0, 2] = 1
    edges[1, 0, 3] = 0.5
    image = colorize_edges(edges, [RED, BLUE])
    assert image[0, 0].tolist() == RED
    assert image[0, 1].tolist() == [255, 255, 255]
    assert image[0, 2].tolist() == [128, 0, 128]
    assert image[0, 3].tolist() == [128, 128, 255]


def test_floor_hides_what_the_network_cannot_tell():
    edges = np.array([[[0.2, 0.5, 0.75, 1.0]]])
    image = colorize_edges(edges, [RED], floor=0.5)
    assert image[0, :, 1].tolist() == [255, 255, 128, 0]
    with pytest.raises(ValueError, match='floor'):
        colorize_edges(edges, [RED], floor=1)


def test_relative_strength():
    """The strong responses count, of any class, not a single one."""
    prob = np.full((2, 20, 50), 0.01)
    prob[0, 4] = 0.31
    prob[1, 7, 7] = 0.51
    found = relative_strength(prob)
    np.testing.assert_allclose(found[0, 3:6, 0], [0, 1, 0], atol=1e-6)
    assert found[1, 7, 7] == 1
    prob[1, 7, 7] = 0.91  # half of it is more than what the others have
    assert relative_strength(prob)[0, 4, 0] == pytest.approx(0.3 / 0.445, rel=1e-5)


@pytest.mark.parametrize('ground', [0.0, 0.02, 0.5])
def test_noise_is_not_blown_up(ground, rng):
    """Neither that of an untrained network, which says 0.5 everywhere, nor that of a sure one."""
    prob = ground + rng.uniform(0, 0.02, (3, 40, 40))
    assert relative_strength(prob).max() < 0.25
    prob[1, 20] = ground + 0.2
    found = relative_strength(prob)
    assert found[1, 20].min() > 0.99
    assert np.delete(found, 20, axis=1).max() < 0.1


def test_relative_strength_of_labels_and_of_nothing():
    edges = np.zeros((2, 30, 30), bool)
    edges[1, 5] = True
    np.testing.assert_array_equal(relative_strength(edges), edges)
    assert relative_strength(np.zeros((0, 3, 4))).shape == (0, 3, 4)


def test_background_shows_through():
    background = np.full((2, 2, 3), 80, np.uint8)
    image = colorize_edges(np.zeros((1, 2, 2)), [RED], background)
    np.testing.assert_array_equal(image, background)


def lab_of(palette):
    """CIELAB by OpenCV, beside scikit-image's in the package."""
    return cv2.cvtColor(np.float32(palette)[None] / 255, cv2.COLOR_RGB2LAB)[0]


@pytest.mark.parametrize(('num_classes', 'least'), [(1, 0), (8, 50), (20, 35), (40, 25), (254, 10)])
def test_palette_has_no_twins(num_classes, least):
    palette = distinct_palette(num_classes)
    assert palette.shape == (num_classes, 3)
    lab = lab_of(palette)
    apart = np.linalg.norm(lab[:, None] - lab[None], axis=2) + 999 * np.eye(num_classes)
    assert apart.min() > least
    neighbors = np.linalg.norm(np.diff(lab, axis=0), axis=1)
    assert (neighbors > max(2 * least, 20)).all()
    # Neither the number of classes nor chance changes the color of a class.
    np.testing.assert_array_equal(distinct_palette(num_classes + 3)[:num_classes], palette)


def test_palette_of_nothing():
    assert distinct_palette(0).shape == (0, 3)


def test_exception_shapes():
    with pytest.raises(ValueError, match='palette'):
        colorize_edges(np.zeros((2, 3, 3)), [RED])
    with pytest.raises(ValueError, match='background'):
        colorize_edges(np.zeros((1, 3, 3)), [RED], np.zeros((4, 4, 3), np.uint8))


@pytest.fixture
def sample():
    data = SegDataSample()
    target = torch.zeros(2, 20, 30, dtype=torch.uint8)
    target[0, 5] = 1
    target[1, :, 25:] = 255
    data.set_data(dict(gt_edge_map=PixelData(data=target)))
    data.set_data(dict(pred_edge_map=PixelData(data=torch.rand(2, 20, 30))))
    return data


def draw(tmp_path, data, **kwargs):
    visualizer = EdgeLocalVisualizer('test')
    visualizer.dataset_meta = dict(classes=('red', 'blue'), palette=[RED, BLUE])
    image = np.full((20, 30, 3), 100, np.uint8)
    visualizer.add_datasample('x', image, data, out_file=str(tmp_path / 'x.png'), **kwargs)
    np.testing.assert_array_equal(
        cv2.imread(str(tmp_path / 'x.png'))[..., ::-1], visualizer.get_image()
    )
    return visualizer.get_image()


@pytest.mark.parametrize(
    ('options', 'panels'), [({}, 3), (dict(draw_gt=False), 2), (dict(draw_pred=False), 2)]
)
def test_panels(tmp_path, sample, options, panels):
    picture = draw(tmp_path, sample, with_labels=False, **options)
    assert picture.shape[1] == 30 * panels


def test_truth_is_drawn_and_ignore_is_not(tmp_path, sample):
    picture = draw(tmp_path, sample, draw_pred=False, with_labels=False)
    panel = picture[-20:, 30:]
    assert panel[5, 3].tolist() == RED
    faded = panel[10, 3]
    np.testing.assert_array_equal(panel[10, 26], faded)


def test_legend_names_what_occurs(tmp_path, sample):
    with_legend = draw(tmp_path, sample)
    without = draw(tmp_path, sample, with_labels=False)
    assert with_legend.shape[0] > without.shape[0]
    assert (with_legend[without.shape[0] :] == RED).all(-1).any()


def test_weak_predictions_are_drawn_and_named(tmp_path, sample):
    """A cross entropy that is not balanced to the end makes all responses low."""
    weak = torch.zeros(2, 20, 30)
    weak[1, 5] = 0.2
    sample.set_data(dict(pred_edge_map=PixelData(data=weak)))
    picture = draw(tmp_path, sample, draw_gt=False)
    assert picture[22 + 5, 30 + 3].tolist() == BLUE
    assert (picture[42:] == BLUE).all(-1).any()


def test_truth_of_another_size_is_resized(tmp_path, sample):
    sample.set_data(dict(pred_edge_map=PixelData(data=torch.zeros(2, 10, 15))))
    del sample.gt_edge_map
    sample.set_data(dict(gt_edge_map=PixelData(data=torch.ones(2, 10, 15))))
    assert draw(tmp_path, sample, with_labels=False).shape[1] == 90


def test_plain_image_without_sample(tmp_path):
    assert draw(tmp_path, None).shape[1] == 30


def test_exception_folder_missing(tmp_path, sample):
    with pytest.raises(OSError, match='folder'):
        draw(tmp_path / 'nowhere', sample)
