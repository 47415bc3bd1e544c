"""Pictures for the page."""

import numpy as np

from mmsteal.annotator import Picture, Session
from mmsteal.annotator.rendering import (
    class_colors,
    display_image,
    display_shape,
    paint_edges,
    paint_masks,
)
from tests.annotator.scenes import block, square_session, with_edges


def test_masks_are_painted_where_they_are():
    session = square_session()
    painted = paint_masks(session, session.object_map)
    scale = len(painted) // 80
    assert painted.shape == (80 * scale, 100 * scale, 3)
    changed = (painted != display_image(session.image.pixels)).any(axis=2)
    # the mask, and a white line of one pixel around it
    expected = np.zeros_like(changed)
    expected[26 * scale - 1 : 54 * scale + 1, 36 * scale - 1 : 74 * scale + 1] = True
    np.testing.assert_array_equal(changed, expected)
    assert (painted[26 * scale, 40 * scale] == class_colors(2)[0]).all()


def test_outline_of_before_is_dashed_black_and_white():
    session = square_session()
    larger = np.where(block(15, 65, 25, 85), 0, -1).astype(np.int32)
    painted = paint_masks(session, larger, before=session.object_map)
    scale = len(painted) // 80
    line = painted[26 * scale, 36 * scale : 74 * scale]
    assert set(np.unique(line)) == {0, 255}
    assert 0.4 < (line == 0).mean() < 0.6


def test_large_images_are_shown_smaller():
    pixels = np.zeros((3000, 4000, 3), np.uint8)
    session = Session().open(Picture('a', 'a.png', pixels))
    session = session.add_drawing(block(0, 1500, 0, 4000, (3000, 4000)), 'object')
    painted = paint_masks(session, session.object_map)
    assert painted.shape == (960, 1280, 3) == (*display_shape(pixels.shape), 3)
    assert painted[100, 600].any()
    assert not painted[800, 600].any()


def test_edges_are_dark_on_white():
    session = with_edges(square_session())
    picture = paint_edges(session, session.edges)
    scale = len(picture) // 80
    assert picture[40 * scale, 30 * scale].max() < 60
    assert (picture[5 * scale, 5 * scale] == 255).all()


def test_small_images_are_shown_larger_by_a_whole_number():
    assert display_shape((80, 100)) == (480, 600)
    assert display_shape((400, 600)) == (400, 600)
    assert display_shape((500, 601)) == (500, 601)


def test_two_hundred_classes_have_colors():
    assert class_colors(200).shape == (200, 3)
    # the conversion to RGB rounds differently in long arrays
    np.testing.assert_allclose(class_colors(200)[:5], class_colors(5), atol=1)
