"""How a command tells what is wrong with what it was given."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def user_errors() -> Iterator[None]:
    """Turn errors about files, values and missing packages into one line and exit status 1.

    Raises:
        SystemExit: With the message of a `ValueError`, `TypeError`, `OSError` or `ImportError` of
            the block: it says what was expected and what to do, and a traceback would hide it.

    Example:
        >>> with user_errors():
        ...     raise ValueError('Expected a folder.')
        Traceback (most recent call last):
        SystemExit: error: Expected a folder.
    """
    try:
        yield
    except (ValueError, TypeError, OSError, ImportError) as error:
        raise SystemExit(f'error: {error}') from error
