import numpy as np
import pytest
from mmengine.dataset import Compose
from mmengine.registry import init_default_scope

from mmsteal.datasets import GenerateEdges, LoadSBDAnnotations, PackEdgeInputs
from mmsteal.functional import label_map_to_edges


@pytest.fixture(autouse=True)
def _scope():
    init_default_scope('mmseg')


def results(size=(40, 60), num_classes=2):
    labels = np.zeros(size, np.uint8)
    labels[10:30, 20:40] = 1
    labels[:5] = 255
    instances = np.zeros(size, np.uint16)
    instances[10:30, 30:40] = 7
    return dict(
        img=np.zeros((*size, 3), np.uint8),
        img_path='x.jpg',
        img_shape=size,
        ori_shape=size,
        gt_seg_map=labels,
        gt_instance_map=instances,
        seg_fields=['gt_seg_map', 'gt_instance_map'],
        num_classes=num_classes,
        reduce_zero_label=False,
    )


@pytest.mark.parametrize('sensitive', [False, True])
def test_edges_are_those_of_the_function(sensitive):
    data = results()
    out = GenerateEdges(radius=1.5, instance_sensitive=sensitive)(data)
    expected = label_map_to_edges(
        data['gt_seg_map'],
        2,
        radius=1.5,
        background=2,
        instance_map=data['gt_instance_map'] if sensitive else None,
    )
    np.testing.assert_array_equal(out['gt_edge_map'], expected)
    assert (out['gt_edge_map'][1, 15, 30] == 1) == sensitive


def test_images_without_edges_are_told_once():
    empty = results(num_classes=1)
    empty['gt_seg_map'] = np.where(empty['gt_seg_map'] == 1, 255, 0).astype(np.uint8)
    make = GenerateEdges(num_classes=1, background=0)
    for _ in range(99):
        make(dict(empty))
    with pytest.warns(UserWarning, match=r'first 100 label maps.*\[0, 255\].*background 0'):
        make(dict(empty))
    for step, data in ((make, empty), (GenerateEdges(), results())):
        for _ in range(200):  # once, and never after an edge
            step(dict(data))


def test_whole_pipeline_keeps_edges_thin_and_maps_in_step():
    """Scaling by 3 before making edges leaves them as thick as the radius says."""
    pipeline = Compose([
        dict(type='Resize', scale=(180, 120), keep_ratio=True),
        dict(type='RandomFlip', prob=1.0),
        dict(type='RandomCrop', crop_size=(96, 96)),
        dict(type='GenerateEdges', radius=1, instance_sensitive=True),
        dict(type='PackEdgeInputs'),
    ])  # fmt: skip
    packed = pipeline(results())
    sample = packed['data_samples']
    edges = sample.gt_edge_map.data
    assert edges.shape == (2, 96, 96)
    assert packed['inputs'].shape == (3, 96, 96)
    labels = sample.gt_sem_seg.data[0].numpy()
    instances = sample.gt_instance_map.data[0].numpy()
    expected = label_map_to_edges(
        labels.astype(np.uint8), 2, radius=1, background=2, instance_map=instances
    )
    np.testing.assert_array_equal(edges.numpy(), expected)


def test_inference_passes_through():
    """Without labels, as in an inferencer, every step leaves the results alone."""
    data = dict(img=np.zeros((8, 8, 3), np.uint8), img_path='x', ori_shape=(8, 8))
    for step in (LoadSBDAnnotations(boundaries='cls'), GenerateEdges()):
        assert step(data) is data
    assert 'gt_edge_map' not in PackEdgeInputs()(data)['data_samples']


def test_any_mmseg_dataset():
    data = results()
    del data['num_classes']
    out = GenerateEdges(num_classes=1, background=0)(data)
    assert out['gt_edge_map'].shape[0] == 1
    with pytest.raises(KeyError, match='num_classes'):
        GenerateEdges()(data)


def test_exception_no_instances():
    data = results()
    del data['gt_instance_map']
    with pytest.raises(KeyError, match=r'x\.jpg.*instance_map_path'):
        GenerateEdges(instance_sensitive=True)(data)


def test_exception_boundaries():
    with pytest.raises(ValueError, match='boundaries'):
        LoadSBDAnnotations(boundaries='all')
