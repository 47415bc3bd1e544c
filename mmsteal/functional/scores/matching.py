"""Boundary matching: how many predicted and true edge pixels belong together, at every threshold.

Shape shorthand: H, W height and width of a map; T thresholds; A annotators; R x C the words of a
packed map with its border of zeros (see :func:`mmsteal.functional.edge_maps.thin.pack_words`).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isqrt
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mmsteal.functional.edge_maps.thin import pack_words


def edge_thresholds(
    thresholds: int | Sequence[float] | NDArray[np.floating],
) -> NDArray[np.float64]:
    r"""Thresholds of a precision-recall curve.

    A number :math:`n` stands for :math:`t_i = i / (n + 1),\ i = 1 \dots n`; with 99 that is
    .01, .02, ..., .99. They are correctly rounded quotients, so that an 8-bit score
    :math:`v / 255` ties with :math:`t_i` exactly where the two fractions are equal.

    Args:
        thresholds: How many, or the thresholds themselves in rising order.

    Returns:
        The thresholds (T,), float64.

    Raises:
        TypeError: If `thresholds` is neither an integer nor a sequence of numbers.
        ValueError: If there is none, or if they do not rise strictly within [0, 1].

    Example:
        >>> edge_thresholds(4)
        array([0.2, 0.4, 0.6, 0.8])
    """
    if isinstance(thresholds, (int, np.integer)) and not isinstance(thresholds, bool):
        if thresholds < 1:
            raise ValueError(
                f'Expected argument `thresholds` to be at least 1, but got {thresholds}; '
                'the benchmarks use 99.'
            )
        return np.arange(1, thresholds + 1) / (thresholds + 1)
    try:
        values = np.asarray(thresholds, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise TypeError(
            'Expected argument `thresholds` to be an integer or a sequence of numbers, '
            f'but got {thresholds!r}; give for example 99 or [0.25, 0.5, 0.75].'
        ) from error
    if (
        values.ndim != 1
        or not values.size
        or not (values[0] >= 0 and values[-1] <= 1 and (np.diff(values) > 0).all())
    ):
        raise ValueError(
            'Expected argument `thresholds` to rise strictly within [0, 1], '
            f'but got {thresholds!r}; sort them and leave out duplicates.'
        )
    return values


def _check_score(score: ArrayLike) -> NDArray[Any]:
    score = np.asarray(score)
    if score.dtype != np.uint8 and score.dtype != np.bool_ and score.dtype.kind != 'f':
        raise TypeError(
            'Expected argument `score` to be floating point or uint8 (read as v / 255), '
            f'but got {score.dtype}; divide a 16-bit map by 65535 first.'
        )
    if score.ndim != 2 or not score.size:
        raise ValueError(
            'Expected argument `score` to be one map with shape (H, W), '
            f'but got shape {score.shape}; give one image and one class at a time.'
        )
    if score.dtype.kind == 'f' and not (score.min() >= 0 and score.max() <= 1):
        raise ValueError(
            'Expected argument `score` to lie in [0, 1] without NaN, '
            f'but got values in [{score.min()}, {score.max()}]; apply a sigmoid to logits, '
            'divide 8-bit values by 255.'
        )
    return score


def _check_mask(name: str, mask: ArrayLike, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    mask = np.asarray(mask)
    if mask.dtype not in (np.bool_, np.uint8):
        raise TypeError(
            f'Expected argument `{name}` to be bool or uint8, but got {mask.dtype}; '
            'compare it with a value first, for example `edge_map == 1`.'
        )
    if mask.shape[-2:] != shape:
        raise ValueError(
            f'Expected argument `{name}` to have the size {shape} of `score`, '
            f'but got shape {mask.shape}; resize the prediction to the size of the ground truth.'
        )
    if mask.dtype == np.uint8 and mask.max(initial=0) > 1:
        raise ValueError(
            f'Expected argument `{name}` to hold 0 and 1, but got {mask.max()}; '
            'decide what ignored pixels count as, for example `edge_map == 1`.'
        )
    return mask.astype(np.bool_, copy=False)


def _inner_window(margin: int | Sequence[int], height: int, width: int) -> tuple[slice, slice]:
    given = (margin,) * 4 if isinstance(margin, (int, np.integer)) else tuple(margin)
    if len(given) != 4 or any(m != int(m) or m < 0 for m in given):
        raise ValueError(
            'Expected argument `margin` to be a number of pixels or (top, bottom, left, right), '
            f'but got {margin!r}; give integers that are not negative.'
        )
    top, bottom, left, right = (int(m) for m in given)
    if top + bottom >= height or left + right >= width:
        raise ValueError(
            f'Expected argument `margin` to leave something of a map of {height} x {width} '
            f'pixels, but got {margin!r}; give a smaller margin.'
        )
    return slice(top, height - bottom), slice(left, width - right)


def _levels(score: NDArray[Any], thresholds: NDArray[np.float64]) -> NDArray[np.int32]:
    """How many thresholds each score reaches, compared in float64."""
    if score.dtype == np.uint8:
        table = np.searchsorted(thresholds, np.arange(256) / 255, side='right')
        return np.ascontiguousarray(table.astype(np.int32)[score])
    levels = np.zeros(score.shape, np.int32)
    active = score >= thresholds[0]
    levels[active] = np.searchsorted(thresholds, score[active].astype(np.float64), side='right')
    return levels


def _column_reach(max_dist: float, height: int, width: int) -> NDArray[np.int64]:
    """Largest column distance of a pair for each row distance -r..r, in whole pixels.

    Exact, because distances are square roots of integers.
    """
    diagonal = np.sqrt(height**2 + width**2)
    limit_sq = int((min(max_dist, 1.0) * diagonal) ** 2)
    rows = isqrt(limit_sq)
    return np.array([isqrt(limit_sq - dy * dy) for dy in range(-rows, rows + 1)])


def _nearest_steps(reach: NDArray[np.int64], columns: int) -> NDArray[np.int64]:
    """Steps to every pixel within reach in packed maps (R, C = columns), nearest first."""
    rows = len(reach) // 2
    # Two border words keep a step of up to 128 columns within its row.
    offsets = [
        (dy * dy + dx * dx, dy * columns * 64 + dx)
        for dy in range(-rows, rows + 1)
        for dx in range(-min(reach[dy + rows], 128), min(reach[dy + rows], 128) + 1)
    ]
    return np.array([step for _, step in sorted(offsets)], np.int64)


def edge_counts(
    score: ArrayLike,
    target: ArrayLike,
    *,
    max_dist: float,
    thin: bool,
    thresholds: int | Sequence[float] | NDArray[np.floating] = 99,
    margin: int | Sequence[int] = 0,
    interior: ArrayLike | None = None,
) -> NDArray[np.int64]:
    r"""Count matched boundary pixels of one image and class at every threshold.

    At threshold :math:`t` the predicted pixels are
    :math:`P_t = \operatorname{thin}(\{p : \text{score}_p \ge t\})` (`thin=False` leaves them as
    they are), and with the true pixels :math:`G`

    .. math::
        \text{cntR}_t = \max \bigl\{ |M| : M \subset P_t \times G \text{ one-to-one},\
            \lVert p - g \rVert \le \text{max_dist} \sqrt{H^2 + W^2}
            \text{ for } (p, g) \in M \bigr\} .

    This is the number that the benchmarks of Martin, Fowlkes and Malik (2004) and Hariharan et al.
    (2011) approximate with a randomized assignment; here it is exact and always the same.

    Args:
        score: Edge probability (H, W): floating point in [0, 1], or uint8, read as v / 255.
        target: True edge pixels (H, W), bool or uint8 of 0 and 1; or (A, H, W), one map for each
            annotator. Then cntR and sumR add up over the annotators, and cntP counts the predicted
            pixels that any of them matches.
        max_dist: Largest distance of a pair, as a fraction of the diagonal (after the margin is cut
            off).
        thin: Thin the prediction at each threshold. The target is taken as it is.
        thresholds: How many, or the thresholds themselves; see :func:`edge_thresholds`.
        margin: Pixels to cut from prediction and target, on all sides or as (top, bottom, left,
            right).
        interior: Region of the class (H, W), bool, for the protocol of Hariharan et al. (2011):
            predicted pixels in it that are too far from the target to match are not counted.

    Returns:
        int64 array (T, 4) with columns cntR, sumR, cntP, sumP: matched true, all true, matched
        predicted and all predicted pixels. An empty prediction or target gives zeros in the
        columns concerned.

    Raises:
        TypeError: If `score`, `target` or `interior` has the wrong dtype.
        ValueError: If shapes disagree, a score is NaN or outside [0, 1], `max_dist` is not
            positive, or `thresholds` or `margin` make no sense.

    Example:
        >>> import numpy as np
        >>> target = np.zeros((40, 40), dtype=bool)
        >>> target[:, 20] = True
        >>> score = np.zeros((40, 40))
        >>> score[:30, 21] = 0.6
        >>> edge_counts(score, target, max_dist=0.02, thin=True, thresholds=[0.5, 0.9])
        array([[30, 40, 30, 30],
               [ 0, 40,  0,  0]])
    """
    score = _check_score(score)
    target = _check_mask('target', target, score.shape)
    if target.ndim not in (2, 3) or not target.size:
        raise ValueError(
            'Expected argument `target` to have shape (H, W) or (A, H, W), '
            f'but got shape {target.shape}; give one image and one class at a time.'
        )
    if not (np.isfinite(max_dist) and max_dist > 0):
        raise ValueError(
            'Expected argument `max_dist` to be a positive fraction of the diagonal, '
            f'but got {max_dist}; the benchmarks use 0.02, 0.0075 or 0.0035.'
        )
    values = edge_thresholds(thresholds)
    window = _inner_window(margin, *score.shape)
    dropped = None
    if interior is not None:
        region = _check_mask('interior', interior, score.shape)
        if region.ndim != 2:
            raise ValueError(
                'Expected argument `interior` to be one map with shape (H, W), '
                f'but got shape {region.shape}; it is the same for all annotators.'
            )
        dropped = pack_words(region[window][None])[0]
    score = score[window]
    target = target[..., window[0], window[1]]
    targets = target if target.ndim == 3 else target[None]

    # Where it is used, since numba takes a while to import.
    from mmsteal.functional.scores import _matching_kernel as kernel

    sets = kernel.prediction_sets(_levels(score, values), len(values), thin)
    reach = _column_reach(max_dist, *score.shape)
    # cntP, the union over annotators, depends on which pixels are matched, not only on how many.
    nearest_first = np.zeros(0, np.int64)
    if len(targets) > 1:
        nearest_first = _nearest_steps(reach, sets.shape[2])
    counts = np.zeros((len(values), 4), np.int64)
    counts[:, 1] = targets.sum()
    hits = None
    for true in pack_words(targets):
        if not true.any():
            continue
        near = kernel.within_reach(true, reach)
        hits = np.zeros_like(sets) if hits is None else hits
        counts[:, 0] += kernel.match(sets, true, near, reach, nearest_first, hits)
        if dropped is not None:
            dropped &= ~near
    if hits is not None:
        counts[:, 2] = kernel.count_bits(hits)
    if dropped is not None:
        sets &= ~dropped
    counts[:, 3] = kernel.count_bits(sets)
    return counts
