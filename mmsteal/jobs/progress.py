"""How far a job is, and how long it will take."""

from __future__ import annotations

import sys
from collections.abc import Callable

from tqdm import tqdm

Say = Callable[[str], object]

_SECONDS = 30.0
_LINE = '{desc}: {n_fmt}/{total_fmt} images, {rate_noinv_fmt}, {remaining} left{postfix}'


def progress_bar(total: int, *, label: str, initial: int = 0, shown: bool | Say = True) -> tqdm:
    """A bar on a terminal; elsewhere, as in the log of a cluster, a line now and then.

    Args:
        total: Number of images.
        label: What stands in front.
        initial: Images that are done already.
        shown: False: nothing. A function: it is called with each line, wherever the job runs.

    Returns:
        The bar, to be used in a `with` block.
    """
    if shown is True and sys.stderr.isatty():
        return tqdm(total=total, initial=initial, desc=label, unit='image', smoothing=0.05)
    return tqdm(
        total=total,
        initial=initial,
        desc=label,
        disable=not shown,
        unit='',
        file=_Lines(shown if callable(shown) else _print_line),
        bar_format=_LINE,
        mininterval=_SECONDS,
        miniters=1,
    )


class _Lines:
    """What tqdm takes for a terminal: whatever it draws becomes a line of its own."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self._last = ''

    def write(self, text: str) -> None:
        line = ' '.join(text.split())
        if line and line != self._last:
            self._last = line
            self._say(line)

    def flush(self) -> None:
        pass


def _print_line(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
