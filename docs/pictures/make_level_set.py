"""level_set.jpg: a rough mask evolves, and the most likely of its outlines is taken.

python docs/pictures/make_level_set.py
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from coffee import photograph, rough_labels
from numpy.typing import NDArray
from picture_style import (
    ALIGNED,
    FAINT,
    GIVEN,
    MUTED,
    SMALL_PX,
    TEXT,
    Card,
    outline,
    picture_parser,
    points,
)

from mmsteal.functional import AlignOptions, align_masks, evolve_level_set, mask_edges
from mmsteal.functional.edge_maps.gradient_edges import gradient_edges
from mmsteal.functional.level_sets.speed import balloon_threshold, speed_function

MARGIN, GAP, PANEL_WIDTH, PANEL_HEIGHT, HEADER = 32, 16, 294, 244, 62
CROP = (slice(0, 241), slice(142, 432))  # rows, columns: the cup
NUM_ITERS, SMOOTHING, STOP_EVIDENCE = 60, 2, 0.6
PROB_FLOOR = AlignOptions().prob_floor


class Evolution(NamedTuple):
    """Masks and mean of -log f along their outlines by step, the step taken, and the speed g."""

    masks: dict[int, NDArray[np.bool_]]
    losses: dict[int, float]
    taken: int
    speed: NDArray[np.floating]


def main() -> None:
    """Read the options and draw."""
    args = picture_parser(__doc__, 'level_set.jpg').parse_args()
    edges = gradient_edges(photograph())
    draw(args.out, evolve(rough_labels() == 1, edges))


def evolve(mask: NDArray[np.bool_], edges: NDArray[np.float32]) -> Evolution:
    """All even steps of the evolution of one mask, and the one that `align_masks` takes."""
    speed = speed_function(edges[None])
    states = evolve_level_set(
        mask[None],
        speed,
        NUM_ITERS,
        checkpoints=range(0, NUM_ITERS + 1, 2),
        smoothing=SMOOTHING,
        balloon=1.0,
        threshold=balloon_threshold(STOP_EVIDENCE),
        border='replicate',
    )
    masks = {step: state[0] for step, state in states.items()}
    losses = {step: mean_loss(edges, state) for step, state in masks.items()}
    options = AlignOptions(num_iters=NUM_ITERS, smoothing=SMOOTHING, stop_evidence=STOP_EVIDENCE)
    _, (report,) = align_masks(mask[None], edges[None], options)
    return Evolution(masks, losses, report.step, speed[0])


def mean_loss(edges: NDArray[np.float32], mask: NDArray[np.bool_]) -> float:
    """Mean of -log f along the outline (Eq. 15)."""
    on_outline = mask_edges(mask, radius=1) != 0
    return float(-np.log(np.maximum(edges[on_outline], PROB_FLOOR)).mean())


def draw(path: Path, evolution: Evolution) -> None:
    """Write the picture."""
    card = Card(2 * MARGIN + 5 * PANEL_WIDTH + 4 * GAP, 760)
    slow = 1 - evolution.speed
    slow = (slow / slow.max())[CROP]
    taken = evolution.taken
    shown = (0, 10, 20, taken, NUM_ITERS)
    for column, step in enumerate(shown):
        x = MARGIN + column * (PANEL_WIDTH + GAP)
        color = color_of(step, taken)
        title = {0: 'given', taken: 'taken', NUM_ITERS: 'too far'}.get(step, '')
        card.text(x, HEADER - 14, f'step {step}', weight='bold', color=color, va='baseline')
        card.text(
            x + PANEL_WIDTH,
            HEADER - 14,
            title,
            size_px=SMALL_PX,
            color=MUTED,
            ha='right',
            va='baseline',
        )
        axes = card.image(x, HEADER, PANEL_WIDTH, PANEL_HEIGHT, slow)
        outline(axes, evolution.masks[step][CROP], color)
    plot_losses(card, evolution, shown)
    card.save(path)


def plot_losses(card: Card, evolution: Evolution, shown: tuple[int, ...]) -> None:
    """The lower half: the likelihood of each step."""
    top = HEADER + PANEL_HEIGHT + 46
    card.text(
        MARGIN,
        top,
        'Mean of -log f along the outline (Eq. 15): lower is more likely',
        size_px=SMALL_PX,
        color=MUTED,
    )
    card.text(
        card.width - MARGIN,
        top,
        'Above: bright where the speed g is low',
        size_px=SMALL_PX,
        color=MUTED,
        ha='right',
    )
    axes = card.panel(MARGIN + 70, top + 46, card.width - 2 * MARGIN - 70, 270)
    steps, losses = list(evolution.losses), list(evolution.losses.values())
    axes.plot(steps, losses, color=TEXT, linewidth=points(4))
    for step in shown:
        axes.plot(
            step,
            evolution.losses[step],
            'o',
            color=color_of(step, evolution.taken),
            markersize=points(22),
            clip_on=False,
            zorder=3,
        )
    axes.grid(axis='y', color=FAINT)
    axes.set(xlim=(-1.5, NUM_ITERS + 1.5), ylim=(0, 1.1 * max(losses)), xticks=range(0, 61, 10))
    axes.set_xlabel('step of the level set', color=MUTED, fontsize=points(SMALL_PX))


def color_of(step: int, taken: int) -> str:
    """The given outline, the one taken, and those between."""
    return {0: GIVEN, taken: ALIGNED}.get(step, TEXT)


if __name__ == '__main__':
    main()
