"""Expected IoU against drawn truths, and what becomes of objects that are not believed."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from mmsteal.functional.object_guard import Belief, broken_up, judge_objects


def uncertain(seed=0, size=40):
    """A map of two objects and none, and the belief about a band of it."""
    rng = np.random.default_rng(seed)
    labels = np.full((size, size), 2, np.int32)
    labels[:, : size // 3] = 0
    labels[: size // 2, size // 2 :] = 1
    rows = np.flatnonzero(rng.random(labels.size) < 0.5)
    candidates = np.tile(np.array([[0, 1, 2]], np.int32), (len(rows), 1))
    candidates[::3, 2] = -1
    prob = rng.random(candidates.shape).astype(np.float32)
    prob[candidates < 0] = 0
    prob /= prob.sum(axis=1, keepdims=True)
    return labels, Belief(rows, candidates, prob)


def test_expected_iou_is_the_mean_over_truths():
    labels, belief = uncertain()
    rng = np.random.default_rng(1)
    both, either = np.zeros(2), np.zeros(2)
    for _ in range(200):
        pick = (rng.random((len(belief.rows), 1)) > belief.prob.cumsum(axis=1)).sum(axis=1)
        truth = labels.copy()
        truth.ravel()[belief.rows] = belief.candidates[np.arange(len(pick)), np.minimum(pick, 2)]
        for index in (0, 1):
            a, b = truth == index, labels == index
            both[index] += (a & b).sum()
            either[index] += (a | b).sum()
    assert_allclose(belief.expected_iou(labels, 2), both / either, atol=0.01)


def test_rejected_objects_are_as_given():
    given, belief = uncertain()
    labels = given.copy()
    best = belief.prob.argmax(axis=1)[:, None]
    labels.ravel()[belief.rows] = np.take_along_axis(belief.candidates, best, axis=1)[:, 0]
    rejected = np.array([True, False, False])
    settled = belief.without(labels, given, rejected)
    assert_array_equal(settled == 0, given == 0)
    others = (given != 0) & (labels != 0)
    assert_array_equal(settled[others], labels[others])


def test_weak_evidence_is_turned_down():
    given, belief = uncertain()
    labels = given.copy()
    # Against all that is believed, the first object takes a piece.
    sure = np.zeros_like(belief.prob)
    rows, columns = np.nonzero(belief.candidates == given.ravel()[belief.rows][:, None])
    sure[rows, columns] = 1
    labels.ravel()[belief.rows[:50]] = 0
    settled, objects = judge_objects(
        labels,
        given,
        Belief(belief.rows, belief.candidates, sure),
        np.array([1.0, -2.0]),
        np.zeros(2, bool),
    )
    assert_array_equal(settled, given)
    assert (objects[0].status, objects[0].reason) == ('rejected', 'weak evidence')
    assert objects[0].expected_gain < 0
    assert objects[0].iou_with_given == 1
    assert objects[1].offset_px == -2


def test_fixed_empty_and_agreeing_objects_are_kept():
    given = np.zeros((6, 6), np.int32)
    given[3:] = 1
    nothing = Belief(np.zeros(0, int), np.zeros((0, 3), np.int32), np.zeros((0, 3), np.float32))
    fixed = np.array([True, False, False])
    settled, objects = judge_objects(given, given, nothing, np.zeros(3), fixed)
    assert_array_equal(settled, given)
    assert [o.reason for o in objects] == ['fixed', 'agrees', 'empty']
    assert {o.status for o in objects} == {'kept'}


@pytest.mark.parametrize(('width', 'broken'), [(0, False), (2, True)])
def test_breaking_up(width, broken):
    given = np.ones((20, 20), np.int32)
    given[5:15, 2:18] = 0
    labels = given.copy()
    labels[:, 9 : 9 + width] = 1
    assert broken_up(labels, given, 0) == broken
