"""All records of a run as one table, and in short."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from mmsteal.files import write_csv
from mmsteal.jobs import Records
from mmsteal.label_formats.base import LabelItem

# Column -> key of the record of an object; of that of its image for the last two.
COLUMNS = {
    'object': 'object',
    'instance': 'instance',
    'class': 'class',
    'status': 'status',
    'reason': 'reason',
    'step': 'step',
    'loss_given': 'loss_given',
    'loss_proposed': 'loss_proposed',
    'mean_displacement_px': 'mean_displacement_px',
    'max_displacement_px': 'max_displacement_px',
    'area_before': 'area_given',
    'area_after': 'area_refined',
    'iou_with_given': 'iou_with_given',
    'num_restored': 'num_restored',
    'offset_px': 'offset_px',
    'expected_gain': 'expected_gain',
    'estimated_iou': 'estimated_iou',
    'error_px': 'error_px',
    'engine': 'engine',
}


def records_of(records: Records, items: Iterable[LabelItem]) -> Iterator[dict[str, Any]]:
    """The records of images, one at a time."""
    for item in items:
        record = records.read(item.name)
        if record is not None:
            yield record


def write_object_table(
    path: Path, records: Iterable[dict[str, Any]]
) -> Counter[tuple[str, str, str]]:
    """Write a row an object.

    Args:
        path: The CSV file.
        records: Records of images.

    Returns:
        Objects by class, status and reason.
    """
    counts: Counter[tuple[str, str, str]] = Counter()

    def rows() -> Iterator[list[Any]]:
        yield ['image', *COLUMNS]
        for record in records:
            for entry in record['objects']:
                counts[entry['class'], entry['status'], entry['reason']] += 1
                cells = {**entry, 'error_px': record['error_px'], 'engine': record['engine']}
                yield [record['name'], *(_cell(cells[key]) for key in COLUMNS.values())]

    write_csv(path, rows())
    return counts


def count_images(records: Iterable[dict[str, Any]]) -> tuple[int, Counter[str]]:
    """How many images have no object, and the shapes of all that are no objects, by kind."""
    num_empty = 0
    unread: Counter[str] = Counter()
    for record in records:
        num_empty += not record['objects']
        unread.update(record['unread'])
    return num_empty, unread


def summarize(counts: Counter[tuple[str, str, str]]) -> dict[str, Any]:
    """Objects by what happened to them, and the same for each class.

    Example:
        >>> summarize(Counter({('car', 'moved', ''): 2, ('car', 'kept', 'no gain'): 1}))['objects']
        {'moved': 2, 'kept: no gain': 1}
    """
    total: Counter[str] = Counter()
    classes: dict[str, Counter[str]] = {}
    for (name, status, reason), number in sorted(counts.items()):
        what = f'{status}: {reason}' if reason else status
        total[what] += number
        classes.setdefault(name, Counter())[what] += number
    return {
        'objects': dict(sorted(total.items(), key=lambda pair: -pair[1])),
        'classes': {name: dict(found) for name, found in classes.items()},
        'without_edge_map': sorted({name for name, _, why in counts if why == 'no edge map'}),
    }


def _cell(value: Any) -> Any:
    if isinstance(value, float):
        return f'{value:.6g}'
    return '' if value is None else value
