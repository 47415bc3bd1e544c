"""The photographs of the demo set, and the parts of them that each split may use."""

from __future__ import annotations

from typing import Literal, NamedTuple

import cv2
import numpy as np
import skimage
from numpy.typing import NDArray

Split = Literal['train', 'val']
Box = tuple[float, float, float, float]  # left, top, right, bottom as fractions of the photograph


class Source(NamedTuple):
    """A photograph and the parts of it that each split may use; the two never meet."""

    photo: str
    train: Box
    val: Box
    zoom: float = 1.0  # at which the texture is still recognisable inside an object


TEXTURES = {
    'coin': Source('coins', (0, 0, 1, 1), (0, 0, 1, 1)),  # split coin by coin, with their sizes
    'cat': Source('chelsea', (0.09, 0.04, 0.51, 0.96), (0.53, 0.1, 0.77, 0.96), 0.6),
    'brick': Source('brick', (0, 0, 0.6, 1), (0.63, 0, 1, 1), 0.5),
    'tissue': Source('immunohistochemistry', (0, 0, 0.6, 0.52), (0.63, 0, 0.9, 0.58), 0.5),
    'gravel': Source('gravel', (0, 0, 0.6, 1), (0.63, 0, 1, 1), 0.7),
}
_LEFT, _RIGHT = (0.0, 0.0, 0.58, 1.0), (0.61, 0.0, 1.0, 1.0)
BACKGROUNDS = (
    Source('astronaut', _LEFT, _RIGHT),
    Source('camera', _LEFT, _RIGHT),
    Source('coffee', _LEFT, _RIGHT),
    Source('grass', _LEFT, _RIGHT),
    Source('hubble_deep_field', _LEFT, _RIGHT),
    Source('moon', _LEFT, _RIGHT),
    Source('retina', (0.15, 0.15, 0.5, 0.85), (0.52, 0.15, 0.85, 0.85)),
    Source('rocket', _LEFT, _RIGHT),
    Source('stereo_motorcycle', _LEFT, _RIGHT),
)
COIN_SPLIT_X = 250  # coins left of this column train, the others validate


def load_photo(name: str, longest: int | None = 640) -> NDArray:
    """A photograph that scikit-image brings, RGB.

    Args:
        name: As scikit-image calls it.
        longest: Sides that are longer are made that long; None: as it is.

    Raises:
        RuntimeError: If this installation of scikit-image does not have it.
    """
    try:
        photo = getattr(skimage.data, name)()
    except Exception as error:
        raise RuntimeError(
            f'The photograph `{name}` did not load from scikit-image: {error} '
            'Install scikit-image from PyPI, whose wheels hold it.'
        ) from error
    if isinstance(photo, tuple):  # stereo_motorcycle: left, right, disparity
        photo = photo[0]
    if photo.ndim == 2:
        photo = np.repeat(photo[..., None], 3, axis=2)
    if longest is not None and (shrink := longest / max(photo.shape)) < 1:
        photo = cv2.resize(photo, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(photo[..., :3])


def crop(photo: NDArray, box: Box) -> NDArray:
    """The part of a photograph that a box names."""
    height, width = photo.shape[:2]
    left, top, right, bottom = box
    return photo[
        round(top * height) : round(bottom * height), round(left * width) : round(right * width)
    ]


def find_coins(photo: NDArray) -> list[NDArray]:
    """Outlines, (N, 2) x and y, of the coins in the photograph, a pixel inside of their edges."""
    gray = photo[..., 0]
    markers = np.zeros(gray.shape, np.int32)
    markers[gray < 30] = 1
    markers[gray > 150] = 2
    coins = (skimage.segmentation.watershed(skimage.filters.sobel(gray), markers) == 2).astype(
        np.uint8
    )
    coins = cv2.morphologyEx(coins, cv2.MORPH_OPEN, np.ones((5, 5), np.uint8))
    contours, _ = cv2.findContours(coins, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    outlines = []
    for contour in contours:
        if cv2.contourArea(contour) < 500:
            continue
        points = contour[:, 0].astype(float)
        window = np.hanning(13) / np.hanning(13).sum()
        wrapped = np.pad(points, ((6, 6), (0, 0)), mode='wrap')
        smooth = np.stack([np.convolve(v, window, 'valid') for v in wrapped.T], axis=1)
        inward = smooth.mean(0) - smooth
        outlines.append(smooth + inward / np.hypot(*inward.T)[:, None])
    return sorted(outlines, key=lambda outline: tuple(outline.mean(0)))
