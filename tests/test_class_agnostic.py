"""One edge map from a dataset of many classes: labels, alignment, training, scores, pictures."""

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from mmsteal.apis import EdgeInferencer, build_runner
from mmsteal.datasets.transforms import GenerateEdges
from mmsteal.engine.alignment.masks import LabelRule, redraw_edges, segment
from mmsteal.evaluation import EdgeMetric
from mmsteal.functional import label_map_to_edges
from mmsteal.functional.edge_maps.thin import thin
from mmsteal.visualization import EdgeLocalVisualizer
from tests.conftest import REPO
from tests.engine.disk_set import disks, write_disks


def labels_of(radius):
    """Disks of the classes 0 and 1 that touch, on background 2; the first rows are ignored."""
    labels = (disks(radius).astype(int) - 1) % 3
    labels[:3] = 255
    return labels.astype(np.uint8)


def results_of(labels):
    return dict(gt_seg_map=labels, num_classes=2)


def test_edges_of_all_classes_in_one_map():
    labels = labels_of(18)
    each = label_map_to_edges(labels, 2, radius=2, background=2)
    assert (each == 1).all(axis=0).any()
    found = GenerateEdges(radius=2, class_agnostic=True)(results_of(labels))['gt_edge_map']
    assert found.shape == (1, *labels.shape)
    np.testing.assert_array_equal(found[0] == 1, (each == 1).any(axis=0))
    np.testing.assert_array_equal(found[0] == 255, labels == 255)


def test_thin_edges_are_thin_where_two_classes_touch():
    labels = labels_of(18)
    step = GenerateEdges(radius=2, class_agnostic=True, thin=True)
    found = step(results_of(labels))['gt_edge_map']
    band = GenerateEdges(radius=2, class_agnostic=True)(results_of(labels))['gt_edge_map']
    np.testing.assert_array_equal(found == 1, thin(band == 1))
    assert set(np.unique(found)) == {0, 1, 255}


@pytest.mark.parametrize('thinned', [False, True])
def test_redrawn_edges_are_those_of_the_pipeline(thinned):
    step = GenerateEdges(radius=1, class_agnostic=True, thin=thinned)
    rule = LabelRule.of_pipeline([step], num_classes=1, label_classes=2)
    assert (rule.num_classes, rule.background, rule.channels) == (2, 2, [0, 0])
    before, after = labels_of(14), labels_of(18)
    target = torch.from_numpy(step(results_of(before))['gt_edge_map'])[None]
    labels = torch.from_numpy(after)[None]
    segments = segment(labels, None, rule)
    found = redraw_edges(target, labels, segments, [True, False], rule)
    np.testing.assert_array_equal(found[0].numpy(), step(results_of(after))['gt_edge_map'])


def sample_of(prediction, labels, **fields):
    data = dict(pred_edge_map=prediction, gt_sem_seg=labels.astype(np.int64)[None], **fields)
    return {key: dict(data=torch.from_numpy(value)) for key, value in data.items()}


def evaluate(metric, sample, classes=('left', 'right')):
    metric.dataset_meta = dict(classes=classes)
    metric.process({}, [sample])
    return metric.evaluate(1)


@pytest.mark.parametrize('mode', ['thin', 'raw'])
def test_scores_of_one_map_against_all_classes(mode):
    labels = labels_of(13)
    metric = EdgeMetric(mode=mode, max_dist=0.02, radius=1, class_agnostic=True)
    edges = label_map_to_edges(labels, 2, radius=1, background=2) == 1
    both = evaluate(metric, sample_of(edges.any(0, keepdims=True).astype(np.float32), labels))
    assert both['edge/MF_ODS'] == pytest.approx(100)
    half = evaluate(metric, sample_of(edges[:1].astype(np.float32), labels))
    assert 60 < half['edge/MF_ODS'] < 75
    each = evaluate(metric, sample_of(edges.astype(np.float32), labels))
    assert each == both


def test_scores_against_stored_boundaries_of_many_classes():
    """Not to be taken for the maps of several annotators."""
    labels = labels_of(13)
    edges = label_map_to_edges(labels, 2, radius=1, background=2, thin=True) == 1
    stored = edges.astype(np.uint8)
    metric = EdgeMetric('seal', class_agnostic=True)
    sample = sample_of(
        edges.any(0, keepdims=True).astype(np.float32), labels, gt_boundary_map=stored
    )
    assert evaluate(metric, sample)['edge/MF_ODS'] == pytest.approx(100)


def test_exception_one_map_for_many_classes():
    labels = labels_of(13)
    sample = sample_of(np.zeros((1, *labels.shape), np.float32), labels)
    with pytest.raises(ValueError, match=r'2 classes.*class_agnostic=True'):
        evaluate(EdgeMetric(), sample)


def test_picture_does_not_name_the_first_class(tmp_path, monkeypatch):
    written = []
    monkeypatch.setattr(
        'mmsteal.visualization.edge_visualizer.cv2.putText',
        lambda image, text, *a: written.append(text),
    )
    visualizer = EdgeLocalVisualizer()
    visualizer.dataset_meta = dict(classes=('left', 'right'), palette=[[255, 0, 0], [0, 0, 255]])
    sample = SegDataSample()
    predicted = torch.zeros(1, 48, 64)
    predicted[0, 20] = 1
    sample.set_data(dict(pred_edge_map=PixelData(data=predicted)))
    visualizer.add_datasample(
        'x', np.zeros((48, 64, 3), np.uint8), sample, out_file=str(tmp_path / 'x.png')
    )
    assert 'edge' in written
    assert 'left' not in written


@pytest.mark.parametrize('scope', ['dataset', 'batch'])
def test_hed_trains_aligns_and_is_evaluated(tmp_path, scope):
    root = write_disks(tmp_path / 'disks', number=2)
    cfg = Config.fromfile(REPO / 'configs/steal_hed_r18_camvid.py')
    dataset = dict(
        data_root=str(root),
        data_prefix=dict(img_path='images', seg_map_path='labels'),
        metainfo=dict(classes=('left', 'right'), palette=[[255, 0, 0], [0, 0, 255]]),
        background=0,
        ignore_values=(),
    )
    for loader in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        cfg[loader].update(num_workers=0, persistent_workers=False)
        cfg[loader].dataset.update(dataset)
    keep = ('LoadImageFromFile', 'LoadEdgeAnnotations', 'GenerateEdges', 'PackEdgeInputs')
    for loader in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        steps = cfg[loader].dataset.pipeline
        cfg[loader].dataset.pipeline = [step for step in steps if step['type'] in keep]
    cfg.merge_from_dict(
        {
            'model.backbone.stem_channels': 8,
            'model.backbone.base_channels': 8,
            'model.decode_head.in_channels': [8, 8, 16, 32, 64],
            'model.data_preprocessor.size': (48, 64),
            'train_cfg.max_iters': 4,
            'train_cfg.val_interval': 4,
            'val_evaluator.thresholds': 9,
            'work_dir': str(tmp_path / 'work'),
            'log_level': 'ERROR',
        }
    )
    cfg.vis_backends = cfg.visualizer.vis_backends = [dict(type='LocalVisBackend')]
    cfg.default_hooks.pop('visualization')
    align = dict(num_iters=4, stop_evidence=1.0, min_gain=0.0, balloon=1.0)
    cfg.custom_hooks = [
        dict(
            type='LevelSetAlignHook', scope=scope, begin=2, interval=2, num_pictures=1, align=align
        )
    ]
    init_default_scope('mmseg')
    runner = build_runner(cfg)
    runner.train()
    hub = runner.message_hub
    assert 0 <= hub.get_scalar('val/edge/MF_ODS').current() <= 100
    assert hub.get_scalar('val/edge/num_classes').current() == 1
    if scope == 'dataset':
        written = list((tmp_path / 'work/aligned_labels/iter_2').rglob('*.png'))
        assert len(written) == 2
    pictures = list((tmp_path / 'work').rglob('aligned_*.png'))
    assert pictures
    inferencer = EdgeInferencer(cfg, str(tmp_path / 'work/iter_4.pth'), 'cpu')
    assert inferencer.classes == ('edge',)
    assert inferencer(np.zeros((48, 64, 3), np.uint8))[0].edges.shape == (1, 48, 64)
