"""One scene for all clients: two objects, one with a hole, and an image without any."""

import numpy as np
from PIL import Image

from mmsteal.label_formats import LABEL_FORMATS, AnnotatedObject, Annotation, LabelItem

SIZE = (40, 60)
# The tables of Cityscapes and VOC have both.
CLASSES = {'car': 7, 'person': 15}


def object_map():
    """(H, W): 0 a car with a hole, 1 a person beside it; -1 nothing."""
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    found = np.full(SIZE, -1, np.int32)
    found[4:22, 5:30] = 0
    found[9:14, 12:18] = -1
    found[np.hypot(y - 22, x - 42) < 11.3] = 1
    return found


def masks():
    """Masks of the scene by class."""
    return {name: object_map() == index for index, name in enumerate(CLASSES)}


def write_scene(root, kind, *, ending='', **options):
    """Write the scene, as image `a`, and an image `b` without objects; files of `finish`."""
    writer = LABEL_FORMATS[kind](**options)
    objects = (AnnotatedObject(7, 'car', 1), AnnotatedObject(15, 'person', 2))
    items = []
    for name in 'ab':
        image = root / 'images' / f'{name}{ending}.png'
        image.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.zeros((*SIZE, 3), np.uint8)).save(image)
        items.append(LabelItem(name, image, ()))
        found = object_map() if name == 'a' else np.full(SIZE, -1, np.int32)
        annotation = Annotation(
            name, found, objects if name == 'a' else (), np.zeros(SIZE, bool), format='scene'
        )
        writer.write(items[-1], annotation, found, root / 'labels')
    return writer.finish(root / 'labels', items)


def read_masks(reader, name):
    """Masks of an image by class, as a format of ours reads them."""
    item = next(item for item in reader.items() if item.name == name)
    annotation = reader.read(item)
    return {
        entry.name: annotation.object_map == index for index, entry in enumerate(annotation.objects)
    }


def assert_same(found, expected):
    """Masks by class, pixel by pixel."""
    assert sorted(found) == sorted(expected)
    for name, mask in expected.items():
        np.testing.assert_array_equal(np.asarray(found[name], bool), mask, err_msg=name)
