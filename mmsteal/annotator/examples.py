"""Images with rough masks to try the page on."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import skimage.data
from PIL import Image

from mmsteal.annotator.messages import AnnotatorError
from mmsteal.annotator.pictures import Picture, read_picture
from mmsteal.annotator.session import Session

DEMO_SET = 'demo'
# Name -> what the button says
EXAMPLES = {'coins': 'Example: coins', 'coffee': 'Example: cup', DEMO_SET: 'Demo set'}

# Center and radius in pixels of rough disks over some of scikit-image's coins: the first row is
# drawn too small, the second too big.
_COINS = (
    *((44, 53, 16), (100, 53, 15), (159, 51, 19), (334, 44, 23)),
    *((44, 125, 25), (101, 125, 24), (155, 125, 23), (206, 123, 23)),
)
# Center, half axes and angle in degrees of a rough ellipse inside of the cup's opening.
_CUP = ((291, 112), (108, 86), 5)


def has_demo_set(root: str | Path = '.') -> bool:
    """Whether `mmsteal demo` has made its images."""
    return _demo_files(root) is not None


def open_example(name: str = 'coins', root: str | Path = '.', *, error_px: float = 6.0) -> Session:
    """An image with rough masks.

    Args:
        name (str): One of `EXAMPLES`: a photograph that comes with scikit-image, or an image
            of the demo set with its labels made coarse.
        root (str | Path): Top folder of the repository.
        error_px (float): Error of the masks of the demo set.

    Returns:
        Session: Image, classes and rough masks.

    Raises:
        AnnotatorError: If the demo set has not been made.
    """
    if name == 'coins':
        return _coins()
    if name == 'coffee':
        return _coffee()
    files = _demo_files(root)
    if files is None:
        raise AnnotatorError('There is no demo set yet; `mmsteal demo` makes it.')
    return _demo_example(*files, error_px)


def _demo_files(root: str | Path) -> tuple[Path, Path] | None:
    """First validation image and its label map."""
    data = Path(root) / 'work_dirs' / 'demo' / 'data'
    for image in sorted((data / 'images' / 'val').glob('*.jpg')):
        label = data / 'labels' / 'val' / f'{image.stem}.png'
        if label.is_file():
            return image, label
    return None


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


def _coffee() -> Session:
    pixels = np.asarray(skimage.data.coffee())
    labels = np.zeros(pixels.shape[:2], np.uint8)
    center, axes, angle = _CUP
    cv2.ellipse(labels, center, axes, angle, 0, 360, (1,), -1)
    return (
        Session(classes=('cup',))
        .open(Picture('coffee', 'coffee.png', pixels))
        .with_label_map(labels)
    )
