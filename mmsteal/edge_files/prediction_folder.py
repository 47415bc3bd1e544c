"""Predicted edge maps on disk, in whatever layout a method wrote them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mmsteal.edge_files.class_names import CLASS_FOLDER, plain_name
from mmsteal.edge_files.file_index import find_file, image_name, index_files
from mmsteal.edge_files.grey_images import open_grey_image, read_grey_image
from mmsteal.input_files import read_array

IMAGE_SUFFIXES = ('.png', '.bmp')
ARRAY_SUFFIXES = ('.npy', '.npz')


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
        root: The folder.
        class_names: Names of all K classes of the data set, in their order.
        classes: The classes to read, 0-based; None: all.
        kind: `'scores'` or `'label_map'`.

    Attributes:
        root (Path): The folder.
        class_names (list[str]): Names of all classes.
        classes (list[int]): The classes that are read.
        kind (str): See above.

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
        sizes: dict[tuple[int, int], Path] = {}
        for _, path in self.files(name):
            if path is None or path.suffix in ARRAY_SUFFIXES:
                continue
            with open_grey_image(path, palette=self.kind == 'label_map') as image:
                sizes[image.size] = path
        if len(sizes) > 1:
            found = ', '.join(f'{w} x {h} ({path})' for (w, h), path in sizes.items())
            raise ValueError(f'Expected files of one size for image {name}, but got {found}.')

    def read(
        self, name: str, *, missing: Literal['error', 'empty'] = 'error'
    ) -> NDArray[Any] | None:
        """Read the scores of an image.

        Args:
            name: Name of the image, without suffix.
            missing: `'empty'` reads missing files as scores of 0.

        Returns:
            (K, H, W), of the chosen classes: uint8 (255 = 1), bool, or float in the precision of
            the file. For label maps (H, W) integers. None where all files are missing.

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
        there = [path for path in paths if path is not None]
        if not there:
            return None
        if self.kind == 'label_map':
            return read_grey_image(there[0], palette=True)
        if there[0].suffix in ARRAY_SUFFIXES:
            return self._read_array(there[0])
        known = {path: _scores(read_grey_image(path), path) for path in there}
        first = known[there[0]]
        if len({m.shape for m in known.values()}) > 1:
            self.check_headers(name)
        empty = np.zeros(first.shape, first.dtype)
        maps = [empty if path is None else known[path] for path in paths]
        if len({m.dtype for m in maps}) > 1:  # 8 and 16 bits beside each other
            maps = [m / np.float32(255) if m.dtype == np.uint8 else m for m in maps]
        return np.stack(maps)

    def _read_array(self, path: Path) -> NDArray[Any]:
        try:
            array = read_array(path)
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


def _scores(array: NDArray[Any], path: Path) -> NDArray[Any]:
    """Integers of 16 bits as fractions of their range; everything else as it is."""
    if array.dtype == np.uint16:
        return array / 65535
    if array.dtype in (np.uint8, np.bool_) or array.dtype.kind == 'f':
        return array
    raise ValueError(
        f'Expected scores as float in [0, 1], or as unsigned integers of 8 or 16 bits, in {path}, '
        f'but got {array.dtype}.'
    )


def read_prediction(out_dir: str | Path, name: str, num_classes: int) -> NDArray[Any]:
    """Read one image's prediction in any of the layouts of :class:`PredictionFolder`.

    Args:
        out_dir: The folder.
        name: Name of the image, without suffix.
        num_classes: Number of classes K.

    Returns:
        (K, H, W); uint8 if the files are, 255 = probability 1.

    Raises:
        FileNotFoundError: If the file of a class is missing; named.
    """
    names = [f'class {k + 1}' for k in range(num_classes)]
    maps = PredictionFolder(out_dir, names).read(name)
    assert maps is not None  # missing files raise
    return maps
