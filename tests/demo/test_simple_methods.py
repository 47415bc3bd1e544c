"""The methods that a person would try first, against plain loops and closed forms."""

import numpy as np
import pytest

from mmsteal.demo.simple_methods import grabcut_in_band, nearest_labels, outline_band


@pytest.fixture
def object_map(rng):
    labels = np.full((14, 18), -1, np.int32)
    labels[2:8, 3:9] = 0
    labels[7:12, 10:16] = 1
    labels[rng.random(labels.shape) < 0.1] = -1
    return labels


def test_nearest_labels_naively(object_map):
    y, x = np.mgrid[: object_map.shape[0], : object_map.shape[1]]
    for reach in (0.0, 1.5, 3.0, 100.0):
        found = nearest_labels(object_map, reach)
        for i, j in np.ndindex(object_map.shape):
            away = np.where(object_map >= 0, np.hypot(y - i, x - j), np.inf)
            if away.min() <= reach:
                assert found[i, j] in object_map[away == away.min()]
            else:
                assert found[i, j] == -1


def test_band_naively(object_map):
    sides = []
    for i, j in np.ndindex(object_map.shape):
        for before in ((i - 1, j), (i, j - 1)):
            if min(before) >= 0 and object_map[i, j] != object_map[before]:
                sides.append((i, j))
    sides = np.array(sides)
    for error in (0.0, 1.0, 2.5):
        expected = [
            np.hypot(*(sides - (i, j)).T).min() <= error for i, j in np.ndindex(object_map.shape)
        ]
        found = outline_band(object_map, error)
        np.testing.assert_array_equal(found, np.reshape(expected, object_map.shape))


def disk(radius, x=40):
    rows, columns = np.mgrid[:80, :100]
    return np.hypot(rows - 40, columns - x) < radius


def test_grabcut_finds_what_differs_in_color(rng):
    image = np.where(disk(22)[..., None], (200, 60, 40), (40, 90, 180))
    image = np.clip(image + rng.normal(0, 6, image.shape), 0, 255).astype(np.uint8)
    drawn = np.where(disk(18), 0, -1).astype(np.int32)
    band = outline_band(drawn, 8)
    found = grabcut_in_band(image, drawn, band)
    np.testing.assert_array_equal(found[~band], drawn[~band])
    assert ((found == 0) != disk(22)).sum() < 20
    assert found.dtype == np.int32


def test_grabcut_leaves_what_nobody_wins():
    """Without a background open pixels keep their label; an image of one color says nothing."""
    image = np.full((80, 100, 3), 127, np.uint8)
    drawn = np.where(disk(18, 30), 0, np.where(disk(18, 70), 1, -1)).astype(np.int32)
    nothing = np.zeros(drawn.shape, bool)
    np.testing.assert_array_equal(grabcut_in_band(image, drawn, nothing), drawn)
    empty = np.full(drawn.shape, -1, np.int32)
    np.testing.assert_array_equal(grabcut_in_band(image, empty, ~nothing), empty)
