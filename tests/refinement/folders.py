"""A tiny data set with coarse labels and edge maps, and how to compare results."""

import json

import cv2
import numpy as np
from PIL import Image
from scipy import ndimage as ndi

from mmsteal.edge_files import EdgeFolder
from mmsteal.functional import REFINE_OPTIONS, mask_edges
from mmsteal.label_formats import FormatSpec
from mmsteal.refinement import RefineSettings

CLASSES = {'disk': 7, 'bar': 9, 'sky': 11}


def disk(size, center, radius):
    y, x = np.mgrid[: size[0], : size[1]]
    return np.hypot(y - center[0], x - center[1]) <= radius


def edge_map(mask):
    soft = ndi.gaussian_filter(mask_edges(mask.astype(np.uint8), radius=1) * 0.95, 0.7)
    return np.rint(soft * 255).astype(np.uint8)


def scene(rng, size):
    """Coarse labels, edge maps (2, H, W) of disk and bar."""
    height, width = size
    center = height // 2 + int(rng.integers(-3, 4)), width // 3 + int(rng.integers(-3, 4))
    true_disk = disk(size, center, height // 4)
    true_bar = np.zeros(size, bool)
    true_bar[height // 6 : -height // 6, -width // 4 : -width // 8] = True
    labels = np.zeros(size, np.uint8)
    labels[: height // 10] = CLASSES['sky']
    labels[ndi.binary_erosion(true_disk, iterations=int(rng.integers(2, 5)))] = CLASSES['disk']
    labels[ndi.binary_erosion(true_bar, iterations=1)] = CLASSES['bar']
    labels[-2:] = 255
    return labels, np.stack([edge_map(true_disk), edge_map(true_bar)])


def write_set(root, number=5, size=(48, 64), *, names=('disk', 'bar')):
    """`images`, `labels` (with a palette) and `edges`, one folder a class."""
    rng = np.random.default_rng(3)
    for folder in ('images', 'labels', *(f'edges/{name}' for name in names)):
        (root / folder).mkdir(parents=True)
    for index in range(number):
        labels, edges = scene(rng, size)
        image = rng.integers(0, 256, (*size, 3), dtype=np.uint8)
        cv2.imwrite(str(root / f'images/{index}.png'), image)
        picture = Image.frombytes('P', size[::-1], labels.tobytes())
        picture.putpalette(rng.integers(0, 256, 768).tolist())
        picture.save(root / f'labels/{index}.png')
        for name, one in zip(names, edges, strict=True):
            cv2.imwrite(str(root / f'edges/{name}/{index}.png'), one)
    return root


def settings_of(root, out, **options):
    source = FormatSpec(
        'png',
        str(root / 'labels'),
        {'images': str(root / 'images'), 'background': [0], 'classes': CLASSES},
    )
    defaults = dict(
        source=source,
        out_dir=str(out),
        edge_names=EdgeFolder(root / 'edges').names,
        edges=str(root / 'edges'),
        error_px=6.0,
        options=REFINE_OPTIONS,
    )
    return RefineSettings(**{**defaults, **options})


def contents(out):
    """All files of a result but for the time that it took."""
    found = {}
    for path in sorted(p for p in out.rglob('*') if p.is_file()):
        content = path.read_bytes()
        if path.name == 'report.json':
            report = json.loads(content)
            del report['seconds'], report['skipped']
            content = json.dumps(report)
        found[path.relative_to(out).as_posix()] = content
    return found
