"""An image with rough masks to try the page on."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import skimage.data
from PIL import Image

from mmsteal.annotator.pictures import Picture, read_picture
from mmsteal.annotator.session import Session

# Centre and radius in pixels of rough disks inside of some of scikit-image's coins.
_COINS = ((44, 53, 16), (100, 53, 15), (159, 51, 19), (334, 44, 23), (44, 125, 15), (101, 125, 14))


def open_example(root: str | Path = '.', *, error_px: float = 6.0) -> Session:
    """An image of the demo set with its labels made coarse; a photograph of coins without one.

    Args:
        root (str | Path): Top folder of the repository.
        error_px (float): Error of the masks of the demo set.

    Returns:
        Session: Image, classes and rough masks.
    """
    data = Path(root) / 'work_dirs' / 'demo' / 'data'
    images = sorted((data / 'images' / 'val').glob('*.jpg'))
    labels = [data / 'labels' / 'val' / f'{path.stem}.png' for path in images]
    for image, label in zip(images, labels, strict=True):
        if label.is_file():
            return _demo_example(image, label, error_px)
    return _coins()


def _demo_example(image: Path, label: Path, error_px: float) -> Session:
    from mmsteal.datasets.demo_set import CLASSES
    from mmsteal.functional import simulate_coarse_label_map

    exact = np.array(Image.open(label))
    coarse = simulate_coarse_label_map(exact, error_px, background=0)
    return Session(classes=tuple(CLASSES)).open(read_picture(image)).with_label_map(coarse)


def _coins() -> Session:
    grey = np.asarray(skimage.data.coins())
    picture = Picture('coins', 'coins.png', np.repeat(grey[..., None], 3, axis=2))
    labels = np.zeros(grey.shape, np.uint8)
    for x, y, radius in _COINS:
        cv2.circle(labels, (x, y), radius, (1,), -1)
    return Session(classes=('coin',)).open(picture).with_label_map(labels)
