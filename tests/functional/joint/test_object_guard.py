"""Expected IoU against drawn truths, and what becomes of objects that are not believed."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from mmsteal.functional.joint.joint_weights import GAIN_WEIGHTS
from mmsteal.functional.joint.object_guard import (
    Belief,
    Traits,
    broken_up,
    describe,
    estimate_iou,
    judge_objects,
)


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


def traits(num):
    values = np.full(num, 0.5, np.float32)
    return Traits(values, values)


def judge(labels, given, alone, fixed):
    return judge_objects(labels, given, alone, alone, traits(len(fixed)), 8.0, True, fixed)


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
    belief = Belief(belief.rows, belief.candidates, sure)
    settled, objects = judge(labels, given, belief, np.zeros(2, bool))
    assert_array_equal(settled, given)
    assert (objects[0].status, objects[0].reason) == ('rejected', 'weak evidence')
    assert objects[0].expected_gain < 0
    assert objects[0].iou_with_given == 1
    assert objects[1].offset_px == 4


def test_fixed_empty_and_agreeing_objects_are_kept():
    given = np.zeros((6, 6), np.int32)
    given[3:] = 1
    nothing = Belief(np.zeros(0, int), np.zeros((0, 3), np.int32), np.zeros((0, 3), np.float32))
    fixed = np.array([True, False, False])
    settled, objects = judge(given, given, nothing, fixed)
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


def test_description():
    given, belief = uncertain()
    labels = given.copy()
    labels.ravel()[belief.rows[:100]] = 0
    known = describe(labels, given, belief, belief, traits(2), False)
    assert known.shape == (2, len(GAIN_WEIGHTS))
    mine = labels == 0
    new = mine & (given != 0)
    assert known[0, 1] == pytest.approx((new & (given == 2)).sum() / new.sum())
    promise = belief.expected_iou(labels, 2)[0] - belief.expected_iou(given, 2)[0]
    change = 1 - (mine & (given == 0)).sum() / (mine | (given == 0)).sum()
    assert known[0, 2] == pytest.approx(promise / change)
    assert known[0, 3] == pytest.approx(change)
    assert describe(labels, given, belief, belief, traits(2), True)[0, 1] == 0


def test_estimates_keep_the_order():
    expected = np.array([0, 0.001, 0.3, 0.7, 0.99, 1])
    found = estimate_iou(expected)
    assert found[0] == 0
    assert (np.diff(found) >= 0).all()
    assert found.max() < 1
