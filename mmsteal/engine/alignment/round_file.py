"""The file that tells what the labels of a round were made of."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from mmsteal.files import write_file

ROUND_FILE = 'alignment.json'


def is_round(folder: Path, fingerprint: str) -> bool:
    """Whether a folder holds a round, whole or begun, of this fingerprint."""
    try:
        return json.loads((folder / ROUND_FILE).read_text())['fingerprint'] == fingerprint
    except (OSError, ValueError, KeyError):
        return False


def write_round(folder: Path, **content: Any) -> None:
    """Write the file.

    Args:
        folder (Path): Folder of the round.
        **content: Its `fingerprint`, and what else there is to tell.

    Raises:
        OSError: If the disk refuses.
    """
    write_file(folder / ROUND_FILE, json.dumps(content, indent=1, default=list))


def file_stamp(file: str) -> tuple[int, int] | None:
    """Size and time of change of a file; None where it is not on the disk."""
    try:
        stat = os.stat(file)
    except OSError:
        return None
    return stat.st_size, stat.st_mtime_ns
