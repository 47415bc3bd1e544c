"""Pictures for the report of the demo."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from PIL import Image


def read_png(path: Path) -> np.ndarray:
    """A label or instance map, int32."""
    return np.asarray(Image.open(path)).astype(np.int32)


def read_photo(path: Path) -> np.ndarray:
    """A photograph, RGB."""
    return np.array(Image.open(path).convert('RGB'))


def outlined(image: np.ndarray, exact: np.ndarray, labels: np.ndarray, zoom: int = 3) -> np.ndarray:
    """An enlarged image with the outlines of two maps of objects."""
    picture = cv2.resize(image, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_CUBIC)
    for objects, color in ((exact, (255, 255, 255)), (labels, (230, 30, 30))):
        for number in np.unique(objects[objects > 0]):
            mask = np.repeat(np.repeat(objects == number, zoom, axis=0), zoom, axis=1)
            contours, _ = cv2.findContours(
                mask.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE
            )
            cv2.drawContours(picture, contours, -1, color, 1)
    return picture


def side_by_side(panels: list[np.ndarray]) -> np.ndarray:
    """Panels in a row, with a white margin around each."""
    return np.hstack([np.pad(p, ((4, 4), (4, 4), (0, 0)), constant_values=255) for p in panels])
