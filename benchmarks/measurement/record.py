"""Rows of the cases that have run, kept on disk."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

from measurement.machine import commit
from measurement.rows import Row, Target
from mmsteal.files import write_file


class Record:
    """Rows of the cases that have run, in a JSON file that is whole at any time.

    Args:
        path (Path | None): The file; None keeps the rows in memory.
        setup (dict): Hardware and options. Rows of another setup are not added to.
    """

    def __init__(self, path: Path | None, setup: dict[str, Any]) -> None:
        self.path = path
        self.setup = setup
        self.cases: dict[str, dict] = {}
        if path is not None and path.exists():
            content = json.loads(path.read_text())
            if content['setup'] != setup:
                raise SystemExit(
                    f'Expected the rows in {path} to be of this machine and these options,\n'
                    f'{setup},\nbut they are of\n{content["setup"]};\n'
                    'delete the file, or write to another one.'
                )
            self.cases = content['cases']

    def is_finished(self, case: str) -> bool:
        """Whether a case has run without an error."""
        return case in self.cases and not any(r['error'] for r in self.cases[case]['rows'])

    def add(self, case: str, rows: Iterable[Row]) -> None:
        """Keep the rows of a case."""
        written = [asdict(row) for row in rows]
        self.cases[case] = dict(date=f'{date.today()}', commit=commit(), rows=written)
        if self.path is not None:
            content = dict(setup=self.setup, cases=self.cases)
            write_file(self.path, json.dumps(content, indent=1))

    @property
    def rows(self) -> list[Row]:
        """All rows."""
        return [row_of(values) for case in self.cases.values() for values in case['rows']]


def row_of(values: dict) -> Row:
    """A row from what a record holds of it."""
    return Row(**{**values, 'targets': [Target(**target) for target in values['targets']]})
