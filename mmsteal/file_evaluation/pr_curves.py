"""Pictures of precision-recall curves."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mmsteal.file_evaluation.results import EvaluationResult
from mmsteal.files import write_file
from mmsteal.functional.scores.edge_scores import EdgeScores

# Colors that differ in lightness too (after Okabe and Ito), and dashes beyond their number.
_COLORS = ('#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#000000')
_DASHES = ('-', '--', ':', '-.')


@dataclass(frozen=True, eq=False)
class PRCurve:
    """A curve, or a point if there is one threshold.

    Attributes:
        name (str): Of the method.
        precision (np.ndarray): (T,).
        recall (np.ndarray): (T,).
        best (tuple[float, float, float]): Recall, precision and F of the best point.
        ap (float): Average precision; NaN if unknown.
    """

    name: str
    precision: np.ndarray
    recall: np.ndarray
    best: tuple[float, float, float]
    ap: float = float('nan')


def plot_pr_curves(curves: Sequence[PRCurve], *, title: str = '', note: str = '') -> bytes:
    """Plot curves over lines of equal F, best method first in the legend.

    Args:
        curves: The methods.
        title: Above the plot.
        note: Below it, such as the protocol.

    Returns:
        A PNG.
    """
    # Not through pyplot, which would keep the figure and choose a window system.
    figure = Figure(figsize=(5.6, 5.6), layout='constrained')
    axes = figure.add_subplot()
    _draw_iso_f(axes)
    order = sorted(range(len(curves)), key=lambda i: (-np.nan_to_num(curves[i].best[2]), i))
    for i in order:
        curve = curves[i]
        color, dash = _COLORS[i % len(_COLORS)], _DASHES[i // len(_COLORS) % len(_DASHES)]
        recall, precision, f = curve.best
        label = f'{curve.name}  F {100 * f:.1f}'
        if not np.isnan(curve.ap) and len(curve.recall) > 1:
            label += f', AP {100 * curve.ap:.1f}'
        if len(curve.recall) > 1:
            # Above the highest score nothing is predicted: precision is 0 by convention, no point.
            kept = curve.precision > 0
            axes.plot(curve.recall[kept], curve.precision[kept], dash, color=color, linewidth=1.8)
        axes.plot(
            [recall],
            [precision],
            dash if len(curve.recall) > 1 else 'none',
            marker='o' if len(curve.recall) > 1 else 'D',
            color=color,
            label=label,
            linewidth=1.8,
            markersize=6,
            markeredgecolor='white',
            zorder=3,
        )
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel='recall', ylabel='precision', aspect='equal')
    axes.set_xticks(np.arange(0, 1.01, 0.2))
    axes.set_yticks(np.arange(0, 1.01, 0.2))
    if title:
        axes.set_title(title)
    if note:
        figure.supxlabel(',\n'.join(_wrapped(note)), fontsize=7, color='0.35')
    if curves:
        axes.legend(loc='lower left', fontsize=9, framealpha=0.9)
    buffer = io.BytesIO()
    # No date or version in the file: the same curves give the same bytes.
    figure.savefig(buffer, format='png', dpi=130, metadata={'Software': None})
    return buffer.getvalue()


def write_pr_curves(result: EvaluationResult, out_dir: str | Path) -> list[Path]:
    """Write one picture per class with ground truth and one of the mean, all methods in each.

    Args:
        result: The scores; of several tolerances the first is drawn.
        out_dir: Folder; made if needed.

    Returns:
        The files; `mean.png` is the last one.
    """
    written = []
    by_method = {name: method.scores[0] for name, method in result.methods.items()}
    for k, class_name in enumerate(result.class_names):
        scores = {name: found.scores[k] for name, found in by_method.items()}
        if all(np.isnan(score.ods_f) for score in scores.values()):
            continue
        curves = [_curve(name, score) for name, score in scores.items()]
        plot = plot_pr_curves(curves, title=class_name, note=result.protocol.label)
        file = re.sub(r'\W+', '_', class_name)
        written.append(Path(out_dir) / f'{k + 1:03d}_{file}.png')
        write_file(written[-1], plot)
    if written:
        curves = [_mean_curve(name, found.scores) for name, found in by_method.items()]
        note = result.protocol.label
        number = next(iter(by_method.values())).mean.num_classes
        title = f'mean over {number} classes' if number > 1 else result.class_names[0]
        written.append(Path(out_dir) / 'mean.png')
        write_file(written[-1], plot_pr_curves(curves, title=title, note=note))
    return written


def _curve(name: str, score: EdgeScores) -> PRCurve:
    best = (score.ods_recall, score.ods_precision, score.ods_f)
    return PRCurve(name, score.precision, score.recall, best, score.ap)


def _mean_curve(name: str, scores: Sequence[EdgeScores]) -> PRCurve:
    """Means over classes at each threshold; the point is the mean of the classes' best points."""
    present = [s for s in scores if not np.isnan(s.ods_f)]
    best = (
        float(np.mean([s.ods_recall for s in present])),
        float(np.mean([s.ods_precision for s in present])),
        float(np.mean([s.ods_f for s in present])),
    )
    precision, recall = (
        np.mean([getattr(s, key) for s in present], axis=0) for key in ('precision', 'recall')
    )
    return PRCurve(name, precision, recall, best, float(np.mean([s.ap for s in present])))


def _draw_iso_f(axes: Axes) -> None:
    for f in np.arange(1, 10) / 10:
        recall = np.linspace(f / (2 - f), 1, 200)
        axes.plot(recall, f * recall / (2 * recall - f), color='0.85', linewidth=0.8, zorder=0)
        axes.annotate(
            f'F={f:.1f}', (1, f / (2 - f)), xytext=(3, 0), textcoords='offset points',
            fontsize=7, color='0.55', va='center', annotation_clip=False,
        )  # fmt: skip


def _wrapped(text: str, width: int = 95) -> list[str]:
    lines = ['']
    for part in text.split(', '):
        joined = f'{lines[-1]}, {part}' if lines[-1] else part
        if len(joined) > width:
            lines.append(part)
        else:
            lines[-1] = joined
    return lines
