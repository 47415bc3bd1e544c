"""Widths of responses against the closed form."""

import numpy as np
import pytest
import torch

from mmsteal.functional import mask_edges


def circle(size=80, radius=22.0):
    """Distance of each pixel to a circle, and its edge band (1, 1, H, W)."""
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    inside = np.hypot(y, x) < radius
    return np.hypot(y, x) - radius, torch.from_numpy(mask_edges(inside[None], 2))[None]


@pytest.mark.parametrize('sigma', [1.5, 3.0])
def test_gaussian_ridge(script, sigma):
    distance, edges = circle()
    ridge = torch.from_numpy(np.exp(-(distance**2) / (2 * sigma**2))).float()[None, None]
    width, height, offset, degrees = np.nanmean(
        script('response_width').response_widths(ridge, edges), axis=0
    )
    assert width == pytest.approx(2 * np.sqrt(2 * np.log(2)) * sigma, rel=0.04)
    assert height == pytest.approx(1, abs=0.03)
    assert offset < 0.6  # the outline of a mask runs between pixels
    assert degrees < 4


def test_shifted_ridge(script):
    distance, edges = circle()
    ridge = torch.from_numpy(np.exp(-((distance - 2) ** 2) / 4)).float()[None, None]
    found = np.nanmean(script('response_width').response_widths(ridge, edges), axis=0)
    assert found[2] == pytest.approx(2, abs=0.6)


def test_flat_response_counts_the_whole_reach(script):
    module = script('response_width')
    _, edges = circle()
    found = module.response_widths(torch.full(edges.shape, 0.5), edges)
    kept = found[~np.isnan(found[:, 0])]
    np.testing.assert_allclose(kept[:, 0], 2 * module.REACH_PX)


def test_classes_and_ignored_pixels_by_themselves(script):
    """Two classes: each is measured in its own map; ignored pixels are no edge."""
    module = script('response_width')
    distance, edges = circle()
    narrow, wide = (np.exp(-(distance**2) / (2 * s**2)) for s in (1.0, 4.0))
    both = torch.from_numpy(np.stack([narrow, wide]))[None].float()
    target = edges.repeat(1, 2, 1, 1)
    one = module.response_widths(both[:, :1], edges)
    two = module.response_widths(both, target)
    assert len(two) == 2 * len(one)
    assert np.nanmax(two[: len(one), 0]) < np.nanmin(two[len(one) :, 0])
    target[:] = 255
    assert module.response_widths(both, target).shape == (0, 4)


def test_sampled_pixels(script):
    module = script('response_width')
    distance, edges = circle()
    ridge = torch.from_numpy(np.exp(-(distance**2) / 8)).float()[None, None]
    whole, some = module.response_widths(ridge, edges), module.response_widths(
        ridge, edges, max_pixels=20
    )  # fmt: skip
    assert len(some) == 20
    assert np.nanmean(some[:, 0]) == pytest.approx(np.nanmean(whole[:, 0]), rel=0.05)


def test_side_that_leaves_the_image_ends_there(script):
    """A profile whose one side is cut off before it has fallen to half."""
    module = script('response_width')
    middle = round(module.REACH_PX / module.STEP_PX)
    profile = np.exp(-(((np.arange(2 * middle + 1) - middle) / 40.0) ** 2))
    profile[middle + 20 :] = np.nan
    width, height, offset = module.width_height_offset(profile)
    left = 40 * np.sqrt(np.log(2)) * module.STEP_PX
    assert width == pytest.approx(left + 19 * module.STEP_PX, abs=0.05)
    assert (height, offset) == (1, 0)
    assert np.isnan(module.width_height_offset(np.full_like(profile, np.nan))).all()
