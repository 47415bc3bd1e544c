"""Pasted objects: where they come from, what their labels are, and that a run can be repeated."""

import numpy as np
import pytest
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS

from mmsteal.datasets import CopyPasteObjects
from mmsteal.datasets.samplers import Draw
from mmsteal.functional import label_map_to_edges
from tests.label_formats.test_region_maps import main, write_panoptic


def sample(color, *, square=None, at_border=None, size=64):
    image = np.full((size, size, 3), color, np.uint8)
    instances = np.ones((size, size), np.uint16)
    for number, (corner, value) in enumerate(((square, 200), (at_border, 90)), start=2):
        if corner is not None:
            rows, columns = (slice(c, c + 16) for c in corner)
            instances[rows, columns], image[rows, columns] = number, value
    labels = np.zeros((size, size), np.uint8)
    return dict(img=image, gt_seg_map=labels, gt_instance_map=instances, num_classes=1)


@pytest.mark.parametrize('blend_px', [0, 0.7])
def test_pasted_object_is_a_new_instance_with_an_exact_outline(blend_px):
    step = CopyPasteObjects(max_objects=5, scale_range=(1, 1), blend_px=blend_px)
    pasted = 0
    for seed in range(10):
        np.random.seed(seed)  # noqa: NPY002
        before = sample(30)
        found = step({**before, 'mix_results': [sample(60, square=(20, 24))]})
        new = found['gt_instance_map'] != 1
        pasted += new.any()
        if not new.any():
            continue
        assert new.sum() == 16 * 16
        rows, columns = np.nonzero(new)
        assert np.ptp(rows) == np.ptp(columns) == 15
        # Halfway between the two colors on the outline, and those beyond it.
        values = found['img'][..., 0].astype(int)
        assert (values[new] > 115).all()
        assert (values[~new] < 115).all()
        if not blend_px:
            assert set(np.unique(values)) == {30, 200}
        edges = label_map_to_edges(
            found['gt_seg_map'], 1, radius=1, instance_map=found['gt_instance_map']
        )
        assert edges.any()
        # What it was made of is as it was.
        assert (before['img'] == 30).all()
        assert (before['gt_instance_map'] == 1).all()
    assert 4 < pasted <= 10


def test_only_whole_objects_of_the_right_size():
    step = CopyPasteObjects(area_range=(0.01, 0.5))
    both = sample(60, square=(20, 24), at_border=(0, 40))
    assert step._whole_objects(both['gt_instance_map']) == [2]
    assert CopyPasteObjects(area_range=(0.1, 0.5))._whole_objects(both['gt_instance_map']) == []
    both['gt_instance_map'][both['gt_instance_map'] == 2] = 0  # nobody knows
    assert step._whole_objects(both['gt_instance_map']) == []


def test_scaled_objects_fit_into_the_image():
    step = CopyPasteObjects(max_objects=8, scale_range=(3, 9))
    for seed in range(8):
        np.random.seed(seed)  # noqa: NPY002
        found = step({**sample(30), 'mix_results': [sample(60, square=(20, 24))]})
        assert found['img'].shape == (64, 64, 3)
        assert found['gt_instance_map'].dtype == np.uint16


def test_a_draw_repeats(tmp_path):
    root = write_panoptic(tmp_path / 'coco')
    out = tmp_path / 'set'
    main(['panoptic', str(root / 'panoptic_x.json'), str(out), '--images', str(root / 'images')])
    init_default_scope('mmseg')
    inner = dict(
        type='EdgeDataset', data_root=str(out), ann_file='train.txt',
        metainfo=dict(classes=('region',), palette=[[0, 0, 0]]),
        data_prefix=dict(img_path='images', seg_map_path='labels', instance_map_path='instances'),
        pipeline=[dict(type='LoadImageFromFile'), dict(type='LoadEdgeAnnotations')],
    )  # fmt: skip
    pipeline = [
        dict(type='CopyPasteObjects', area_range=(0.001, 0.9)),
        dict(type='RandomCrop', crop_size=(16, 16)),
        dict(type='GenerateEdges', radius=1, instance_sensitive=True),
        dict(type='PackEdgeInputs'),
    ]
    dataset = DATASETS.build(dict(type='MultiImageMixDataset', dataset=inner, pipeline=pipeline))
    first, again, other = (dataset[Draw(1, 0, number)] for number in (3, 3, 4))
    assert (first['inputs'] == again['inputs']).all()
    assert first['inputs'].shape == other['inputs'].shape
    assert first['data_samples'].gt_edge_map.data.shape == (1, 16, 16)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(max_objects=0), 'max_objects'),
        (dict(num_sources=0), 'num_sources'),
        (dict(scale_range=(2, 1)), 'scale_range'),
        (dict(area_range=(0, 1)), 'area_range'),
        (dict(blend_px=-1), 'blend_px'),
    ],
)
def test_exception_arguments(options, message):
    with pytest.raises(ValueError, match=message):
        CopyPasteObjects(**options)


def test_exception_no_instances():
    other = sample(60)
    del other['gt_instance_map']
    with pytest.raises(KeyError, match='instance_map_path'):
        CopyPasteObjects()({**sample(30), 'mix_results': [other]})
