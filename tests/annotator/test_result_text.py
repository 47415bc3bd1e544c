"""What the page says of a result."""

import re
from typing import get_args

import pytest

from mmsteal.annotator import AnnotatorError, Settings, evolve
from mmsteal.annotator.result_text import (
    FATES,
    HEADERS,
    count_text,
    result_text,
    table_rows,
    typical_step,
)
from mmsteal.functional.alignment.step_choice import Reason
from mmsteal.functional.joint.object_guard import JointObject
from mmsteal.functional.refinement.object_refinement import ObjectRefinement
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


def documented_reasons(kind):
    """The reasons that the docstring of a report lists."""
    told = re.search(r' reason: (.*?)\n +\w+: ', kind.__doc__, re.DOTALL).group(1)
    return {' '.join(reason.split()) for reason in re.findall(r"'([a-z][a-z\s]+)'", told)}


def test_every_reason_of_every_engine_has_words():
    engines = {*get_args(Reason)} - {''} | documented_reasons(JointObject)
    reasons = engines | documented_reasons(ObjectRefinement)
    assert {'no room', 'too small', 'weak evidence', 'fixed', 'displacement'} <= reasons
    assert set(FATES) == reasons
