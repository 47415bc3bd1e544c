"""Editing masks: what each action does, what it refuses, and the way back."""

import numpy as np
import pytest
from PIL import Image

from mmsteal.annotator import AnnotatorError, Picture, Session, Settings, evolve
from mmsteal.annotator.session import MAX_OBJECTS
from tests.annotator.scenes import block, square_session, with_edges


def blank_session(shape=(80, 100)):
    picture = Picture('blank', 'blank.png', np.zeros((*shape, 3), np.uint8))
    return Session(classes=('car', 'person')).open(picture)


def refined(session):
    session = with_edges(session)
    names = [session.classes[k] for k in session.object_classes]
    return session.with_evolution(evolve(session.object_map, names, session.edges, Settings()))


def test_each_piece_is_an_object():
    session = blank_session().add_drawing(block(5, 20, 5, 20) | block(40, 60, 40, 60), 'person')
    assert session.object_classes == (1, 1)
    assert session.object_map[10, 10] != session.object_map[50, 50]


@pytest.mark.parametrize('fill', [True, False])
def test_closed_line_is_filled_if_asked_for(fill):
    ring = block(10, 40, 10, 40) & ~block(14, 36, 14, 36)
    session = blank_session().add_drawing(ring, 'car', fill=fill)
    assert (session.object_map[25, 25] == 0) == fill


def test_drawing_over_its_class_enlarges():
    session = blank_session().add_drawing(block(10, 30, 10, 30), 'car')
    session = session.add_drawing(block(25, 35, 25, 50), 'car')
    assert session.object_classes == (0,)
    assert (session.object_map == 0).sum() == 20 * 20 + 10 * 25 - 5 * 5


def test_drawing_over_another_class_takes_its_pixels():
    session = blank_session().add_drawing(block(10, 30, 10, 30), 'car')
    session = session.add_drawing(block(20, 40, 10, 30), 'person')
    assert [(session.object_map == m).sum() for m in (0, 1)] == [200, 400]


def test_object_that_is_covered_is_gone():
    session = blank_session().add_drawing(block(10, 20, 10, 20), 'car')
    session = session.add_drawing(block(5, 40, 5, 40), 'person')
    assert session.object_classes == (1,)
    assert set(np.unique(session.object_map)) == {-1, 0}


def test_erase():
    session = square_session().erase_drawing(block(0, 40, 0, 100))
    assert not (session.object_map[:40] >= 0).any()
    assert (session.object_map[40:] >= 0).any()


@pytest.mark.parametrize(
    ('drawing', 'name', 'message'),
    [
        (block(0, 0, 0, 0), 'car', 'Nothing is drawn'),
        (block(3, 4, 3, 5), 'car', 'too small'),
        (block(3, 9, 3, 9), 'bus', 'not in the list'),
        (block(3, 9, 3, 9, (50, 50)), 'car', 'another image'),
    ],
)
def test_drawings_that_are_refused(drawing, name, message):
    with pytest.raises(AnnotatorError, match=message):
        blank_session().add_drawing(drawing, name)


def test_without_an_image():
    for action in (lambda s: s.add_drawing(block(3, 9, 3, 9), 'object'), lambda s: s.image):
        with pytest.raises(AnnotatorError, match='Load an image first'):
            action(Session())


def test_label_map_with_values_that_have_no_name(tmp_path):
    labels = np.zeros((80, 100), np.uint8)
    labels[5:20, 5:20] = 1
    labels[5:20, 40:60] = 1
    labels[40:60, 5:20] = 4
    labels[70:] = 255
    Image.fromarray(labels).save(tmp_path / 'a.png')
    session = blank_session().load_label_map(tmp_path / 'a.png')
    assert session.classes == ('car', 'person', 'class 3', 'class 4')
    assert session.object_classes == (0, 0, 3)
    assert session.ignore[70:].all()
    assert not session.ignore[:70].any()
    assert session.undo().classes == ('car', 'person')


def test_mask_of_0_and_255(tmp_path):
    labels = np.zeros((80, 100), np.uint8)
    labels[5:20, 5:20] = 255
    Image.fromarray(labels).save(tmp_path / 'a.png')
    session = blank_session().load_label_map(tmp_path / 'a.png')
    assert session.classes == ('car', 'person')
    assert session.object_classes == (0,)
    assert not session.ignore.any()


def test_label_map_of_many_pieces_is_one_object_a_class():
    labels = np.zeros((80, 100), np.uint8)
    labels[::3, ::3] = 1
    session = blank_session().with_label_map(labels)
    assert session.object_classes == (0,)


@pytest.mark.parametrize(
    ('array', 'message'),
    [
        (np.ones((60, 100), np.uint8), '100 x 60 and the image 100 x 80'),
        (np.zeros((80, 100), np.uint8), 'is empty'),
        (np.full((80, 100), 26001, np.uint16), 'value 26001'),
    ],
)
def test_label_maps_that_are_refused(tmp_path, array, message):
    Image.fromarray(array).save(tmp_path / 'a.png')
    with pytest.raises(AnnotatorError, match=message):
        blank_session().load_label_map(tmp_path / 'a.png')


def test_too_many_objects():
    dots = np.zeros((200, 200), bool)
    for y in range(0, 200, 8):
        for x in range(0, 200, 8):
            dots[y : y + 4, x : x + 4] = True
    with pytest.raises(AnnotatorError, match=f'up to {MAX_OBJECTS}'):
        blank_session((200, 200)).add_drawing(dots, 'car')


def test_class_list_keeps_objects_by_name():
    session = square_session().with_classes(('bus', 'person', 'car'))
    assert session.object_classes == (2,)
    with pytest.raises(AnnotatorError, match='masks of "car"'):
        session.with_classes(('bus',))


def test_undo_goes_back_through_every_action():
    states = [square_session()]
    states.append(states[-1].add_drawing(block(0, 10, 0, 10), 'person'))
    states.append(states[-1].with_classes(('person', 'car')))
    states.append(refined(states[-1]))
    states.append(states[-1].keep_result())
    states.append(states[-1].clear())
    assert states[-1].object_classes == ()
    session = states[-1]
    for expected in states[-2::-1]:
        session = session.undo()
        np.testing.assert_array_equal(session.object_map, expected.object_map)
        assert session.object_classes == expected.object_classes
        assert session.classes == expected.classes
        assert session.evolution is expected.evolution


def test_nothing_to_undo():
    with pytest.raises(AnnotatorError, match='nothing to undo'):
        blank_session().undo()


def test_history_is_bounded():
    session = blank_session()
    for i in range(30):
        session = session.add_drawing(block(i, i + 5, i, i + 5), 'car')
    assert len(session.history) == 20


def test_what_is_shown():
    drawn = square_session()
    np.testing.assert_array_equal(drawn.shown_map(), drawn.object_map)
    after = refined(drawn)
    np.testing.assert_array_equal(after.shown_map(), after.evolution.best)
    assert after.show_step(5).step in (4, 6)
    np.testing.assert_array_equal(after.show_step(0).shown_map(), drawn.object_map)
    for action in (lambda s: s.show_step(2), lambda s: s.keep_result()):
        with pytest.raises(AnnotatorError, match='Refine first'):
            action(drawn)


def test_edit_drops_an_old_result():
    assert refined(square_session()).add_drawing(block(0, 9, 0, 9), 'car').evolution is None


def test_two_tabs_do_not_share():
    first = square_session()
    second = first.clear()
    assert first.object_classes == (0,)
    assert (first.object_map >= 0).any()
    assert second.object_classes == ()
