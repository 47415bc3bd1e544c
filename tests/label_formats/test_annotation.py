"""Masks cropped to their boxes."""

import numpy as np
import pytest

from mmsteal.label_formats import Region


@pytest.mark.parametrize('corner', [(0, 0), (3, 5)])
def test_region_of_a_part_of_the_image(corner):
    rng = np.random.default_rng(0)
    top, left = corner
    for _ in range(30):
        part = rng.random((6, 7)) < rng.choice([0, 0.05, 0.3])
        image = np.zeros((12, 15), bool)
        image[top : top + 6, left : left + 7] = part
        region = Region.of(part, *corner)
        np.testing.assert_array_equal(region.full(image.shape), image)
        if part.any():
            assert all(region.mask[side].any() for side in (0, -1))
            assert all(region.mask[:, side].any() for side in (0, -1))
        else:
            assert region.mask.shape == (0, 0)


def test_region_is_a_copy():
    mask = np.ones((3, 4), bool)
    region = Region.of(mask)
    mask[:] = False
    assert region.mask.all()
