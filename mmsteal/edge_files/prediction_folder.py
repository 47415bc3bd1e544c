"""Predicted edge maps on disk, in whatever layout a method wrote them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from copy import copy
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mmsteal.edge_files.class_names import CLASS_FOLDER, plain_name
from mmsteal.edge_files.grey_images import open_grey_image, read_grey_image
from mmsteal.edge_files.score_range import check_set_range, next_to_nothing, scores_of
from mmsteal.input_files import read_array
from mmsteal.pairing import FilePairs, list_files

IMAGE_SUFFIXES = ('.png', '.bmp')
_LOSSY_SUFFIXES = ('.jpg', '.jpeg')
ARRAY_SUFFIXES = ('.npy', '.npz')


class PredictionFolder:
    """Predictions of one method for a set of images, in whatever layout it wrote them.

    - One folder per class, called `class_1`, `class_001` or by the class's name, with one grey PNG
      or BMP per image: 8 bits (v / 255), 16 bits (v / 65535) or 1 bit.
    - One `.npy` or `.npz` per image with an array (K, H, W).
    - With a single class also one grey PNG or BMP per image, directly in the folder.
    - `kind='label_map'`: one label PNG per image, of a segmentor.

    Files may lie in folders as the images of the data set do, or all in one; names may end in
    `_leftImg8bit`. Which file belongs to which image says :class:`mmsteal.pairing.FilePairs`.

    Args:
        root: The folder.
        class_names: Names of all K classes of the data set, in their order.
        classes: The classes to read, 0-based; None: all.
        kind: `'scores'` or `'label_map'`.
        images: Names of all images of the data set; without them a file may be taken for that of an
            image of the same name in another folder.

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
        images: Collection[str] = (),
    ) -> None:
        self.root = Path(root)
        self.class_names = list(class_names)
        self.classes = list(range(len(class_names)) if classes is None else classes)
        self.kind = kind
        if not self.root.is_dir():
            raise FileNotFoundError(
                f'Expected a folder of predictions at {self.root.resolve()}, but there is none.'
            )
        # Files of each class folder, or under None of all classes together.
        self._pairs = {k: FilePairs(files, images) for k, files in self._files_by_class().items()}
        self._range_is_fine = False
        if not any(pairs.files for pairs in self._pairs.values()):
            raise FileNotFoundError(
                f'Expected predictions in {self.root.resolve()}: folders class_001, class_002, ... '
                '(or called by the names of the classes) with PNG or BMP files, or one .npy or '
                '.npz per image; but found '
                f'{sorted(p.name for p in self.root.iterdir())[:8] or "nothing"}. '
                f'{self.other_files or "For label maps of a segmentor say so (--label-maps)."}'
            )

    def _files_by_class(self) -> Mapping[int | None, dict[str, Path]]:
        if self.kind == 'label_map':
            return {None: list_files(self.root, IMAGE_SUFFIXES)}
        folders = self._folders()
        if folders:
            return {k: list_files(folder, IMAGE_SUFFIXES) for k, folder in folders.items()}
        single = IMAGE_SUFFIXES if len(self.class_names) == 1 else ()
        return {None: list_files(self.root, (*ARRAY_SUFFIXES, *single))}

    def of_images(self, images: Collection[str]) -> PredictionFolder:
        """The same files, of a set of these images; see `images`."""
        other = copy(self)
        other._pairs = {k: FilePairs(pairs.files, images) for k, pairs in self._pairs.items()}
        return other

    @property
    def other_files(self) -> str:
        """What to do about pictures that are not read; empty where there are none."""
        found = (p for p in self.root.rglob('*') if p.suffix.lower() in _LOSSY_SUFFIXES)
        lossy = next(found, None)
        if lossy is None:
            return ''
        return (
            f'There are JPEG files, such as {lossy}: they are not read, because JPEG changes '
            'scores and values near edges; write PNG, BMP or .npy.'
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
        return sorted(set().union(*(pairs.files for pairs in self._pairs.values())))

    def files(self, name: str) -> list[tuple[str, Path | None]]:
        """The files of an image, as (what it is, path or None if it is missing)."""
        if None in self._pairs:
            return [('all classes', self._pairs[None].find(name))]
        return [
            (
                f'class {k + 1} ({self.class_names[k]})',
                self._pairs[k].find(name) if k in self._pairs else None,
            )
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
        self,
        name: str,
        *,
        missing: Literal['error', 'empty'] = 'error',
        any_range: bool = False,
    ) -> NDArray[Any] | None:
        """Read the scores of an image.

        Args:
            name: Name of the image, without suffix.
            missing: `'empty'` reads missing files as scores of 0.
            any_range: Take integers as they are, although those of all images are next to nothing
                of their range: they are no scores.

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
                    f'but it is missing. {self.other_files}'.rstrip()
                )
        paths = [path for _, path in files]
        there = [path for path in paths if path is not None]
        if not there:
            return None
        if self.kind == 'label_map':
            return read_grey_image(there[0], palette=True)
        read = {path: self._read_file(path) for path in there}
        for array in () if any_range else read.values():
            self._check_range(array)
        known = {path: scores_of(array, path) for path, array in read.items()}
        if there[0].suffix in ARRAY_SUFFIXES:
            return known[there[0]]
        first = known[there[0]]
        if len({m.shape for m in known.values()}) > 1:
            self.check_headers(name)
        empty = np.zeros(first.shape, first.dtype)
        maps = [empty if path is None else known[path] for path in paths]
        if len({m.dtype for m in maps}) > 1:  # 8 and 16 bits beside each other
            maps = [m / np.float32(255) if m.dtype == np.uint8 else m for m in maps]
        return np.stack(maps)

    def _check_range(self, array: NDArray[Any]) -> None:
        """Look at other files where integers may not be meant as scores."""
        if self._range_is_fine or not next_to_nothing(array) or not array.any():
            return
        paths = [path for pairs in self._pairs.values() for path in pairs.files.values()]
        check_set_range(paths, self._read_file)
        self._range_is_fine = True

    def _read_file(self, path: Path) -> NDArray[Any]:
        return self._read_array(path) if path.suffix in ARRAY_SUFFIXES else read_grey_image(path)

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
        return array if len(array) == len(self.classes) else array[self.classes]


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
