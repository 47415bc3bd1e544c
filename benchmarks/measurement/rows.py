"""Rows of a table of times, and the targets that they have to meet."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Literal

HEADER = ('what', 'ours', 'reference', 'its time', 'ratio', 'target', 'met', 'peak memory', 'note')


@dataclass(frozen=True)
class Target:
    """A bound that a row has to keep.

    Attributes:
        quantity (str): 'speed-up': at least `bound` times as fast as the reference. 'overhead': at
            most `bound`, a fraction, longer than the reference. 'time': at most `bound` ms. 'peak':
            at most `bound` MiB.
        bound (float): The bound.
    """

    quantity: Literal['speed-up', 'overhead', 'time', 'peak']
    bound: float

    def is_met(self, row: Row) -> bool | None:
        """Whether a row keeps the bound; None if the row does not hold what it is about."""
        ratio = row.ratio
        if self.quantity == 'speed-up':
            return None if ratio is None else ratio >= self.bound
        if self.quantity == 'overhead':
            return None if ratio is None else ratio <= 1 + self.bound
        value = row.ours_ms if self.quantity == 'time' else row.peak_mib
        return None if value is None else value <= self.bound

    def __str__(self) -> str:
        return {
            'speed-up': f'≥ {self.bound:g} x',
            'overhead': f'≤ +{100 * self.bound:g} %',
            'time': f'≤ {time_text(self.bound)}',
            'peak': f'peak ≤ {mib_text(self.bound)}',
        }[self.quantity]


@dataclass
class Row:
    """One line of the table.

    Attributes:
        name (str): What was measured.
        ours_ms (float | None): Its time.
        reference (str): What it is compared with.
        reference_ms (float | None): The time of that.
        compares (str): 'speed-up': the ratio is reference / ours. 'overhead': ours does what the
            reference does and something more; the ratio is ours / reference.
        targets (list[Target]): Bounds to keep.
        peak_mib (float | None): Peak memory above what was in use before, unless the note says
            otherwise.
        note (str): Anything else.
        error (str): What went wrong; a row with an error is measured again.
    """

    name: str
    ours_ms: float | None = None
    reference: str = ''
    reference_ms: float | None = None
    compares: Literal['speed-up', 'overhead'] = 'speed-up'
    targets: list[Target] = field(default_factory=list)
    peak_mib: float | None = None
    note: str = ''
    error: str = ''

    @property
    def ratio(self) -> float | None:
        """How the two times compare; None without both."""
        if self.ours_ms is None or self.reference_ms is None:
            return None
        if self.compares == 'overhead':
            return self.ours_ms / self.reference_ms
        return self.reference_ms / self.ours_ms

    @property
    def met(self) -> bool | None:
        """Whether all targets are met; None without a target, or where one cannot be judged."""
        verdicts = [target.is_met(self) for target in self.targets]
        if False in verdicts:
            return False
        return None if None in verdicts or not verdicts else not self.error

    def cells(self) -> list[str]:
        """The cells of the line, under `HEADER`."""
        ratio = ''
        if self.ratio is not None:
            ratio = f'{self.ratio:.3g} x' if self.ratio < 100 else f'{self.ratio:.0f} x'
            if self.compares == 'overhead':
                ratio = f'{100 * (self.ratio - 1):+.1f} %'
        met = {True: 'yes', False: '**no**', None: 'unknown' if self.targets else ''}[self.met]
        return [
            self.name,
            time_text(self.ours_ms),
            self.reference,
            time_text(self.reference_ms),
            ratio,
            ', '.join(map(str, self.targets)),
            met,
            mib_text(self.peak_mib),
            '; '.join(filter(None, (self.error and f'**failed**: {self.error}', self.note))),
        ]


Case = Callable[[], Iterable[Row]]


def time_text(milliseconds: float | None) -> str:
    """A time in the unit that reads best."""
    if milliseconds is None:
        return ''
    for factor, unit, limit in ((1, 'ms', 1e3), (1e3, 's', 180e3), (60e3, 'min', 180 * 60e3)):
        if milliseconds < limit:
            return f'{milliseconds / factor:.3g} {unit}'
    return f'{milliseconds / 3600e3:.3g} h'


def mib_text(mib: float | None) -> str:
    """An amount of memory."""
    if mib is None:
        return ''
    return f'{mib:.0f} MiB' if mib >= 10 else f'{mib:.1f} MiB'


def table(rows: Iterable[Row]) -> str:
    """The rows as a Markdown table."""
    lines = [HEADER, ['---'] * len(HEADER), *(row.cells() for row in rows)]
    return '\n'.join(f'| {" | ".join(c.replace("|", "/") for c in cells)} |' for cells in lines)
