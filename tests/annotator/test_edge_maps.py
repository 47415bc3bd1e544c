"""Edges from a gradient, a network and a file."""

import numpy as np
import pytest
from PIL import Image

from mmsteal.annotator import AnnotatorError
from mmsteal.annotator.edge_maps import (
    MAX_WORK_PIXELS,
    edges_from_detector,
    edges_from_file,
    edges_from_gradient,
)
from mmsteal.annotator.edge_model import find_demo_model
from tests.conftest import REPO


def saved(tmp_path, array):
    path = tmp_path / 'edges.png'
    Image.fromarray(array).save(path)
    return path


def test_detector_gets_a_map_of_all_edges(rng):
    prob = rng.random((2, 40, 50), dtype=np.float32)
    edges = edges_from_detector(np.zeros((40, 50, 3), np.uint8), lambda _: prob, ('car', 'Bus'), '')
    np.testing.assert_array_equal(edges.maps[:2], prob)
    np.testing.assert_array_equal(edges.strongest, prob.max(axis=0))
    assert [edges.index_of(name) for name in ('car', 'bus', 'dog')] == [0, 1, 2]


def test_detector_of_one_map_serves_every_class(rng):
    prob = rng.random((1, 40, 50), dtype=np.float32)
    edges = edges_from_detector(np.zeros((40, 50, 3), np.uint8), lambda _: prob, ('edge',), '')
    assert edges.maps.shape == (1, 40, 50)
    assert edges.index_of('dog') == 0


def test_big_images_are_worked_on_smaller():
    pixels = np.zeros((3000, 4000, 3), np.uint8)
    pixels[:, 2000:] = 255
    edges = edges_from_gradient(pixels)
    height, width = edges.maps.shape[1:]
    assert height * width == pytest.approx(MAX_WORK_PIXELS, rel=0.01)
    assert abs(height * 4000 - width * 3000) <= 4000
    assert abs(int(edges.strongest[height // 2].argmax()) - width / 2) <= 1


@pytest.mark.parametrize(
    ('dtype', 'top'), [(np.uint8, 255), (np.uint16, 65535), (np.uint8, 1), (bool, 1)]
)
def test_file_of_any_depth(tmp_path, dtype, top):
    values = np.zeros((40, 50), dtype)
    values[:, 20:22] = top
    edges = edges_from_file(saved(tmp_path, values), (40, 50))
    assert edges.maps.shape == (1, 40, 50)
    assert set(np.unique(edges.maps)) == {0, 1}


def test_file_of_another_size(tmp_path):
    values = np.zeros((20, 25), np.uint8)
    values[:, 10] = 255
    edges = edges_from_file(saved(tmp_path, values), (40, 50))
    assert edges.maps.shape == (1, 40, 50)


@pytest.mark.parametrize(
    ('array', 'message'),
    [
        (np.full((20, 60), 9, np.uint8), 'same aspect ratio'),
        (np.zeros((40, 50), np.uint8), 'is black'),
        (np.full((40, 50), 250, np.uint8), 'mostly white'),
        (np.zeros((40, 50, 3), np.uint8), 'color picture'),
    ],
)
def test_files_that_are_refused(tmp_path, array, message):
    with pytest.raises(AnnotatorError, match=message):
        edges_from_file(saved(tmp_path, array), (40, 50))


def test_demo_model_is_found_once_there(tmp_path):
    assert find_demo_model(tmp_path) is None
    run = tmp_path / 'work_dirs' / 'demo' / 'train'
    run.mkdir(parents=True)
    for name in ('iter_200.pth', 'iter_800.pth'):
        (run / name).touch()
    assert find_demo_model(tmp_path) is None  # a checkpoint alone is no model
    (run / 'last_checkpoint').write_text('/moved/elsewhere/iter_200.pth')
    assert find_demo_model(tmp_path) is None  # still training
    (run.parent / 'report.html').touch()
    config, checkpoint = find_demo_model(tmp_path)
    assert config.samefile(REPO / 'configs/steal_demo.py')
    assert checkpoint == run / 'iter_200.pth'
    (run / 'last_checkpoint').unlink()
    assert find_demo_model(tmp_path)[1].suffix == '.pth'
