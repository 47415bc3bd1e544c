"""The demo set in a folder, whole or not at all."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mmsteal.datasets.demo_set.painter import BACKGROUND, CLASSES, PALETTE, Painter
from mmsteal.datasets.demo_set.photographs import BACKGROUNDS, TEXTURES, Split
from mmsteal.datasets.demo_set.preview import preview_demo_set
from mmsteal.functional.labels.coarse_labels import simulate_coarse_label_map
from mmsteal.functional.labels.mask_outline import mask_outline
from mmsteal.functional.labels.outline_distance import outline_distances

IGNORE_INDEX = 255

# Raised whenever the same parameters would give other files.
_VERSION = 1
_FORMAT = 'mmsteal demo set'


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

    Layout; labels are 0 for background, i + 1 for class i of `CLASSES`, and 255 would be ignore::

        root/images/{train,val}/NAME.jpg
        root/labels/{train,val}/NAME.png        exact labels, uint8 with a palette
        root/instances/{train,val}/NAME.png     exact instance ids, uint16, 0 = background
        root/noisy_labels/train/NAME.png        the same with a boundary error of noise_px
        root/noisy_instances/train/NAME.png
        root/meta.json                          parameters, classes, statistics
        root/preview.png                        contact sheet for a person

    The two splits use parts of the photographs that do not meet, and other coins. An image depends
    on `seed`, `size` and its own number only: a longer set begins with the same images.

    Args:
        root: Folder of the set. It is left alone if it holds the set with these parameters.
        num_train: Number of training images.
        num_val: Number of validation images.
        size: Height and width of the images in pixels, each at least 64.
        noise_px: Largest boundary error of the noisy labels in pixels, as in
            :func:`~mmsteal.functional.simulate_coarse_mask`.
        seed: Seed of all random choices.
        overwrite: Replace a demo set that was written with other parameters.

    Returns:
        The content of `meta.json`.

    Raises:
        ValueError: If an argument is out of range.
        FileExistsError: If `root` holds something else, or a demo set with other parameters and
            `overwrite` is not set.
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
    painter = Painter(tuple(parameters['size']))
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
        'photographs': sorted({s.photo for s in (*TEXTURES.values(), *BACKGROUNDS)}),
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
            true_boundary, coarse_boundary = mask_outline(true), mask_outline(coarse)
            if true_boundary.any() and coarse_boundary.any():
                found = outline_distances(true_boundary, coarse_boundary)
                to_noisy, to_exact = np.split(found, [np.count_nonzero(true_boundary)])
                self._to_exact.append(to_exact)
                self._to_noisy.append(to_noisy)

    def summary(self) -> dict[str, float]:
        to_exact, to_noisy = np.concatenate(self._to_exact), np.concatenate(self._to_noisy)
        return {
            'mean_px_noisy_to_exact': round(float(to_exact.mean()), 3),
            'max_px_noisy_to_exact': round(float(to_exact.max()), 3),
            'mean_px_exact_to_noisy': round(float(to_noisy.mean()), 3),
            'mean_iou': round(float(np.mean(self._ious)), 4),
            'wrong_pixels': round(float(np.mean(self._wrong)), 4),
        }
