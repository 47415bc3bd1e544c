"""Predicted edge maps on disk: what this project writes, and what any method writes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from PIL import Image

from mmsteal.files import write_file

IMAGE_SUFFIXES = ('.png', '.bmp')
ARRAY_SUFFIXES = ('.npy', '.npz')
CLASS_FOLDER = re.compile(r'class_?0*([1-9]\d*)', re.IGNORECASE)
# Endings that datasets give to the names of their images.
_IMAGE_ENDINGS = ('_leftImg8bit',)


def probability_levels(prob: np.ndarray) -> np.ndarray:
    """Round probabilities to the 256 levels of the files: uint8, 255 = probability 1."""
    return np.rint(np.clip(prob, 0, 1) * 255).astype(np.uint8)


def write_prediction(out_dir: str | Path, name: str, prob: np.ndarray) -> None:
    """Write `out_dir/class_001/NAME.png` ... `class_KKK/NAME.png`.

    A file that is there is whole.

    Args:
        out_dir (str | Path): Folder; made if needed.
        name (str): Name of the image, without suffix; may have folders, as `city/0001`.
        prob (np.ndarray): (K, H, W) float in [0, 1]; rounded to 1/255.

    Raises:
        OSError: If the disk refuses; named.
    """
    for k, level in enumerate(probability_levels(prob)):
        write_png(Path(out_dir) / f'class_{k + 1:03d}' / f'{name}.png', level)


def write_png(path: Path, image: np.ndarray) -> None:
    """Write a grey PNG, whole or not at all.

    Raises:
        OSError: If the disk refuses; named.
    """
    # Level 1 is four times faster than the default and 10 % larger.
    _, content = cv2.imencode('.png', image, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    write_file(path, content.tobytes())


def check_distinct_names(paths: Iterable[str | Path]) -> None:
    """Check that no two images would write to the same file.

    Args:
        paths (Iterable[str | Path]): Paths of the images.

    Raises:
        ValueError: If two have the same name, without folder and suffix; both are named.
    """
    seen: dict[str, str | Path] = {}
    for path in paths:
        other = seen.setdefault(Path(path).stem, path)
        if other != path:
            raise ValueError(
                f'Expected images of different names, but the results of {other} and {path} would '
                'go to the same file; write them to different folders.'
            )


def read_prediction(out_dir: str | Path, name: str, num_classes: int) -> np.ndarray:
    """Read one image's prediction in any of the layouts of :class:`PredictionFolder`.

    Returns:
        np.ndarray: (K, H, W); uint8 if the files are, 255 = probability 1.

    Raises:
        FileNotFoundError: If the file of a class is missing; named.
    """
    names = [f'class {k + 1}' for k in range(num_classes)]
    return PredictionFolder(out_dir, names).read(name)


class PredictionFolder:
    """Predictions of one method for a set of images, in whatever layout it wrote them.

    - One folder per class, called `class_1`, `class_001` or by the class's name, with one grey PNG
      or BMP per image: 8 bits (v / 255), 16 bits (v / 65535) or 1 bit.
    - One `.npy` or `.npz` per image with an array (K, H, W).
    - With a single class also one grey PNG or BMP per image, directly in the folder.
    - `kind='label_map'`: one label PNG per image, of a segmentor.

    Files may lie in folders as the images of the data set do, or all in one; names may end in
    `_leftImg8bit`.

    Args:
        root (str | Path): The folder.
        class_names (Sequence[str]): Names of all K classes of the data set, in their order.
        classes (Sequence[int] | None): The classes to read, 0-based; None: all.
        kind (str): `'scores'` or `'label_map'`.

    Raises:
        FileNotFoundError: If the folder does not exist or holds nothing that can be read.
        ValueError: If there are two folders for one class, or two files for one image.
    """

    def __init__(
        self,
        root: str | Path,
        class_names: Sequence[str],
        *,
        classes: Sequence[int] | None = None,
        kind: Literal['scores', 'label_map'] = 'scores',
    ) -> None:
        self.root = Path(root)
        self.class_names = list(class_names)
        self.classes = list(range(len(class_names)) if classes is None else classes)
        self.kind = kind
        if not self.root.is_dir():
            raise FileNotFoundError(
                f'Expected a folder of predictions at {self.root.resolve()}, but there is none.'
            )
        # One index for each class folder, or a single one if a file holds all classes.
        self._by_class: dict[int, dict[str, Path]] = {}
        self._whole: dict[str, Path] = {}
        if kind == 'scores':
            self._by_class = {k: index_files(f, IMAGE_SUFFIXES) for k, f in self._folders().items()}
            if not self._by_class:
                single = IMAGE_SUFFIXES if len(class_names) == 1 else ()
                self._whole = index_files(self.root, (*ARRAY_SUFFIXES, *single))
        else:
            self._whole = index_files(self.root, IMAGE_SUFFIXES)
        if not self._by_class and not self._whole:
            raise FileNotFoundError(
                f'Expected predictions in {self.root.resolve()}: folders class_001, class_002, ... '
                '(or called by the names of the classes) with PNG or BMP files, or one .npy or '
                '.npz per image; but found '
                f'{sorted(p.name for p in self.root.iterdir())[:8] or "nothing"}. For label maps '
                'of a segmentor say so (--label-maps).'
            )

    def _folders(self) -> dict[int, Path]:
        by_name = {plain_name(name): k for k, name in enumerate(self.class_names)}
        found: dict[int, Path] = {}
        for folder in sorted(p for p in self.root.iterdir() if p.is_dir()):
            match = CLASS_FOLDER.fullmatch(folder.name)
            k = int(match[1]) - 1 if match else by_name.get(plain_name(folder.name), -1)
            if not 0 <= k < len(self.class_names):
                continue
            if k in found:
                raise ValueError(
                    f'Expected one folder for class {k + 1} ({self.class_names[k]}), but found '
                    f'{found[k]} and {folder}; remove one of them.'
                )
            found[k] = folder
        return found

    def names(self) -> list[str]:
        """Names of all images of which there is a file, sorted."""
        indices = self._by_class.values() if self._by_class else [self._whole]
        folders = self._folders().values() if self._by_class else [self.root]
        return sorted({
            image_name(path, folder)
            for folder, index in zip(folders, indices, strict=True)
            for path in index.values()
        })  # fmt: skip

    def files(self, name: str) -> list[tuple[str, Path | None]]:
        """The files of an image, as (what it is, path or None if it is missing)."""
        if not self._by_class:
            return [('all classes', find_file(self._whole, name))]
        return [
            (f'class {k + 1} ({self.class_names[k]})', find_file(self._by_class.get(k, {}), name))
            for k in self.classes
        ]

    def missing(self, names: Sequence[str]) -> list[tuple[str, str]]:
        """All (image, class) without a file."""
        return [(n, what) for n in names for what, path in self.files(n) if path is None]

    def check_headers(self, name: str) -> None:
        """Refuse files of an image that cannot be scores, reading no more than their headers.

        Raises:
            ValueError: If a file is unreadable or no grey image, or sizes differ; named.
        """
        sizes = {}
        for _, path in self.files(name):
            if path is None or path.suffix in ARRAY_SUFFIXES:
                continue
            with _open_image(path, palette=self.kind == 'label_map') as image:
                sizes[image.size] = path
        if len(sizes) > 1:
            found = ', '.join(f'{w} x {h} ({path})' for (w, h), path in sizes.items())
            raise ValueError(f'Expected files of one size for image {name}, but got {found}.')

    def read(self, name: str, *, missing: Literal['error', 'empty'] = 'error') -> np.ndarray | None:
        """Read the scores of an image.

        Args:
            name (str): Name of the image, without suffix.
            missing (str): `'empty'` reads missing files as scores of 0.

        Returns:
            np.ndarray | None: (K, H, W), of the chosen classes: uint8 (255 = 1), bool, or float
            in the precision of the file. For label maps (H, W) integers. None where all files are
            missing.

        Raises:
            FileNotFoundError: If a file is missing; image, class and folder are named.
            ValueError: If a file is unreadable or does not hold scores; named.
        """
        files = self.files(name)
        for what, path in files:
            if path is None and missing == 'error':
                raise FileNotFoundError(
                    f'Expected the prediction of image {name}, {what}, in {self.root.resolve()}, '
                    'but it is missing.'
                )
        paths = [path for _, path in files]
        if all(path is None for path in paths):
            return None
        if self.kind == 'label_map':
            return _read_image(paths[0], palette=True)
        if paths[0] is not None and paths[0].suffix in ARRAY_SUFFIXES:
            return self._read_array(paths[0])
        maps = [None if path is None else _scores(_read_image(path), path) for path in paths]
        known = [m for m in maps if m is not None]
        if len({m.shape for m in known}) > 1:
            self.check_headers(name)
        empty = np.zeros(known[0].shape, known[0].dtype)
        maps = [empty if m is None else m for m in maps]
        if len({m.dtype for m in maps}) > 1:  # 8 and 16 bits beside each other
            maps = [m / np.float32(255) if m.dtype == np.uint8 else m for m in maps]
        return np.stack(maps)

    def _read_array(self, path: Path) -> np.ndarray:
        try:
            array = np.load(path, allow_pickle=False)
            if isinstance(array, np.lib.npyio.NpzFile):
                with array:
                    if len(array.files) != 1:
                        raise ValueError(f'expected one array in the file, found {array.files}')
                    array = array[array.files[0]]
        except (OSError, ValueError) as error:
            raise ValueError(f'Cannot read the prediction {path}: {error}') from error
        num_classes = len(self.class_names)
        if array.ndim == 2 and num_classes == 1:
            array = array[None]
        if array.ndim != 3 or len(array) not in (num_classes, len(self.classes)):
            raise ValueError(
                f'Expected an array of shape (K, H, W) with K = {num_classes} classes in {path}, '
                f'but got shape {array.shape}.'
            )
        return _scores(array if len(array) == len(self.classes) else array[self.classes], path)


def plain_name(name: str) -> str:
    """A class's name as folders are called: spaces, underscores and case do not matter."""
    return re.sub(r'[\s_-]', '', name).lower()


def image_name(path: Path, folder: Path) -> str:
    """Name of the image that a file belongs to: its path in the folder, without endings."""
    name = path.relative_to(folder).with_suffix('').as_posix()
    for ending in _IMAGE_ENDINGS:
        name = name.removesuffix(ending)
    return name


def index_files(folder: Path, suffixes: tuple[str, ...]) -> dict[str, Path]:
    """Files below a folder by their path without suffix, and by their name alone if unique."""
    by_path: dict[str, Path] = {}
    by_name: dict[str, list[Path]] = {}
    for path in sorted(folder.rglob('*')):
        if path.suffix.lower() not in suffixes or path.name.startswith('.'):
            continue
        key = image_name(path, folder)
        if key in by_path:
            raise ValueError(
                f'Expected one file for image {key}, but found {by_path[key]} and {path}; remove '
                'one of them.'
            )
        by_path[key] = path
        by_name.setdefault(key.rpartition('/')[2], []).append(path)
    return {**{k: v[0] for k, v in by_name.items() if len(v) == 1}, **by_path}


def find_file(index: dict[str, Path], name: str) -> Path | None:
    """The file of an image in an index of :func:`index_files`, None if it is missing."""
    return index.get(name) or index.get(name.rpartition('/')[2])


def _open_image(path: Path, *, palette: bool = False) -> Image.Image:
    try:
        image = Image.open(path)
    except OSError as error:
        raise ValueError(f'Cannot read the prediction {path}: {error}') from error
    if image.mode in ('1', 'L', 'I', 'I;16', 'I;16B') or (palette and image.mode == 'P'):
        return image
    image.close()
    raise ValueError(
        f'Expected a grey image of 8 or 16 bits, but {path} is of mode {image.mode}; write scores '
        'as one channel, without a colour map.'
    )


def _read_image(path: Path, *, palette: bool = False) -> np.ndarray:
    with _open_image(path, palette=palette) as image:
        try:
            array = np.asarray(image)
        except OSError as error:
            raise ValueError(f'Cannot read the prediction {path}: {error}') from error
    if array.dtype == np.int32 and array.min() >= 0 and array.max() <= 65535:
        return array.astype(np.uint16)  # what older versions of Pillow make of 16 bits
    return array


def _scores(array: np.ndarray, path: Path) -> np.ndarray:
    """Integers of 16 bits as fractions of their range; everything else as it is."""
    if array.dtype == np.uint16:
        return array / 65535
    if array.dtype in (np.uint8, np.bool_) or array.dtype.kind == 'f':
        return array
    raise ValueError(
        f'Expected scores as float in [0, 1], or as unsigned integers of 8 or 16 bits, in {path}, '
        f'but got {array.dtype}.'
    )


def class_indices(chosen: Sequence[str] | None, class_names: Sequence[str]) -> list[int] | None:
    """Classes by name or number from 1 as indices from 0, rising; None for all.

    Raises:
        ValueError: If there is no such class.

    Example:
        >>> class_indices(['traffic_light', '1'], ['road', 'car', 'traffic light'])
        [0, 2]
    """
    if chosen is None:
        return None
    by_name = {plain_name(name): k for k, name in enumerate(class_names)}
    by_name.update({str(k + 1): k for k in range(len(class_names))})
    unknown = [name for name in chosen if plain_name(name) not in by_name]
    if unknown:
        raise ValueError(
            f'Expected classes out of {", ".join(class_names)}, or their numbers from 1, but got '
            f'{unknown}.'
        )
    return sorted({by_name[plain_name(name)] for name in chosen})
