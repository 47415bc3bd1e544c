"""What the page says of a result."""

import pytest

from mmsteal.annotator import AnnotatorError, Settings, evolve
from mmsteal.annotator.result_text import (
    HEADERS,
    count_text,
    result_text,
    table_rows,
    typical_step,
)
from tests.annotator.scenes import block, square_session, with_edges


def refined(session, **settings):
    names = [session.classes[k] for k in session.object_classes]
    found = evolve(session.object_map, names, session.edges, Settings(**settings))
    return session.with_evolution(found)


def test_words_and_table_of_a_mask_that_grew():
    session = refined(with_edges(square_session()))
    (row,) = table_rows(session)
    assert len(row) == len(HEADERS)
    assert row[2] == 'grew'
    assert row[3] == typical_step(session) > 0
    assert row[6] > row[5]
    assert count_text(session) == '1 mask'
    assert result_text(session).startswith('1 of 1 objects moved, each to its best step. Edge')
    assert result_text(session.show_step(4)).startswith('All objects at step 4 of 18.')


def test_masks_that_stay_say_why():
    session = square_session().add_drawing(block(2, 12, 2, 12), 'person')
    session = refined(with_edges(session), balloon=1.0, min_gain=5.0)
    assert count_text(session) == '2 masks'
    assert {row[2] for row in table_rows(session)} == {'stays: no better outline in reach'}
    assert typical_step(session) == 0


def test_nothing_to_tell_before_a_refinement():
    with pytest.raises(AnnotatorError, match='Refine first'):
        result_text(square_session())
