"""How far a run is, and how long it will take."""

from __future__ import annotations

import sys
import time
from types import TracebackType

from tqdm import tqdm


class Progress:
    """A bar on a terminal; a line now and then in a log file.

    Args:
        total (int): Number of images.
        shown (bool): False: nothing.
        every_s (float): Seconds between two lines in a log.
        label (str): What stands in front.
    """

    def __init__(
        self, total: int, *, shown: bool = True, every_s: float = 30.0, label: str = 'refine'
    ) -> None:
        self.total = total
        self.every_s = every_s
        self.label = label
        self._done = self._errors = 0
        self._start = self._last = time.monotonic()
        on_terminal = shown and sys.stderr.isatty()
        self._bar = tqdm(total=total, unit='image', desc=label) if on_terminal else None
        self._lines = shown and not on_terminal

    def step(self, *, error: bool = False) -> None:
        """One more image is done."""
        self._done += 1
        self._errors += error
        if self._bar is not None:
            if error:
                self._bar.set_postfix(errors=self._errors)
            self._bar.update()
        now = time.monotonic()
        if self._lines and (now - self._last >= self.every_s or self._done == self.total):
            self._last = now
            print(self.line(now - self._start), file=sys.stderr, flush=True)

    def line(self, seconds: float) -> str:
        """What a log line says after so many seconds."""
        rate = self._done / max(seconds, 1e-9)
        left = (self.total - self._done) / max(rate, 1e-9)
        errors = f', {self._errors} errors' if self._errors else ''
        return (
            f'{self.label}: {self._done}/{self.total} images, {rate:.2f}/s, '
            f'{duration(left)} left{errors}'
        )

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.close()


def duration(seconds: float) -> str:
    """Hours, minutes and seconds.

    Example:
        >>> duration(3725), duration(61), duration(5)
        ('1:02:05', '1:01', '0:05')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f'{hours}:{minutes:02d}:{rest:02d}' if hours else f'{minutes}:{rest:02d}'
