"""How a command tells what is wrong with what it was given."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

_TOLD = 20


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


def tell_problems(prefix: str, problems: Mapping[str, str], *, more: str = '') -> None:
    """Print the first 20 problems to the standard error, and how many there are if more.

    Args:
        prefix: Begins each line.
        problems: Image or file -> what is wrong with it.
        more: Where to find those that are not printed.
    """
    for name, message in list(problems.items())[:_TOLD]:
        print(f'{prefix} {name}: {message}', file=sys.stderr)
    if len(problems) > _TOLD:
        rest = f', {more}' if more else ''
        print(f'{prefix} ... {len(problems)} in all{rest}', file=sys.stderr)
