"""The checkpoint that a training resumes from: the last one that is whole."""

from __future__ import annotations

import os
import re
import sys
import zipfile
import zlib
from pathlib import Path

_NUMBERED = re.compile(r'(?:iter|epoch)_(\d+)\.pth')


def last_checkpoint(work_dir: str | os.PathLike) -> str | None:
    """Find the checkpoint to resume from.

    It is the one that `last_checkpoint` names. Where that file is empty or gone, or names a file
    that is not there or is not whole, it is the newest of the others that is whole, and a line on
    the standard error says so. Nothing of a checkpoint is run to find out.

    Args:
        work_dir: Folder of the run, also after it was moved.

    Returns:
        Its path; None where the run has no checkpoint yet.

    Raises:
        ValueError: If there are checkpoints, but none is whole.
    """
    work_dir = Path(work_dir)
    try:
        named = Path((work_dir / 'last_checkpoint').read_text(encoding='utf-8').strip())
    except (OSError, ValueError):
        named = Path()
    if named.name:
        # The run may have been copied or moved, and the first one may live on.
        here = work_dir / named.name
        path = here if here.exists() else named
        if is_whole_checkpoint(path):
            return str(path)
    # Those of a hook with an `out_dir` are elsewhere.
    found = _newest_first(work_dir) or (_newest_first(named.parent) if named.name else [])
    whole = next((path for path in found if is_whole_checkpoint(path)), None)
    if whole is None and found:
        raise ValueError(
            f'Expected a checkpoint in {work_dir.resolve()} that can be read, but all are damaged: '
            f'{", ".join(path.name for path in found)}; remove them to begin anew.'
        )
    if whole is not None:
        what = f'{named} is missing or damaged' if named.name else 'no file says which is the last'
        print(f'resuming from {whole}: {what}', file=sys.stderr)
    elif named.name:
        print(f'{named} is gone, and there is no other checkpoint: beginning anew', file=sys.stderr)
    return None if whole is None else str(whole)


def is_whole_checkpoint(path: str | os.PathLike) -> bool:
    """Whether a file is a checkpoint of torch to its last byte, by its checksums.

    Args:
        path: The file. A folder, as some strategies write, is taken as it is.
    """
    if os.path.isdir(path):
        return True
    try:
        with zipfile.ZipFile(path) as file:
            return file.testzip() is None and any(
                name.endswith('/data.pkl') for name in file.namelist()
            )
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError):
        return False


def _newest_first(folder: Path) -> list[Path]:
    found = {}
    for path in folder.iterdir() if folder.is_dir() else ():
        match = _NUMBERED.fullmatch(path.name)
        if match:
            found[path] = (path.stat().st_mtime_ns, int(match[1]))
    return sorted(found, key=lambda path: found[path], reverse=True)
