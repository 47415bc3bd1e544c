"""teaser.jpg: rough labels that snap to the edges, and thick edges made thin.

python docs/pictures/make_teaser.py
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from coffee import NUM_CLICKS, photograph, rough_labels
from matplotlib.axes import Axes
from numpy.typing import NDArray
from picture_style import (
    ALIGNED,
    GIVEN,
    MUTED,
    SMALL_PX,
    Card,
    outline,
    picture_parser,
    tint,
)
from thick_and_thin import Pair, respond, train_pair

from mmsteal.functional import REFINE_OPTIONS, refine_label_map
from mmsteal.functional.edge_maps.gradient_edges import gradient_edges

MARGIN, GAP, PANEL, HEADER = 32, 20, 499, 62
PHOTO_HEIGHT = PANEL * 2 // 3
CROP = (slice(0, 216), slice(150, 474))  # rows, columns: the cup, for the second row


def main() -> None:
    """Read the options and draw."""
    args = picture_parser(__doc__, 'teaser.jpg').parse_args()
    draw(args.out, train_pair())


def draw(path: Path, networks: Pair) -> None:
    """Write the picture."""
    height = 2 * (HEADER + PHOTO_HEIGHT) + MARGIN // 2 + 24
    card = Card(2 * MARGIN + 3 * PANEL + 2 * GAP, height)
    refinement_row(card, MARGIN // 2)
    thinning_row(card, MARGIN // 2 + HEADER + PHOTO_HEIGHT + 8, networks)
    card.save(path)


def refinement_row(card: Card, top: float) -> None:
    """Rough labels, edges, refined labels."""
    image, labels = photograph(), rough_labels()
    edges = gradient_edges(image)
    options, classes = replace(REFINE_OPTIONS, smoothing=2), {1: 0, 2: 0, 3: 0}
    refined = refine_label_map(
        labels, edges[None], options, classes=classes, background=0, error_px=16
    ).label_map
    for column, (title, note, labels_shown, color) in enumerate(
        (
            ('Rough labels', f'{NUM_CLICKS} clicks', labels, GIVEN),
            ('Edges', 'here: color gradient', None, ''),
            ('Refined labels', 'by level sets', refined, ALIGNED),
        )
    ):
        if labels_shown is None:
            place(card, column, top, title, note, edges)
            continue
        axes = place(card, column, top, title, note, tint(image, labels_shown > 0, color))
        for value in (1, 2, 3):
            outline(axes, labels_shown == value, color)


def thinning_row(card: Card, top: float, networks: Pair) -> None:
    """The same network, trained with and without the losses that thin edges."""
    image = photograph()
    gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) / 255
    place(card, 0, top, 'Photograph', 'new to both', image[CROP])
    for column, (model, title, note) in enumerate(
        (
            (networks.thick, 'Cross entropy', 'thick edges'),
            (networks.thin, 'STEAL losses', 'thin edges'),
        ),
        start=1,
    ):
        place(card, column, top, title, note, respond(model, gray)[CROP])


def place(card: Card, column: int, top: float, title: str, note: str, pixels: NDArray) -> Axes:
    """A panel of a row with its title above."""
    x = MARGIN + column * (PANEL + GAP)
    card.text(x, top + HEADER - 14, title, weight='bold', va='baseline')
    card.text(
        x + PANEL, top + HEADER - 14, note, size_px=SMALL_PX, color=MUTED, ha='right', va='baseline'
    )
    return card.image(x, top + HEADER, PANEL, PHOTO_HEIGHT, np.asarray(pixels))


if __name__ == '__main__':
    main()
