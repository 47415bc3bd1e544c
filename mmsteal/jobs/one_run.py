"""One run at a time in a folder of results."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mmsteal.files import lock_file, remove_partial_files
from mmsteal.jobs.output import OutputError, writing_to

# Processes that are forked meanwhile, as those that load data, must not keep the lock of a run
# that was killed.
_held: set[int] = set()


@contextmanager
def one_run(folder: str | Path) -> Iterator[None]:
    """Have a folder of results for oneself: no other run writes to it at the same time.

    What killed runs left of files that they were writing is removed first. The system takes the
    lock back when the process ends, however it does. Where the file system has no locks, nothing is
    refused.

    Args:
        folder: Folder of the results; made if needed.

    Raises:
        OutputError: If another run has it, or it cannot be made.
    """
    with writing_to(folder):
        Path(folder).mkdir(parents=True, exist_ok=True)
    if not hasattr(os, 'register_at_fork'):  # Windows cannot lock a folder
        yield
        return
    descriptor = _lock(Path(folder))
    _held.add(descriptor)
    try:
        with writing_to(folder):
            remove_partial_files(folder)
        yield
    finally:
        _held.discard(descriptor)
        os.close(descriptor)


def _lock(folder: Path) -> int:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        lock_file(descriptor)
    except BlockingIOError:
        os.close(descriptor)
        raise OutputError(
            f'Expected no other run in {folder.resolve()}, but one is writing to it; wait for its '
            'end, or take another folder.'
        ) from None
    except OSError:
        pass  # no locks here
    return descriptor


def _close_copies() -> None:
    for descriptor in _held:
        with suppress(OSError):
            os.close(descriptor)
    _held.clear()


if hasattr(os, 'register_at_fork'):
    os.register_at_fork(after_in_child=_close_copies)
