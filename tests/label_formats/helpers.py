"""What the tests of all formats do alike."""

import json

import numpy as np
from PIL import Image
from scipy import ndimage

from mmsteal.label_formats import LabelItem

SIZE = (40, 60)


def write_image(path, size=SIZE):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.zeros((*size, 3), np.uint8)).save(path)


def move(annotation, index, pixels=3):
    """The object map after one object grew over its neighbors and another place lost it."""
    object_map = annotation.object_map.copy()
    mask = object_map == index
    grown = ndimage.binary_dilation(mask, iterations=pixels) & ~annotation.ignore
    shrunk = ndimage.binary_erosion(mask, iterations=pixels)
    left = np.arange(mask.shape[1]) < np.flatnonzero(mask.any(axis=0)).mean()
    object_map[grown & left] = index
    object_map[mask & ~shrunk & ~left & ~annotation.ignore] = -1
    return object_map


def largest(annotation):
    counts = np.bincount(annotation.object_map[annotation.object_map >= 0])
    return int(counts.argmax())


def rewritten(label_format, item, annotation, object_map, out_dir, reopen):
    """Write, then read what was written, by a format that `reopen` makes of the folder."""
    paths = label_format.write(item, annotation, object_map, out_dir)
    finished = label_format.finish(out_dir, [item])
    assert all(path.is_file() for path in (*paths, *finished))
    assert not list(out_dir.rglob('*.part'))
    again = reopen(out_dir)
    found = next(entry for entry in again.items() if entry.name == item.name)
    assert isinstance(found, LabelItem)
    return again.read(found)


def iou(first, second):
    return (first & second).sum() / max((first | second).sum(), 1)


def save_json(path, value, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, **options))
    return path


def random_mask(seed):
    """Blobs, specks, lines and holes."""
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal(rng.integers(1, 50, 2))
    return ndimage.gaussian_filter(noise, rng.choice([0, 0.7, 2])) > rng.choice([0, 0.1, -0.1])
