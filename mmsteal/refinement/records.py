"""One record an image, written last: what is recorded is done."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from mmsteal.files import write_file
from mmsteal.label_formats.base import LabelItem
from mmsteal.refinement.settings import RefineSettings

REPORTS = 'reports'
PARAMETERS = 'parameters.json'


def report_path(out_dir: str | Path, name: str, suffix: str = '.json') -> Path:
    """`OUT/reports/NAME.json`."""
    return Path(out_dir) / REPORTS / f'{name}{suffix}'


def write_json(path: Path, value: Any) -> None:
    """Write a file whole or not at all; numbers that are not finite become null.

    Raises:
        OSError: If the disk refuses.
    """
    text = json.dumps(_finite(value), ensure_ascii=False, allow_nan=False)
    write_file(path, text)


def input_stamp(item: LabelItem, edge_file: Path | None) -> list[list[int]]:
    """Size and time of the files of an image: a changed label or edge map is done again."""
    stats = [path.stat() for path in (*item.labels, *([edge_file] if edge_file else []))]
    return [[stat.st_size, stat.st_mtime_ns] for stat in stats]


def read_record(out_dir: str | Path, name: str) -> dict[str, Any] | None:
    """The record of an image, or None where there is none that can be read."""
    try:
        record = json.loads(report_path(out_dir, name).read_bytes())
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) else None


def is_finished(
    settings: RefineSettings, fingerprint: str, item: LabelItem, edge_file: Path | None
) -> bool:
    """Whether an image was done with these parameters, from these files, and is still there."""
    record = read_record(settings.out_dir, item.name)
    if record is None or record.get('fingerprint') != fingerprint:
        return False
    try:
        if record.get('input') != input_stamp(item, edge_file):
            return False
    except OSError:
        return False
    return all((settings.labels_dir / file).is_file() for file in record.get('files', []))


def check_parameters(settings: RefineSettings, *, overwrite: bool) -> None:
    """Refuse to mix results of different parameters in one folder.

    Raises:
        ValueError: If the folder holds results of other parameters; what differs is named.
    """
    path = Path(settings.out_dir) / PARAMETERS
    try:
        earlier = json.loads(path.read_bytes())
    except OSError:
        return  # none yet; where the folder is the problem, writing will tell
    except ValueError:
        earlier = {}
    now = settings.parameters()
    changes = [
        f'{key}: {json.dumps(earlier.get(key))} -> {json.dumps(now.get(key))}'
        for key in sorted({*earlier, *now})
        if earlier.get(key) != now.get(key)
    ]
    if changes and not overwrite:
        raise ValueError(
            f'Expected the parameters of the earlier run in {settings.out_dir}, but got other '
            f'ones: {"; ".join(changes)}. Take another folder, or do all images again with '
            '--overwrite.'
        )


def write_parameters(settings: RefineSettings) -> None:
    """Leave the parameters of a run beside its results."""
    write_json(Path(settings.out_dir) / PARAMETERS, settings.parameters())


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(entry) for entry in value]
    if isinstance(value, float):
        return round(value, 6) if math.isfinite(value) else None
    return value
