"""Offsets of drawn outlines from edges and colors that lie elsewhere."""

import numpy as np
import pytest

from mmsteal.functional.joint.color_density import ColorLattice
from mmsteal.functional.joint.error_estimate import estimate_error_px
from mmsteal.functional.joint.joint_scene import read_scene
from mmsteal.functional.joint.joint_solver import JointOptions
from mmsteal.functional.joint.outline_offsets import outline_offsets


def disk(radius, size=120):
    y, x = np.mgrid[:size, :size]
    return np.where(np.hypot(y - size / 2, x - size / 2) < radius, 0, -1).astype(np.int32)


def picture(radius, seed=0):
    """A disk and its ground in two noisy greys, and the edge between them."""
    exact = disk(radius)
    noise = np.random.default_rng(seed).normal(0, 6, exact.shape)
    image = np.where(exact == 0, 150, 90) + noise
    edge = np.zeros(exact.shape, np.float32)
    edge[:, 1:][exact[:, 1:] != exact[:, :-1]] = 1
    edge[1:][exact[1:] != exact[:-1]] = 1
    return image.clip(0, 255).astype(np.uint8), edge


def measure(drawn, true, error_px=8.0):
    image, edge = picture(true)
    nothing = np.zeros(image.shape, bool)
    scene = read_scene(disk(drawn), nothing, np.zeros(1, bool), error_px, background=True)
    lattice = ColorLattice.of(image)
    return outline_offsets(
        scene.labels,
        scene.beside,
        scene.depth,
        edge,
        lattice.index,
        lattice.costs(scene.decided, 2),
        error_px,
    )


@pytest.mark.parametrize('offset', [-5, -2, 0, 2, 5])
def test_finds_the_offset(offset):
    found = measure(30, 30 + offset)
    # Ways through eight neighbors are up to 8 % long, and offsets are shrunk where little is seen.
    assert found.by_edges[0] * 8 == pytest.approx(offset, abs=1.2)
    assert found.by_colors[0] * 8 == pytest.approx(offset, abs=1.6)
    assert found.by_edges[1] == pytest.approx(-found.by_edges[0], abs=0.05)
    assert found.spread[0] < 0.3


def test_longer_outlines_are_trusted_more():
    small, large = measure(8, 10), measure(40, 42)
    assert 0 < small.trust[0] < large.trust[0] < 1
    assert large.pooled(large.by_edges, 1) == pytest.approx(large.by_edges[0])


def estimate(drawn, image, edge, background):
    nothing = np.zeros(drawn.shape, bool)
    fixed = np.zeros(int(drawn.max()) + 1, bool)
    return estimate_error_px(
        drawn, image, edge, nothing, fixed, background=background, options=JointOptions()
    )


@pytest.mark.parametrize('width', [4, 10])
def test_gaps_are_as_wide_as_the_error(width):
    drawn = np.full((80, 120), -1, np.int32)
    drawn[:, : 60 - width // 2] = 0
    drawn[:, 60 + width // 2 :] = 1
    image = np.full((80, 120), 90, np.uint8)
    found = estimate(drawn, image, np.zeros((80, 120), np.float32), background=False)
    assert found == pytest.approx(width, abs=1.1)


@pytest.mark.parametrize('offset', [-8, 8])
def test_larger_errors_are_estimated_larger(offset):
    image, edge = picture(34)
    near, far = (estimate(disk(34 + o), image, edge, background=True) for o in (offset / 4, offset))
    assert 2 <= near < far <= 48
