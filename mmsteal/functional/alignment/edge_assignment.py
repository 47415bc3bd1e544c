"""Alignment of thin edges by assignment: each labelled pixel moves to one pixel of its window.

Shape shorthand: K classes; H, W height and width; P edge pixels of a class; C candidates within the
window; B pixels nearby.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from mmsteal.functional.alignment.assign_options import AssignOptions
from mmsteal.functional.alignment.assignment_solver import OneToOne
from mmsteal.functional.edge_maps.normals import normal_angle
from mmsteal.functional.edge_maps.point_hessian import hessian_at
from mmsteal.functional.level_sets.speed import check_edge_prob

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class EdgeAssignment:
    """What happened to the edge pixels of one class.

    Args:
        status: 'moved': at least one pixel moved. 'kept': none did.
        reason: Why none did. 'empty': the class has no edge pixel. 'no gain': staying is cheapest.
            '' if one moved.
        pixels: Row and column of each edge pixel (P, 2), in row-major order.
        displacements: Rows and columns by which each one moved (P, 2).
        loss_given: Mean of -log f over the given pixels; NaN if there is none.
        loss_proposed: The same over the aligned pixels.
        energy_given: The minimized sum at displacement 0.
        energy: The minimized sum at the displacements returned; never above `energy_given`.
    """

    status: Literal['moved', 'kept']
    reason: Literal['', 'empty', 'no gain']
    pixels: Integers
    displacements: Integers
    loss_given: float
    loss_proposed: float
    energy_given: float
    energy: float

    @property
    def loss(self) -> float:
        """Mean of -log f over the pixels that are returned."""
        return self.loss_proposed if self.status == 'moved' else self.loss_given

    @property
    def mean_displacement_px(self) -> float:
        """Mean length of the displacements; 0 without any pixel."""
        return float(_lengths(self.displacements).mean()) if len(self.pixels) else 0.0

    @property
    def max_displacement_px(self) -> float:
        """Length of the longest displacement."""
        return float(_lengths(self.displacements).max(initial=0.0))


def assign_edges(
    edge_map: ArrayLike,
    edge_prob: ArrayLike,
    options: AssignOptions = AssignOptions(),
    *,
    ignore: ArrayLike | None = None,
) -> tuple[NDArray[np.bool_], list[EdgeAssignment]]:
    r"""Move thin edges one-to-one to where edges are likely: the latent labels of SEAL.

    Each edge pixel q of a class moves by :math:`m_q` to a pixel of its window that no other one of
    the class takes, such that the sum

    .. math::
        E = \sum_q \Bigl[ -\log \frac{f(q + m_q)}{1 - f(q + m_q)}
            + \frac{a_q^2}{2 \sigma_\mathrm{along}^2} + \frac{b_q^2}{2 \sigma_\mathrm{across}^2}
            \Bigr] + \lambda \sum_{\|q - v\| \le \delta} \|m_q - m_v\|^2

    is small, where :math:`a_q, b_q` are the parts of :math:`m_q` along the edge and along its
    normal, and the last sum counts each pair once. Without it (:math:`\lambda = 0`) this is an
    assignment problem, solved to the optimum. With it, the assignment without it comes first; then
    each of `num_rounds` rounds holds the displacements of the neighbors where they were and solves
    the assignment problem that results (iterated conditional modes, all pixels at once). The least
    E that was met is returned.

    Every pixel has its own place as a candidate, so no map is without a solution. Pixels outside of
    the image are no candidates.

    Args:
        edge_map: Edges one pixel wide (K, H, W) or (H, W), bool, or uint8 with 1 on the edge; thin
            a band first (:func:`mmsteal.functional.thin`). 255 is no edge, and ignored.
        edge_prob: Edge probabilities f in [0, 1] of the same shape.
        options: Window, prior and smoothness.
        ignore: Further pixels (H, W), bool, that say nothing: nothing moves onto an ignored pixel.

    Returns:
        The aligned edges, bool, of the shape of `edge_map`, with as many pixels in each class, and
        an :class:`EdgeAssignment` for each class.

    Raises:
        TypeError: `edge_map` is neither bool nor uint8, `ignore` is not bool, or `edge_prob` is not
            floating point.
        ValueError: Shapes do not fit, `edge_map` holds other values, `edge_prob` holds NaN or
            values outside [0, 1].

    References:
        Yu et al., Simultaneous Edge Alignment and Learning, ECCV 2018, section 4.

    Example:
        >>> given = np.zeros((9, 12), bool)
        >>> given[:, 3] = True
        >>> edge_prob = np.full((9, 12), 0.05)
        >>> edge_prob[:, 6] = 0.9
        >>> aligned, report = assign_edges(given, edge_prob)
        >>> aligned.sum(axis=0).tolist(), report[0].mean_displacement_px
        ([0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0], 3.0)
    """
    edges, prob, allowed = _check_maps(edge_map, edge_prob, ignore)
    aligned = np.zeros(edges.shape, bool)
    reports = [
        _assign_class(edges[k], prob[k], allowed[k], options, out=aligned[k])
        for k in range(len(edges))
    ]
    return (aligned if np.ndim(edge_map) == 3 else aligned[0]), reports


def _assign_class(
    edge: NDArray[np.bool_],
    prob: Floats,
    allowed: NDArray[np.bool_],
    options: AssignOptions,
    out: NDArray[np.bool_],
) -> EdgeAssignment:
    """Assign the edge pixels of one class, and set the aligned ones in `out`, all (H, W)."""
    pixels = np.argwhere(edge)
    if not len(pixels):
        nothing = np.zeros((0, 2), np.int64)
        return EdgeAssignment('kept', 'empty', nothing, nothing, math.nan, math.nan, 0.0, 0.0)
    offsets = disk_offsets(options.radius_px)
    places = pixels[:, None] + offsets  # (P, C, 2)
    reachable = ((places >= 0) & (places < edge.shape)).all(axis=-1)
    flat = places[..., 0] * edge.shape[1] + places[..., 1]
    flat[~reachable] = 0
    # To stay is a candidate even where the pixel itself may not count: then all have one.
    reachable &= allowed.ravel()[flat] | (offsets == 0).all(axis=-1)
    clipped = prob.clip(options.prob_floor, 1 - options.prob_floor)
    evidence = np.log1p(-clipped) - np.log(clipped)
    unary = evidence.ravel()[flat] + _prior(edge, pixels, offsets, options)  # (P, C)
    problem = OneToOne(flat, reachable)

    smoothness = options.smoothness if options.num_rounds else 0.0
    near, num_near = _neighbors(edge, pixels, options.neighbor_px if smoothness else 0.0)
    lengths = (offsets**2).sum(axis=1)

    def energy(moves: Integers) -> float:
        terms = unary[rows, moves].sum()
        if smoothness:
            shifts = np.append(offsets[moves], [[0, 0]], axis=0)
            apart = ((shifts[near] - offsets[moves][:, None]) ** 2).sum(axis=-1)
            terms += 0.5 * smoothness * apart[near >= 0].sum()
        return float(terms)

    rows = np.arange(len(pixels))
    stay = np.full(len(pixels), int(np.flatnonzero(lengths == 0)[0]))
    moves = problem.solve(unary)
    met = [(energy(stay), stay), (energy(moves), moves)]
    for _ in range(options.num_rounds if smoothness else 0):
        # The sum of |m - m_v|^2 over the neighbors v, but for a constant of each row.
        pull = np.append(offsets[moves], [[0, 0]], axis=0)[near].sum(axis=1)
        conditional = unary + smoothness * (num_near[:, None] * lengths - 2 * pull @ offsets.T)
        moves = problem.solve(conditional)
        if np.array_equal(moves, met[-1][1]):
            break
        met.append((energy(moves), moves))
    least, moves = min(met, key=lambda pair: pair[0])
    displacements = offsets[moves]
    target = pixels + displacements
    out[target[:, 0], target[:, 1]] = True
    loss = -np.log(clipped)
    moved = bool(displacements.any())
    return EdgeAssignment(
        status='moved' if moved else 'kept',
        reason='' if moved else 'no gain',
        pixels=pixels,
        displacements=displacements,
        loss_given=float(loss[edge].mean()),
        loss_proposed=float(loss[out].mean()),
        energy_given=met[0][0],
        energy=least,
    )


def _prior(
    edge: NDArray[np.bool_], pixels: Integers, offsets: Integers, options: AssignOptions
) -> Floats:
    """Cost (P, C) of each displacement, less for those along the normal of the edge."""
    y, x = torch.from_numpy(pixels).unbind(-1)
    derivatives = hessian_at(torch.from_numpy(edge)[None], torch.zeros_like(y), y, x)
    angle = normal_angle(*derivatives).double().numpy()[:, None]
    cos, sin = np.cos(angle), np.sin(angle)
    across = offsets[:, 1] * cos + offsets[:, 0] * sin
    along = offsets[:, 0] * cos - offsets[:, 1] * sin
    prior: Floats = 0.5 * (
        (along / options.sigma_along) ** 2 + (across / options.sigma_across) ** 2
    )
    return prior


def _neighbors(
    edge: NDArray[np.bool_], pixels: Integers, radius: float
) -> tuple[Integers, Integers]:
    """Index of the neighbors of each pixel (P, B), -1 where there is none, and how many (P,)."""
    reach = int(radius)
    number = np.full([size + 2 * reach for size in edge.shape], -1)
    number[tuple((pixels + reach).T)] = np.arange(len(pixels))
    offsets = disk_offsets(radius)
    places = pixels[:, None] + offsets[offsets.any(axis=1)] + reach
    near = number[places[..., 0], places[..., 1]]
    return near, (near >= 0).sum(axis=1)


def disk_offsets(radius: float) -> Integers:
    """Offsets (C, 2), rows and columns, within a radius, in row-major order."""
    span = np.arange(-int(radius), int(radius) + 1)
    offsets = np.stack(np.meshgrid(span, span, indexing='ij'), axis=-1).reshape(-1, 2)
    return offsets[(offsets**2).sum(axis=1) <= radius**2]


def _lengths(displacements: Integers) -> Floats:
    return np.hypot(displacements[:, 0], displacements[:, 1])


def _check_maps(
    edge_map: Any, edge_prob: Any, ignore: Any
) -> tuple[NDArray[np.bool_], Floats, NDArray[np.bool_]]:
    """Edges, probabilities and pixels that may be moved to, all (K, H, W)."""
    edges = np.asarray(edge_map)
    if edges.dtype not in (np.bool_, np.uint8):
        raise TypeError(
            f'Expected argument `edge_map` to be bool or uint8, but got {edges.dtype}; compare it '
            'with a value first, for example `edge_map == 1`.'
        )
    if edges.ndim not in (2, 3):
        raise ValueError(
            'Expected argument `edge_map` to have shape (K, H, W) or (H, W), but got shape '
            f'{edges.shape}; give one image at a time.'
        )
    if not np.isin(edges, (0, 1, 255)).all():
        raise ValueError(
            'Expected argument `edge_map` to hold 0, 1 and 255 (ignored), but it has other values '
            f'up to {edges.max()}; compare it with a value first.'
        )
    scores = np.asarray(edge_prob)
    if scores.shape != edges.shape:
        raise ValueError(
            f'Expected argument `edge_prob` to have the shape of `edge_map`, {edges.shape}, but '
            f'got {scores.shape}; resize one of them.'
        )
    maps = edges.reshape(-1, *edges.shape[-2:])
    prob = check_edge_prob(scores.reshape(maps.shape)).double().numpy()
    allowed = (maps != 255) | (edges.dtype == np.bool_)
    if ignore is not None:
        ignored = np.asarray(ignore)
        if ignored.dtype != np.bool_ or ignored.shape != maps.shape[-2:]:
            raise (TypeError if ignored.dtype != np.bool_ else ValueError)(
                f'Expected argument `ignore` to be bool of shape {maps.shape[-2:]}, but got '
                f'{ignored.dtype} of shape {ignored.shape}.'
            )
        allowed = allowed & ~ignored
    return np.ascontiguousarray(maps == 1), prob, allowed
