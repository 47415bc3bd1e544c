"""Curves of what a training run logged."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure


def plot_training_curves(
    scalars_path: str | os.PathLike[str], panels: Sequence[str | Sequence[str]]
) -> bytes:
    """Plot what mmengine logged to `vis_data/scalars.json`.

    The horizontal axis is the logged step: the iteration, for validation too if the logger hook
    has `log_metric_by_epoch=False`.

    Args:
        scalars_path: The file, one JSON object a line.
        panels: One panel each: the name of a value, or several names that share a panel.

    Returns:
        The plot as PNG.

    Raises:
        FileNotFoundError: If the file is missing.
        ValueError: If a line is no JSON object, `panels` is empty, or the file holds no value of
            a given name.
    """
    records = _read_records(Path(scalars_path))
    known = sorted({key for record in records for key in record} - {'step'})
    groups = [[panel] if isinstance(panel, str) else list(panel) for panel in panels]
    missing = sorted({key for group in groups for key in group} - set(known))
    if missing or not groups or not all(groups):
        raise ValueError(
            f'Expected argument `panels` to name values of {scalars_path}, which holds {known}, '
            f'but got {list(panels)}; not there: {missing}.'
        )
    # Not through pyplot, which would keep the figure and choose a window system.
    figure = Figure(figsize=(4.6 * len(groups), 3.2), layout='constrained')
    for axes, group in zip(figure.subplots(1, len(groups), squeeze=False)[0], groups, strict=True):
        for key in group:
            points = [(record['step'], record[key]) for record in records if key in record]
            axes.plot(*zip(*points, strict=True), label=key, marker='.', markersize=4)
        axes.set_xlabel('iteration')
        axes.grid(alpha=0.3)
        axes.legend(frameon=False)
    buffer = io.BytesIO()
    figure.savefig(buffer, format='png', dpi=130)
    return buffer.getvalue()


def _read_records(path: Path) -> list[dict]:
    records = []
    for number, line in enumerate(path.read_text(encoding='utf-8').splitlines(), start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
            record['step']
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(
                f'Expected line {number} of {path} to be a JSON object with a `step`, as '
                f'mmengine logs it, but got {line[:80]!r}; delete the line if the run was cut off.'
            ) from error
        records.append(record)
    return records
