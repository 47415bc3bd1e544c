"""The tables of classes, beside those of MMSegmentation."""

import pytest

from mmsteal.label_formats.cityscapes_labels import (
    BOUNDARY_IGNORED_IDS,
    CITYSCAPES_CLASSES,
    CITYSCAPES_LABELS,
    FIXED_IDS,
    VOID_IDS,
)
from mmsteal.label_formats.voc_labels import VOC_CLASSES, voc_palette


def test_cityscapes():
    meta = pytest.importorskip('mmseg.datasets').CityscapesDataset.METAINFO
    assert tuple(label.name for label in CITYSCAPES_CLASSES) == meta['classes']
    assert [list(label.color) for label in CITYSCAPES_CLASSES] == meta['palette']
    assert [label.train_id for label in CITYSCAPES_CLASSES] == list(range(19))
    assert all(CITYSCAPES_LABELS[label.id] is label for label in CITYSCAPES_CLASSES)


def test_every_id_of_cityscapes_means_one_thing():
    ids = [*(label.id for label in CITYSCAPES_CLASSES), *VOID_IDS, *BOUNDARY_IGNORED_IDS]
    assert sorted(ids) == list(range(34))
    names = [CITYSCAPES_LABELS[index].name for index in BOUNDARY_IGNORED_IDS]
    assert names == ['rectification border', 'out of roi']
    (more,) = set(FIXED_IDS) - set(BOUNDARY_IGNORED_IDS)
    assert CITYSCAPES_LABELS[more].name == 'ego vehicle'
    assert more in VOID_IDS


def test_voc():
    meta = pytest.importorskip('mmseg.datasets').PascalVOCDataset.METAINFO
    assert ('background', *VOC_CLASSES) == meta['classes']
    assert voc_palette()[: len(VOC_CLASSES) + 1].tolist() == meta['palette']
