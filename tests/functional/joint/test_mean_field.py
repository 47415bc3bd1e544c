"""The mean field against naive loops, and its labels against all labellings of tiny grids."""

import itertools

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from mmsteal.functional.joint.mean_field import NOBODY, decided, mean_field


def grid(height, width, rng, strength=1.0):
    """Neighbors and weights of a grid with four neighbors; each pair has one weight."""
    index = np.arange(height * width).reshape(height, width)
    neighbors = np.full((index.size, 4), NOBODY, np.int32)
    weights = np.zeros((index.size, 4), np.float32)
    for a, b, there, back in (
        (index[:, :-1], index[:, 1:], 0, 1),
        (index[:-1], index[1:], 2, 3),
    ):
        weight = rng.uniform(0, strength, a.size).astype(np.float32)
        neighbors[a.ravel(), there], neighbors[b.ravel(), back] = b.ravel(), a.ravel()
        weights[a.ravel(), there] = weights[b.ravel(), back] = weight
    return neighbors, weights


def problem(seed, height=3, width=3, num=2, labels=3, strength=1.0):
    rng = np.random.default_rng(seed)
    n = height * width
    candidates = np.stack([rng.permutation(labels)[:num] for _ in range(n)]).astype(np.int32)
    unary = rng.uniform(0, 4, (n, num)).astype(np.float32)
    return unary, candidates, *grid(height, width, rng, strength)


def naive(unary, candidates, neighbors, weights, num_iters):
    """The update of the docstring, one term at a time."""

    def normalise(score):
        score = np.where(candidates >= 0, score, -np.inf)
        e = np.exp(score - score.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)

    def say(prob):
        total = np.zeros(unary.shape)
        for p, i in np.ndindex(unary.shape):
            for q, weight in zip(neighbors[p], weights[p], strict=True):
                if q >= 0:
                    total[p, i] += weight * sum(prob[q][candidates[q] == candidates[p, i]])
                elif q != NOBODY:
                    total[p, i] += weight * (q == decided(candidates[p, i]))
        return total

    nothing = np.zeros(unary.shape)
    prob = normalise(say(nothing) - unary)
    for _ in range(num_iters):
        prob = normalise(say(prob) - unary)
    return prob


@pytest.mark.parametrize('seed', range(5))
def test_equals_naive_loops(seed):
    unary, candidates, neighbors, weights = problem(seed, num=3, labels=5)
    candidates[::2, 2] = -1
    neighbors[0, 1] = decided(int(candidates[0, 1]))
    found = mean_field(unary, candidates, neighbors, weights, num_iters=4)
    assert_allclose(found, naive(unary, candidates, neighbors, weights, 4), atol=1e-5)


def energy(labels, unary, candidates, neighbors, weights):
    total = sum(unary[p][candidates[p] == label][0] for p, label in enumerate(labels))
    for p, q in np.ndindex(len(labels), neighbors.shape[1]):
        other = neighbors[p, q]
        if other > p:
            total += weights[p, q] * (labels[p] != labels[other])
    return total


@pytest.mark.parametrize('seed', range(20))
def test_labels_have_the_least_energy_of_all(seed):
    """With pairs that are weak beside the costs of single pixels the mean field is exact."""
    unary, candidates, neighbors, weights = problem(seed, strength=0.4)
    best = min(
        itertools.product(*candidates.tolist()),
        key=lambda labels: energy(labels, unary, candidates, neighbors, weights),
    )
    prob = mean_field(unary, candidates, neighbors, weights, num_iters=30)
    found = np.take_along_axis(candidates, prob.argmax(axis=1)[:, None], axis=1)[:, 0]
    least = energy(best, unary, candidates, neighbors, weights)
    assert energy(found, unary, candidates, neighbors, weights) <= least * 1.02


def test_does_not_depend_on_names_or_order():
    unary, candidates, neighbors, weights = problem(1, num=3, labels=4)
    prob = mean_field(unary, candidates, neighbors, weights)
    names = np.array([7, 2, 9, 4], np.int32)
    assert_array_equal(prob, mean_field(unary, names[candidates], neighbors, weights))
    order = np.random.default_rng(0).permutation(len(unary))
    back = np.argsort(order)
    moved = np.where(neighbors >= 0, back[neighbors], neighbors).astype(np.int32)
    shuffled = mean_field(unary[order], candidates[order], moved[order], weights[order])
    assert_allclose(shuffled[back], prob, atol=1e-6)


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (dict(candidates=np.full((4, 2), -1, np.int32)), 'without one'),
        (dict(candidates=np.zeros((4, 3), np.int32)), 'same shapes'),
        (dict(weights=np.ones((4, 2), np.float32)), 'same shapes'),
        (dict(unary=np.ones((3, 2), np.float32), candidates=np.zeros((3, 2), np.int32)), 'a row'),
    ],
)
def test_bad_input(change, message):
    good = dict(
        unary=np.zeros((4, 2), np.float32),
        candidates=np.zeros((4, 2), np.int32),
        neighbors=np.full((4, 4), NOBODY, np.int32),
        weights=np.zeros((4, 4), np.float32),
    )
    with pytest.raises(ValueError, match=message):
        mean_field(**{**good, **change})
