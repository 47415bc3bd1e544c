"""What every label format does: list images, read them, write them, keep what did not change."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from inspect import signature
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from mmsteal.files import is_same_file, path_under, write_files
from mmsteal.label_formats.annotation import AnnotatedObject, Annotation, LabelError, Region
from mmsteal.label_formats.painting import NOBODY

Unclaimed = Literal['background', 'ignore'] | int | None


@dataclass(frozen=True)
class LabelItem:
    """An image with its label files.

    Attributes:
        name: Relative name without suffix; unique in the set.
        image: The image.
        labels: The label files, in the order of the format.
    """

    name: str
    image: Path
    labels: tuple[Path, ...]


@dataclass(frozen=True)
class LabelProblem:
    """A file of the set that cannot be used.

    Attributes:
        path: The file.
        message: What is wrong with it, and what to do.
    """

    path: Path
    message: str

    def __str__(self) -> str:
        return f'{self.path}: {self.message}'


class LabelFormat(ABC):
    """Labels on disk in one format; or, with `root=None`, a writer for labels of another format.

    A pixel that a written object map gives to no object, although one had it, is unclaimed. In
    label maps it gets a value, see `unclaimed`. Where shapes lie over each other the one beneath
    comes to light instead, unless :meth:`write` is told otherwise.

    Args:
        root: Where the labels are; None to only write.
        classes: Name of each class -> its value, id or label in the files. Formats that have their
            own table need none.
        unclaimed: Value of unclaimed pixels: `'background'`, `'ignore'` or a value. None: the
            background where the format has one, else the ignored value. It is never a class by
            accident.

    Attributes:
        name: Name of the format.
    """

    name: ClassVar[str]
    # Whether the files of an image that did not change can be copied.
    verbatim: ClassVar[bool] = True
    # Whether pixels of no object are background; otherwise nobody labelled them.
    has_background: ClassVar[bool] = True

    def __init__(
        self,
        root: str | Path | None = None,
        *,
        classes: Mapping[str, int | str] | None = None,
        unclaimed: Unclaimed = None,
    ) -> None:
        self.root = None if root is None else Path(root)
        if self.root is not None and not self.root.exists():
            raise FileNotFoundError(
                f'Expected labels at {self.root.resolve()}, but there is nothing.'
            )
        self.classes = dict(classes or {})
        self.class_names = {value: name for name, value in self.classes.items()}
        if unclaimed not in (None, 'background', 'ignore') and not isinstance(unclaimed, int):
            raise ValueError(
                "Expected argument `unclaimed` to be 'background', 'ignore', a value or None, "
                f'but got {unclaimed!r}.'
            )
        self.unclaimed = unclaimed
        self._scanned: tuple[list[LabelItem], list[LabelProblem]] | None = None

    @classmethod
    def option_names(cls) -> tuple[str, ...]:
        """Options of the format, besides where the labels are."""
        return tuple(name for name in signature(cls).parameters if name != 'root')

    def items(self) -> list[LabelItem]:
        """Images that have labels, sorted by name. Reads no label map."""
        return list(self._scan()[0])

    def problems(self) -> list[LabelProblem]:
        """Images without labels, labels without an image."""
        return list(self._scan()[1])

    @property
    def held(self) -> str:
        """What the files hold, and what to do about it where no image has an object."""
        return ''

    def _scan(self) -> tuple[list[LabelItem], list[LabelProblem]]:
        if self.root is None:
            raise ValueError(
                f'Expected argument `root` of the format {self.name!r} to be given to read from.'
            )
        if self._scanned is None:
            try:
                self._scanned = self._find(self.root)
            except (AttributeError, LookupError, TypeError, ArithmeticError, UnicodeError) as error:
                raise LabelError(
                    f'{self.root}: expected labels of the format {self.name!r}, but '
                    f'{type(error).__name__}: {error}; fix the file.'
                ) from error
        return self._scanned

    @abstractmethod
    def _find(self, root: Path) -> tuple[list[LabelItem], list[LabelProblem]]:
        """List the set on disk."""

    def read(self, item: LabelItem) -> Annotation:
        """Read the labels of an image.

        Raises:
            LabelError: If a file is damaged, of another size than the image, or holds unknown
                values; the file is named.
        """
        try:
            return self._read(item)
        except (LabelError, MemoryError):
            raise
        except Exception as error:  # what odd values make of a reader is of their file alone
            raise LabelError(
                f'{item.labels[0]}: cannot read the labels of {item.name} '
                f'({type(error).__name__}: {error}); fix or remove them.'
            ) from error

    @abstractmethod
    def _read(self, item: LabelItem) -> Annotation:
        """Read the labels of an image; any error becomes one of its file."""

    @abstractmethod
    def outputs(self, item: LabelItem, out_dir: str | Path) -> list[Path]:
        """The files that :meth:`write` makes for an image, of labels read by this format."""

    def write(
        self,
        item: LabelItem,
        annotation: Annotation,
        object_map: NDArray[np.integer],
        out_dir: str | Path,
        *,
        beneath: bool = True,
    ) -> list[Path]:
        """Write the labels of an image, whole files or none.

        What did not change is written as it came. Ignored pixels are left as they are, whatever
        `object_map` says of them.

        Args:
            item: The image.
            annotation: Its labels, read by this format or by another.
            object_map: (H, W), index into `annotation.objects` of the object that each pixel
                belongs to now; -1 for none.
            out_dir: Folder; the layout below it is the one of the format.
            beneath: Where an object lost a pixel to nobody, the shape beneath comes to light.
                False: the pixel is cut out of all shapes, so that the file shows `object_map` and
                nothing else. Label maps have nothing beneath.

        Returns:
            The files.

        Raises:
            ValueError: If `object_map` does not fit the annotation.
            LabelError: If a class is unknown to the format that is written.
        """
        height, width = annotation.object_map.shape
        given = np.asarray(object_map)
        if given.shape != (height, width) or given.dtype.kind not in 'iu':
            raise ValueError(
                f'Expected argument `object_map` of {annotation.name} to be integers of shape '
                f'{(height, width)}, but got {given.dtype} of shape {given.shape}.'
            )
        owners: NDArray[np.int32] = given.astype(np.int32)
        if owners.min() < -1 or owners.max() >= len(annotation.objects):
            raise ValueError(
                f'Expected argument `object_map` of {annotation.name} to hold -1 or indices of '
                f'its {len(annotation.objects)} objects, but got {owners.min()} to '
                f'{owners.max()}.'
            )
        owners[annotation.ignore] = annotation.object_map[annotation.ignore]
        same = owners == annotation.object_map
        if annotation.format != self.name:
            if not beneath:
                lost = ~same & (owners < 0)
                hidden = {
                    index: Region(part.top, part.left, part.mask & ~lost[part.box])
                    for index, part in annotation.hidden.items()
                }
                annotation = replace(annotation, hidden=hidden)
            files = self._convert(item, annotation, owners, Path(out_dir))
        elif self.verbatim and same.all():
            outputs = self.outputs(item, out_dir)
            contents = [path.read_bytes() for path in item.labels]
            files = dict(zip(outputs, contents, strict=True))
        else:
            if not beneath:
                owners[~same & (owners < 0)] = NOBODY
            files = self._update(item, annotation, owners, Path(out_dir))
        # Files of the same format may take the place of those that they were made from.
        sources = [item.image, *(item.labels if annotation.format != self.name else ())]
        _check_places(item, files, sources, Path(out_dir))
        write_files(files)
        return list(files)

    @abstractmethod
    def _update(
        self,
        item: LabelItem,
        annotation: Annotation,
        object_map: NDArray[np.int32],
        out_dir: Path,
    ) -> dict[Path, bytes]:
        """Contents of the files for labels that this format read.

        A pixel of nobody is -1, or `NOBODY` where nothing beneath may come to light.
        """

    @abstractmethod
    def _convert(
        self,
        item: LabelItem,
        annotation: Annotation,
        object_map: NDArray[np.int32],
        out_dir: Path,
    ) -> dict[Path, bytes]:
        """Contents of the files for labels that another format read."""

    def finish(self, out_dir: str | Path, items: Sequence[LabelItem]) -> list[Path]:
        """Write what needs all images, after :meth:`write` of each. May be called again.

        Args:
            out_dir: The folder given to :meth:`write`.
            items: The images that were written.

        Returns:
            Files that it wrote; most formats need none.
        """
        return []

    def class_value(self, annotation: Annotation, entry: AnnotatedObject) -> int | str:
        """Value of an object of another format in the files of this one, by the name of its class.

        Raises:
            LabelError: If the class has no value here.
        """
        name = str(entry.category) if entry.name is None else entry.name
        if name in self.classes:
            return self.classes[name]
        raise LabelError(
            f'{annotation.name}: the class {name!r} (of format {annotation.format!r}) is unknown '
            f'to the format {self.name!r}; give `classes`, a map from names to '
            f'values, that has it. Known: {sorted(self.classes) or "none"}.'
        )

    def class_label(self, annotation: Annotation, entry: AnnotatedObject) -> str:
        """As :meth:`class_value`, for files of labels: without `classes` the names are the labels.

        Raises:
            LabelError: If there are `classes`, and the class is none of them.
        """
        if self.classes:
            return str(self.class_value(annotation, entry))
        return str(entry.category if entry.name is None else entry.name)


def _check_places(
    item: LabelItem, files: Iterable[Path], sources: Sequence[Path], out_dir: Path
) -> None:
    """Refuse names that lead out of the output folder, or to what the image is read from.

    Raises:
        LabelError: If there is one.
    """
    for path in files:
        # What was joined with an absolute name is not below the folder.
        name = path.relative_to(out_dir) if path.is_relative_to(out_dir) else path
        try:
            path_under(out_dir, name)
        except ValueError as error:
            raise LabelError(f'{item.labels[0]}: {error}') from error
        for source in sources:
            if is_same_file(path, source):
                raise LabelError(
                    f'{source}: the labels of {item.name} would be written over it; take another '
                    f'output folder than {out_dir}.'
                )


def as_values(values: Any) -> tuple[Any, ...]:
    """One value or several, as a tuple: on a command line one is given as it is."""
    return (values,) if isinstance(values, int | str) else tuple(values)


def integer_values(
    classes: Mapping[str, int | str], low: int, high: int, *, what: str
) -> dict[str, int]:
    """Values of classes as numbers, checked before any work is done.

    Raises:
        ValueError: If one is no whole number from `low` to `high`.
    """
    for name, value in classes.items():
        if not re.fullmatch(r'-?\d+', str(value)) or not low <= int(value) <= high:
            raise ValueError(
                f'Expected argument `classes` to give {name!r} a whole number from {low} to '
                f'{high} in {what}, but got {value!r}.'
            )
    return {name: int(value) for name, value in classes.items()}


def check_unclaimed(unclaimed: Unclaimed, low: int, high: int, *, what: str) -> None:
    """Refuse a value of unclaimed pixels that the files cannot hold.

    Raises:
        ValueError: If it is a number that is not from `low` to `high`.
    """
    if isinstance(unclaimed, int) and not low <= unclaimed <= high:
        raise ValueError(
            f'Expected argument `unclaimed` to be from {low} to {high} in {what}, but got '
            f'{unclaimed}.'
        )
