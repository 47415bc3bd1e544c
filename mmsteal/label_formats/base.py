"""What every label format does: list images, read them, write them, keep what did not change."""

from __future__ import annotations

import codecs
import json
import re
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mmsteal.files import write_files
from mmsteal.label_formats.annotation import AnnotatedObject, Annotation, LabelError, Region
from mmsteal.label_formats.painting import NOBODY

IMAGE_SUFFIXES = ('.jpg', '.jpeg', '.png', '.bmp', '.tif', '.tiff', '.webp')

NO_LABEL = 'the image has no label.'  # the problem of an image that nobody has labelled

Unclaimed = Literal['background', 'ignore'] | int | None


@dataclass(frozen=True)
class LabelItem:
    """An image with its label files.

    Attributes:
        name (str): Relative name without suffix; unique in the set.
        image (Path): The image.
        labels (tuple[Path, ...]): The label files, in the order of the format.
    """

    name: str
    image: Path
    labels: tuple[Path, ...]


@dataclass(frozen=True)
class LabelProblem:
    """A file of the set that cannot be used.

    Attributes:
        path (Path): The file.
        message (str): What is wrong with it, and what to do.
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
        root (str | Path | None): Where the labels are; None to only write.
        classes (Mapping[str, int | str] | None): Name of each class -> its value, id or label in
            the files. Formats that have their own table need none.
        unclaimed (str | int | None): Value of unclaimed pixels: `'background'`, `'ignore'` or a
            value. None: the background where the format has one, else the ignored value. It is
            never a class by accident.

    Attributes:
        name (str): Name of the format.
    """

    name: ClassVar[str]
    # Whether the files of an image that did not change can be copied.
    verbatim: ClassVar[bool] = True

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

    def items(self) -> list[LabelItem]:
        """Images that have labels, sorted by name. Reads no label map."""
        return list(self._scan()[0])

    def problems(self) -> list[LabelProblem]:
        """Images without labels, labels without an image."""
        return list(self._scan()[1])

    def _scan(self) -> tuple[list[LabelItem], list[LabelProblem]]:
        if self.root is None:
            raise ValueError(
                f'Expected argument `root` of the format {self.name!r} to be given to read from.'
            )
        if self._scanned is None:
            self._scanned = self._find(self.root)
        return self._scanned

    @abstractmethod
    def _find(self, root: Path) -> tuple[list[LabelItem], list[LabelProblem]]:
        """List the set on disk."""

    @abstractmethod
    def read(self, item: LabelItem) -> Annotation:
        """Read the labels of an image.

        Raises:
            LabelError: If a file is damaged, of another size than the image, empty, or holds
                unknown values; the file is named.
        """

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
            item (LabelItem): The image.
            annotation (Annotation): Its labels, read by this format or by another.
            object_map (np.ndarray): (H, W), index into `annotation.objects` of the object that
                each pixel belongs to now; -1 for none.
            out_dir (str | Path): Folder; the layout below it is the one of the format.
            beneath (bool): Where an object lost a pixel to nobody, the shape beneath comes to
                light. False: the pixel is cut out of all shapes, so that the file shows
                `object_map` and nothing else. Label maps have nothing beneath.

        Returns:
            list[Path]: The files.

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
            out_dir (str | Path): The folder given to :meth:`write`.
            items (Sequence[LabelItem]): The images that were written.

        Returns:
            list[Path]: Files that it wrote; most formats need none.
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


def image_size(path: Path) -> tuple[int, int]:
    """Height and width of an image, from its header.

    Raises:
        LabelError: If it cannot be read.
    """
    try:
        with Image.open(path) as image:
            width, height = image.size
    except (OSError, ValueError, SyntaxError) as error:
        raise LabelError(f'{path}: cannot read the image ({error}); mend or remove it.') from error
    return height, width


def check_size(path: Path, shape: tuple[int, ...], item: LabelItem) -> None:
    """Refuse a label whose size is not the one of the image.

    Raises:
        LabelError: If they differ.
    """
    expected = image_size(item.image)
    if tuple(shape) != expected:
        raise LabelError(
            f'{path}: expected the size of the image {item.image}, {expected[1]} x {expected[0]} '
            f'(width x height), but got {shape[1]} x {shape[0]}; resize one of them.'
        )


def pair_files(
    images: Mapping[str, Path], labels: Mapping[str, tuple[Path, ...]]
) -> tuple[list[LabelItem], list[LabelProblem]]:
    """Items of the names that images and labels have in common, problems of the others."""
    items = [LabelItem(name, images[name], labels[name]) for name in sorted(images.keys() & labels)]
    problems = [
        *(LabelProblem(images[name], NO_LABEL) for name in sorted(images.keys() - labels.keys())),
        *(
            LabelProblem(path, 'the label has no image.')
            for name in sorted(labels.keys() - images.keys())
            for path in labels[name]
        ),
    ]
    return items, problems


def find_files(folder: Path, endings: Collection[str], *, what: str) -> dict[str, Path]:
    """Relative names, without the ending, of the files below a folder.

    Raises:
        FileNotFoundError: If the folder does not exist.
        LabelError: If two files have one name.
    """
    if not folder.is_dir():
        raise FileNotFoundError(
            f'Expected the {what} in the folder {folder.resolve()}, but there is none.'
        )
    found: dict[str, Path] = {}
    for path in sorted(folder.rglob('*')):
        relative = path.relative_to(folder).as_posix()
        ending = next((end for end in endings if relative.lower().endswith(end.lower())), None)
        if ending is None or '/.' in f'/{relative}' or not path.is_file():
            continue
        name = relative[: -len(ending)]
        if name in found:
            raise LabelError(f'{path}: {found[name]} has the same name; keep one of the two.')
        found[name] = path
    return found


def load_json(path: Path) -> tuple[Any, bytes]:
    """A JSON file and its bytes.

    Raises:
        LabelError: If it is missing or damaged.
    """
    try:
        raw = path.read_bytes()
        return json.loads(raw), raw
    except (OSError, ValueError) as error:
        raise LabelError(f'{path}: cannot read the JSON ({error}); mend or remove it.') from error


def dump_json(value: Any, like: bytes = b'') -> bytes:
    """JSON near the layout of a file that was read.

    Indentation, blanks after commas and colons, line ends, the byte order mark and whether letters
    beyond ASCII are escaped are as there. Lists that an indented file has on one line, and other
    ways to write a number or a letter, are not.
    """
    mark = codecs.BOM_UTF8 if like.startswith(codecs.BOM_UTF8) else b''
    text = like[len(mark) :].decode('utf-8', 'replace')
    indented = re.match(r'\s*[\[{]\r?\n([ \t]*)', text)
    after_comma = r', \r?\n' if indented else r'["\d\]}], ["\d\[{-]'
    comma = ', ' if re.search(after_comma, text) else ','
    colon = ': ' if not like or '": ' in text else ':'
    dumped = json.dumps(
        value,
        indent=indented.group(1) if indented else None,
        separators=(comma if like else ', ', colon),
        ensure_ascii=text.isascii(),
    )
    if '\r\n' in text[:4096]:
        dumped = dumped.replace('\n', '\r\n')
    return mark + (dumped + text[len(text.rstrip()) :]).encode()


def encode_png(image: Image.Image, **options: Any) -> bytes:
    """A picture as the bytes of a PNG file.

    Compressed little unless asked for: label maps stay small, and take half the time.
    """
    buffer = BytesIO()
    image.save(buffer, 'PNG', **{'compress_level': 1, **options})
    return buffer.getvalue()


def names_of_split(path: Path) -> list[str]:
    """First word of each line of a list of images.

    Raises:
        FileNotFoundError: If there is no such list.
    """
    if not path.is_file():
        raise FileNotFoundError(f'Expected a list of images at {path.resolve()}.')
    return [line.split()[0] for line in path.read_text().splitlines() if line.strip()]


def check_finite(path: Path, what: str, values: Iterable[Any]) -> NDArray[np.float64]:
    """Points (N, 2) of a polygon as numbers.

    Raises:
        LabelError: If they are not pairs of finite numbers.
    """
    try:
        points = np.array(list(values), np.float64)
    except (TypeError, ValueError) as error:
        raise LabelError(f'{path}: {what} has points that are not pairs of numbers.') from error
    if points.size == 0:
        return np.zeros((0, 2))
    if points.ndim != 2 or points.shape[1] != 2:
        raise LabelError(f'{path}: {what} has points that are not pairs of numbers.')
    if not np.isfinite(points).all():
        raise LabelError(f'{path}: {what} has a coordinate that is not finite; mend it.')
    return points
