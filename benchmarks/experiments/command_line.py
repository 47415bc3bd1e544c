"""What the command lines of the experiments share: types of options, and a check of the inputs."""

from __future__ import annotations

import argparse
from pathlib import Path


def positive_int(text: str) -> int:
    """A type of argparse: an integer of at least 1."""
    return _int_from(text, 1)


def seed_number(text: str) -> int:
    """A type of argparse: an integer of at least 0."""
    return _int_from(text, 0)


def _int_from(text: str, least: int) -> int:
    try:
        value = int(text)
    except ValueError:
        value = least - 1
    if value < least:
        raise argparse.ArgumentTypeError(f'expected an integer of at least {least}, got {text!r}')
    return value


def require_inputs(*paths: str | Path | None) -> None:
    """Stop before anything is written where a file or folder is missing; None is not asked for.

    Raises:
        SystemExit: With all that are missing.
    """
    missing = [str(path) for path in paths if path is not None and not Path(path).exists()]
    if missing:
        raise SystemExit(f'error: expected as inputs, but did not find: {", ".join(missing)}.')
