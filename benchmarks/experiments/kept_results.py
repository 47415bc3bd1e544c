"""Results that are kept as they come, so that an experiment resumes after it was killed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from mmsteal.files import write_file


def kept(path: Path, make: Callable[[], dict | list]) -> dict | list:
    """The content of a JSON file, made and written first if it is not there."""
    if path.is_file():
        return json.loads(path.read_text())
    found = make()
    path.parent.mkdir(parents=True, exist_ok=True)
    write_file(path, json.dumps(found))
    return found


def keep_settings(path: Path, settings: dict) -> None:
    """Refuse to go on in a folder whose results were made with other settings.

    Call it when the inputs have been checked: settings that cannot work would stay.

    Args:
        path: JSON file of the settings; written if it is not there.
        settings: What the results depend on, paths resolved.

    Raises:
        SystemExit: If the file says otherwise; with every setting that differs.
    """
    now = json.loads(json.dumps(settings))  # as the file would have it: tuples are lists
    before = kept(path, lambda: now)
    differing = [
        f'{key}: {before.get(key)!r} -> {now.get(key)!r}'
        for key in {**before, **now}
        if before.get(key) != now.get(key)
    ]
    if differing:
        raise SystemExit(
            f'error: the results in {path.parent} were made with other settings; choose another '
            'folder, or remove that one.\n' + '\n'.join(differing)
        )


def folder_name(name: str) -> str:
    """A name of a table as the name of a folder."""
    return '_'.join(''.join(c if c.isalnum() or c in '.=' else ' ' for c in name).split())
