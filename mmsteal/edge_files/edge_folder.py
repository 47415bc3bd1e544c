"""Edge maps of any detector on disk, with the names of their classes."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from copy import copy
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from mmsteal.edge_files.class_names import CLASS_FOLDER
from mmsteal.edge_files.prediction_folder import ARRAY_SUFFIXES, PredictionFolder
from mmsteal.input_files import read_array
from mmsteal.label_formats.cityscapes_labels import CITYSCAPES_CLASSES
from mmsteal.label_formats.voc_labels import VOC_CLASSES
from mmsteal.pairing import list_files

_TRAIN_CLASSES = tuple(label.name for label in CITYSCAPES_CLASSES)
# Classes of numbered edge maps, by how many there are, where the labels are of these sets.
_KNOWN_CLASSES = {
    ('cityscapes', 19): _TRAIN_CLASSES,
    ('cityscapes', 8): _TRAIN_CLASSES[11:],  # those with instances
    ('voc', 20): VOC_CLASSES,
    ('sbd', 20): VOC_CLASSES,
}


class EdgeFolder:
    """Edge maps on disk in one of the layouts of :class:`PredictionFolder`.

    Args:
        root: The folder.
        names: Names of the K edge maps in their order. None: those of the class folders. Where
            these are numbered (`class_001`, ...), the classes of the data set of `label_format` if
            there are as many, otherwise `class 1`, `class 2`, ...
        label_format: Format of the labels.
        images: Names of all images of the set; see :class:`PredictionFolder`.

    Attributes:
        root (Path): The folder.
        names (tuple[str, ...]): Names of the edge maps.

    Raises:
        FileNotFoundError: If there is no folder, or nothing in it that can be read.
        ValueError: If `names` does not fit the folder.
    """

    def __init__(
        self,
        root: str | Path,
        names: Sequence[str] | None = None,
        *,
        label_format: str = '',
        images: Collection[str] = (),
    ) -> None:
        self.root = Path(root)
        if not self.root.is_dir():
            raise FileNotFoundError(
                f'Expected a folder of edge maps at {self.root.resolve()}, but there is none.'
            )
        found, numbered = _classes_in(self.root)
        if numbered:
            found = _KNOWN_CLASSES.get((label_format, len(found)), found)
        if names is not None and numbered and len(names) != len(found):
            raise ValueError(
                f'Expected the names of {len(found)} edge maps, as there are in {self.root}, '
                f'but got {len(names)}: {", ".join(names)}.'
            )
        self.names = tuple(found if names is None else names)
        self._predictions = PredictionFolder(self.root, self.names, images=images)

    def of_images(self, images: Collection[str]) -> EdgeFolder:
        """The same files, of a set of these images; see :class:`PredictionFolder`."""
        other = copy(self)
        other._predictions = self._predictions.of_images(images)
        return other

    def read(self, name: str) -> NDArray[Any]:
        """Edge maps (K, h, w) of an image; uint8 if the files are, 255 = 1.

        Raises:
            FileNotFoundError: If one is missing; named.
            ValueError: If a file is damaged or no edge map; named.
        """
        maps = self._predictions.read(name)
        assert maps is not None  # missing files raise
        return maps

    def files(self, name: str) -> list[Path]:
        """The files of an image that are there, to see whether they are still the same."""
        return [path for _, path in self._predictions.files(name) if path is not None]


def _classes_in(root: Path) -> tuple[tuple[str, ...], bool]:
    """Names of the edge maps of a folder, and whether they are but numbers."""
    folders = sorted(p.name for p in root.iterdir() if p.is_dir() and not p.name.startswith('.'))
    numbers = [int(match[1]) for name in folders if (match := CLASS_FOLDER.fullmatch(name))]
    if numbers:
        return tuple(f'class {k + 1}' for k in range(max(numbers))), True
    arrays = list_files(root, ARRAY_SUFFIXES)
    if arrays:
        number = _maps_in(next(iter(arrays.values())))
        return tuple(f'class {k + 1}' for k in range(number)), True
    if any(path.is_file() for path in root.iterdir()) or not folders:
        return ('edge',), False
    # Folders by name are classes; those that only sort the images of a single map are not told
    # apart from them, and need `names`.
    return tuple(name for name in folders if name != 'overlay'), False


def _maps_in(path: Path) -> int:
    try:
        array = read_array(path)
    except (OSError, ValueError) as error:
        raise ValueError(f'Cannot read the edge maps {path}: {error}') from error
    return len(array) if array.ndim == 3 else 1
