"""The same small network, trained on drawn shapes with and without the losses that thin edges.

For scripts that have imported `picture_style`, which makes the experiments importable.
"""

from __future__ import annotations

from typing import NamedTuple

import edge_width
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

# Of the three of docs/thin_edges.md the one whose widths are nearest to their means.
SEED = 2
THICK, THIN = edge_width.PLAIN, edge_width.FULL


class Pair(NamedTuple):
    """Two networks that differ in their losses alone."""

    thick: nn.Module
    thin: nn.Module


def train_pair(steps: int = 300, num_images: int = 64) -> Pair:
    """Train both, on exact labels; the protocol is that of docs/thin_edges.md."""
    torch.set_num_threads(1)  # sums in the same order everywhere
    images, _, drawn = edge_width.scenes(SEED, num_images, 0.0)
    return Pair(*(edge_width.train(row, images, drawn, SEED, steps) for row in (THICK, THIN)))


def test_scenes(num_images: int) -> tuple[Tensor, Tensor]:
    """Images of the protocol that neither has seen, and their exact edges."""
    images, exact, _ = edge_width.scenes(10_000 + SEED, num_images, 0.0)
    return images, exact


@torch.no_grad()
def respond(model: nn.Module, gray: NDArray[np.floating]) -> NDArray[np.float32]:
    """Edge probability (H, W) of a grey image in [0, 1] whose sides are multiples of 4."""
    image = torch.from_numpy(gray.astype(np.float32))[None, None]
    return model(image).sigmoid()[0, 0].numpy()
