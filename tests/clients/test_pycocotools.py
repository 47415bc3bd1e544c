"""The reader and the judge that COCO itself provides: `pip install mmsteal[formats]`."""

import numpy as np
import pytest

from mmsteal.label_formats import CocoFormat
from tests.clients.scenes import CLASSES, assert_same, masks, read_masks, write_scene

pytest.importorskip('pycocotools', reason='pycocotools is not installed: mmsteal[formats]')
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval


@pytest.fixture
def written(tmp_path):
    (path,) = write_scene(tmp_path, 'coco', classes=CLASSES)
    return tmp_path, COCO(str(path))


def masks_of(coco, image):
    found = coco.loadAnns(coco.getAnnIds(imgIds=image))
    return {coco.cats[entry['category_id']]['name']: coco.annToMask(entry) for entry in found}


def test_reads_what_is_written(written):
    _, coco = written
    assert [image['file_name'] for image in coco.imgs.values()] == ['a.png', 'b.png']
    assert_same(masks_of(coco, 1), masks())
    assert masks_of(coco, 2) == {}
    for entry in coco.anns.values():
        mask = coco.annToMask(entry)
        rows, columns = np.nonzero(mask)
        box = [columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1]
        assert (entry['bbox'], entry['area']) == (box, mask.sum())


def test_what_changed_is_judged_as_it_is(written):
    """Average precision of labels that are all right is 1, by COCO's own evaluation."""
    root, _ = written
    reader = CocoFormat(root / 'labels/instances.json', images=root / 'images')
    items = reader.items()
    for item in items:
        annotation = reader.read(item)
        changed = annotation.object_map.copy()
        if annotation.objects:
            changed[30:34, 5:20] = 0
        reader.write(item, annotation, changed, root / 'out')
    (path,) = reader.finish(root / 'out', items)
    truth = COCO(str(path))
    assert_same(masks_of(truth, 1), read_masks(CocoFormat(path, images=root / 'images'), 'a'))
    found = [{**entry, 'score': 1.0} for entry in truth.anns.values()]
    judge = COCOeval(truth, truth.loadRes(found), 'segm')
    judge.evaluate()
    judge.accumulate()
    judge.summarize()
    assert judge.stats[0] == pytest.approx(1.0)
