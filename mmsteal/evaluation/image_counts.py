"""One image: scores and true edges in, counts out. Every evaluation of this package ends here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmsteal.evaluation.protocol import BoundaryProtocol
from mmsteal.functional.scores.matching import edge_counts

# Interpolated or averaged probabilities may pass 1 by as much; logits pass it by far.
_ROUNDING = 1e-3


def image_counts(
    prob: NDArray[Any],
    truth: NDArray[Any],
    protocol: BoundaryProtocol,
    *,
    max_dists: Sequence[float] | None = None,
    interior: NDArray[Any] | None = None,
) -> NDArray[np.int32]:
    """Count matched boundary pixels of one image, for every tolerance, class and threshold.

    Shape shorthand: K classes; D tolerances; T thresholds; A annotators.

    Args:
        prob: Scores (K, H, W): float in [0, 1], bool, or uint8, read as v / 255.
        truth: True edges (K, h, w) or (K, A, h, w), bool, as
            :meth:`BoundaryProtocol.ground_truth` makes them.
        protocol: How to compare.
        max_dists: Tolerances, as fractions of the diagonal, in place of the protocol's one.
        interior: Region of each class (K, h, w), where the protocol drops predictions in it.

    Returns:
        (D, K, T, 4) int32: cntR, sumR, cntP, sumP.

    Raises:
        ValueError: If scores are NaN or outside [0, 1], or sizes or numbers of classes disagree.
    """
    scores = protocol.prediction(valid_scores(prob), truth.shape[-2:])
    if len(scores) != len(truth):
        raise ValueError(
            f'Expected a prediction of {len(truth)} classes, but got {len(scores)} maps.'
        )
    max_dists = (protocol.max_dist,) if max_dists is None else max_dists
    counts = np.zeros((len(max_dists), len(truth), protocol.num_thresholds, 4), np.int32)
    for k, (score, true) in enumerate(zip(scores, truth, strict=True)):
        if protocol.skip_absent and not true.any():
            continue
        for d, max_dist in enumerate(max_dists):
            counts[d, k] = edge_counts(
                score,
                true,
                thresholds=protocol.thresholds,
                max_dist=max_dist,
                thin=protocol.mode == 'thin',
                margin=protocol.margin,
                interior=None if interior is None else interior[k],
            )
    return counts


def valid_scores(prob: NDArray[Any]) -> NDArray[Any]:
    """Refuse what are no scores; clip what left [0, 1] by rounding.

    Args:
        prob: (K, H, W).

    Returns:
        The scores, the same array where nothing has to be clipped.

    Raises:
        TypeError: If the scores are neither floating point nor uint8 nor bool.
        ValueError: If they are NaN or outside [0, 1], or have no shape (K, H, W).
    """
    if prob.ndim != 3:
        raise ValueError(f'Expected scores of shape (K, H, W), but got shape {prob.shape}.')
    if prob.dtype in (np.uint8, np.bool_):
        return prob
    if prob.dtype.kind != 'f':
        raise TypeError(
            f'Expected scores that are floating point or uint8, but got {prob.dtype}; divide by '
            'their largest possible value.'
        )
    low, high = float(prob.min()), float(prob.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        raise ValueError(
            'Expected finite scores, but got NaN or inf; the weights have probably diverged: '
            'lower the learning rate or look at an earlier checkpoint.'
        )
    if low < -_ROUNDING or high > 1 + _ROUNDING:
        raise ValueError(
            f'Expected scores in [0, 1], but got values from {low:g} to {high:g}; apply a sigmoid '
            'to logits, or divide 0..255 by 255.'
        )
    return prob if low >= 0 and high <= 1 else np.clip(prob, 0, 1)
