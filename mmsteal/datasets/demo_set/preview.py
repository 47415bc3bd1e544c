"""The demo set for people: a contact sheet, and the outlines of its objects."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mmsteal.datasets.demo_set.painter import CLASSES, PALETTE


def preview_demo_set(root: str | os.PathLike[str], *, num_images: int = 8) -> NDArray:
    """Contact sheet of a demo set: image, exact edges and noisy edges side by side.

    Args:
        root: Folder written by :func:`write_demo_set`.
        num_images: Number of training images to show, two in a row.

    Returns:
        RGB image, uint8.
    """
    root = Path(root)
    cells = []
    for file in sorted((root / 'images' / 'train').glob('*.jpg'))[:num_images]:
        image = np.asarray(Image.open(file))
        views = [cv2.resize(image, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)]
        for prefix in ('', 'noisy_'):
            maps = (
                np.asarray(Image.open(root / f'{prefix}{kind}' / 'train' / f'{file.stem}.png'))
                for kind in ('labels', 'instances')
            )
            views.append(draw_instance_edges(image, *maps, zoom=2))
        cells.append(np.hstack([_frame(view, 3) for view in views]))
    cells += [np.full_like(cells[0], 255)] * (len(cells) % 2)
    sheet = np.vstack([np.hstack(cells[i : i + 2]) for i in range(0, len(cells), 2)])

    header = np.full((64, sheet.shape[1], 3), 255, np.uint8)
    for index, title in enumerate(('image', 'exact edges', 'noisy edges') * 2):
        _write_text(header, title, index * sheet.shape[1] // 6 + 6, 54, (0, 0, 0))
    x = 6
    for name, color in zip(CLASSES, PALETTE, strict=True):
        cv2.rectangle(header, (x, 8), (x + 18, 26), color, -1)
        x = _write_text(header, name, x + 24, 24, (0, 0, 0)) + 24
    return np.vstack([header, sheet])


def draw_instance_edges(
    image: NDArray,
    labels: NDArray[np.integer],
    instances: NDArray[np.integer],
    *,
    zoom: int = 2,
) -> NDArray:
    """Draw the outline of every instance, in the color of its class, over a dimmed image.

    Args:
        image: RGB image of shape (H, W, 3), uint8.
        labels: Label map of shape (H, W) with the labels of the demo set.
        instances: Instance ids of shape (H, W), 0 = background.
        zoom: Magnification, so that the lines stay thin.

    Returns:
        RGB image of shape (zoom * H, zoom * W, 3), uint8.
    """
    large = cv2.resize(image, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_CUBIC)
    drawn = (large * 0.45).astype(np.uint8)
    for instance in np.unique(instances[instances > 0]):
        mask = instances == instance
        color = PALETTE[int(labels[mask][0]) - 1]
        zoomed = np.repeat(np.repeat(mask.astype(np.uint8), zoom, 0), zoom, 1)
        # Objects run on past the image border, which is no edge of theirs.
        zoomed = np.pad(zoomed, 2, mode='edge')
        contours, _ = cv2.findContours(zoomed, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(drawn, contours, -1, color, 1, offset=(-2, -2))
    return drawn


def _frame(image: NDArray, width: int) -> NDArray:
    return cv2.copyMakeBorder(
        image, width, width, width, width, cv2.BORDER_CONSTANT, value=(255, 255, 255)
    )


def _write_text(canvas: NDArray, text: str, x: int, y: int, color: tuple[int, int, int]) -> int:
    """Write a line and return where it ends."""
    font, scale = cv2.FONT_HERSHEY_SIMPLEX, 0.6
    cv2.putText(canvas, text, (x, y), font, scale, color, 1, cv2.LINE_AA)
    return x + cv2.getTextSize(text, font, scale, 1)[0][0]
