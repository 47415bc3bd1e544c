"""A comparison as tables to read, and as CSV or JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from prettytable import PrettyTable

from mmsteal.comparison.label_comparison import ComparedImage, LabelComparison
from mmsteal.files import write_csv, write_file
from mmsteal.functional.labels.label_agreement import LabelAgreement

_NUMBERS = ('iou', 'distance_px', 'boundary_f', 'boundary_precision', 'boundary_recall')
_NOW = ['IoU', 'distance, px', 'boundary F']
_CHANGE = [
    'IoU before', 'IoU', 'change', 'px before', 'distance, px', 'F before', 'boundary F',
]  # fmt: skip


def class_table(comparison: LabelComparison) -> str:
    """One line a class, and the means over the classes; IoU and F in percent.

    Args:
        comparison (LabelComparison): What was found.
    """
    rows = []
    for name in comparison.classes:
        found = [comparison.of_class(name, baseline=flag) for flag in (False, True)]
        rows.append([name, *_cells(comparison, *found), comparison.num_images(name)])
    means = [comparison.mean(baseline=flag) for flag in (False, True)]
    rows.append(['mean', *_cells(comparison, *means), len(comparison.images)])
    return _table('class', comparison, ['images'], rows)


def image_table(comparison: LabelComparison, images: Iterable[ComparedImage]) -> str:
    """One line an image: means over its classes, and the class of the lowest IoU.

    Args:
        comparison (LabelComparison): What was found.
        images (Iterable[ComparedImage]): Some of its images, in the order of the lines.
    """
    rows = []
    for image in images:
        name, agreement = min(
            image.classes.items(), key=lambda found: found[1].iou, default=('', LabelAgreement())
        )
        worst = f'{name} {_percent(agreement.iou)}' if name else 'no object'
        rows.append([image.name, *_cells(comparison, image.mean, image.baseline_mean), worst])
    return _table('image', comparison, ['worst class'], rows)


def write_comparison(comparison: LabelComparison, path: str | Path) -> Path:
    """Write all numbers, as fractions and px.

    Args:
        comparison (LabelComparison): What was found.
        path (str | Path): The file: `.csv` has a row for each image and class, and one for each
            class over `all images`; `.json` also what could not be compared.

    Raises:
        ValueError: If the file is of another kind.
    """
    path = Path(path)
    check_report_name(path)
    if path.suffix == '.csv':
        write_csv(path, _table_rows(comparison))
    else:
        write_file(path, _as_json(comparison))
    return path


def check_report_name(path: str | Path) -> None:
    """Refuse a file of a kind that :func:`write_comparison` cannot write.

    Raises:
        ValueError: If it ends with neither .csv nor .json.
    """
    if Path(path).suffix not in ('.csv', '.json'):
        raise ValueError(f'Expected a file that ends with .csv or .json, but got {path}.')


def _table(
    first: str, comparison: LabelComparison, last: Sequence[str], rows: Sequence[list[Any]]
) -> str:
    table = PrettyTable([first, *(_CHANGE if comparison.has_baseline else _NOW), *last])
    table.align = 'r'
    table.align[first] = 'l'
    table.add_rows(rows)
    return table.get_string()


def _cells(comparison: LabelComparison, now: Any, before: Any) -> list[str]:
    """Numbers of a line, in the order of the header."""
    if not comparison.has_baseline:
        return [_percent(now.iou), _px(now.distance_px), _percent(now.boundary_f)]
    change = 100 * (now.iou - before.iou)
    return [
        _percent(before.iou), _percent(now.iou), '-' if math.isnan(change) else f'{change:+.1f}',
        _px(before.distance_px), _px(now.distance_px),
        _percent(before.boundary_f), _percent(now.boundary_f),
    ]  # fmt: skip


def _percent(value: float) -> str:
    return '-' if math.isnan(value) else f'{100 * value:.1f}'


def _px(value: float) -> str:
    return '-' if math.isnan(value) else f'{value:.2f}'


def _rows(comparison: LabelComparison) -> Iterable[dict[str, Any]]:
    """All numbers, a row for each image and class."""
    for name in comparison.classes:
        found = [comparison.of_class(name, baseline=flag) for flag in (False, True)]
        yield _row('all images', name, found, comparison)
    for image in comparison.images:
        for name in comparison.classes:
            if name in image.classes or name in image.baseline:
                found = [
                    table.get(name, LabelAgreement()) for table in (image.classes, image.baseline)
                ]
                yield _row(image.name, name, found, comparison)


def _row(
    image: str, name: str, found: Sequence[LabelAgreement], comparison: LabelComparison
) -> dict[str, Any]:
    row: dict[str, Any] = {'image': image, 'class': name}
    for agreement, prefix in zip(found, ('', 'baseline_'), strict=True):
        if not prefix or comparison.has_baseline:
            for key in _NUMBERS:
                value = getattr(agreement, key)
                row[prefix + key] = None if math.isnan(value) else round(value, 6)
    return row


def _table_rows(comparison: LabelComparison) -> Iterator[list[Any]]:
    prefixes = ('', 'baseline_') if comparison.has_baseline else ('',)
    header = ['image', 'class', *(prefix + key for prefix in prefixes for key in _NUMBERS)]
    yield header
    for row in _rows(comparison):
        yield [row[key] for key in header]


def _as_json(comparison: LabelComparison) -> str:
    rows = list(_rows(comparison))
    whole = len(comparison.classes)
    content = {
        'images': len(comparison.images),
        'classes': rows[:whole],
        'per_image': rows[whole:],
        'not_compared': comparison.problems,
        'only_in_labels': comparison.only_in_labels,
        'only_in_reference': comparison.only_in_reference,
        'unchecked_images': comparison.num_unchecked,
        'ignored_share': round(comparison.ignored_share, 6),
    }
    return json.dumps(content, indent=1, allow_nan=False) + '\n'
