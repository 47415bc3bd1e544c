"""Speed of a level set, against the formulas written out."""

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from mmsteal.functional.edge_maps.edges import mask_edges
from mmsteal.functional.level_sets.level_set import evolve_level_set
from mmsteal.functional.level_sets.speed import balloon_threshold, edge_evidence, speed_function


@pytest.mark.parametrize('dtype', [np.float32, np.float64])
@pytest.mark.parametrize('peak_floor', [1.0, 0.4, 1e-6])
@pytest.mark.parametrize('other_weight', [0.0, 0.5, 1.0, 2.0])
def test_evidence_equals_the_pairwise_sum(dtype, peak_floor, other_weight, rng):
    prob = (rng.random((4, 5, 6)) * np.array([1, 0.5, 0.1, 0])[:, None, None]).astype(dtype)
    scaled = [p / max(p.max(), peak_floor) for p in prob]
    expected = np.stack(
        [scaled[k] + other_weight * sum(scaled[j] for j in range(4) if j != k) for k in range(4)]
    )
    evidence = edge_evidence(prob, peak_floor=peak_floor, other_weight=other_weight)
    assert evidence.dtype == dtype
    np.testing.assert_allclose(evidence, expected, rtol=1e-5, atol=1e-6)
    tensor = edge_evidence(torch.from_numpy(prob), peak_floor=peak_floor, other_weight=other_weight)
    np.testing.assert_array_equal(tensor.numpy(), evidence)


def test_evidence_defaults_copy_the_probabilities(rng):
    prob = rng.random((2, 3, 4))
    evidence = edge_evidence(prob)
    np.testing.assert_array_equal(evidence, prob)
    assert not np.shares_memory(evidence, prob)


def test_peak_floor_leaves_noise_small():
    prob = np.full((1, 3, 3), 0.01)
    assert edge_evidence(prob, peak_floor=0.5).max() == pytest.approx(0.02)


@pytest.mark.parametrize('alpha', [1.0, 0.5, 10.0])
@pytest.mark.parametrize('lam', [0.0, 0.2, 1.0])
@pytest.mark.parametrize('dtype', [np.float32, np.float64])
def test_speed_equals_equation_11(alpha, lam, dtype, rng):
    evidence = (2 * rng.random((2, 5, 6))).astype(dtype)
    edges = rng.random((2, 5, 6)) > 0.5
    expected = 1 / np.sqrt(1 + alpha * evidence) + lam / np.sqrt(1 + alpha * edges)
    speed = speed_function(evidence, edges, alpha=alpha, lam=lam)
    assert speed.dtype == dtype
    np.testing.assert_allclose(speed, expected, rtol=1e-6)
    tensor = speed_function(
        torch.from_numpy(evidence), torch.from_numpy(edges), alpha=alpha, lam=lam
    )
    np.testing.assert_array_equal(tensor.numpy(), speed)


@pytest.mark.parametrize('lam', [0.0, 0.2, 1.0])
@pytest.mark.parametrize('stop_evidence', [0.02, 0.3, 1.0])
def test_balloon_acts_below_the_stop_evidenceability(lam, stop_evidence, rng):
    evidence = 1.5 * rng.random((1, 40, 40))
    no_edges = np.zeros(evidence.shape, bool)
    speed = speed_function(evidence, no_edges, alpha=2.0, lam=lam)
    acts = speed > balloon_threshold(stop_evidence, alpha=2.0, lam=lam)
    np.testing.assert_array_equal(acts, evidence < stop_evidence)


def test_released_threshold():
    assert balloon_threshold(0.0203) == pytest.approx(0.99, abs=1e-5)
    assert balloon_threshold(float('inf')) == 0
    assert balloon_threshold(0) == 1


PROB = np.full((2, 3, 4), 0.5)


@pytest.mark.parametrize(
    ('error', 'message', 'prob', 'options'),
    [
        (TypeError, '`edge_prob`', PROB.astype(int), {}),
        (TypeError, '`edge_prob`', PROB.tolist(), {}),
        (ValueError, r'shape \(K, H, W\)', PROB[0], {}),
        (ValueError, r'shape \(K, H, W\)', PROB[None], {}),
        (ValueError, r'probabilities in \[0, 1\]', np.where(PROB > 1, 0, np.nan), {}),
        (ValueError, r'probabilities in \[0, 1\]', PROB * np.inf, {}),
        (ValueError, r'probabilities in \[0, 1\]', PROB - 3, {}),
        (ValueError, '`peak_floor`', PROB, {'peak_floor': 0}),
        (ValueError, '`other_weight`', PROB, {'other_weight': -1}),
    ],
)
def test_exception_evidence(error, message, prob, options):
    with pytest.raises(error, match=message):
        edge_evidence(prob, **options)


@pytest.mark.parametrize(
    ('error', 'message', 'arguments', 'options'),
    [
        (TypeError, '`evidence`', (PROB.astype(int),), {}),
        (ValueError, '`given_edges`', (PROB,), {'lam': 1}),
        (ValueError, '`given_edges`', (PROB, PROB[:1]), {'lam': 1}),
        (ValueError, '`alpha`', (PROB,), {'alpha': 0}),
        (ValueError, '`lam`', (PROB,), {'lam': float('nan')}),
    ],
)
def test_exception_speed(error, message, arguments, options):
    with pytest.raises(error, match=message):
        speed_function(*arguments, **options)


def test_exception_threshold():
    with pytest.raises(ValueError, match='`stop_evidence`'):
        balloon_threshold(-0.1)


def test_other_classes_hold_the_outline():
    """A class that its network does not see at a shared edge walks over its neighbor."""
    left, right = np.zeros((2, 60, 120), bool)
    left[15:45, 15:50] = right[15:45, 50:100] = True
    edges = mask_edges(np.stack([left, right]), radius=1) * 1.0
    edges[0, 18:42, 46:] = 0
    prob = gaussian_filter(edges, (0, 1, 1))
    start = np.zeros((2, 60, 120), bool)
    start[0, 22:38, 20:42] = True
    swallowed = {}
    for weight in (0.0, 0.5):
        speed = speed_function(edge_evidence(prob, peak_floor=0.1, other_weight=weight))
        grown = evolve_level_set(start, speed, 40, balloon=1, threshold=balloon_threshold(0.1))
        swallowed[weight] = int((grown[0] & right)[:, 53:].sum())
    assert swallowed[0.0] > 500
    assert swallowed[0.5] == 0
