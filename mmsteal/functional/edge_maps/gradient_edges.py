"""Edges without any network: the color gradient of an image."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from mmsteal.functional.edge_maps.photograph import check_image


def gradient_edges(image: NDArray[np.uint8], *, sigma: float = 1.0) -> NDArray[np.float32]:
    r"""Strength of the color gradient, 1 at its 99th percentile and above.

    .. math::
        e = \min\left(1, \frac{s}{s_{99}}\right), \qquad
        s = \sqrt{\textstyle\sum_{c \in Lab} |\nabla (G_\sigma * I_c)|^2}

    The least evidence that there can be: texture is as strong as an outline, and no class differs
    from another. The guard rails of :func:`mmsteal.functional.refine_objects` are made for that.

    Args:
        image: RGB image (H, W, 3), or grey (H, W), uint8.
        sigma: Smoothing before the gradient, in pixels, above 0.

    Returns:
        Edge strength (H, W) in [0, 1], float32; 0 for an image of one color.

    Raises:
        TypeError: `image` is not an array of uint8.
        ValueError: `image` is not of shape (H, W, 3) or (H, W), or `sigma` is not above 0.

    Example:
        >>> image = np.zeros((9, 9, 3), np.uint8)
        >>> image[:, 5:] = 255
        >>> gradient_edges(image)[4].argmax() in (4, 5)
        True
    """
    image = check_image(image)
    if image.ndim == 2:
        image = np.repeat(image[..., None], 3, axis=2)
    if not 0 < sigma < np.inf:
        raise ValueError(f'Expected argument `sigma` to be > 0 and finite, but got {sigma}.')
    lab = cv2.cvtColor(image, cv2.COLOR_RGB2LAB).astype(np.float32)
    smooth = cv2.GaussianBlur(lab, (0, 0), sigma)
    energy = np.zeros(image.shape[:2], np.float32)
    for dx, dy in ((1, 0), (0, 1)):
        energy += (cv2.Sobel(smooth, cv2.CV_32F, dx, dy) ** 2).sum(axis=2)
    strength: NDArray[np.float32] = np.sqrt(energy)
    # An image with few edges has its 99th percentile at nothing.
    scale = float(np.percentile(strength, 99)) or float(strength.max())
    return np.clip(strength / scale, 0, 1) if scale > 0 else strength
