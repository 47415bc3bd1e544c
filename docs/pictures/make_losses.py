"""losses.jpg: what the losses do to the width of a response, with profiles across an edge.

python docs/pictures/make_losses.py
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from picture_style import (
    ALIGNED,
    FAINT,
    GIVEN,
    MUTED,
    SMALL_PX,
    TEXT,
    Card,
    picture_parser,
    points,
)
from response_width import REACH_PX, SEARCH_PX, edge_profiles, width_height_offset
from thick_and_thin import Pair, respond, test_scenes, train_pair
from torch import Tensor

from mmsteal.functional.losses.edge_geometry import edge_geometry

MARGIN, GAP, PANEL, HEADER = 32, 20, 340, 64


class Profile(NamedTuple):
    """Responses of both networks along the normal of one edge pixel of one image."""

    image: int
    x: float
    y: float
    angle: float
    thick: NDArray[np.float64]
    thin: NDArray[np.float64]


def main() -> None:
    """Read the options and draw."""
    args = picture_parser(__doc__, 'losses.jpg').parse_args()
    draw(args.out, train_pair())


def draw(path: Path, networks: Pair, num_images: int = 16) -> None:
    """Write the picture."""
    images, exact = test_scenes(num_images)
    widths, profile = typical_profile(networks, images, exact)
    image = images[profile.image, 0].numpy()

    card = Card(1600, HEADER + PANEL + 110)
    shown = (
        ('Image', np.repeat(np.uint8(255 * np.clip(image, 0, 1))[..., None], 3, axis=2), TEXT),
        ('Cross entropy', respond(networks.thick, image), GIVEN),
        ('+ STEAL losses', respond(networks.thin, image), ALIGNED),
    )
    reach_px = np.array([-1, 1]) * REACH_PX
    for column, (title, pixels, color) in enumerate(shown):
        x = MARGIN + column * (PANEL + GAP)
        card.text(x, HEADER - 14, title, weight='bold', color=color, va='baseline')
        axes = card.image(x, HEADER, PANEL, PANEL, pixels)
        line = (
            profile.x + reach_px * np.cos(profile.angle),
            profile.y + reach_px * np.sin(profile.angle),
        )
        limits = axes.get_xlim(), axes.get_ylim()
        axes.plot(*line, color=color, linewidth=points(4), solid_capstyle='round')
        axes.set(xlim=limits[0], ylim=limits[1])
    plot_profile(card, profile)
    card.text(
        MARGIN,
        HEADER + PANEL + 28,
        f'Full width at half maximum over {num_images} unseen images, mean: '
        f'{widths[0]:.1f} px with cross entropy, {widths[1]:.1f} px with the STEAL losses.\n'
        'Drawn shapes and a small network, labels exact. Bars: the widths of the two curves.',
        size_px=SMALL_PX,
        color=MUTED,
        linespacing=1.35,
    )
    card.save(path)


@torch.no_grad()
def typical_profile(networks: Pair, images: Tensor, exact: Tensor) -> tuple[NDArray, Profile]:
    """Mean widths of both networks, and the edge pixel whose own come nearest to them."""
    geometry = edge_geometry(exact)
    rows = np.stack([edge_profiles(model(images).sigmoid(), geometry) for model in networks])
    widths = np.array([[width_height_offset(profile)[0] for profile in row] for row in rows])
    means = np.nanmean(widths, axis=1)
    miss = np.abs(widths / means[:, None] - 1).sum(axis=0)
    miss[np.isnan(rows).any(axis=(0, 2))] = np.inf  # near the border of the image
    best = int(np.argmin(miss))
    x, y, angle = (float(v[best]) for v in (geometry.x, geometry.y, geometry.angle))
    image = int(geometry.maps[geometry.slot[best]])
    return means, Profile(image, x, y, angle, rows[0, best], rows[1, best])


def plot_profile(card: Card, profile: Profile) -> None:
    """The panel on the right: both responses along the line, and their widths."""
    left = MARGIN + 3 * PANEL + 2 * GAP + 84
    card.text(left, HEADER - 14, 'Along the line', weight='bold', va='baseline')
    axes = card.panel(left, HEADER, card.width - left - MARGIN, PANEL - 44)
    t = np.linspace(-1, 1, len(profile.thick)) * REACH_PX
    axes.axvline(0, color=FAINT, linewidth=points(3))
    for values, color, bar in ((profile.thick, GIVEN, -0.1), (profile.thin, ALIGNED, -0.22)):
        axes.plot(t, values, color=color, linewidth=points(5))
        width, height, _ = width_height_offset(values)
        near = np.flatnonzero(np.abs(t) <= SEARCH_PX)
        left_px, right_px = half_maximum(t, values, near[np.argmax(values[near])], height / 2)
        axes.plot(
            (left_px, right_px),
            (bar, bar),
            color=color,
            linewidth=points(12),
            solid_capstyle='butt',
        )
        axes.text(
            t[-1] - 0.5,
            bar,
            f'{width:.0f} px',
            color=color,
            fontsize=points(SMALL_PX),
            ha='right',
            va='center',
        )
    axes.set(xlim=(t[0], t[-1]), ylim=(-0.32, 1.02), xticks=[-10, 0, 10], yticks=[0, 0.5, 1])
    axes.set_xlabel('px from the true edge', color=MUTED, fontsize=points(SMALL_PX))


def half_maximum(
    t: NDArray[np.float64], values: NDArray[np.float64], peak: int, half: float
) -> tuple[float, float]:
    """Where the response falls to half on both sides of its peak; the end where it does not."""
    below = values < half
    left = t[: peak + 1][below[: peak + 1]]
    right = t[peak:][below[peak:]]
    return float(left[-1] if left.size else t[0]), float(right[0] if right.size else t[-1])


if __name__ == '__main__':
    main()
