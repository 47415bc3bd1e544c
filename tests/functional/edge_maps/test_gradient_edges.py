"""Color gradient as edges."""

import numpy as np
import pytest

from mmsteal.functional.edge_maps.gradient_edges import gradient_edges


def test_a_step_is_an_edge_and_nothing_else():
    image = np.zeros((30, 40, 3), np.uint8)
    image[:, 20:] = (200, 40, 90)
    edges = gradient_edges(image)
    assert edges.shape == (30, 40)
    assert edges.dtype == np.float32
    assert edges[:, 19:21].min() == pytest.approx(1)
    assert edges[:, :14].max() < 0.01


def test_turning_the_image_turns_the_edges(rng):
    image = rng.integers(0, 256, (20, 30, 3), dtype=np.uint8)
    turned = gradient_edges(np.ascontiguousarray(np.rot90(image)))
    np.testing.assert_allclose(turned, np.rot90(gradient_edges(image)), atol=1e-4)


def test_few_edges_still_reach_one():
    image = np.zeros((200, 200, 3), np.uint8)
    image[100, 100] = 255
    assert gradient_edges(image).max() == 1


def test_one_color_has_no_edge():
    assert not gradient_edges(np.full((20, 20, 3), 90, np.uint8)).any()


def test_bad_arguments():
    with pytest.raises(TypeError, match='array of uint8'):
        gradient_edges(np.zeros((5, 5, 3)))
    with pytest.raises(ValueError, match=r'shape \(H, W, 3\)'):
        gradient_edges(np.zeros((5, 5, 4), np.uint8))
    with pytest.raises(ValueError, match='sigma'):
        gradient_edges(np.zeros((5, 5, 3), np.uint8), sigma=0)


def test_grey_is_a_color_of_equal_parts(rng):
    grey = rng.integers(0, 256, (20, 30)).astype(np.uint8)
    expected = gradient_edges(np.repeat(grey[..., None], 3, axis=2))
    np.testing.assert_array_equal(gradient_edges(grey), expected)
