"""The photograph of the pictures, and three objects of it as a person in a hurry draws them."""

from __future__ import annotations

import cv2
import numpy as np
import skimage.data
from numpy.typing import NDArray

# x, y of the corners, each some 10 px inside of the object
CUP = ((190, 80), (235, 40), (290, 28), (345, 40), (388, 75), (395, 125), (360, 178), (295, 196),
       (225, 175), (188, 130))  # fmt: skip
SPOON = ((338, 268), (350, 252), (378, 247), (396, 262), (398, 282), (384, 306), (358, 315),
         (340, 303), (333, 285))  # fmt: skip
HANDLE = ((212, 245), (240, 240), (245, 250), (226, 292), (206, 296), (202, 272))
NUM_CLICKS = len(CUP) + len(SPOON) + len(HANDLE)


def photograph() -> NDArray[np.uint8]:
    """RGB image (400, 600, 3), CC0; see CREDITS.txt."""
    return skimage.data.coffee()


def rough_labels() -> NDArray[np.uint8]:
    """Label map (400, 600): 0 background, 1 cup, 2 spoon, 3 handle."""
    labels = np.zeros((400, 600), np.uint8)
    for value, corners in enumerate((CUP, SPOON, HANDLE), start=1):
        cv2.fillPoly(labels, [np.array(corners, np.int32)], (value,))
    return labels
