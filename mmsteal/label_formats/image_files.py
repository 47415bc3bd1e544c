"""Images on disk, and which label files belong to each."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Any
from unicodedata import normalize
from urllib.parse import unquote, urlsplit

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from mmsteal.files import path_under
from mmsteal.input_files import load_image, open_image, read_bgr
from mmsteal.label_formats.annotation import LabelError
from mmsteal.label_formats.base import LabelItem, LabelProblem

NO_LABEL = 'the image has no label.'  # the problem of an image that nobody has labelled

# Tags of EXIF and TIFF. An orientation beyond 4 exchanges rows and columns; then rows, columns or
# both are mirrored.
_WIDTH, _HEIGHT, _ORIENTATION = 256, 257, 274
_QUARTER_TURNS = (5, 6, 7, 8)
_MIRRORED = {2: (1, -1), 3: (-1, -1), 4: (-1, 1), 6: (1, -1), 7: (-1, -1), 8: (-1, 1)}

# What to say where width and height of a label and its image are exchanged.
TURNED = '; where EXIF data turn the image, turn the label in the same way'

_TIFF = ('.tif', '.tiff')

IMAGE_SUFFIXES = ('.jpg', '.jpeg', '.png', '.bmp', '.tif', '.tiff', '.webp', '.gif', '.jp2')


def find_files(folder: Path, endings: Collection[str], *, what: str) -> dict[str, Path]:
    """Relative names, without the ending, of the files below a folder.

    Raises:
        FileNotFoundError: If the folder does not exist.
        LabelError: If two files have one name.
    """
    found: dict[str, Path] = {}
    for name, path in files_below(folder, endings, what=what):
        if name in found:
            raise LabelError(
                f'{path}: {found[name]} has the same name; keep one of the two, or where one of '
                f'them is a label say how images end, as image_suffix={found[name].suffix}.'
            )
        found[name] = path
    return found


def files_below(folder: Path, endings: Collection[str], *, what: str) -> Iterator[tuple[str, Path]]:
    """Relative names, without the ending, of the files below a folder, and the files.

    Raises:
        FileNotFoundError: If the folder does not exist.
    """
    if not folder.is_dir():
        raise FileNotFoundError(
            f'Expected the {what} in the folder {folder.resolve()}, but there is none.'
        )
    for path in sorted(folder.rglob('*')):
        relative = path.relative_to(folder).as_posix()
        ending = next((end for end in endings if relative.lower().endswith(end.lower())), None)
        if ending is not None and '/.' not in f'/{relative}' and path.is_file():
            yield relative[: -len(ending)], path


def pair_files(
    images: Mapping[str, Path], labels: Mapping[str, tuple[Path, ...]]
) -> tuple[list[LabelItem], list[LabelProblem]]:
    """Items of the names that images and labels have in common, problems of the others.

    Letters with marks are the same whether a name has them as one character or as two, as names
    from macOS have. Items are named as their images.
    """
    image_of = {name: name for name in images.keys() & labels.keys()}
    rest = {composed(name): name for name in sorted(images.keys() - labels.keys())}
    for name in sorted(labels.keys() - images.keys()):
        same = rest.pop(composed(name), None)
        if same is not None:
            image_of[same] = name
    items = [LabelItem(name, images[name], labels[image_of[name]]) for name in sorted(image_of)]
    with_image = set(image_of.values())
    problems = [
        *(LabelProblem(images[name], NO_LABEL) for name in sorted(images.keys() - image_of)),
        *(
            LabelProblem(path, 'the label has no image.')
            for name in sorted(labels.keys() - with_image)
            for path in labels[name]
        ),
    ]
    return items, problems


def find_named(folder: Path, name: str) -> Path | None:
    """The image that a label file names, below a folder.

    A name may have backslashes, be an address on the web, begin with the folders that `folder`
    itself ends with, or have letters with marks as one character or as two.

    Returns:
        None if there is no such file.

    Raises:
        ValueError: If the name leads out of the folder: absolute, or with `..`.
    """
    plain = unquote(urlsplit(name).path).lstrip('/') if '://' in name else name
    whole = Path(os.path.abspath(folder))
    for way in dict.fromkeys((plain, plain.replace('\\', '/'))):
        # `../images/a.png`, or the whole path, may well be below `images`.
        straight = Path(os.path.normpath(whole / way))
        if straight.is_relative_to(whole) and straight != whole:
            way = straight.relative_to(whole).as_posix()
        path_under(folder, way, links=False)
        parts = PurePosixPath(way).parts
        overlaps = [n for n in range(1, len(parts)) if whole.parts[-n:] == parts[:n]]
        for below in (way, *('/'.join(parts[n:]) for n in overlaps)):
            for form in dict.fromkeys((below, composed(below), normalize('NFD', below))):
                if (folder / form).is_file():
                    return folder / form
    return None


def item_name(image: Path, folder: Path) -> str:
    """Name of the item of an image below a folder: its way from there, without suffix."""
    return image.relative_to(folder).with_suffix('').as_posix()


def composed(name: str) -> str:
    """A name with letters and their marks as one character each, to compare names by."""
    return normalize('NFC', name)


def image_size(path: Path) -> tuple[int, int]:
    """Height and width of an image as people see it: after the turn in its EXIF data.

    Raises:
        LabelError: If it cannot be read.
    """
    (height, width), orientation = _stored_size(path)
    return (width, height) if orientation in _QUARTER_TURNS else (height, width)


def read_photo(path: Path) -> NDArray[np.uint8]:
    """A photograph as people see it, RGB (H, W, 3) uint8, of the size that :func:`image_size` says.

    The turn in its EXIF data is applied, as viewers and label tools do. Grey images are repeated,
    transparency is dropped, 16 bits become 8, and so do fractions from 0 to 1.

    Raises:
        LabelError: If it cannot be read.
    """
    try:
        _, orientation = _stored_size(path)
        stored = None
        if orientation == 1 or path.suffix.lower() not in _TIFF:  # those OpenCV turns or refuses
            stored = read_bgr(path)
        if stored is not None:
            return np.ascontiguousarray(_turned(stored, orientation)[..., ::-1])
        with load_image(path) as other:  # Pillow knows some formats more
            return _eight_bits(path, ImageOps.exif_transpose(other))
    except LabelError:
        raise
    except (OSError, ValueError, SyntaxError) as error:
        raise LabelError(f'{path}: cannot read the image ({error}); fix or remove it.') from error


def _stored_size(path: Path) -> tuple[tuple[int, int], int]:
    """Height and width of the stored pixels, and the orientation in the EXIF data (1: as it is)."""
    try:
        with open_image(path) as image:
            if image.format == 'TIFF':  # of which PIL tells the size after the turn
                tags = image.tag_v2  # type: ignore[attr-defined]
                return (tags[_HEIGHT], tags[_WIDTH]), int(tags.get(_ORIENTATION, 1))
            width, height = image.size
            exif = Image.Exif()
            with suppress(Exception):  # damaged EXIF data turns nothing
                exif.load(image.info.get('exif', b''))
            return (height, width), int(exif.get(_ORIENTATION, 1))
    except (OSError, ValueError, TypeError, SyntaxError) as error:
        raise LabelError(f'{path}: cannot read the image ({error}); fix or remove it.') from error


def _turned(stored: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Stored pixels (H, W, 3) as the orientation in the EXIF data shows them."""
    if orientation in _QUARTER_TURNS:
        stored = stored.swapaxes(0, 1)
    down, right = _MIRRORED.get(orientation, (1, 1))
    return stored[::down, ::right]


def _eight_bits(path: Path, image: Image.Image) -> NDArray[np.uint8]:
    """A picture of PIL as RGB (H, W, 3); numbers beyond 8 bits are never cut off in silence."""
    if image.mode not in ('F', 'I', 'I;16', 'I;16B'):
        return np.array(image.convert('RGB'))
    values = np.asarray(image, np.float64)
    low, high = float(values.min()), float(values.max())
    if not 0 <= low <= high <= 65535:
        raise LabelError(
            f'{path}: expected an image of values from 0 to 1, 255 or 65535, but got {low:g} to '
            f'{high:g}; save it with 8 bits a channel.'
        )
    scale = 255.0 if high <= 1 and image.mode == 'F' else 1.0 if high <= 255 else 1 / 256
    return np.repeat((values * scale).astype(np.uint8)[..., None], 3, axis=2)


def check_size(path: Path, shape: tuple[int, ...], item: LabelItem) -> None:
    """Refuse a label whose size is not the one of the image.

    Raises:
        LabelError: If they differ.
    """
    expected = image_size(item.image)
    if tuple(shape) == expected:
        return
    told = (
        f'{path}: expected the size of the image {item.image}, {expected[1]} x {expected[0]} '
        f'(width x height), but got {shape[1]} x {shape[0]}; '
    )
    stored, orientation = _stored_size(item.image)
    if tuple(shape) == stored:
        raise LabelError(
            f'{told}that is the size of the stored pixels, which EXIF data (orientation '
            f'{orientation}) turn. Turn the label in the same way, or store the image turned, '
            'without that entry.'
        )
    raise LabelError(f'{told}resize one of them.')


def size_in_file(path: Path, what: str, sides: tuple[Any, Any], item: LabelItem) -> tuple[int, int]:
    """Height and width that a label file says its image has; where it says nothing, those it has.

    Args:
        path: The file, to be named.
        what: The image, or other place in it.
        sides: Height and width as they are in the file; None where there is none.
        item: The image with its labels.

    Raises:
        LabelError: If they are no numbers, or not those of the image.
    """
    if sides[0] is None and sides[1] is None:
        return image_size(item.image)
    try:
        shape = (int(float(sides[0])), int(float(sides[1])))
    except (TypeError, ValueError, OverflowError) as error:
        raise LabelError(
            f'{path}: expected height and width of {what} to be numbers, but got {sides[0]!r} and '
            f'{sides[1]!r}; correct them, or leave both out.'
        ) from error
    check_size(path, shape, item)
    return shape
