"""Assignment of edge pixels: the optimum, one-to-one, the prior, what it repairs, bad input."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import ndimage as ndi

from mmsteal.functional import (
    AssignOptions,
    assign_edges,
    carry_bands,
    change_options,
    edge_normals,
    hessian,
    mask_edges,
    thin,
)


def has_directions(edge):
    """Whether the edge has one direction at each of its pixels, and not any, as a round spot has.

    There the last bit of the second derivatives would decide.
    """
    oxx, oxy, oyy = hessian(edge.astype(np.float64))
    return bool((np.hypot(oxx - oyy, 2 * oxy)[edge] > 1e-6).all())


def unary_cost(edge, prob, *, sigma_along, sigma_across, floor=0.01):
    """Cost of a step of an edge pixel, stated pixel by pixel."""
    normals = edge_normals(edge.astype(np.float64))
    prob = np.clip(prob, floor, 1 - floor)

    def cost(pixel, step):
        f = prob[pixel[0] + step[0], pixel[1] + step[1]]
        normal = np.array([math.sin(normals[pixel]), math.cos(normals[pixel])])
        across = float(normal @ step)
        along_squared = step[0] ** 2 + step[1] ** 2 - across**2
        return (
            -math.log(f / (1 - f))
            + along_squared / (2 * sigma_along**2)
            + across**2 / (2 * sigma_across**2)
        )

    return cost


def smoothness_cost(pixels, steps, neighbor_px):
    """The pairwise sum, pair by pair."""
    return sum(
        (steps[i][0] - steps[j][0]) ** 2 + (steps[i][1] - steps[j][1]) ** 2
        for i, j in itertools.combinations(range(len(pixels)), 2)
        if math.dist(pixels[i], pixels[j]) <= neighbor_px
    )


def brute_force(edge, prob, radius, *, smoothness=0.0, neighbor_px=5.0, blocked=None, **sigmas):
    """Least energy over all ways to give each pixel a place of its own."""
    cost = unary_cost(edge, prob, **sigmas)
    pixels = [tuple(p) for p in np.argwhere(edge).tolist()]
    reach = range(-int(radius), int(radius) + 1)
    windows = []
    for y, x in pixels:
        windows.append([
            (dy, dx) for dy, dx in itertools.product(reach, reach)
            if dy * dy + dx * dx <= radius * radius
            and 0 <= y + dy < edge.shape[0] and 0 <= x + dx < edge.shape[1]
            and ((dy, dx) == (0, 0) or blocked is None or not blocked[y + dy, x + dx])
        ])  # fmt: skip
    best = math.inf
    for steps in itertools.product(*windows):
        places = {(y + dy, x + dx) for (y, x), (dy, dx) in zip(pixels, steps, strict=True)}
        if len(places) == len(pixels):
            energy = sum(cost(p, s) for p, s in zip(pixels, steps, strict=True))
            energy += smoothness * smoothness_cost(pixels, steps, neighbor_px)
            best = min(best, energy)
    return best


def shifted_contour(err=3, size=80, noise=0.0, seed=0):
    """Thin labels of a disk that is too small, the true line, and predictions of it."""
    y, x = np.mgrid[:size, :size]
    distance = np.hypot(y - size / 2, x - size / 2)
    radius = size * 0.32
    texture = ndi.gaussian_filter(np.random.default_rng(seed).standard_normal((size, size)), 1.5)
    prob = 0.9 * np.exp(-((distance - radius) ** 2) / 6) + noise * texture
    lines = [thin(mask_edges(distance < r, 2)) for r in (radius - err, radius)]
    return *lines, prob.clip(0, 1)


@settings(max_examples=60)
@given(
    seed=st.integers(0, 10**6),
    num=st.integers(1, 4),
    radius=st.sampled_from([0.0, 1.0, 1.5]),
    sigmas=st.sampled_from([(1.0, 4.0), (0.5, 1.0), (math.inf, math.inf)]),
    blocked=st.booleans(),
)
def test_the_assignment_is_a_brute_force_optimum(seed, num, radius, sigmas, blocked):
    rng = np.random.default_rng(seed)
    edge = np.zeros((5, 6), bool)
    edge.ravel()[rng.choice(12, num, replace=False)] = True  # in two rows: windows overlap
    assume(has_directions(edge))
    prob = rng.random(edge.shape)
    sigmas = dict(sigma_along=sigmas[0], sigma_across=sigmas[1])
    ignore = rng.random(edge.shape) < 0.3 if blocked else None
    options = AssignOptions(radius_px=radius, smoothness=0.0, **sigmas)
    aligned, (report,) = assign_edges(edge, prob, options, ignore=ignore)
    expected = brute_force(edge, prob, radius, blocked=ignore, **sigmas)
    assert report.energy == pytest.approx(expected, abs=1e-5)
    cost = unary_cost(edge, prob, **sigmas)
    steps = zip(report.pixels.tolist(), report.displacements.tolist(), strict=True)
    assert sum(cost(tuple(p), s) for p, s in steps) == pytest.approx(expected, abs=1e-5)
    assert report.energy_given == pytest.approx(
        sum(cost(tuple(p), (0, 0)) for p in report.pixels.tolist()), abs=1e-5
    )
    assert aligned.sum() == num


@settings(max_examples=40)
@given(seed=st.integers(0, 10**6), rounds=st.integers(0, 4), smoothness=st.floats(0.01, 2))
def test_with_smoothness_the_energy_is_that_of_the_formula_and_never_rises(
    seed, rounds, smoothness
):
    rng = np.random.default_rng(seed)
    edge = rng.random((4, 7)) < 0.12
    assume(has_directions(edge))
    prob = rng.random(edge.shape)
    options = dict(smoothness=smoothness, neighbor_px=2.0)
    _, (report,) = assign_edges(
        edge, prob, AssignOptions(radius_px=1, num_rounds=rounds, **options)
    )
    assert report.energy <= report.energy_given + 1e-9
    pixels = [tuple(p) for p in report.pixels.tolist()]
    steps = report.displacements.tolist()
    cost = unary_cost(edge, prob, sigma_along=1.0, sigma_across=4.0)
    energy = sum(cost(p, s) for p, s in zip(pixels, steps, strict=True))
    if rounds:
        energy += smoothness * smoothness_cost(pixels, steps, 2.0)
    assert report.energy == pytest.approx(energy, abs=1e-5)


def test_rounds_with_smoothness_come_closer_to_the_brute_force_optimum():
    """Iterated conditional modes have no guarantee; over many small maps they must help."""
    options = dict(smoothness=0.5, neighbor_px=2.0)
    excess = {0: 0.0, 3: 0.0}
    for seed in range(40):
        rng = np.random.default_rng(seed)
        edge = np.zeros((5, 7), bool)
        edge[2, 2:5] = True
        prob = rng.random(edge.shape)
        sigmas = dict(sigma_along=1.0, sigma_across=4.0)
        best = brute_force(edge, prob, 1, **options, **sigmas)
        _, (report,) = assign_edges(edge, prob, AssignOptions(radius_px=1, num_rounds=0))
        pixels, steps = report.pixels.tolist(), report.displacements.tolist()
        excess[0] += report.energy + 0.5 * smoothness_cost(pixels, steps, 2.0) - best
        chosen = AssignOptions(radius_px=1, num_rounds=3, **options)
        _, (report,) = assign_edges(edge, prob, chosen)
        assert report.energy >= best - 1e-5
        excess[3] += report.energy - best
    assert excess[3] < 0.5 * excess[0]


@settings(max_examples=40)
@given(
    seed=st.integers(0, 10**6), height=st.integers(1, 20), width=st.integers(1, 20),
    radius=st.sampled_from([1.0, 3.0, 5.0]), share=st.floats(0, 1),
)  # fmt: skip
def test_one_to_one_within_the_window_and_never_onto_ignored_pixels(
    seed, height, width, radius, share
):
    rng = np.random.default_rng(seed)
    edges = (rng.random((2, height, width)) < share).astype(np.uint8)
    edges[rng.random(edges.shape) < 0.2] = 255
    ignore = rng.random((height, width)) < 0.2
    options = AssignOptions(radius_px=radius)
    aligned, reports = assign_edges(edges, rng.random(edges.shape), options, ignore=ignore)
    assert aligned.dtype == bool
    for given_map, found, report in zip(edges, aligned, reports, strict=True):
        np.testing.assert_array_equal(report.pixels, np.argwhere(given_map == 1))
        targets = report.pixels + report.displacements
        assert {tuple(t) for t in targets} == {tuple(t) for t in np.argwhere(found)}
        assert found.sum() == (given_map == 1).sum()
        assert report.max_displacement_px <= radius
        moved = report.displacements.any(axis=1)
        y, x = targets[moved].T
        assert not ignore[y, x].any()
        assert (given_map[y, x] != 255).all()
        assert (report.status == 'moved') == moved.any()


@pytest.mark.parametrize('level', [0.0, 0.003, 0.5, 1.0])
@pytest.mark.parametrize('smoothness', [0.0, 0.02, 1.0])
def test_without_evidence_nothing_moves(level, smoothness):
    line, _, _ = shifted_contour()
    aligned, (report,) = assign_edges(
        line, np.full(line.shape, level), AssignOptions(smoothness=smoothness)
    )
    np.testing.assert_array_equal(aligned, line)
    assert (report.status, report.reason) == ('kept', 'no gain')
    assert report.energy == report.energy_given
    assert report.loss_given == report.loss_proposed


def test_responses_below_the_floor_are_no_evidence():
    line, _, prob = shifted_contour()
    assert not assign_edges(line, prob * 0.01)[1][0].displacements.any()
    lower = AssignOptions(prob_floor=1e-4)
    assert assign_edges(line, prob * 0.01, lower)[1][0].displacements.any()


@pytest.mark.parametrize('noise', [0.0, 0.8])
def test_a_shifted_contour_snaps_back(noise):
    line, true, prob = shifted_contour(noise=noise)
    aligned, (report,) = assign_edges(line, prob)
    outside = ndi.distance_transform_edt(~true)
    assert outside[line].mean() > 2
    assert outside[aligned].mean() < 0.6
    assert report.status == 'moved'
    assert 2 < report.mean_displacement_px < 4
    assert report.loss_proposed < report.loss_given


def test_smoothness_makes_neighbors_move_alike():
    line, _, prob = shifted_contour(noise=1.5)
    rough, smooth = (
        assign_edges(line, prob, AssignOptions(smoothness=value))[1][0] for value in (0.0, 0.1)
    )
    pixels = rough.pixels.tolist()
    apart = [smoothness_cost(pixels, r.displacements.tolist(), 2.0) for r in (rough, smooth)]
    assert apart[1] < 0.7 * apart[0]


def test_moving_along_the_edge_costs_more_than_across():
    """Two equal responses, one three pixels up the line from its end, one three beside it."""
    edge = np.zeros((21, 21), bool)
    edge[:11, 10] = True
    for place, moved in (((13, 10), False), ((10, 13), True)):
        prob = np.full(edge.shape, 0.2)
        prob[place] = 0.9
        _, (report,) = assign_edges(edge, prob, AssignOptions(radius_px=3, smoothness=0.0))
        assert report.displacements[-1].any() == moved


def test_a_window_that_crosses_the_border():
    edge = np.zeros((6, 9), bool)
    edge[0] = edge[:, 8] = True
    prob = np.full(edge.shape, 0.05)
    prob[2, :7] = prob[2:, 6] = 0.9
    aligned, (report,) = assign_edges(edge, prob)
    assert aligned.sum() == edge.sum()
    assert aligned[2, :7].sum() + aligned[3:, 6].sum() >= 9
    assert report.loss_proposed < report.loss_given


def test_classes_are_on_their_own_and_ties_are_settled_alike():
    line, _, prob = shifted_contour(size=48)
    empty = np.zeros_like(line)
    prob = np.round(prob, 1)  # many ties
    edges, probs = np.stack([line, empty, line]), np.stack([prob, prob, prob[::-1]])
    aligned, reports = assign_edges(edges, probs)
    again, _ = assign_edges(edges, probs)
    np.testing.assert_array_equal(aligned, again)
    for k in range(3):
        alone, (report,) = assign_edges(edges[k], probs[k])
        np.testing.assert_array_equal(aligned[k], alone)
        np.testing.assert_array_equal(reports[k].displacements, report.displacements)
    assert (reports[1].status, reports[1].reason) == ('kept', 'empty')
    assert reports[1].mean_displacement_px == reports[1].max_displacement_px == 0
    assert math.isnan(reports[1].loss_given)


def test_no_class_at_all():
    nothing = np.zeros((0, 4, 5), bool)
    aligned, reports = assign_edges(nothing, nothing.astype(np.float32))
    assert aligned.shape == (0, 4, 5)
    assert reports == []


# Bands


def line_and_band(column=10, size=24):
    band = np.zeros((size, size), bool)
    band[:, column - 2 : column + 2] = True
    return thin(band), band


def test_bands_move_with_their_lines_and_keep_their_width():
    line, band = line_and_band()
    row = int(np.flatnonzero(line.any(axis=0))[0])
    prob = np.full(line.shape, 0.02)
    prob[:, row + 3] = 0.95
    _, reports = assign_edges(line, prob)
    assert (reports[0].displacements == (0, 3)).all()
    np.testing.assert_array_equal(
        carry_bands(band, reports, radius=2)[2:-2], np.roll(band, 3, axis=1)[2:-2]
    )


def test_bands_that_did_not_move_are_the_same_pixels():
    line, band = line_and_band()
    lone = band.copy()
    lone[3, 20] = True  # no line nearby
    _, reports = assign_edges(line, np.full(line.shape, 0.5))
    np.testing.assert_array_equal(carry_bands(lone, reports, radius=2), lone)
    prob = np.full(line.shape, 0.02)
    prob[:, 13] = 0.95
    _, reports = assign_edges(line, prob)
    assert carry_bands(lone, reports, radius=2)[3, 20]


def test_what_moves_out_of_the_image_is_lost():
    line, band = line_and_band(column=3)
    column = int(np.flatnonzero(line.any(axis=0))[0])
    prob = np.full(line.shape, 0.02)
    prob[:, 0] = 0.95
    _, reports = assign_edges(line, prob)
    moved = carry_bands(band, reports, radius=2)
    assert moved[8, : 5 - column].all()
    assert moved[8].sum() == 5 - column


@pytest.mark.parametrize('shape', [(2, 24, 24), (0, 24, 24)])
def test_exception_reports_of_other_bands(shape):
    line, _ = line_and_band()
    _, reports = assign_edges(line, np.full(line.shape, 0.5))
    with pytest.raises(ValueError, match='reports'):
        carry_bands(np.zeros(shape, bool), reports, radius=2)


# Mistakes

EDGE, PROB = np.eye(6, dtype=bool), np.full((6, 6), 0.5)
WITH_NAN = np.where(EDGE, np.nan, 0.5)


@pytest.mark.parametrize(
    ('edge', 'prob', 'options', 'error', 'message'),
    [
        (EDGE.astype(np.float32), PROB, {}, TypeError, 'edge_map'),
        (EDGE.astype(np.uint8) * 7, PROB, {}, ValueError, 'edge_map'),
        (EDGE[None, None], PROB, {}, ValueError, 'edge_map'),
        (EDGE, PROB[:5], {}, ValueError, 'edge_prob'),
        (EDGE, WITH_NAN, {}, ValueError, 'NaN'),
        (EDGE, PROB * 4, {}, ValueError, 'sigmoid'),
        (EDGE, PROB, dict(ignore=EDGE.astype(np.uint8)), TypeError, 'ignore'),
        (EDGE, PROB, dict(ignore=EDGE[:3]), ValueError, 'ignore'),
    ],
)
def test_exception(edge, prob, options, error, message):
    with pytest.raises(error, match=message):
        assign_edges(edge, prob, **options)


@pytest.mark.parametrize(
    ('name', 'value'),
    [
        ('radius_px', -1),
        ('radius_px', math.inf),
        ('sigma_along', 0),
        ('sigma_across', math.nan),
        ('smoothness', -0.1),
        ('neighbor_px', 0.5),
        ('num_rounds', 1.5),
        ('prob_floor', 0.5),
    ],
)
def test_options_out_of_range(name, value):
    with pytest.raises(ValueError, match=f'`{name}`'):
        AssignOptions(**{name: value})


def test_unknown_names_are_told_with_those_that_exist():
    with pytest.raises(TypeError, match=r'AssignOptions out of radius_px, .*, but got sigma\.'):
        change_options(AssignOptions(), {'sigma': 2})
