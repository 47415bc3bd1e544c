"""Images on disk, and which label files belong to each."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mmsteal.label_formats.annotation import LabelError
from mmsteal.label_formats.base import LabelItem, LabelProblem

NO_LABEL = 'the image has no label.'  # the problem of an image that nobody has labelled

IMAGE_SUFFIXES = ('.jpg', '.jpeg', '.png', '.bmp', '.tif', '.tiff', '.webp')


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
            raise LabelError(
                f'{path}: {found[name]} has the same name; keep one of the two, or where one of '
                f'them is a label say how images end, as image_suffix={found[name].suffix}.'
            )
        found[name] = path
    return found


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


def image_size(path: Path) -> tuple[int, int]:
    """Height and width of an image, from its header.

    Raises:
        LabelError: If it cannot be read.
    """
    try:
        with Image.open(path) as image:
            width, height = image.size
    except (OSError, ValueError, SyntaxError) as error:
        raise LabelError(f'{path}: cannot read the image ({error}); fix or remove it.') from error
    return height, width


def read_photo(path: Path) -> NDArray[np.uint8]:
    """A photograph as RGB (H, W, 3) uint8, as labels are drawn on it.

    A half turn or a flip in its EXIF data is applied, as every viewer does. A quarter turn is not:
    labels of the size of the stored pixels are labels of these.

    Grey images are repeated, transparency is dropped, and 16 bits become 8.

    Raises:
        LabelError: If it cannot be read.
    """
    try:
        image = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if image is not None and image.shape[:2] != image_size(path):
            image = cv2.imread(str(path), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
        if image is not None:
            return np.ascontiguousarray(image[..., ::-1])
        with Image.open(path) as other:  # knows some formats more
            return np.array(other.convert('RGB'))
    except (OSError, ValueError, SyntaxError, cv2.error) as error:
        raise LabelError(f'{path}: cannot read the image ({error}); fix or remove it.') from error


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
