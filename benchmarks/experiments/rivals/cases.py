"""Photographs with exact labels, and what a person in a hurry would have drawn in their place."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mmsteal.functional import label_objects, simulate_coarse_objects
from mmsteal.functional.labels.distance import inner_distance

DIRECTIONS = ('small', 'large', 'both')


@dataclass(frozen=True)
class Photograph:
    """An image and its exact objects.

    Attributes:
        name: Set and image.
        image: RGB (H, W, 3) uint8.
        exact: Index of the object of each pixel (H, W), -1 for none: background, or not scored.
        frozen: Pixels (H, W) that have no exact label; methods leave them alone.
        background: Whether a pixel of no object is background; otherwise it is unlabelled.
        values: Class of each object (M,).
        coarse: Coarse objects (H, W) that people drew; None where they are to be simulated.
    """

    name: str
    image: NDArray[np.uint8]
    exact: NDArray[np.int32]
    frozen: NDArray[np.bool_]
    background: bool
    values: tuple[int, ...]
    coarse: NDArray[np.int32] | None = None


@dataclass(frozen=True)
class Case:
    """A photograph, its coarse objects (H, W), and the error that methods are told."""

    photo: Photograph
    given: NDArray[np.int32]
    error_px: float
    direction: str


def make_case(photo: Photograph, error_px: float, direction: str) -> Case:
    """Coarse labels of a photograph; `direction` is 'hand' for those that people drew."""
    if direction == 'hand':
        assert photo.coarse is not None
        return Case(photo, photo.coarse, error_px, direction)
    seed = zlib.crc32(photo.name.encode())
    given = draw_coarse(photo.exact, error_px, direction, seed)
    given[photo.frozen] = -1
    return Case(photo, given, error_px, direction)


def draw_coarse(
    exact: NDArray[np.int32], error_px: float, direction: str, seed: int = 0
) -> NDArray[np.int32]:
    """Objects drawn again, painted from the largest to the smallest.

    Args:
        exact: Index of the object of each pixel (H, W), -1 for none.
        error_px: Largest error of an outline.
        direction: 'small' as `simulate_coarse_objects` draws; 'large' polygons around objects that
            were dilated by half of the error; 'both' outlines that a smooth random field moves.
        seed: Of the random field.
    """
    if direction == 'small':
        return simulate_coarse_objects(exact, error_px)[0]
    rng = np.random.default_rng(seed)
    drawn = []
    for index in range(int(exact.max()) + 1):
        mask = exact == index
        if mask.any():
            outline = (
                _around(mask, error_px) if direction == 'large' else _moved(mask, error_px, rng)
            )
            drawn.append((int(outline.sum()), index, outline))
    coarse = np.full(exact.shape, -1, np.int32)
    for _, index, outline in sorted(drawn, key=lambda item: -item[0]):
        coarse[outline] = index
    return coarse


def _around(mask: NDArray[np.bool_], error_px: float) -> NDArray[np.bool_]:
    near = inner_distance(~mask) <= error_px / 2
    pad = int(error_px) + 2
    padded = cv2.copyMakeBorder(near.view(np.uint8), *[pad] * 4, cv2.BORDER_REPLICATE)
    contours, _ = cv2.findContours(padded, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    canvas = np.zeros_like(padded)
    for contour in contours:
        cv2.fillPoly(canvas, [cv2.approxPolyDP(contour, error_px / 2, True)], (1,))
    return canvas[pad:-pad, pad:-pad] > 0


def _moved(
    mask: NDArray[np.bool_], error_px: float, rng: np.random.Generator, reach_px: float = 12.0
) -> NDArray[np.bool_]:
    field = cv2.GaussianBlur(rng.normal(size=mask.shape), (0, 0), reach_px)
    shift = error_px * np.clip((field - field.mean()) / field.std() / 2, -1, 1)
    outside = inner_distance(~mask) if mask.any() else 0
    return inner_distance(mask) - outside + shift > 0


def camvid(root: Path, split: str) -> Iterator[Photograph]:
    """`split`: 'val' of the short set, 'train' of the whole one."""
    base = root / ('camvid' if split == 'val' else 'camvid_train367')
    for line in (base / f'{split}.txt').read_text().split():
        stem = Path(line).stem
        image = _rgb(next((base / split).glob(f'{stem}.*')))
        label = np.asarray(Image.open(base / f'{split}annot' / f'{stem}.png')).astype(np.int32)
        yield _classes(f'camvid_{stem}', image, np.where(label >= 11, -1, label))


def grabcut(root: Path, which: str) -> Iterator[Photograph]:
    """`which`: 'grabcut_bsds' or 'grabcut_msr'."""
    base = root / which
    for path in sorted((base / 'ground-truth').glob('*.png')):
        images = [p for d in ('images', 'imgs') for p in (base / d).glob(path.stem + '.*')]
        label = np.asarray(Image.open(path).convert('L'))
        if not images or (image := _rgb(images[0])).shape[:2] != label.shape:
            continue
        if (scale := 481 / max(label.shape)) < 1:
            image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
            label = cv2.resize(label, image.shape[1::-1], interpolation=cv2.INTER_NEAREST)
        exact = np.where(label == 255, 0, np.where(label == 0, -1, -2)).astype(np.int32)
        yield _figure(f'{which}_{path.stem}', image, exact)


def ecssd(root: Path) -> Iterator[Photograph]:
    base = root / 'ecssd'
    for path in sorted((base / 'images').glob('*.jpg')):
        mask = cv2.imread(str(base / 'masks' / f'{path.stem}.png'), cv2.IMREAD_GRAYSCALE)
        image = _rgb(path)
        if mask.shape == image.shape[:2]:
            exact = np.where(mask > 127, 0, -1).astype(np.int32)
            yield _figure(f'ecssd_{path.stem}', image, exact)


def msrc(root: Path) -> Iterator[Photograph]:
    """Labels that people drew, and exact ones of the same images."""
    base = root / 'msrc_v2'
    for stem in (base / 'hq_list.txt').read_text().split():
        image = _rgb(next((base / 'Images').glob(stem + '.*')))
        coarse, fine = (
            _rgb(next((base / folder).glob(f'{stem}_{end}.*'))).astype(np.int32) @ [65536, 256, 1]
            for folder, end in (('GroundTruth', 'GT'), ('SegmentationsGTHighQuality', 'HQGT'))
        )
        values = [int(v) for v in np.unique(coarse) if v]
        # Fine classes that the coarse map does not have are another thing.
        exact = np.where(fine == 0, -2, -1).astype(np.int32)
        given = np.full(exact.shape, -1, np.int32)
        for index, value in enumerate(values):
            exact[fine == value] = index
            given[coarse == value] = index
        nothing = np.zeros(exact.shape, bool)
        yield Photograph(f'msrc_{stem}', image, exact, nothing, False, tuple(values), given)


def coco(root: Path, split: str) -> Iterator[Photograph]:
    """Segments of COCO's panoptic maps; `split`: 'train' or 'val'."""
    base = root / 'coco128'
    folder = base / 'panoptic_segmentation' / 'annotations' / f'panoptic_{split}2017'
    info = json.loads(folder.with_suffix('.json').read_text())['annotations']
    for item in sorted(info, key=lambda a: a['file_name']):
        code = _rgb(folder / item['file_name']).astype(np.int32) @ [1, 256, 65536]
        stem = Path(item['file_name']).stem
        image = _rgb(next((base / 'images' / f'{split}2017').glob(f'{stem}.*')))
        exact = np.full(code.shape, -1, np.int32)
        values = []
        for segment in item['segments_info']:
            exact[code == segment['id']] = len(values)
            values.append(segment['category_id'])
        yield Photograph(f'coco_{stem}', image, exact, exact < 0, False, tuple(values))


def cityscapes(root: Path) -> Iterator[Photograph]:
    """One image with the coarse polygons of its annotators; the train classes, at half size."""
    base, name = root / 'cityscapes', 'aachen_000001_000019'
    ids = (7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33)
    image = _rgb(base / f'leftImg8bit/train/aachen/{name}_leftImg8bit.png')
    size = (image.shape[1] // 2, image.shape[0] // 2)
    fine, coarse = (
        cv2.resize(
            np.asarray(Image.open(base / f'gt{kind}/train/aachen/{name}_gt{kind}_labelIds.png')),
            size,
            interpolation=cv2.INTER_NEAREST,
        )
        for kind in ('Fine', 'Coarse')
    )
    index = np.full(256, -2, np.int32)
    index[list(ids)] = range(len(ids))
    given = np.maximum(index[coarse], -1)
    # What annotators called void holds its ground.
    frozen = ((coarse > 3) & (given < 0)) | (fine == 1)
    given[frozen] = -1
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    yield Photograph(f'city_{name}', small, index[fine], frozen, False, tuple(range(19)), given)


def _classes(name: str, image: NDArray[np.uint8], label: NDArray[np.int32]) -> Photograph:
    found = label_objects(label, without=(-1,))
    exact = found.object_map
    return Photograph(name, image, exact, exact < 0, False, tuple(found.values))


def _figure(name: str, image: NDArray[np.uint8], exact: NDArray[np.int32]) -> Photograph:
    return Photograph(name, image, exact, np.zeros(exact.shape, bool), True, (0,))


def _rgb(path: Path) -> NDArray[np.uint8]:
    return np.asarray(Image.open(path).convert('RGB'))


def scores(case: Case, refined: NDArray[np.int32]) -> list[tuple[int, float, int, int]]:
    """Class, IoU, intersection and union of each exact object; -2 in `exact` is not scored."""
    exact, found = case.photo.exact, []
    scored = (exact != -2) & ~case.photo.frozen
    for index, value in enumerate(case.photo.values):
        truth, mine = exact == index, (refined == index) & scored
        both, either = int((truth & mine).sum()), int((truth | mine).sum())
        if truth.any():
            found.append((value, both / either, both, either))
    return found


LOADERS: dict[str, Callable[[Path], Iterator[Photograph]]] = {
    'camvid': lambda root: camvid(root, 'val'),
    'camvid_train': lambda root: camvid(root, 'train'),
    'grabcut_bsds': lambda root: grabcut(root, 'grabcut_bsds'),
    'grabcut_msr': lambda root: grabcut(root, 'grabcut_msr'),
    'msrc': msrc,
    'ecssd': ecssd,
    'coco_train': lambda root: coco(root, 'train'),
    'coco_val': lambda root: coco(root, 'val'),
    'cityscapes': cityscapes,
}
