"""Scores of a boundary detector from its counts: ODS, OIS and average precision.

Shape shorthand: N images; T thresholds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mmsteal.functional.scores.matching import edge_thresholds

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class EdgeScores:
    """Scores of one class over a set of images.

    Attributes:
        ods_threshold: Optimal dataset scale: the threshold, one for all images, of the best F.
        ods_precision: Precision there.
        ods_recall: Recall there.
        ods_f: F there.
        ois_precision: Optimal image scale: precision when each image has its own best threshold.
        ois_recall: Recall in that case.
        ois_f: F in that case.
        ap: Average precision, the area under the precision-recall curve.
        max_precision_ap: Average precision as in the code of Hariharan et al. (2011): mean over
            recalls of the best precision at this recall or a higher one.
        thresholds: Thresholds of the curve (T,).
        precision: Precision at each of them (T,).
        recall: Recall at each of them (T,).
        f: F at each of them (T,).
        image_threshold: Best threshold of each image (N,).
        image_f: F of each image there (N,); NaN for images without a true edge pixel.
        num_true: Number of true edge pixels; 0 where the class is absent.
    """

    ods_threshold: float
    ods_precision: float
    ods_recall: float
    ods_f: float
    ois_precision: float
    ois_recall: float
    ois_f: float
    ap: float
    max_precision_ap: float
    thresholds: Floats
    precision: Floats
    recall: Floats
    f: Floats
    image_threshold: Floats
    image_f: Floats
    num_true: int


@dataclass(frozen=True)
class MeanScores:
    """Plain means over classes.

    Attributes:
        ods_f: Mean over classes of the F at the optimal dataset scale, "MF(ODS)".
        ois_f: Mean F at the optimal image scale.
        ap: Mean average precision.
        max_precision_ap: Mean of the average precision of Hariharan et al. (2011).
        num_classes: Number of classes averaged.
    """

    ods_f: float
    ois_f: float
    ap: float
    max_precision_ap: float
    num_classes: int


def _f_measure(precision: Floats, recall: Floats) -> Floats:
    total = precision + recall
    return 2 * precision * recall / (total + (total == 0))


def _precision_recall(counts: NDArray[Any]) -> tuple[Floats, Floats]:
    """Precision and recall of counts (..., 4); 0 where there is nothing to divide by."""
    matched_true, all_true, matched_pred, all_pred = np.moveaxis(counts, -1, 0)
    precision = matched_pred / (all_pred + (all_pred == 0))
    return precision, matched_true / (all_true + (all_true == 0))


def _best_between(thresholds: Floats, precision: Floats, recall: Floats) -> list[float]:
    """Threshold, precision, recall and F of the first best point on the interpolated curve."""
    part = np.linspace(0, 1, 100)
    line = [
        (v[:-1, None] * (1 - part) + v[1:, None] * part).ravel() if len(v) > 1 else v
        for v in (thresholds, precision, recall)
    ]
    f = _f_measure(line[1], line[2])
    best = f.argmax()
    return [float(v[best]) for v in (*line, f)]


def _area(precision: Floats, recall: Floats, shared_recall: Literal['first', 'last']) -> float:
    """Area under the interpolated curve, as a sum over the recalls 0, .01, ..., 1."""
    step = 1 if shared_recall == 'first' else -1
    unique, index = np.unique(recall[::step], return_index=True)
    if len(unique) < 2:
        return 0.0
    at = np.arange(101) / 100
    return float(np.interp(at, unique, precision[::step][index], left=0, right=0).sum() * 0.01)


def _max_precision_ap(precision: Floats, recall: Floats) -> float:
    reached = recall >= np.arange(101)[:, None] / 100
    return float(np.where(reached, precision, 0).max(axis=1).mean())


def edge_scores(
    counts: ArrayLike,
    *,
    thresholds: int | Sequence[float] | NDArray[np.floating] | None = None,
    absent: Literal['nan', 'zero'] = 'nan',
    absent_image: Literal['best', 'first'] = 'best',
    shared_recall: Literal['first', 'last'] = 'first',
) -> EdgeScores:
    r"""Score one class from the counts of all images.

    With the counts summed over images, at each threshold

    .. math::
        P = \frac{\text{cntP}}{\text{sumP}}, \quad R = \frac{\text{cntR}}{\text{sumR}}, \quad
        F = \frac{2 P R}{P + R}

    (0 where a denominator is 0). ODS is the best F on the curve, with P and R interpolated
    linearly at 100 points between neighboring thresholds. OIS sums the counts of each image at its
    own best threshold. AP is :math:`\sum_{r = 0, .01, \dots, 1} .01\, P(r)`, with P interpolated
    linearly over R and 0 outside the curve.

    Args:
        counts: Counts (N, T, 4) of :func:`mmsteal.functional.edge_counts`.
        thresholds: The thresholds of the counts; by default T evenly spaced ones.
        absent: Scores of a class without any true edge pixel: `'nan'`, or `'zero'` as the
            historical code has it.
        absent_image: Threshold of the OIS in an image without a true edge pixel of the class, where
            F is 0 whatever is predicted: the `'best'` predicts least; `'first'` takes the
            lowest threshold with all its false positives, as the historical code has it.
        shared_recall: Of several thresholds with the same recall, the AP takes the precision of the
            `'first'`; `'last'` reproduces results of old MATLAB versions.

    Returns:
        The scores; see :class:`EdgeScores`.

    Raises:
        ValueError: If the counts have the wrong shape, are negative or match more pixels than there
            are, if the number of thresholds differs, or an option is unknown.

    Example:
        >>> counts = [[[9, 10, 9, 18], [6, 10, 6, 6]]]  # one image, two thresholds
        >>> scores = edge_scores(counts, thresholds=[0.3, 0.6])
        >>> round(scores.ois_f, 3), round(scores.ods_f, 3), round(scores.ods_threshold, 3)
        (0.75, 0.762, 0.524)
    """
    counts = np.asarray(counts)
    if counts.ndim != 3 or counts.shape[1] < 1 or counts.shape[2] != 4:
        raise ValueError(
            'Expected argument `counts` to have shape (N, T, 4), '
            f'but got {counts.shape}; stack the counts of the images of one class.'
        )
    if (counts < 0).any() or (counts[..., ::2] > counts[..., 1::2]).any():
        raise ValueError(
            'Expected argument `counts` to hold cntR, sumR, cntP, sumP with cntR <= sumR and '
            'cntP <= sumP, but some do not; check the order of the columns.'
        )
    for name, value, known in (
        ('absent', absent, ('nan', 'zero')),
        ('absent_image', absent_image, ('best', 'first')),
        ('shared_recall', shared_recall, ('first', 'last')),
    ):
        if value not in known:
            raise ValueError(f'Expected argument `{name}` to be one of {known}, but got {value!r}.')
    values = edge_thresholds(counts.shape[1] if thresholds is None else thresholds)
    if len(values) != counts.shape[1]:
        raise ValueError(
            f'Expected argument `thresholds` to be the {counts.shape[1]} thresholds of the counts, '
            f'but got {len(values)}; give those that the counts were made with.'
        )

    num_true = int(counts[:, 0, 1].sum())
    precision, recall = _precision_recall(counts.sum(axis=0))
    image_f = _f_measure(*_precision_recall(counts))
    best = image_f.argmax(axis=1)
    if absent_image == 'best':
        # F is 0 at every threshold there; the best one predicts least.
        no_edge = counts[:, 0, 1] == 0
        best[no_edge] = counts[no_edge, :, 3].argmin(axis=1)
    images = np.arange(len(counts))
    ods_threshold, ods_precision, ods_recall, ods_f = _best_between(values, precision, recall)
    ois_precision, ois_recall = _precision_recall(counts[images, best].sum(axis=0))
    # NaN spreads over all numbers of a class that has nothing to find.
    present = float('nan') if num_true == 0 and absent == 'nan' else 1.0
    return EdgeScores(
        ods_threshold=present * ods_threshold,
        ods_precision=present * ods_precision,
        ods_recall=present * ods_recall,
        ods_f=present * ods_f,
        ois_precision=present * float(ois_precision),
        ois_recall=present * float(ois_recall),
        ois_f=present * float(_f_measure(ois_precision, ois_recall)),
        ap=present * _area(precision, recall, shared_recall),
        max_precision_ap=present * _max_precision_ap(precision, recall),
        thresholds=values,
        precision=present * precision,
        recall=present * recall,
        f=present * _f_measure(precision, recall),
        image_threshold=values[best],
        image_f=np.where(counts[:, 0, 1] > 0, image_f[images, best], np.nan),
        num_true=num_true,
    )


def mean_scores(scores: Iterable[EdgeScores]) -> MeanScores:
    """Average the scores of classes, leaving out those that have none.

    Args:
        scores: The scores of each class. Absent classes (NaN) are left out; those that were scored
            with `absent='zero'` count as 0.

    Returns:
        The means and the number of classes that they are over; NaN and 0 if there is none.

    Example:
        >>> present = edge_scores([[[5, 10, 5, 5]]])
        >>> absent = edge_scores([[[0, 0, 0, 7]]])
        >>> mean = mean_scores([present, absent])
        >>> round(mean.ods_f, 3), mean.num_classes
        (0.667, 1)
    """
    rows = [(s.ods_f, s.ois_f, s.ap, s.max_precision_ap) for s in scores if not np.isnan(s.ods_f)]
    ods_f, ois_f, ap, max_precision_ap = (
        np.mean(rows, axis=0).tolist() if rows else [float('nan')] * 4
    )
    return MeanScores(
        ods_f=ods_f,
        ois_f=ois_f,
        ap=ap,
        max_precision_ap=max_precision_ap,
        num_classes=len(rows),
    )
