"""Densities of colors against the formula, a pixel at a time."""

import cv2
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from mmsteal.functional.joint.color_density import STEP, ColorLattice


def photo(seed=0, shape=(12, 15)):
    """A few soft blobs of color."""
    noise = np.random.default_rng(seed).integers(0, 256, (*shape, 3)).astype(np.uint8)
    return cv2.GaussianBlur(noise, (0, 0), 1.5)


def kernel(offset, width=1.0, reach=3):
    """The truncated Gaussian on whole cells, of sum 1."""
    weight = np.exp(-0.5 * (np.arange(-reach, reach + 1) / width) ** 2)
    inside = abs(offset) <= reach
    return np.where(inside, np.exp(-0.5 * (offset / width) ** 2) / weight.sum(), 0)


@pytest.mark.parametrize('grey', [False, True])
def test_costs_follow_the_formula(grey):
    image = photo()[..., 0] if grey else photo()
    labels = np.random.default_rng(1).integers(-1, 3, image.shape[:2]).astype(np.int32)
    costs = ColorLattice.of(image).costs(labels, 3)
    lattice = ColorLattice.of(image)
    colors = image[..., None] if grey else cv2.cvtColor(image, cv2.COLOR_RGB2LAB)
    cells = (colors.astype(int) // STEP).reshape(labels.size, -1)
    cells -= cells.min(axis=0)
    num = cells.max(axis=0) + 1
    assert (num > 3).all()  # no kernel reaches both ends
    mirrored = [cells, -1 - cells, 2 * num - 1 - cells]
    each = sum(kernel(cells[:, None] - other) for other in mirrored)
    spread = each.prod(axis=2)  # of each pixel at each pixel
    image_density = spread.sum(axis=1) / labels.size
    for label in range(3):
        mine = labels.ravel() == label
        density = (spread[:, mine].sum(axis=1) + 20 * image_density) / (mine.sum() + 20)
        expected = -np.log(density + 1e-9).reshape(labels.shape)
        assert_allclose(costs[label][lattice.index], expected, atol=1e-4)


def test_a_label_without_pixels_has_the_density_of_the_image():
    lattice = ColorLattice.of(photo())
    costs = lattice.costs(np.zeros((12, 15), np.int32), 2)
    assert_allclose(costs[1], -np.log(lattice.density + 1e-9), rtol=1e-5)


def test_order_of_pixels_does_not_matter():
    image, labels = photo(), np.random.default_rng(1).integers(0, 3, (12, 15)).astype(np.int32)
    there = ColorLattice.of(image)
    back = ColorLattice.of(image[::-1, ::-1].copy())
    assert_array_equal(there.index, back.index[::-1, ::-1])
    assert_array_equal(there.costs(labels, 3), back.costs(labels[::-1, ::-1].copy(), 3))


def test_image_of_one_color():
    lattice = ColorLattice.of(np.full((4, 5, 3), 9, np.uint8))
    costs = lattice.costs(np.zeros((4, 5), np.int32), 1)
    assert lattice.size == 1
    assert_allclose(costs, 0, atol=1e-6)
