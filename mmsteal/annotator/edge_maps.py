"""The edges of an image, wherever they come from."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from mmsteal.annotator.messages import AnnotatorError
from mmsteal.annotator.pictures import read_values
from mmsteal.functional.edge_maps.gradient_edges import gradient_edges
from mmsteal.functional.labels.resize import resize_edge_prob

# Above this many pixels networks and outlines work on a smaller copy: two million answer within
# seconds on a CPU.
MAX_WORK_PIXELS = 2**21

# An RGB image (H, W, 3) -> edge probabilities (K, H, W)
Detector = Callable[[NDArray[np.uint8]], NDArray[np.float32]]


@dataclass(frozen=True, eq=False)
class EdgeMaps:
    """Edge probabilities of an image.

    Attributes:
        maps (np.ndarray): (K, h, w) float32 in [0, 1], at the size at which outlines move.
        names (tuple[str, ...]): Class of each map; one map serves every class.
        source (str): Where they come from, for the page.
    """

    maps: NDArray[np.float32]
    names: tuple[str, ...]
    source: str

    def index_of(self, class_name: str) -> int:
        """The map of a class. One that the detector does not know has the last, of all edges."""
        wanted = class_name.casefold()
        for index, name in enumerate(self.names):
            if name.casefold() == wanted:
                return index
        return len(self.maps) - 1

    @property
    def strongest(self) -> NDArray[np.float32]:
        """The strongest edge of any class (h, w)."""
        return self.maps[-1]


def work_scale(shape: tuple[int, ...]) -> float:
    """Size at which edges are found and outlines move, in sizes of the image: at most 1."""
    return min(1.0, math.sqrt(MAX_WORK_PIXELS / (shape[0] * shape[1])))


def edges_from_gradient(pixels: NDArray[np.uint8]) -> EdgeMaps:
    """The color gradient: no network, no classes."""
    strength = gradient_edges(_small(pixels))[None]
    return EdgeMaps(strength, ('any',), 'color gradient')


def edges_from_detector(
    pixels: NDArray[np.uint8], detector: Detector, names: tuple[str, ...], source: str
) -> EdgeMaps:
    """The edges that a network finds.

    Args:
        pixels (np.ndarray): (H, W, 3) uint8 RGB.
        detector (Callable): Image -> (K, h, w) probabilities.
        names (tuple[str, ...]): The K classes.
        source (str): Name of the network, for the page.

    Returns:
        EdgeMaps: The K maps; if K > 1 also the strongest of all, for other classes.
    """
    small = _small(pixels)
    maps = np.clip(resize_edge_prob(detector(small), small.shape[:2], 1.0), 0, 1)
    if len(maps) == 1:
        return EdgeMaps(maps, ('any',), source)
    maps = np.concatenate([maps, maps.max(axis=0, keepdims=True)])
    return EdgeMaps(maps, (*names, 'any'), source)


def edges_from_file(path: str | Path, shape: tuple[int, int]) -> EdgeMaps:
    """Edges that another program has found: a PNG, white where there is an edge.

    Args:
        path (str | Path): PNG of 8 bits (255 = probability 1) or 16 bits (65535 = 1).
        shape (tuple[int, int]): Height and width of the image. The map may be of another size with
            the same aspect ratio.

    Returns:
        EdgeMaps: One map for all classes.

    Raises:
        AnnotatorError: If it is no such PNG, or one of another image.
    """
    values = read_values(path, 'edge map')
    name = Path(path).name
    (height, width), (h, w) = shape, values.shape
    if abs(h * width - w * height) > max(height, width):
        raise AnnotatorError(
            f'The edge map "{name}" is {w} x {h} and the image {width} x {height}; they must have '
            'the same aspect ratio.'
        )
    top = 65535 if values.dtype == np.uint16 else 255
    if values.max() == 1:  # a mask of bits
        top = 1
    if not values.any():
        raise AnnotatorError(f'The edge map "{name}" is black: there is no edge in it.')
    prob = (values / np.float32(top)).astype(np.float32)
    if prob.mean() > 0.5:
        raise AnnotatorError(
            f'The edge map "{name}" is mostly white. Edges must be white on black; invert it.'
        )
    small = _small_shape(shape)
    way = cv2.INTER_AREA if h > small[0] else cv2.INTER_LINEAR
    prob = np.clip(cv2.resize(prob, small[::-1], interpolation=way), 0, 1)
    return EdgeMaps(prob[None], ('any',), f'edge map {name}')


def _small_shape(shape: tuple[int, ...]) -> tuple[int, int]:
    scale = work_scale(shape)
    return max(round(shape[0] * scale), 1), max(round(shape[1] * scale), 1)


def _small(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    shape = _small_shape(pixels.shape)
    if shape == pixels.shape[:2]:
        return pixels
    return np.asarray(cv2.resize(pixels, shape[::-1], interpolation=cv2.INTER_AREA), np.uint8)
