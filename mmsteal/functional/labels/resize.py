"""Label maps and edge maps at other sizes."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray


def resample(array: NDArray[Any], size: tuple[int, ...]) -> NDArray[Any]:
    """Resize the last two axes, each pixel taken from the one under its center.

    At half size these are the pixels 1, 3, 5, ...: what MATLAB and PIL take, and so the published
    ground truths. OpenCV's nearest neighbor takes 0, 2, 4, ....

    Args:
        array: Maps (..., H, W) of any type.
        size: Height and width h, w.

    Returns:
        Maps (..., h, w); `array` itself where it has the size.

    Example:
        >>> resample(np.arange(6)[None], (1, 3))
        array([[1, 3, 5]])
    """
    if array.shape[-2:] == tuple(size):
        return array
    rows, columns = (
        ((np.arange(new) + 0.5) * old / new).astype(np.intp)
        for new, old in zip(size, array.shape[-2:], strict=True)
    )
    return np.ascontiguousarray(array[..., rows[:, None], columns])


def resize_edge_prob(
    edge_prob: NDArray[Any], shape: tuple[int, int], scale: float | None
) -> NDArray[np.float32]:
    """Bring edge maps to `scale` times the size of the labels.

    The aspect ratio stays as it is, so that maps of another image are still noticed.

    Args:
        edge_prob: (K, h, w), float in [0, 1], or uint8 with 255 = 1.
        shape: Height and width of the labels.
        scale: Above 0; 0.5 is a quarter of the pixels and of the time. None keeps
            the size of the maps.

    Returns:
        (K, h', w') float32 in [0, 1].

    Raises:
        ValueError: If `scale` is not above 0, or an array is of another shape.
    """
    if edge_prob.ndim != 3:
        raise ValueError(
            f'Expected argument `edge_prob` to have shape (K, h, w), but got {edge_prob.shape}.'
        )
    if scale is not None and not 0 < scale < np.inf:
        raise ValueError(f'Expected argument `scale` to be > 0 and finite, but got {scale}.')
    maps: NDArray[Any] = edge_prob
    if maps.dtype == bool:
        maps = maps.view(np.uint8) * np.uint8(255)
    if maps.dtype != np.uint8:
        maps = maps.astype(np.float32, copy=False)
    height, width = maps.shape[1:]
    if scale is not None:
        factor = scale * shape[0] / height
        size = (max(round(width * factor), 1), max(round(height * factor), 1))
        if size != (width, height):
            way = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
            maps = np.stack([cv2.resize(one, size, interpolation=way) for one in maps])
    if maps.dtype == np.uint8:
        return np.multiply(maps, np.float32(1 / 255), dtype=np.float32)
    return maps
