"""How many images the commands work on at once."""

from __future__ import annotations

import argparse
import os


def add_workers(parser: argparse._ActionsContainer) -> None:
    """Add `--workers`, threads."""
    parser.add_argument(
        '--workers', type=int, default=available_cores(), help='threads (all cores)'
    )


def available_cores() -> int:
    """Cores that this process may use; where the system does not tell, those that there are."""
    if hasattr(os, 'sched_getaffinity'):  # not on macOS and Windows
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
