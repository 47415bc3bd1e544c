"""Images of the demo set: objects cut from photographs, laid over other photographs."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from mmsteal.datasets.demo_set.photographs import (
    BACKGROUNDS,
    COIN_SPLIT_X,
    TEXTURES,
    Split,
    crop,
    find_coins,
    load_photo,
)

# Class i has label i + 1 in the files.
CLASSES = ('coin', 'cat', 'brick', 'tissue', 'gravel')
PALETTE = ((255, 200, 40), (230, 60, 60), (60, 120, 255), (200, 80, 220), (60, 200, 110))
BACKGROUND = 0


class Painter:
    """Composes images from the photographs, which it loads once."""

    # No object may show less than this share of the image, or than this share of itself.
    min_visible_area = 0.006
    min_visible_share = 0.45
    num_objects = (3, 7)  # from, to before
    radius_share = (0.11, 0.26)  # of the shorter side of the image

    def __init__(self, size: tuple[int, int]) -> None:
        self.size = size
        splits: tuple[Split, ...] = ('train', 'val')
        self._textures = {
            (name, split): crop(load_photo(source.photo), getattr(source, split))
            for name, source in TEXTURES.items()
            for split in splits
        }
        self._backgrounds = {
            split: [crop(load_photo(s.photo), getattr(s, split)) for s in BACKGROUNDS]
            for split in splits
        }
        coins = find_coins(load_photo('coins'))
        self._coins = {
            'train': [c for c in coins if c[:, 0].mean() < COIN_SPLIT_X],
            'val': [c for c in coins if c[:, 0].mean() >= COIN_SPLIT_X],
        }

    def paint(
        self, rng: np.random.Generator, split: Split
    ) -> tuple[NDArray, NDArray[np.uint16], NDArray[np.uint8]]:
        """One image, its instance map, and the class of each instance id (0: background)."""
        image = self._background(rng, split)
        min_visible_px = self.min_visible_area * image.shape[0] * image.shape[1]
        instances = np.zeros(self.size, np.uint16)
        classes, areas = [BACKGROUND], [0]
        wanted = int(rng.integers(*self.num_objects))
        for attempt in itertools.count():
            if len(classes) > wanted or (len(classes) > 1 and attempt >= 4 * wanted):
                break
            label = int(rng.integers(len(CLASSES))) + 1
            texture, alpha = self._object(rng, split, CLASSES[label - 1])
            trial = instances.copy()
            trial[alpha >= 0.5] = len(classes)
            visible = np.bincount(trial.ravel(), minlength=len(classes) + 1)
            whole = np.array([*areas, int((alpha >= 0.5).sum())])
            hidden = visible < np.maximum(min_visible_px, self.min_visible_share * whole)
            if hidden[1:].any():
                continue
            instances, classes, areas = trial, [*classes, label], whole.tolist()
            image += alpha[..., None] * (texture - image)
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.3, 0.7))
        image = image + rng.normal(0, rng.uniform(1, 5), image.shape)
        return _to_uint8(image), instances, np.array(classes, np.uint8)

    def _background(self, rng: np.random.Generator, split: Split) -> NDArray:
        photos = self._backgrounds[split]
        photo = photos[int(rng.integers(len(photos)))]
        height, width = self.size
        fit = min(photo.shape[0] / height, photo.shape[1] / width)
        share = rng.uniform(0.6, 1)
        crop_h, crop_w = int(height * fit * share), int(width * fit * share)
        top = int(rng.integers(photo.shape[0] - crop_h + 1))
        left = int(rng.integers(photo.shape[1] - crop_w + 1))
        crop: NDArray = photo[top : top + crop_h, left : left + crop_w]
        if rng.random() < 0.5:
            crop = crop[:, ::-1]
        shrinks = crop_h > height
        crop = cv2.resize(
            crop, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
        )
        return _vary_colors(crop.astype(np.float32), rng)

    def _object(self, rng: np.random.Generator, split: Split, name: str) -> tuple[NDArray, NDArray]:
        """Texture and opacity, both as large as the image."""
        height, width = self.size
        short = min(self.size)
        center = np.array([rng.uniform(0.04, 0.96) * width, rng.uniform(0.04, 0.96) * height])
        radius = rng.uniform(*self.radius_share) * short
        texture = self._textures[name, split]
        turn = rng.uniform(0, 2 * np.pi)
        if name == 'coin':
            coins = self._coins[split]
            outline = coins[int(rng.integers(len(coins)))]
            anchor = outline.mean(0)
            zoom = 0.8 * radius / np.hypot(*(outline - anchor).T).mean()
        else:
            texture_size = np.array(texture.shape[1::-1])
            anchor = rng.uniform(0.2, 0.8, 2) * texture_size
            zoom = TEXTURES[name].zoom * rng.uniform(0.8, 1.25) * short / 160
        rotation = zoom * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        matrix = np.column_stack([rotation, center - rotation @ anchor])
        if name == 'coin':
            outline = outline @ rotation.T + matrix[:, 2]
        else:
            outline = center + radius * _SHAPES[name](rng)
        patch = cv2.warpAffine(
            _blur_for_zoom(texture, zoom),
            matrix,
            (width, height),
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REFLECT_101,
        )
        return _shade(_vary_colors(patch, rng), center, radius, rng), _opacity(outline, self.size)


def _blob(rng: np.random.Generator) -> NDArray:
    angle = np.linspace(0, 2 * np.pi, 120, endpoint=False)
    waves = np.arange(2, 6)
    size = rng.normal(0, 0.22, 4) / np.sqrt(waves - 1)
    radius = 1 + size @ np.cos(waves[:, None] * angle + rng.uniform(0, 2 * np.pi, (4, 1)))
    return np.clip(radius, 0.35, 1.5)[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)


def _quadrilateral(rng: np.random.Generator) -> NDArray:
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * [1.15, rng.uniform(0.55, 0.95)]
    return _turned(corners + rng.uniform(-0.18, 0.18, (4, 2)), rng)


def _ellipse(rng: np.random.Generator) -> NDArray:
    angle = np.linspace(0, 2 * np.pi, 120, endpoint=False)
    points = np.stack([1.2 * np.cos(angle), rng.uniform(0.55, 0.9) * np.sin(angle)], axis=1)
    return _turned(points, rng)


def _star(rng: np.random.Generator) -> NDArray:
    tips = int(rng.integers(4, 8))
    angle = np.arange(2 * tips) * np.pi / tips
    radius = np.where(np.arange(2 * tips) % 2, rng.uniform(0.5, 0.7), 1.3)
    radius = radius * rng.uniform(0.9, 1.1, 2 * tips)
    return _turned(radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1), rng)


def _turned(points: NDArray, rng: np.random.Generator) -> NDArray:
    turn = rng.uniform(0, 2 * np.pi)
    return points @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])


# Outlines around the origin, of a radius of about 1; the coins have their own.
_SHAPES: dict[str, Callable[[np.random.Generator], NDArray]] = {
    'cat': _blob,
    'brick': _quadrilateral,
    'tissue': _ellipse,
    'gravel': _star,
}


def _opacity(outline: NDArray, size: tuple[int, int]) -> NDArray:
    """Share of each pixel that the outline covers, from 16 samples."""
    scale = 4
    canvas = np.zeros((size[0] * scale, size[1] * scale), np.uint8)
    # Pixel centers: image x lies at scale * x + (scale - 1) / 2 of the canvas; 1/16 px fractions.
    points = np.round((outline * scale + (scale - 1) / 2) * 16).astype(np.int32)
    cv2.fillPoly(canvas, [points], (255,), lineType=cv2.LINE_8, shift=4)
    covered = cv2.resize(canvas, size[::-1], interpolation=cv2.INTER_AREA)
    return covered.astype(np.float32) / 255


def _blur_for_zoom(texture: NDArray, zoom: float) -> NDArray:
    """Low-pass before shrinking, or the texture would alias."""
    texture = texture.astype(np.float32)
    return texture if zoom >= 1 else cv2.GaussianBlur(texture, (0, 0), 0.45 / zoom)


def _vary_colors(image: NDArray, rng: np.random.Generator) -> NDArray:
    """Brightness, contrast and color cast, which shall tell nothing about the class."""
    mean = image.mean((0, 1))
    image = mean + rng.uniform(0.8, 1.2) * (image - mean)
    return image * rng.uniform(0.8, 1.2) * rng.uniform(0.85, 1.15, 3) + rng.uniform(-12, 12)


def _shade(image: NDArray, center: NDArray, radius: float, rng: np.random.Generator) -> NDArray:
    """Light from one side."""
    turn, strength = rng.uniform(0, 2 * np.pi), rng.uniform(0, 0.2)
    y, x = np.mgrid[: image.shape[0], : image.shape[1]].astype(np.float32)
    slope = (np.cos(turn) * (x - center[0]) + np.sin(turn) * (y - center[1])) / radius
    return image * (1 + strength * np.clip(slope, -1.5, 1.5))[..., None]


def _to_uint8(image: NDArray) -> NDArray:
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)
