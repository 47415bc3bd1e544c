"""The classes of PASCAL VOC, which SBD shares, and their colors."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Names of the values 1..20, in the order of the VOC development kit.
VOC_CLASSES = (
    'aeroplane', 'bicycle', 'bird', 'boat', 'bottle', 'bus', 'car', 'cat', 'chair', 'cow',
    'diningtable', 'dog', 'horse', 'motorbike', 'person', 'pottedplant', 'sheep', 'sofa', 'train',
    'tvmonitor',
)  # fmt: skip


def voc_palette() -> NDArray[np.uint8]:
    """Colors (256, 3) uint8 of VOC: bit i of the value goes to channel i mod 3, high bits first.

    Example:
        >>> voc_palette()[[0, 1, 15, 255]].tolist()
        [[0, 0, 0], [128, 0, 0], [192, 128, 128], [224, 224, 192]]
    """
    values = np.arange(256)
    colors = np.zeros((256, 3), np.uint8)
    for bit in range(8):
        channel, place = bit % 3, 7 - bit // 3
        colors[:, channel] |= (((values >> bit) & 1) << place).astype(np.uint8)
    return colors
