"""Pairs of neighboring pixels, and how much they belong together."""

from __future__ import annotations

import cv2
import numpy as np
from numba import njit
from numpy.typing import NDArray

from mmsteal.functional.joint.mean_field import NOBODY

_ROW_STEP = np.array([0, 0, -1, 1, -1, -1, 1, 1])
_COLUMN_STEP = np.array([-1, 1, 0, 0, -1, 1, -1, 1])


def pixel_pairs(
    image: NDArray[np.uint8],
    labels: NDArray[np.int32],
    open_: NDArray[np.bool_],
    smoothness: float,
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    r"""The eight neighbors of each open pixel, and the weights of the pairs.

    .. math::
        w_{pq} = \frac{\gamma}{\lVert p - q \rVert}
        \exp\left(-\frac{\lVert I_p - I_q \rVert^2}{2 \, \overline{\lVert \Delta I \rVert^2}}\right)

    (Rother, Kolmogorov and Blake, 2004, Eq. 11), in Lab.

    Args:
        image: RGB (H, W, 3) or grey (H, W), uint8.
        labels: Labels (H, W), int32; those of pixels that are not open are decided, -1 is nobody.
        open_: Pixels (H, W) that are undecided.
        smoothness: :math:`\gamma`.

    Returns:
        Neighbors (N, 8), int32, and weights (N, 8), float32, as
        :func:`~mmsteal.functional.joint.mean_field.mean_field` takes them; pixels in the order of
        rows.
    """
    colors = image[..., None] if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2LAB)
    index = np.full(open_.shape, -1, np.int32)
    index[open_] = np.arange(np.count_nonzero(open_))
    return _pairs(np.ascontiguousarray(colors).astype(np.float32), labels, index, smoothness)


@njit(cache=True, nogil=True)
def _pairs(colors, labels, index, smoothness):
    height, width = index.shape
    # Rows are summed apart: single precision, but no drift over the image.
    total, number = 0.0, 0
    for y in range(height):
        for x in range(width):
            if x + 1 < width:
                total += _difference(colors[y, x], colors[y, x + 1])
                number += 1
            if y + 1 < height:
                total += _difference(colors[y, x], colors[y + 1, x])
                number += 1
    scale = -number / (2 * total) if total > 0 else 0.0
    num = index.max() + 1
    neighbors = np.full((num, 8), NOBODY, np.int32)
    weights = np.zeros((num, 8), np.float32)
    for y in range(height):
        for x in range(width):
            p = index[y, x]
            if p < 0:
                continue
            for k in range(8):
                yy, xx = y + _ROW_STEP[k], x + _COLUMN_STEP[k]
                if not (0 <= yy < height and 0 <= xx < width):
                    continue
                q = index[yy, xx]
                if q < 0:
                    if labels[yy, xx] < 0:
                        continue
                    q = -2 - labels[yy, xx]
                weight = np.exp(scale * _difference(colors[y, x], colors[yy, xx]))
                neighbors[p, k] = q
                weights[p, k] = smoothness * weight * (1.0 if k < 4 else np.sqrt(0.5))
    return neighbors, weights


@njit(cache=True, nogil=True)
def _difference(a, b):
    total = 0.0
    for c in range(len(a)):
        total += (a[c] - b[c]) ** 2
    return total
