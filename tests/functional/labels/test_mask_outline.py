"""Inner outlines of masks."""

import numpy as np
import pytest
from scipy import ndimage as ndi

from mmsteal.functional.labels.mask_outline import mask_outline


@pytest.mark.parametrize('dtype', [bool, np.uint8])
def test_outline_is_what_an_erosion_takes_away(dtype):
    noise = np.random.default_rng(0).normal(size=(40, 53))
    mask = ndi.gaussian_filter(noise, 2) > 0
    # Beyond the image there is nothing that a mask could end at.
    expected = mask & ~ndi.binary_erosion(mask, border_value=1)
    assert expected.any()
    np.testing.assert_array_equal(mask_outline(mask.astype(dtype)), expected)


def test_a_mask_that_fills_the_image_has_none():
    assert not mask_outline(np.ones((4, 5), bool)).any()
