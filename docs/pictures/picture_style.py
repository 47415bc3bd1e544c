"""How all pictures of the documentation look: one card, one palette, sizes in pixels.

The card is dark and opaque, so a picture reads the same on a white and on a dark page.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent.parent
# Where the networks and measures come from that two of the pictures show.
sys.path.append(str(ROOT / 'benchmarks' / 'experiments'))

CARD, FAINT, MUTED, TEXT = '#10161f', '#2b3647', '#a3b3c6', '#f2f5f9'
GIVEN, ALIGNED, EXACT = '#ffb000', '#38d9f5', '#ffffff'  # states of a label, everywhere
EDGES = LinearSegmentedColormap.from_list('edges', [CARD, '#1c4f82', '#38a9f5', '#ffffff'])

# Pages show the pictures at about half of their size; text of 26 px is read as one of 13.
SMALL_PX, BODY_PX, TITLE_PX = 26, 29, 34
DPI = 100


class Card:
    """A dark rectangle on which panels and text are placed in pixels from the upper left.

    Args:
        width: Width in pixels.
        height: Height in pixels.
    """

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.figure = Figure(figsize=(width / DPI, height / DPI), dpi=DPI, facecolor=CARD)

    def panel(self, x: float, y: float, width: float, height: float) -> Axes:
        """Axes whose upper left corner is at x, y."""
        box = (
            x / self.width,
            1 - (y + height) / self.height,
            width / self.width,
            height / self.height,
        )
        axes = self.figure.add_axes(box, facecolor=CARD)
        for spine in axes.spines.values():
            spine.set_color(FAINT)
        axes.tick_params(colors=MUTED, labelsize=points(SMALL_PX), length=0)
        return axes

    def image(
        self, x: float, y: float, width: float, height: float, pixels: NDArray, **options
    ) -> Axes:
        """A panel with an image that fills it; numbers in [0, 1] are shown as edges."""
        axes = self.panel(x, y, width, height)
        defaults = {'interpolation': 'bicubic', 'aspect': 'auto'}
        if pixels.ndim == 2:
            defaults |= {'cmap': EDGES, 'vmin': 0, 'vmax': 1}
        axes.imshow(pixels, **defaults | options)
        axes.set(xticks=[], yticks=[])
        return axes

    def text(self, x: float, y: float, text: str, **options) -> None:
        """Text whose upper left corner is at x, y, unless alignments say otherwise."""
        defaults = {'size_px': BODY_PX, 'color': TEXT, 'ha': 'left', 'va': 'top'} | options
        size = points(defaults.pop('size_px'))
        self.figure.text(x / self.width, 1 - y / self.height, text, fontsize=size, **defaults)

    def save(self, path: Path) -> None:
        """Write a PNG or JPEG, the same bytes from the same pixels."""
        path.parent.mkdir(parents=True, exist_ok=True)
        canvas = FigureCanvasAgg(self.figure)
        canvas.draw()
        pixels = np.asarray(canvas.buffer_rgba())[..., :3]
        options = {'quality': 84} if path.suffix == '.jpg' else {}
        Image.fromarray(pixels).save(path, optimize=True, **options)
        print(f'{path}: {self.width} x {self.height}, {path.stat().st_size / 1000:.0f} kB')


def points(size_px: float) -> float:
    """A font size or line width in pixels, in the points that matplotlib counts in."""
    return size_px * 72 / DPI


def outline(
    axes: Axes, mask: NDArray[np.bool_], color: str, width_px: float = 3.5, **options
) -> None:
    """Draw the outline of a mask, on a dark rim that sets it off from any image."""
    lines = {'levels': [0.5], 'antialiased': True} | options
    field = np.asarray(mask, np.float32)
    if field.min() == field.max():
        return  # no outline
    rim = axes.contour(field, colors=CARD, linewidths=points(width_px + 2), **lines)
    rim.set_alpha(0.7)
    axes.contour(field, colors=color, linewidths=points(width_px), **lines)


def tint(image: NDArray[np.uint8], mask: NDArray[np.bool_], color: str) -> NDArray[np.uint8]:
    """The image with a breath of color inside of the mask."""
    paint = 255 * np.array(matplotlib.colors.to_rgb(color))
    mixed = np.where(mask[..., None], 0.85 * image + 0.15 * paint, image)
    return np.rint(mixed).astype(np.uint8)


def picture_parser(docstring: str, name: str) -> argparse.ArgumentParser:
    """The option that every script of a picture has."""
    parser = argparse.ArgumentParser(description=docstring.splitlines()[0])
    default = Path(__file__).resolve().parent / name
    parser.add_argument('--out', type=Path, default=default, help='file to write')
    return parser
