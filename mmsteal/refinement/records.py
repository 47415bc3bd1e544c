"""Reports of a run: a record of each image, and the parameters of all of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mmsteal.files import json_value, path_under, write_file
from mmsteal.jobs import Records
from mmsteal.refinement.settings import RefineSettings

REPORTS = 'reports'
PARAMETERS = 'parameters.json'
# Of the numbers of reports.
DECIMALS = 6


def open_records(settings: RefineSettings) -> Records:
    """Records of the images of a run: `OUT/reports/NAME.json`."""
    return Records(Path(settings.out_dir) / REPORTS, results=settings.labels_dir)


def crop_path(out_dir: str | Path, name: str, index: int) -> Path:
    """Picture of an object and its surroundings, before and after: `OUT/reports/NAME.INDEX.png`."""
    return path_under(Path(out_dir) / REPORTS, f'{name}.{index}.png')


def write_json(path: Path, value: Any) -> None:
    """Write a file whole or not at all, numbers to six decimals.

    Raises:
        OSError: If the disk refuses.
    """
    write_file(path, json.dumps(json_value(value, DECIMALS), ensure_ascii=False, allow_nan=False))


def earlier_parameters(settings: RefineSettings) -> dict[str, Any]:
    """Parameters of the run whose results the output folder holds; empty where there are none."""
    try:
        found = json.loads((Path(settings.out_dir) / PARAMETERS).read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def check_parameters(settings: RefineSettings, *, overwrite: bool) -> None:
    """Refuse to mix results of different parameters in one folder.

    Args:
        settings: The run.
        overwrite: Whether all images are done again, so that nothing is mixed.

    Raises:
        ValueError: If the folder holds results of other parameters; what differs is named.
    """
    earlier = earlier_parameters(settings)
    if not earlier and not (Path(settings.out_dir) / PARAMETERS).is_file():
        return  # none yet; where the folder is the problem, writing will tell
    now = settings.parameters()
    # What the earlier run has measured is kept.
    if settings.set_error_px is None:
        earlier.pop('set_error_px', None)
        now.pop('set_error_px')
    if now['options'].get('set_offset', 0) is None:
        now['options'].pop('set_offset')
        earlier['options'] = {
            key: value
            for key, value in (earlier.get('options') or {}).items()
            if key != 'set_offset'
        }
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
