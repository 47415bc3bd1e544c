"""Images and label maps that a program holds: arrays, PIL images and tensors, as arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image, ImageOps
from torch import Tensor

# Modes of PIL that are 8 bits of gray or color, with transparency or without.
_IMAGE_MODES = ('1', 'L', 'LA', 'La', 'P', 'PA', 'RGB', 'RGBA', 'RGBX', 'RGBa', 'CMYK', 'YCbCr')
_LABEL_MODES = ('1', 'L', 'P', 'I', 'I;16', 'I;16B')


def bgr_pixels(image: Image.Image | Tensor | np.ndarray) -> np.ndarray:
    """An image in memory as OpenCV has it.

    Args:
        image (PIL.Image.Image | Tensor | np.ndarray): A PIL image, turned as its EXIF data say; a
            tensor (3, H, W) RGB or (1, H, W) gray, uint8 or float in [0, 1], on any device; or an
            array (H, W, 3) BGR uint8.

    Returns:
        np.ndarray: (H, W, 3) BGR uint8.

    Raises:
        TypeError: If it is none of them.
        ValueError: If its shape, type or mode is another one.

    Example:
        >>> bgr_pixels(Image.new('RGB', (2, 1), (255, 0, 9))).tolist()
        [[[9, 0, 255], [9, 0, 255]]]
    """
    if isinstance(image, Image.Image):
        if image.mode not in _IMAGE_MODES:
            raise ValueError(
                f'Expected a PIL image of 8 bits a channel, but got mode {image.mode}; scale its '
                'values to 0..255 first.'
            )
        upright = ImageOps.exif_transpose(image).convert('RGB')
        return np.ascontiguousarray(np.asarray(upright)[..., ::-1])
    if isinstance(image, Tensor):
        return _bgr_of_tensor(image)
    if not isinstance(image, np.ndarray):
        raise TypeError(
            'Expected an image to be a path, a PIL image, a tensor or an array, but got '
            f'{type(image).__name__}.'
        )
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise ValueError(
            'Expected an image array to be BGR uint8 of shape (H, W, 3), but got '
            f'{image.dtype} of shape {image.shape}.'
        )
    return image


def _bgr_of_tensor(image: Tensor) -> np.ndarray:
    wanted = 'Expected an image tensor to be RGB of shape (3, H, W), or gray of shape (1, H, W), '
    if image.ndim != 3 or image.shape[0] not in (1, 3):
        raise ValueError(
            f'{wanted}but got shape {tuple(image.shape)}; give images of a batch one by one.'
        )
    values = image.detach().cpu()
    if values.is_floating_point():
        low, high = (float(end) for end in (values.min(), values.max()))
        if not 0 <= low <= high <= 1:
            raise ValueError(
                f'{wanted}with floats in [0, 1], but got {low:g} to {high:g}; undo the '
                'normalization first, the model has its own.'
            )
        values = (values * 255).round()
    elif str(values.dtype) != 'torch.uint8':
        raise ValueError(f'{wanted}of uint8 or float, but got {values.dtype}.')
    pixels = values.numpy().astype(np.uint8)
    return np.ascontiguousarray(
        np.broadcast_to(pixels, (3, *pixels.shape[1:]))[::-1].transpose(1, 2, 0)
    )


def label_values(label_map: Any) -> Any:
    """A label map in memory as an array; what is neither a PIL image nor a tensor as it is.

    Args:
        label_map (Any): A PIL image of one value a pixel, or a tensor (H, W) or (1, H, W).

    Raises:
        ValueError: If a PIL image has colors in place of values.
    """
    if isinstance(label_map, Tensor):
        values = label_map.detach().cpu().numpy()
        return values[0] if values.ndim == 3 and len(values) == 1 else values
    if isinstance(label_map, Image.Image):
        if label_map.mode not in _LABEL_MODES:
            raise ValueError(
                'Expected a label map to have one value a pixel (mode L, P or I;16), but got a PIL '
                f'image of mode {label_map.mode}; convert colors to class values first.'
            )
        values = np.array(label_map)
        return values.astype(np.uint8) if values.dtype == bool else values
    return label_map
