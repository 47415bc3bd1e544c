"""Scores of all classes: made from counts, and written as a table or as named numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from prettytable import PrettyTable

from mmsteal.evaluation.protocol import BoundaryProtocol
from mmsteal.functional.scores.edge_scores import EdgeScores, MeanScores, edge_scores, mean_scores


@dataclass(frozen=True, eq=False)
class ClassScores:
    """Scores at one tolerance.

    Attributes:
        max_dist (float): The tolerance, a fraction of the diagonal.
        names (tuple[str, ...]): Names of the classes.
        scores (list[EdgeScores]): One per class.
        mean (MeanScores): Means over the classes that have ground truth.
    """

    max_dist: float
    names: tuple[str, ...]
    scores: list[EdgeScores]
    mean: MeanScores

    @property
    def single_point(self) -> bool:
        """Whether there is no curve, as for label maps."""
        return len(self.scores[0].thresholds) == 1

    def numbers(self) -> dict[str, float]:
        """Means in percent by name: MF_ODS, MF_OIS, AP, num_classes.

        Without a curve: MF, precision, recall, num_classes. There the one threshold is the best.
        """
        mean = self.mean
        if not self.single_point:
            numbers = dict(MF_ODS=100 * mean.ods_f, MF_OIS=100 * mean.ois_f, AP=100 * mean.ap)
        else:
            numbers = dict(
                MF=100 * mean.ods_f,
                precision=100 * self._mean('ods_precision'),
                recall=100 * self._mean('ods_recall'),
            )
        return {**numbers, 'num_classes': mean.num_classes}

    def table(self) -> str:
        """One line a class and one for the mean, in percent."""
        if self.single_point:
            columns = {'F': 'ods_f', 'precision': 'ods_precision', 'recall': 'ods_recall'}
        else:
            columns = {'MF(ODS)': 'ods_f', 'threshold': 'ods_threshold',
                       'precision': 'ods_precision', 'recall': 'ods_recall',
                       'OIS': 'ois_f', 'AP': 'ap'}  # fmt: skip
        table = PrettyTable(['class', *columns])
        table.align = 'r'
        table.align['class'] = 'l'
        for name, score in zip(self.names, self.scores, strict=True):
            table.add_row([name, *(_cell(key, getattr(score, key)) for key in columns.values())])
        mean = [
            '' if key == 'ods_threshold' else _cell(key, self._mean(key))
            for key in columns.values()
        ]
        table.add_row(['mean', *mean])
        return table.get_string()

    def _mean(self, key: str) -> float:
        values = [v for v in (getattr(s, key) for s in self.scores) if not np.isnan(v)]
        return float(np.mean(values)) if values else float('nan')


def _cell(key: str, value: float) -> str:
    return f'{value:.3f}' if key == 'ods_threshold' else f'{100 * value:.2f}'


def class_scores(
    counts: NDArray[np.integer],
    names: Sequence[str],
    protocol: BoundaryProtocol,
    max_dists: Sequence[float],
    *,
    absent: Literal['nan', 'zero'] = 'nan',
    absent_image: Literal['best', 'first'] = 'best',
) -> list[ClassScores]:
    """Score the counts of all images, at every tolerance.

    Args:
        counts: (N, D, K, T, 4), as :func:`mmsteal.evaluation.image_counts.image_counts` makes them.
        names: Names of the K classes.
        protocol: What the counts were made by.
        max_dists: The D tolerances.
        absent: See :func:`mmsteal.functional.edge_scores`.
        absent_image: See there.

    Returns:
        Scores at each tolerance.
    """
    result = []
    for d, max_dist in enumerate(max_dists):
        scores = [
            edge_scores(
                counts[:, d, k].astype(np.int64),
                thresholds=protocol.thresholds,
                absent=absent,
                absent_image=absent_image,
            )
            for k in range(counts.shape[2])
        ]
        result.append(ClassScores(max_dist, tuple(names), scores, mean_scores(scores)))
    return result
