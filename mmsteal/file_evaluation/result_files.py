"""Scores as files: results.json, results.csv, per_image.csv. The same bytes for the same scores."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

import numpy as np

from mmsteal.file_evaluation.results import EvaluationResult, MethodResult
from mmsteal.files import json_value, write_csv, write_file
from mmsteal.functional.scores.edge_scores import EdgeScores
from mmsteal.version import __version__

_MEANS = ('ods_f', 'ois_f', 'ap', 'max_precision_ap')
_NUMBERS = ('ods_f', 'ods_threshold', 'ods_precision', 'ods_recall', 'ois_f', 'ois_precision',
            'ois_recall', 'ap', 'max_precision_ap')  # fmt: skip


def write_results(result: EvaluationResult, out_dir: str | Path) -> list[Path]:
    """Write results.json, results.csv and per_image.csv.

    Args:
        result: The scores.
        out_dir: Folder; made if needed.

    Returns:
        The files.
    """
    out_dir = Path(out_dir)
    files = [out_dir / name for name in ('results.json', 'results.csv', 'per_image.csv')]
    write_file(files[0], json.dumps(_as_json(result), indent=1, allow_nan=False) + '\n')
    write_csv(files[1], _class_rows(result))
    write_csv(files[2], _image_rows(result))
    return files


def worst_images(result: EvaluationResult, method: str, number: int = 5) -> list[tuple[str, float]]:
    """The images of lowest F, as (name, mean over the classes present of F at the ODS threshold).

    Args:
        result: The scores.
        method: Name of the method.
        number: How many.
    """
    found = result.methods[method]
    f = np.stack([_image_f_at_ods(found, 0, k)[0] for k in range(len(result.class_names))])
    present = found.counts[:, 0, :, 0, 1].T > 0
    means = np.where(present, f, 0).sum(axis=0) / np.maximum(present.sum(axis=0), 1)
    order = [i for i in np.argsort(means, kind='stable') if present[:, i].any()]
    return [(result.names[i], float(means[i])) for i in order[:number]]


def _image_f_at_ods(method: MethodResult, d: int, k: int) -> tuple[np.ndarray, int]:
    """F of each image at the threshold nearest to the best one of the whole set, and its index."""
    scores = method.scores[d].scores[k]
    if np.isnan(scores.ods_threshold):
        return np.full(len(method.counts), np.nan), 0
    t = int(np.abs(scores.thresholds - scores.ods_threshold).argmin())
    c = method.counts[:, d, k, t].astype(np.float64)
    # With one ground truth F is 2 m / (true + predicted); with annotators the general form.
    precision, recall = c[:, 2] / np.maximum(c[:, 3], 1), c[:, 0] / np.maximum(c[:, 1], 1)
    return 2 * precision * recall / np.where(precision + recall > 0, precision + recall, 1), t


def _as_json(result: EvaluationResult) -> dict:
    protocol = asdict(result.protocol)
    protocol.pop('max_dist')
    return dict(
        mmsteal=__version__,
        protocol=json_value(protocol),
        max_dists=list(result.max_dists),
        num_images=len(result.names),
        classes=list(result.class_names),
        methods=[
            dict(
                name=name,
                protocol=method.protocol.label,
                missing_counted_as_empty=[', '.join(pair) for pair in method.missing],
                scores=[_scores_as_json(method, d) for d in range(len(method.scores))],
            )
            for name, method in result.methods.items()
        ],
    )  # fmt: skip


def _scores_as_json(method: MethodResult, d: int) -> dict:
    scores = method.scores[d]
    return json_value(dict(
        max_dist=scores.max_dist,
        thresholds=scores.scores[0].thresholds,
        mean=asdict(scores.mean),
        classes=[
            dict(
                name=name,
                num_images=_num_images(method, d, k),
                num_true=score.num_true,
                **{key: getattr(score, key) for key in _NUMBERS},
                precision=score.precision,
                recall=score.recall,
            )
            for k, (name, score) in enumerate(zip(scores.names, scores.scores, strict=True))
        ],
    ))  # fmt: skip


def _num_images(method: MethodResult, d: int, k: int) -> int:
    return int((method.counts[:, d, k, 0, 1] > 0).sum())


def _class_rows(result: EvaluationResult) -> Iterable[list]:
    yield ['method', 'max_dist', 'class', *_NUMBERS, 'num_images', 'num_true']
    for name, method in result.methods.items():
        for d, scores in enumerate(method.scores):
            for k, (class_name, score) in enumerate(zip(scores.names, scores.scores, strict=True)):
                numbers = [_number(getattr(score, key)) for key in _NUMBERS]
                yield [name, scores.max_dist, class_name, *numbers, _num_images(method, d, k),
                       score.num_true]  # fmt: skip
            means = [
                _number(getattr(scores.mean, key)) if key in _MEANS else '' for key in _NUMBERS
            ]
            yield [name, scores.max_dist, f'mean of {scores.mean.num_classes}', *means,
                   len(result.names), '']  # fmt: skip


def _image_rows(result: EvaluationResult) -> Iterable[list]:
    """One row per image and class that is there, or of which something is predicted."""
    yield ['method', 'max_dist', 'image', 'class', 'best_f', 'best_threshold', 'f_at_ods',
           'num_true', 'num_predicted_at_ods']  # fmt: skip
    for name, method in result.methods.items():
        for d, scores in enumerate(method.scores):
            columns = [_image_f_at_ods(method, d, k) for k in range(len(scores.names))]
            for i, image in enumerate(result.names):
                for k, (class_name, score) in enumerate(
                    zip(scores.names, scores.scores, strict=True)
                ):
                    f, t = columns[k]
                    num_true, num_predicted = (int(method.counts[i, d, k, t, c]) for c in (1, 3))
                    if num_true or num_predicted:
                        yield [name, scores.max_dist, image, class_name,
                               *_image_numbers(score, f, i, num_true), num_true,
                               num_predicted]  # fmt: skip


def _image_numbers(score: EdgeScores, f: np.ndarray, i: int, num_true: int) -> list:
    if not num_true:
        return ['', '', '']
    return [_number(v) for v in (score.image_f[i], score.image_threshold[i], f[i])]


def _number(value: float) -> str:
    return '' if math.isnan(value) else f'{value:.6f}'
