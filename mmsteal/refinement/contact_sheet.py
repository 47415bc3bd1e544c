"""The most doubtful of the refined objects, before and after, on one page to choose from."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mmsteal.functional.edge_maps.edges import mask_edges
from mmsteal.functional.labels.resize import resample
from mmsteal.label_formats import LabelError
from mmsteal.label_formats.base import LabelItem
from mmsteal.label_formats.image_files import read_photo
from mmsteal.refinement.choices import CHOICES
from mmsteal.refinement.records import crop_path
from mmsteal.visualization.edge_colors import distinct_palette
from mmsteal.visualization.report import (
    Block,
    Choice,
    Legend,
    Paragraph,
    SaveButton,
    Section,
    write_report,
)

_EXPLANATION = (
    'Before on the left, after on the right; the object in question has a white outline. Most '
    'doubtful first: by the estimated IoU with the truth, lowest first; of engines that do not '
    'estimate it by the largest distance, in pixels of the labels, between the outlines before '
    'and after. Objects that were kept as given do not count. All objects are in report.csv.\n'
    f'Tick what you accept or reject, and save {CHOICES}. The same command with --choices '
    f'{CHOICES} gives rejected objects their given label back; what is not ticked stays refined.'
)


def worst_records(records: Iterable[Mapping[str, Any]], number: int) -> list[dict[str, Any]]:
    """The records of the images with the most doubtful objects, worst first."""
    moved = (record for record in records if record.get('crops'))
    return [dict(record) for record in heapq.nsmallest(number, moved, key=_doubt)]


def _doubt(record: Mapping[str, Any]) -> tuple[float, float, float, str]:
    """As :func:`mmsteal.refinement.refine_file.doubt` of the first crop."""
    entry = record['objects'][record['crops'][0]['object']]
    iou = entry['estimated_iou']
    distance = 0.0 if iou is not None else -entry['max_displacement_px']
    return (1.0 if iou is None else iou), distance, entry['iou_with_given'], record['name']


def write_contact_sheet(
    out_dir: str | Path, worst: Sequence[Mapping[str, Any]], items: Mapping[str, LabelItem]
) -> Path:
    """Write `OUT/contact_sheet.html`.

    Args:
        out_dir: Folder of the results.
        worst: Records of :func:`worst_records`.
        items: Images by name.

    Returns:
        The page.
    """
    path = Path(out_dir) / 'contact_sheet.html'
    title = 'Refined labels: what to check'
    if not worst:
        nothing = Section('0 images', [Paragraph('No object moved.')])
        return write_report(path, title=title, summary=_EXPLANATION, sections=[nothing])
    classes = sorted({entry['class'] for record in worst for entry in record['objects']})
    palette = dict(zip(classes, distinct_palette(len(classes)).tolist(), strict=True))
    sections = []
    for record in worst:
        image = _photo(items[record['name']].image)
        blocks = [_block(out_dir, record, crop, image, palette) for crop in record['crops']]
        sections.append(Section(record['name'], blocks))
    save = SaveButton(f'Save {CHOICES}', CHOICES)
    return write_report(
        path,
        title=title,
        summary=_EXPLANATION,
        sections=[
            Section(f'{len(sections)} images', [Legend(palette), save]),
            *sections,
            Section('Done?', [save]),
        ],
    )


def _block(
    out_dir: str | Path,
    record: Mapping[str, Any],
    crop: Mapping[str, int],
    image: NDArray[np.uint8] | None,
    palette: Mapping[str, Sequence[int]],
) -> Block:
    """An object of an image to accept or to reject."""
    name, entry = record['name'], record['objects'][crop['object']]
    told = [f'moved by up to {entry["max_displacement_px"]:.1f} px']
    if entry['estimated_iou'] is not None:
        told.insert(0, f'estimated IoU {entry["estimated_iou"]:.3f}')
    told.append(f'IoU with the given label {entry["iou_with_given"]:.3f}')
    if entry['step'] is not None:
        told.append(f'step {entry["step"]}')
    caption = f'{name}, object {entry["object"]} ({entry["class"]}): {", ".join(told)}'
    colors = [palette[other['class']] for other in record['objects']]
    picture = None if image is None else _picture(out_dir, name, crop, image, colors)
    if picture is None:
        return Paragraph(f'{caption}: cannot be shown, the image or the crop is unreadable.')
    key = {'image': name, 'object': entry['object'], 'class': entry['class']}
    return Choice(picture, caption, key)


def _photo(path: Path) -> NDArray[np.uint8] | None:
    try:
        return read_photo(path)
    except LabelError:
        return None


def _picture(
    out_dir: str | Path,
    name: str,
    crop: Mapping[str, int],
    image: NDArray[np.uint8],
    of_object: Sequence[Sequence[int]],
) -> bytes | None:
    """Given and refined objects over the image, side by side; JPEG."""
    path = crop_path(out_dir, name, crop['object'])
    # Not by its name, which OpenCV wants in UTF-8.
    png = np.fromfile(path, np.uint8) if path.is_file() else np.zeros(0, np.uint8)
    both = cv2.imdecode(png, cv2.IMREAD_UNCHANGED) if png.size else None
    image = image[crop['top'] : crop['bottom'], crop['left'] : crop['right']]
    if both is None or not image.size:
        return None
    halves = np.split(both.astype(np.int32) - 1, 2, axis=1)
    height, width = halves[0].shape
    zoom = max(1, 240 // max(height, width))
    size = (width * zoom, height * zoom)
    base = cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    colors = np.array([*of_object, (0, 0, 0)], np.float32)
    shown = []
    for objects in halves:
        large = resample(objects, size[::-1])
        cover = np.where(large >= 0, np.float32(0.4), np.float32(0))[..., None]
        picture = base * (1 - cover) + colors[large] * cover
        picture[mask_edges(large == crop['object'], radius=1) != 0] = 255
        shown.append(picture)
    shown.insert(1, np.full((size[1], 6, 3), 255, np.float32))
    pixels = np.concatenate(shown, axis=1).astype(np.uint8)
    ok, content = cv2.imencode('.jpg', np.ascontiguousarray(pixels[..., ::-1]))
    return content.tobytes() if ok else None
