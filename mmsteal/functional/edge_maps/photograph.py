"""What counts as a photograph."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def check_image(image: Any, size: tuple[int, ...] | None = None) -> NDArray[np.uint8]:
    """`image` if it is a photograph as an array, color or grey.

    Args:
        image: RGB (H, W, 3), or grey (H, W), uint8.
        size: Height and width of the labels of the image; None if they are not known.

    Returns:
        `image` itself.

    Raises:
        TypeError: It is not an array of uint8.
        ValueError: It has another shape, or not the size of the labels.
    """
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8:
        raise TypeError(
            'Expected argument `image` to be an array of uint8, '
            f'but got {getattr(image, "dtype", type(image))}.'
        )
    if image.ndim not in (2, 3) or image.shape[2:] not in ((), (3,)):
        raise ValueError(
            'Expected argument `image` to have shape (H, W, 3), or (H, W) for a grey one, '
            f'but got {image.shape}.'
        )
    if size is not None and image.shape[:2] != tuple(size):
        raise ValueError(
            f'Expected argument `image` to have the size of the labels, {tuple(size)}, '
            f'but got {image.shape[:2]}; resize one of them, the labels without interpolation.'
        )
    return image
