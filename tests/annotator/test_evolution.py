"""Masks move to the edges, and each step of the way can be looked at."""

import numpy as np
import pytest

from mmsteal.annotator import AnnotatorError, EdgeMaps, Settings, evolve
from mmsteal.annotator.examples import has_demo_set, open_example
from mmsteal.functional import refine_objects
from tests.annotator.scenes import SQUARE, block, iou, square_session, with_edges


def run(session, **settings):
    names = [session.classes[k] for k in session.object_classes]
    return evolve(
        session.object_map, names, session.edges, Settings(**settings), ignore=session.ignore
    )


def exact():
    mask = np.zeros((80, 100), bool)
    mask[SQUARE] = True
    return mask


@pytest.mark.parametrize('stop_evidence', [None, 0.3])
def test_mask_snaps_to_the_square(stop_evidence):
    session = with_edges(square_session())
    evolution = run(session, stop_evidence=stop_evidence)
    before = iou(session.object_map == 0, exact())
    after = iou(evolution.best == 0, exact())
    assert before < 0.6 < 0.95 < after
    assert evolution.reports[0].status == 'moved'
    assert evolution.mean_edge(None) > 2 * evolution.mean_edge(0)


@pytest.mark.parametrize(('balloon', 'stop_evidence'), [(1.0, None), (1.0, 0.02), (-1.0, None)])
def test_best_is_the_state_at_its_step(balloon, stop_evidence):
    session = square_session()
    if balloon < 0:
        session = session.clear().add_drawing(block(14, 66, 24, 86), 'car')
    session = with_edges(session)
    evolution = run(session, balloon=balloon, stop_evidence=stop_evidence)
    step = evolution.reports[0].alignment.step
    assert step > 0
    np.testing.assert_array_equal(evolution.at(step), evolution.best)
    np.testing.assert_array_equal(evolution.at(None), evolution.best)
    np.testing.assert_array_equal(evolution.at(0), session.object_map)


def test_the_joint_labelling_is_the_best_and_the_steps_stay_level_sets():
    session = with_edges(square_session())
    names = [session.classes[k] for k in session.object_classes]
    stepped = evolve(session.object_map, names, session.edges, Settings())
    image = np.where(exact(), 180, 60).astype(np.uint8)[..., None].repeat(3, axis=2)
    joint = evolve(session.object_map, names, session.edges, Settings(), image=image)
    expected, reports = refine_objects(
        session.object_map, session.edges.maps, image=image, background=True, error_px=8,
        classes=[session.edges.index_of(name) for name in names],
    )  # fmt: skip
    np.testing.assert_array_equal(joint.best, expected)
    assert str(joint.reports) == str(reports)
    assert iou(joint.best == 0, exact()) > 0.95
    assert joint.steps == stepped.steps
    for step in joint.steps:
        np.testing.assert_array_equal(joint.at(step), stepped.at(step))


def test_steps_grow_with_the_balloon():
    evolution = run(with_edges(square_session()))
    areas = [(evolution.at(step) == 0).sum() for step in evolution.steps]
    assert areas[0] < areas[1] < areas[2]
    assert evolution.steps == list(range(0, 19, 2))
    assert evolution.nearest(100) == 18


def test_ignored_pixels_stay():
    session = with_edges(square_session())
    labels = np.where(session.object_map == 0, 1, 0)
    labels[:, 60:] = 255
    session = with_edges(session.with_label_map(labels))
    evolution = run(session)
    for step in (None, evolution.steps[-1]):
        moved = evolution.at(step)
        assert (moved[:, 60:] == -1).all()
        assert (moved[:, :60] == 0).sum() > (session.object_map == 0).sum()


def test_objects_do_not_take_each_other():
    session = square_session().clear()
    session = session.add_drawing(block(26, 54, 36, 50), 'car')
    session = with_edges(session.add_drawing(block(26, 54, 58, 74), 'person'))
    evolution = run(session)
    last = evolution.at(evolution.steps[-1])
    assert (last[30:50, 36:50] == 0).all()
    assert (last[30:50, 58:74] == 1).all()


def test_edges_of_another_size():
    session = square_session()
    half = EdgeMaps(with_edges(session).edges.maps[:, ::2, ::2].copy(), ('any',), 'half')
    evolution = run(session.with_edges(half))
    assert evolution.best.shape == (80, 100)
    assert iou(evolution.best == 0, exact()) > 0.85
    assert evolution.at(evolution.steps[-1]).shape == (80, 100)


def test_no_mask():
    session = with_edges(square_session().clear())
    with pytest.raises(AnnotatorError, match='no mask'):
        run(session)


@pytest.mark.parametrize(
    ('name', 'value'),
    [('error_px', 0), ('error_px', float('nan')), ('balloon', 7), ('stop_evidence', -1.0),
     ('smoothing', 99), ('min_gain', float('inf'))],
)  # fmt: skip
def test_settings_out_of_range(name, value):
    with pytest.raises(AnnotatorError, match='must be from'):
        Settings(**{name: value})


def test_progress_is_told():
    session = with_edges(square_session())
    told = []
    evolve(session.object_map, ['car'], session.edges, Settings(),
           progress=lambda share, text: told.append((share, text)))  # fmt: skip
    assert told[0][1].startswith('shrinking 1 object')
    assert all(0 <= share <= 1 for share, _ in told)


def test_both_ways_are_tried_for_each_object():
    session = with_edges(open_example('coins'))
    evolution = run(session)
    assert len(session.object_classes) == 8
    assert all(report.status == 'moved' for report in evolution.reports)
    growth = [report.area_refined / report.area_given for report in evolution.reports]
    # Four disks are drawn inside of their coins, four around them.
    assert sorted(growth)[3] < 0.9 < 1.3 < sorted(growth)[4]
    for m, report in enumerate(evolution.reports):
        assert report.area_refined == (evolution.best == m).sum()
    # The steps go the same ways.
    last = evolution.at(evolution.steps[-1])
    areas = [((last == m).sum() > report.area_given) for m, report in enumerate(evolution.reports)]
    assert areas == [value > 1 for value in growth]


@pytest.mark.parametrize('drawn', [block(26, 54, 36, 74), block(14, 66, 24, 86)])
def test_automatic_is_the_better_of_both_ways(drawn):
    session = with_edges(square_session().clear().add_drawing(drawn, 'car'))
    outlines = {c: run(session, balloon=c).best for c in (None, -1.0, 1.0)}
    scores = {c: iou(best == 0, exact()) for c, best in outlines.items()}
    assert scores[None] == max(scores.values()) > 0.95
    assert min(scores.values()) < 0.9


def test_example_of_the_cup():
    session = with_edges(open_example('coffee'))
    evolution = run(session)
    assert evolution.mean_edge(None) > 0.9 > 0.1 > evolution.mean_edge(0)


def test_demo_set_must_be_made_first(tmp_path):
    assert not has_demo_set(tmp_path)
    with pytest.raises(AnnotatorError, match='mmsteal demo'):
        open_example('demo', tmp_path)
