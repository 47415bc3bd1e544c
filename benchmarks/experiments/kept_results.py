"""Results that are kept as they come, so that an experiment goes on where it was killed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from mmsteal.label_formats.base import replace_files


def kept(path: Path, make: Callable[[], dict | list]) -> dict | list:
    """The content of a JSON file, made and written first if it is not there."""
    if path.is_file():
        return json.loads(path.read_text())
    found = make()
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_files({path: json.dumps(found).encode()})
    return found


def keep_settings(path: Path, settings: dict) -> None:
    """Refuse to go on in a folder whose results were made with other settings.

    Args:
        path: JSON file of the settings; written if it is not there.
        settings: What the results depend on, as JSON.

    Raises:
        SystemExit: If the file says otherwise.
    """
    if kept(path, lambda: settings) != settings:
        raise SystemExit(
            f'error: the results in {path.parent} were made with other settings, see {path}; '
            'choose another folder, or remove that one.'
        )
