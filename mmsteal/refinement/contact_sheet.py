"""The images in which an outline moved furthest, before and after, on one page."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mmsteal.functional.edges import mask_edges
from mmsteal.label_formats.base import LabelItem
from mmsteal.refinement.records import crop_path
from mmsteal.visualization.edge_colors import distinct_palette
from mmsteal.visualization.report import Figure, Paragraph, Section, write_report

_EXPLANATION = (
    'Before on the left, after on the right. Worst first: by the largest distance, in pixels of '
    'the labels, between the outlines of an object before and after; of equal ones the one with '
    'the lower IoU with the given label first. Each picture shows the object of the image that '
    'moved furthest (white outline) and its surroundings. Objects that were kept as given do not '
    'count. All objects are in report.csv.'
)


def worst_records(records: Iterable[Mapping[str, Any]], number: int) -> list[dict[str, Any]]:
    """The records of the images in which an outline moved furthest, worst first."""
    moved = (record for record in records if record.get('crop'))
    return [dict(record) for record in heapq.nsmallest(number, moved, key=_badness)]


def _badness(record: Mapping[str, Any]) -> tuple[float, float, str]:
    entry = record['objects'][record['crop']['object']]
    return -entry['max_displacement_px'], entry['iou_with_given'], record['name']


def write_contact_sheet(
    out_dir: str | Path, worst: Iterable[Mapping[str, Any]], items: Mapping[str, LabelItem]
) -> Path:
    """Write `OUT/contact_sheet.html`.

    Args:
        out_dir: Folder of the results.
        worst: Records of :func:`worst_records`.
        items: Images by name.

    Returns:
        The page.
    """
    figures: list[Figure | Paragraph] = []
    for record in worst:
        entry = record['objects'][record['crop']['object']]
        caption = (
            f'{record["name"]}, object {entry["object"]} ({entry["class"]}): moved by up to '
            f'{entry["max_displacement_px"]:.1f} px, IoU with the given label '
            f'{entry["iou_with_given"]:.3f}, step {entry["step"]}'
        )
        picture = _picture(out_dir, record, items[record['name']].image)
        figures.append(
            Paragraph(f'{caption}: cannot be shown, the image or the crop is unreadable.')
            if picture is None
            else Figure(picture, caption)
        )
    return write_report(
        Path(out_dir) / 'contact_sheet.html',
        title='Refined labels: what moved furthest',
        summary=_EXPLANATION,
        sections=[Section(f'{len(figures)} images', figures or [Paragraph('No object moved.')])],
    )


def _picture(out_dir: str | Path, record: Mapping[str, Any], path: Path) -> bytes | None:
    """Given and refined objects over the image, side by side; JPEG."""
    crop = record['crop']
    both = cv2.imread(str(crop_path(out_dir, record['name'])), cv2.IMREAD_UNCHANGED)
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if both is None or image is None:
        return None
    image = image[crop['top'] : crop['bottom'], crop['left'] : crop['right']]
    halves = np.split(both.astype(np.int32) - 1, 2, axis=1)
    height, width = halves[0].shape
    zoom = max(1, 240 // max(height, width))
    size = (width * zoom, height * zoom)
    base = cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    classes = sorted({entry['class'] for entry in record['objects']})
    palette = distinct_palette(len(classes))[:, ::-1]
    of_object = [palette[classes.index(entry['class'])] for entry in record['objects']]
    colors = np.array([*of_object, (0, 0, 0)], np.float32)
    shown = []
    for objects in halves:
        large = cv2.resize(objects.astype(np.int16), size, interpolation=cv2.INTER_NEAREST)
        cover = np.where(large >= 0, np.float32(0.4), np.float32(0))[..., None]
        picture = base * (1 - cover) + colors[large] * cover
        picture[mask_edges(large == crop['object'], radius=1) != 0] = 255
        shown.append(picture)
    shown.insert(1, np.full((size[1], 6, 3), 255, np.float32))
    ok, content = cv2.imencode('.jpg', np.concatenate(shown, axis=1).astype(np.uint8))
    return content.tobytes() if ok else None
