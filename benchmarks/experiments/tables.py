"""Tables of the experiments: every run in a CSV, mean and spread over the seeds in Markdown."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from mmsteal.files import write_files


def mean_and_spread(values: list[float], digits: int) -> str:
    """Mean and sample standard deviation; of a single value the value; `nan` if one is."""
    mean = np.mean(values)
    if len(values) == 1 or np.isnan(mean):
        return f'{mean:.{digits}f}'
    return f'{mean:.{digits}f} ± {np.std(values, ddof=1):.{digits}f}'


def markdown_lines(header: Iterable[object], rows: Iterable[Iterable[object]]) -> list[str]:
    """Lines of a Markdown table."""
    header = list(header)
    cells = [header, ['---'] * len(header), *rows]
    return [f'| {" | ".join(map(str, line))} |' for line in cells]


def write_results(
    folder: Path, rows: list[dict], lines: list[str], fields: Sequence[str] | None = None
) -> None:
    """Write results.csv and results.md, each whole or not at all.

    Args:
        folder: Made if needed.
        rows: A row of the CSV each.
        lines: The Markdown.
        fields: Columns of the CSV. None: those of the first row.

    Raises:
        ValueError: If a row holds something else; nothing is written then.
    """
    table = io.StringIO(newline='')
    writer = csv.DictWriter(table, fields or list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    folder.mkdir(parents=True, exist_ok=True)
    write_files({
        folder / 'results.csv': table.getvalue().encode(),
        folder / 'results.md': ('\n'.join(lines) + '\n').encode(),
    })  # fmt: skip
