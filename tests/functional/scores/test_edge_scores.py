import math
from dataclasses import FrozenInstanceError
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmsteal.functional.scores.edge_scores import edge_scores, mean_scores
from mmsteal.functional.scores.matching import edge_thresholds

SCALARS = ('ods_threshold', 'ods_precision', 'ods_recall', 'ods_f', 'ois_precision', 'ois_recall',
           'ois_f', 'ap', 'max_precision_ap')  # fmt: skip


def f_measure(p, r):
    return 2 * p * r / (p + r) if p + r else 0.0


def ratio(a, b):
    return a / b if b else 0.0


def random_counts(seed, num_images=4, num_thresholds=9):
    """Counts that fall with the threshold, as real ones do."""
    rng = np.random.default_rng(seed)
    true = rng.integers(0, 60, (num_images, 1)) + np.zeros((1, num_thresholds), int)
    predicted = -np.sort(-rng.integers(0, 120, (num_images, num_thresholds)))
    matched = np.minimum(true, rng.binomial(predicted, 0.6))
    return np.stack([matched, true, matched, predicted], axis=-1)


def naive_scores(counts):
    """The definitions, number by number."""
    thresholds = edge_thresholds(counts.shape[1])
    total = counts.sum(axis=0).tolist()
    r = [ratio(row[0], row[1]) for row in total]
    p = [ratio(row[2], row[3]) for row in total]
    best = (f_measure(p[0], r[0]), thresholds[0], p[0], r[0])
    for i in range(1, len(total)):
        for d in np.linspace(0, 1, 100):
            point = [v[i - 1] * (1 - d) + v[i] * d for v in (thresholds, p, r)]
            if f_measure(point[1], point[2]) > best[0]:
                best = (f_measure(point[1], point[2]), *point)
    chosen = np.zeros(4)
    for image in counts.tolist():
        f = [f_measure(ratio(c, d), ratio(a, b)) for a, b, c, d in image]
        predicted = [d for *_, d in image]
        no_edge = image[0][1] == 0
        chosen += image[predicted.index(min(predicted)) if no_edge else f.index(max(f))]
    ois_r, ois_p = ratio(chosen[0], chosen[1]), ratio(chosen[2], chosen[3])
    first = {}
    for x, y in zip(r, p, strict=True):
        first.setdefault(x, y)
    xs = sorted(first)
    area = 0.0
    for t in np.arange(101) / 100:
        for x0, x1 in pairwise(xs):
            if x0 <= t <= x1:
                area += 0.01 * (first[x0] + (first[x1] - first[x0]) * (t - x0) / (x1 - x0))
                break
    reached = [max([b for a, b in zip(r, p, strict=True) if a >= t], default=0.0)
               for t in np.arange(101) / 100]  # fmt: skip
    return {
        'ods_f': best[0], 'ods_threshold': best[1], 'ods_precision': best[2],
        'ods_recall': best[3], 'ois_recall': ois_r, 'ois_precision': ois_p,
        'ois_f': f_measure(ois_p, ois_r), 'ap': area, 'max_precision_ap': sum(reached) / 101,
    }  # fmt: skip


@given(seed=st.integers(0, 2**32), num_thresholds=st.sampled_from([1, 2, 9, 20]))
def test_equals_definition(seed, num_thresholds):
    counts = random_counts(seed, num_thresholds=num_thresholds)
    scores = edge_scores(counts, absent='zero')
    expected = naive_scores(counts)
    assert set(expected) == set(SCALARS)
    for name, value in expected.items():
        if name.startswith('ods') and name != 'ods_f':
            continue  # a tie in the last bit may pick another point of the same F
        assert getattr(scores, name) == pytest.approx(value, abs=1e-12), name
    assert f_measure(scores.ods_precision, scores.ods_recall) == pytest.approx(scores.ods_f)


@given(seed=st.integers(0, 2**32))
def test_order_of_images_does_not_matter(seed):
    counts = random_counts(seed, num_images=6)
    scores, reverse = edge_scores(counts), edge_scores(counts[::-1])
    for name in SCALARS:
        np.testing.assert_array_equal(getattr(scores, name), getattr(reverse, name))
    np.testing.assert_array_equal(scores.image_f, reverse.image_f[::-1])


@pytest.mark.shared_data
def test_matlab_aggregation(shared_data):
    """MATLAB's own counts give its nine numbers."""
    folder = shared_data / 'sbd/SBD_bench/outdir'
    counts = np.stack([
        np.loadtxt(folder / f'{image}_ev1.txt')[:, 1:] for image in ('2008_000051', '2008_000195')
    ])  # fmt: skip
    scores = edge_scores(counts, shared_recall='last')
    got = [scores.ods_threshold, scores.ods_recall, scores.ods_precision, scores.ods_f,
           scores.ois_recall, scores.ois_precision, scores.ois_f, scores.ap,
           scores.max_precision_ap]  # fmt: skip
    np.testing.assert_allclose(got, np.loadtxt(folder / 'eval_bdry.txt'), atol=6e-7)
    by_threshold = np.loadtxt(folder / 'eval_bdry_thr.txt')
    curve = np.stack([scores.thresholds, scores.recall, scores.precision, scores.f], axis=1)
    np.testing.assert_allclose(curve, by_threshold, atol=6e-7)
    by_image = np.loadtxt(folder / 'eval_bdry_img.txt')
    np.testing.assert_allclose(scores.image_threshold, by_image[:, 1], atol=6e-7)
    np.testing.assert_allclose(scores.image_f, by_image[:, -1], atol=6e-7)
    # Current MATLAB and numpy keep the first precision of a repeated recall.
    assert edge_scores(counts).ap == pytest.approx(0.679761, abs=1e-6)


def test_shared_recall():
    counts = [[[10, 10, 10, 40], [10, 10, 10, 20], [0, 10, 0, 1]]]
    assert edge_scores(counts).ap == pytest.approx(sum(0.25 * np.arange(101) / 100) / 100)
    last = edge_scores(counts, shared_recall='last')
    assert last.ap == pytest.approx(sum(0.5 * np.arange(101) / 100) / 100)
    assert last.max_precision_ap == pytest.approx(0.5)


def test_ods_interpolates_and_keeps_the_first_best():
    counts = [[[5, 10, 5, 10], [5, 10, 5, 10], [0, 10, 0, 10]]]
    scores = edge_scores(counts)
    assert scores.ods_threshold == pytest.approx(0.25)
    mixed = edge_scores([[[10, 10, 10, 100], [3, 10, 3, 3]]], thresholds=[0.2, 0.6])
    assert 0.2 < mixed.ods_threshold < 0.6
    assert mixed.ods_f > max(mixed.f)


def test_absent_class():
    counts = np.zeros((3, 5, 4), int)
    counts[..., 3] = 7
    scores = edge_scores(counts)
    assert scores.num_true == 0
    for name in SCALARS:
        assert math.isnan(getattr(scores, name))
        assert getattr(edge_scores(counts, absent='zero'), name) == pytest.approx(
            edge_thresholds(5)[0] if name == 'ods_threshold' else 0
        )
    assert np.isnan(scores.precision).all()
    assert np.isnan(scores.image_f).all()


def test_no_prediction_at_all():
    counts = np.zeros((2, 5, 4), int)
    counts[..., 1] = 30
    scores = edge_scores(counts)
    assert [scores.ods_f, scores.ois_f, scores.ap, scores.max_precision_ap] == [0, 0, 0, 0]


def test_no_image():
    scores = edge_scores(np.zeros((0, 5, 4), int))
    assert math.isnan(scores.ods_f)
    assert scores.image_f.shape == (0,)


def test_perfect_prediction():
    counts = np.full((2, 9, 4), 25)
    scores = edge_scores(counts)
    assert [scores.ods_f, scores.ois_f, scores.max_precision_ap] == [1, 1, 1]
    np.testing.assert_array_equal(scores.image_f, [1, 1])


def test_images_without_the_class_have_no_f_but_their_false_positives_count():
    present, absent = random_counts(0, 1), np.zeros((1, 9, 4), int)
    absent[..., 3] = 50
    scores = edge_scores(np.concatenate([present, absent]))
    assert not np.isnan(scores.image_f[0])
    assert np.isnan(scores.image_f[1])
    assert scores.ods_precision < edge_scores(present).ods_precision


def test_mean_leaves_out_absent_classes():
    present = [edge_scores(random_counts(seed)) for seed in (1, 2)]
    absent = np.zeros((4, 9, 4), int)
    mean = mean_scores([present[0], edge_scores(absent), present[1]])
    assert mean.num_classes == 2
    for name in ('ods_f', 'ois_f', 'ap', 'max_precision_ap'):
        values = [getattr(s, name) for s in present]
        assert getattr(mean, name) == pytest.approx(np.mean(values))
    historical = mean_scores([*present, edge_scores(absent, absent='zero')])
    assert historical.num_classes == 3
    assert historical.ods_f == pytest.approx(mean.ods_f * 2 / 3)


def test_mean_of_nothing():
    mean = mean_scores([])
    assert mean.num_classes == 0
    assert math.isnan(mean.ods_f)


def test_result_is_frozen():
    with pytest.raises(FrozenInstanceError):
        edge_scores(random_counts(0)).ap = 1.0


@pytest.mark.parametrize(
    ('match', 'counts', 'options'),
    [
        (r'\(N, T, 4\)', np.zeros((5, 4), int), {}),
        (r'\(N, T, 4\)', np.zeros((2, 5, 3), int), {}),
        (r'\(N, T, 4\)', np.zeros((2, 0, 4), int), {}),
        ('columns', np.full((2, 5, 4), -1), {}),
        ('columns', np.tile([5, 4, 5, 9], (2, 5, 1)), {}),
        ('columns', np.tile([5, 9, 5, 4], (2, 5, 1)), {}),
        ('thresholds', np.zeros((2, 5, 4), int), {'thresholds': 4}),
        ('thresholds', np.zeros((2, 2, 4), int), {'thresholds': [0.5, 0.1]}),
        ('absent', np.zeros((2, 5, 4), int), {'absent': 'skip'}),
        ('shared_recall', np.zeros((2, 5, 4), int), {'shared_recall': 'best'}),
    ],
)
def test_exception(match, counts, options):
    with pytest.raises(ValueError, match=match):
        edge_scores(counts, **options)


def test_ois_in_images_without_the_class():
    """F is 0 at every threshold there: the best one is the one with the fewest false positives."""
    present = [[9, 10, 9, 12], [8, 10, 8, 8], [2, 10, 2, 2]]
    absent = [[0, 0, 0, 50], [0, 0, 0, 4], [0, 0, 0, 4]]
    best = edge_scores([present, absent])
    assert best.ois_precision == 8 / 12
    assert best.image_threshold[1] == best.thresholds[1]
    first = edge_scores([present, absent], absent_image='first')
    assert first.ois_precision == 8 / 58
    assert best.ods_f == first.ods_f
    with pytest.raises(ValueError, match='absent_image'):
        edge_scores([present], absent_image='last')
