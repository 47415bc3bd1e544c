"""How every command ends when it is stopped, or the disk refuses: in one line, with its status."""

from __future__ import annotations

import errno
import functools
import logging
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

Main = Callable[..., None]

_REMEDIES = {errno.ENOSPC: 'make room', errno.EDQUOT: 'make room'}


class Terminated(KeyboardInterrupt):
    """The process was asked to end by SIGTERM; what tidies up after Ctrl-C does it here, too."""


def command(*, again: str = '') -> Callable[[Main], Main]:
    """Make the main function of a command end well.

    Ctrl-C ends it with one line and status 130, SIGTERM with 143; an error of the system, such as a
    full disk, with one line and status 1. Files that were being written are gone then.

    Args:
        again: How to go on, where the command does not begin anew: 'the same command resumes'.

    Returns:
        Decorator of a function that takes the arguments of the command line.
    """
    hint = f'; {again}' if again else ''

    def decorate(main: Main) -> Main:
        @functools.wraps(main)
        def run(argv: Sequence[str] | None = None) -> None:
            _print_any_name()
            with _quiet_logging(), _terminated() as was_terminated:
                try:
                    main(argv)
                except Terminated:
                    _leave(f'terminated{hint}', signal.SIGTERM)
                except KeyboardInterrupt:
                    _leave(f'interrupted{hint}', signal.SIGINT)
                except Exception as error:
                    if was_terminated():  # as where a worker was told first
                        _leave(f'terminated{hint}', signal.SIGTERM)
                    told = _told(error) if isinstance(error, OSError) else ''
                    if not told or '\n' in told:  # of another process, with its traceback
                        raise
                    # Of a file that we miss, or that is in the way, we say ourselves what to do.
                    files = FileExistsError | FileNotFoundError
                    ours = isinstance(error, files) and error.errno is None
                    raise SystemExit(
                        f'error: {told}{"" if ours or again in told else hint}'
                    ) from error

        return run

    return decorate


def _print_any_name() -> None:
    """A file name that is no text is printed with escapes, as on the standard error."""
    reconfigure = getattr(sys.stdout, 'reconfigure', None)
    if reconfigure is not None and sys.stdout.errors == 'strict':
        reconfigure(errors='backslashreplace')


def _leave(line: str, number: signal.Signals) -> None:
    print(f'\n{line}', file=sys.stderr, flush=True)
    raise SystemExit(128 + number) from None


def _told(error: OSError) -> str:
    """The error in one line, and what to do."""
    where = f'{error.filename}: ' if error.filename else ''
    remedy = _REMEDIES.get(error.errno or 0)
    return f'{where}{error.strerror or error}{f"; {remedy}" if remedy else ""}'


@contextmanager
def _terminated() -> Iterator[Callable[[], bool]]:
    """Raise :class:`Terminated` at a SIGTERM; tells whether there was one."""
    seen: list[int] = []

    def stop(number: int, frame: Any) -> None:
        seen.append(number)
        raise Terminated

    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield lambda: bool(seen)
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _quiet_logging() -> Iterator[None]:
    """A log that cannot be written is no reason for a traceback a line."""
    before, logging.raiseExceptions = logging.raiseExceptions, False
    try:
        yield
    finally:
        logging.raiseExceptions = before
