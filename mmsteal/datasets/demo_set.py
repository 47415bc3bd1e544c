"""A small set of images to learn semantic edges from, made of photographs that need no download.

Objects of five classes are cut from photographs bundled with scikit-image and laid over other
photographs, so the exact outline of each is known, and labels with a stated error can be made.
Nothing here needs the mm stack.
"""

from __future__ import annotations

import itertools
import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, NamedTuple

import cv2
import numpy as np
import skimage.data
from numpy.typing import NDArray
from PIL import Image
from skimage.filters import sobel
from skimage.segmentation import watershed

from mmsteal.functional.coarse_labels import simulate_coarse_label_map
from mmsteal.functional.edges import mask_edges

# Class i has label i + 1 in the files.
CLASSES = ('coin', 'cat', 'brick', 'tissue', 'gravel')
PALETTE = ((255, 200, 40), (230, 60, 60), (60, 120, 255), (200, 80, 220), (60, 200, 110))
BACKGROUND = 0
IGNORE_INDEX = 255

# Raised whenever the same parameters would give other files.
_VERSION = 1
_FORMAT = 'mmsteal demo set'

Split = Literal['train', 'val']
Box = tuple[float, float, float, float]  # left, top, right, bottom as fractions of the photograph


class _Source(NamedTuple):
    """A photograph and the parts of it that each split may use; the two never meet."""

    photo: str
    train: Box
    val: Box
    zoom: float = 1.0  # at which the texture is still recognisable inside an object


_TEXTURES = {
    'coin': _Source('coins', (0, 0, 1, 1), (0, 0, 1, 1)),  # split coin by coin, with their sizes
    'cat': _Source('chelsea', (0.09, 0.04, 0.51, 0.96), (0.53, 0.1, 0.77, 0.96), 0.6),
    'brick': _Source('brick', (0, 0, 0.6, 1), (0.63, 0, 1, 1), 0.5),
    'tissue': _Source('immunohistochemistry', (0, 0, 0.6, 0.52), (0.63, 0, 0.9, 0.58), 0.5),
    'gravel': _Source('gravel', (0, 0, 0.6, 1), (0.63, 0, 1, 1), 0.7),
}
_LEFT, _RIGHT = (0.0, 0.0, 0.58, 1.0), (0.61, 0.0, 1.0, 1.0)
_BACKGROUNDS = (
    _Source('astronaut', _LEFT, _RIGHT),
    _Source('camera', _LEFT, _RIGHT),
    _Source('coffee', _LEFT, _RIGHT),
    _Source('grass', _LEFT, _RIGHT),
    _Source('hubble_deep_field', _LEFT, _RIGHT),
    _Source('moon', _LEFT, _RIGHT),
    _Source('retina', (0.15, 0.15, 0.5, 0.85), (0.52, 0.15, 0.85, 0.85)),
    _Source('rocket', _LEFT, _RIGHT),
    _Source('stereo_motorcycle', _LEFT, _RIGHT),
)
_COIN_SPLIT_X = 250  # coins left of this column train, the others validate


def write_demo_set(
    root: str | os.PathLike[str],
    *,
    num_train: int = 240,
    num_val: int = 60,
    size: tuple[int, int] = (160, 160),
    noise_px: float = 4.0,
    seed: int = 0,
    overwrite: bool = False,
) -> dict[str, Any]:
    """Write the demo set into a folder, whole or not at all.

    Layout; labels are 0 for background, i + 1 for class i of ``CLASSES``, and 255 would be ignore::

        root/images/{train,val}/NAME.jpg
        root/labels/{train,val}/NAME.png        exact labels, uint8 with a palette
        root/instances/{train,val}/NAME.png     exact instance ids, uint16, 0 = background
        root/noisy_labels/train/NAME.png        the same with a boundary error of noise_px
        root/noisy_instances/train/NAME.png
        root/meta.json                          parameters, classes, statistics
        root/preview.png                        contact sheet for a person

    The two splits use parts of the photographs that do not meet, and other coins. An image depends
    on ``seed``, ``size`` and its own number only: a longer set begins with the same images.

    Args:
        root: Folder of the set. It is left alone if it holds the set with these parameters.
        num_train: Number of training images.
        num_val: Number of validation images.
        size: Height and width of the images in pixels, each at least 64.
        noise_px: Largest boundary error of the noisy labels in pixels, as in
            :func:`~mmsteal.functional.coarse_labels.simulate_coarse_mask`.
        seed: Seed of all random choices.
        overwrite: Replace a demo set that was written with other parameters.

    Returns:
        The content of ``meta.json``.

    Raises:
        ValueError: If an argument is out of range.
        FileExistsError: If ``root`` holds something else, or a demo set with other parameters and
            ``overwrite`` is not set.
    """
    for name, value, least in (
        ('num_train', num_train, 1),
        ('num_val', num_val, 1),
        ('seed', seed, 0),
    ):
        if not isinstance(value, (int, np.integer)) or value < least:
            raise ValueError(
                f'Expected argument `{name}` to be an integer, at least {least}, but got {value!r}.'
            )
    if len(size) != 2 or min(size) < 64:
        raise ValueError(
            'Expected argument `size` to be a height and a width of at least 64 px, '
            f'but got {size}.'
        )
    if not 0 <= noise_px < np.inf:
        raise ValueError(
            'Expected argument `noise_px` to be a number of pixels, at least 0, '
            f'but got {noise_px!r}.'
        )
    parameters = {
        'num_train': int(num_train),
        'num_val': int(num_val),
        'size': [int(v) for v in size],
        'noise_px': float(noise_px),
        'seed': int(seed),
    }
    root = Path(os.path.abspath(root))
    found = _find_existing(root, parameters, overwrite)
    if found is not None:
        return found

    root.parent.mkdir(parents=True, exist_ok=True)
    # In the folder that will hold the set, so that the last step is a rename and no copy.
    with tempfile.TemporaryDirectory(prefix=f'.{root.name}.', dir=root.parent) as workspace:
        partial = Path(workspace, 'new')
        meta = _write_files(partial, parameters)
        if overwrite and root.exists():
            root.rename(Path(workspace, 'old'))
        try:
            partial.rename(root)
        except OSError:
            # Another process may have finished the same set meanwhile; then that one serves.
            found = _find_existing(root, parameters, overwrite=False)
            if found is None:
                raise
            return found
    return meta


def preview_demo_set(root: str | os.PathLike[str], *, num_images: int = 8) -> NDArray:
    """Contact sheet of a demo set: image, exact edges and noisy edges side by side.

    Args:
        root: Folder written by :func:`write_demo_set`.
        num_images: Number of training images to show, two in a row.

    Returns:
        RGB image, uint8.
    """
    root = Path(root)
    cells = []
    for file in sorted((root / 'images' / 'train').glob('*.jpg'))[:num_images]:
        image = np.asarray(Image.open(file))
        views = [cv2.resize(image, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)]
        for prefix in ('', 'noisy_'):
            maps = (
                np.asarray(Image.open(root / f'{prefix}{kind}' / 'train' / f'{file.stem}.png'))
                for kind in ('labels', 'instances')
            )
            views.append(draw_instance_edges(image, *maps, zoom=2))
        cells.append(np.hstack([_frame(view, 3) for view in views]))
    cells += [np.full_like(cells[0], 255)] * (len(cells) % 2)
    sheet = np.vstack([np.hstack(cells[i : i + 2]) for i in range(0, len(cells), 2)])

    header = np.full((64, sheet.shape[1], 3), 255, np.uint8)
    for index, title in enumerate(('image', 'exact edges', 'noisy edges') * 2):
        _write_text(header, title, index * sheet.shape[1] // 6 + 6, 54, (0, 0, 0))
    x = 6
    for name, color in zip(CLASSES, PALETTE, strict=True):
        cv2.rectangle(header, (x, 8), (x + 18, 26), color, -1)
        x = _write_text(header, name, x + 24, 24, (0, 0, 0)) + 24
    return np.vstack([header, sheet])


def draw_instance_edges(
    image: NDArray,
    labels: NDArray[np.integer],
    instances: NDArray[np.integer],
    *,
    zoom: int = 2,
) -> NDArray:
    """Draw the outline of every instance, in the colour of its class, over a dimmed image.

    Args:
        image: RGB image of shape (H, W, 3), uint8.
        labels: Label map of shape (H, W) with the labels of the demo set.
        instances: Instance ids of shape (H, W), 0 = background.
        zoom: Magnification, so that the lines stay thin.

    Returns:
        RGB image of shape (zoom * H, zoom * W, 3), uint8.
    """
    large = cv2.resize(image, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_CUBIC)
    drawn = (large * 0.45).astype(np.uint8)
    for instance in np.unique(instances[instances > 0]):
        mask = instances == instance
        color = PALETTE[int(labels[mask][0]) - 1]
        zoomed = np.repeat(np.repeat(mask.astype(np.uint8), zoom, 0), zoom, 1)
        # Objects run on past the image border, which is no edge of theirs.
        zoomed = np.pad(zoomed, 2, mode='edge')
        contours, _ = cv2.findContours(zoomed, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(drawn, contours, -1, color, 1, offset=(-2, -2))
    return drawn


# Files


def _find_existing(
    root: Path, parameters: dict[str, Any], overwrite: bool
) -> dict[str, Any] | None:
    """The meta data of the set if it is there; None if it may be written."""
    if not root.exists() or (root.is_dir() and not any(root.iterdir())):
        return None
    try:
        meta = json.loads((root / 'meta.json').read_text(encoding='utf-8'))
        is_demo_set = meta['format'] == _FORMAT
    except (OSError, ValueError, KeyError, TypeError):
        is_demo_set = False
    if not is_demo_set:
        raise FileExistsError(
            f'{root} exists and is not a demo set; it will not be replaced: choose another folder.'
        )
    if meta['parameters'] == parameters and meta['version'] == _VERSION:
        return meta
    if overwrite:
        return None
    raise FileExistsError(
        f'{root} holds a demo set with other parameters (version {meta["version"]}, '
        f'{meta["parameters"]} instead of version {_VERSION}, {parameters}); '
        'choose another folder or pass overwrite=True.'
    )


def _write_files(root: Path, parameters: dict[str, Any]) -> dict[str, Any]:
    painter = _Painter(tuple(parameters['size']))
    noise_px = parameters['noise_px']
    statistics: dict[str, Any] = {}
    error = _BoundaryError()
    splits: tuple[Split, ...] = ('train', 'val')
    for number, split in enumerate(splits):
        objects = np.zeros(len(CLASSES), int)
        num_images = parameters[f'num_{split}']
        for index in range(num_images):
            rng = np.random.default_rng([parameters['seed'], number, index])
            image, instances, classes = painter.paint(rng, split)
            name = f'{split}_{index:04d}'
            _save_jpg(root / 'images' / split / f'{name}.jpg', image, rng)
            _save_maps(root, '', split, name, instances, classes)
            np.add.at(objects, classes[1:] - 1, 1)
            if split == 'train':
                noisy = simulate_coarse_label_map(
                    instances, noise_px, background=BACKGROUND, ignore_index=np.iinfo(np.uint16).max
                )
                _save_maps(root, 'noisy_', split, name, noisy, classes)
                error.add(instances, noisy, classes)
        statistics[split] = {
            'objects_per_image': round(float(objects.sum() / num_images), 2),
            'objects_per_class': dict(zip(CLASSES, objects.tolist(), strict=True)),
        }
    statistics['noisy_labels'] = error.summary()
    meta = {
        'format': _FORMAT,
        'version': _VERSION,
        'parameters': parameters,
        'classes': list(CLASSES),
        'palette': [list(color) for color in PALETTE],
        'background': BACKGROUND,
        'ignore_index': IGNORE_INDEX,
        'photographs': sorted({s.photo for s in (*_TEXTURES.values(), *_BACKGROUNDS)}),
        'statistics': statistics,
    }
    Image.fromarray(preview_demo_set(root)).save(root / 'preview.png')
    (root / 'meta.json').write_text(json.dumps(meta, indent=1) + '\n', encoding='utf-8')
    return meta


def _save_jpg(file: Path, image: NDArray, rng: np.random.Generator) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(file, quality=int(rng.integers(85, 96)))


def _save_maps(
    root: Path,
    prefix: str,
    split: str,
    name: str,
    instances: NDArray[np.integer],
    classes: NDArray[np.uint8],
) -> None:
    labels = Image.fromarray(classes[instances])
    labels.putpalette([channel for color in ((0, 0, 0), *PALETTE) for channel in color])
    for kind, picture in (('labels', labels), ('instances', Image.fromarray(instances))):
        folder = root / f'{prefix}{kind}' / split
        folder.mkdir(parents=True, exist_ok=True)
        picture.save(folder / f'{name}.png')


class _BoundaryError:
    """Measured distance between exact and noisy boundaries, object by object."""

    def __init__(self) -> None:
        self._to_exact: list[NDArray] = []
        self._to_noisy: list[NDArray] = []
        self._ious: list[float] = []
        self._wrong: list[float] = []

    def add(self, exact: NDArray, noisy: NDArray, classes: NDArray) -> None:
        self._wrong.append(float((classes[exact] != classes[noisy]).mean()))
        for instance in range(1, len(classes)):
            true, coarse = exact == instance, noisy == instance
            self._ious.append(float((true & coarse).sum() / max((true | coarse).sum(), 1)))
            true_boundary, coarse_boundary = (
                mask & mask_edges(mask, radius=1).astype(bool) for mask in (true, coarse)
            )
            if true_boundary.any() and coarse_boundary.any():
                self._to_exact.append(_distance_to(true_boundary)[coarse_boundary])
                self._to_noisy.append(_distance_to(coarse_boundary)[true_boundary])

    def summary(self) -> dict[str, float]:
        to_exact, to_noisy = np.concatenate(self._to_exact), np.concatenate(self._to_noisy)
        return {
            'mean_px_noisy_to_exact': round(float(to_exact.mean()), 3),
            'max_px_noisy_to_exact': round(float(to_exact.max()), 3),
            'mean_px_exact_to_noisy': round(float(to_noisy.mean()), 3),
            'mean_iou': round(float(np.mean(self._ious)), 4),
            'wrong_pixels': round(float(np.mean(self._wrong)), 4),
        }


def _distance_to(target: NDArray[np.bool_]) -> NDArray:
    return cv2.distanceTransform((~target).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)


# Pictures


class _Painter:
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
            (name, split): _crop(_load_photo(source.photo), getattr(source, split))
            for name, source in _TEXTURES.items()
            for split in splits
        }
        self._backgrounds = {
            split: [_crop(_load_photo(s.photo), getattr(s, split)) for s in _BACKGROUNDS]
            for split in splits
        }
        coins = _find_coins(_load_photo('coins'))
        self._coins = {
            'train': [c for c in coins if c[:, 0].mean() < _COIN_SPLIT_X],
            'val': [c for c in coins if c[:, 0].mean() >= _COIN_SPLIT_X],
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
            zoom = _TEXTURES[name].zoom * rng.uniform(0.8, 1.25) * short / 160
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


def _load_photo(name: str) -> NDArray:
    try:
        photo = getattr(skimage.data, name)()
    except Exception as error:
        raise RuntimeError(
            f'The photograph `{name}` did not load from scikit-image: {error} '
            'Install scikit-image from PyPI, whose wheels hold it.'
        ) from error
    if isinstance(photo, tuple):  # stereo_motorcycle: left, right, disparity
        photo = photo[0]
    if photo.ndim == 2:
        photo = np.repeat(photo[..., None], 3, axis=2)
    shrink = 640 / max(photo.shape)
    if shrink < 1:
        photo = cv2.resize(photo, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(photo[..., :3])


def _crop(photo: NDArray, box: Box) -> NDArray:
    height, width = photo.shape[:2]
    left, top, right, bottom = box
    return photo[
        round(top * height) : round(bottom * height), round(left * width) : round(right * width)
    ]


def _find_coins(photo: NDArray) -> list[NDArray]:
    """Outlines, (N, 2) x and y, of the coins in the photograph, a pixel inside of their edges."""
    gray = photo[..., 0]
    markers = np.zeros(gray.shape, np.int32)
    markers[gray < 30] = 1
    markers[gray > 150] = 2
    coins = (watershed(sobel(gray), markers) == 2).astype(np.uint8)
    coins = cv2.morphologyEx(coins, cv2.MORPH_OPEN, np.ones((5, 5), np.uint8))
    contours, _ = cv2.findContours(coins, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    outlines = []
    for contour in contours:
        if cv2.contourArea(contour) < 500:
            continue
        points = contour[:, 0].astype(float)
        window = np.hanning(13) / np.hanning(13).sum()
        wrapped = np.pad(points, ((6, 6), (0, 0)), mode='wrap')
        smooth = np.stack([np.convolve(v, window, 'valid') for v in wrapped.T], axis=1)
        inward = smooth.mean(0) - smooth
        outlines.append(smooth + inward / np.hypot(*inward.T)[:, None])
    return sorted(outlines, key=lambda outline: tuple(outline.mean(0)))


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
    # Pixel centres: image x lies at scale * x + (scale - 1) / 2 of the canvas; 1/16 px fractions.
    points = np.round((outline * scale + (scale - 1) / 2) * 16).astype(np.int32)
    cv2.fillPoly(canvas, [points], (255,), lineType=cv2.LINE_8, shift=4)
    covered = cv2.resize(canvas, size[::-1], interpolation=cv2.INTER_AREA)
    return covered.astype(np.float32) / 255


def _blur_for_zoom(texture: NDArray, zoom: float) -> NDArray:
    """Low-pass before shrinking, or the texture would alias."""
    texture = texture.astype(np.float32)
    return texture if zoom >= 1 else cv2.GaussianBlur(texture, (0, 0), 0.45 / zoom)


def _vary_colors(image: NDArray, rng: np.random.Generator) -> NDArray:
    """Brightness, contrast and colour cast, which shall tell nothing about the class."""
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


def _frame(image: NDArray, width: int) -> NDArray:
    return cv2.copyMakeBorder(
        image, width, width, width, width, cv2.BORDER_CONSTANT, value=(255, 255, 255)
    )


def _write_text(canvas: NDArray, text: str, x: int, y: int, color: tuple[int, int, int]) -> int:
    """Write a line and return where it ends."""
    font, scale = cv2.FONT_HERSHEY_SIMPLEX, 0.6
    cv2.putText(canvas, text, (x, y), font, scale, color, 1, cv2.LINE_AA)
    return x + cv2.getTextSize(text, font, scale, 1)[0][0]
