"""Rounds of alignment over a data set: whole, resumable, and without touching what was given."""

import errno
import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope
from PIL import Image

from mmsteal.datasets import CityscapesEdgeDataset, EdgeDataset, SBDEdgeDataset
from mmsteal.engine.alignment import align_label_map
from mmsteal.engine.alignment.label_files import LabelFiles, LoadAlignedLabels, inverse_table
from mmsteal.engine.alignment.masks import LabelRule
from mmsteal.functional import AlignOptions
from mmsteal.label_formats.value_map import label_value_map, lookup_table
from tests.datasets.folders import write_cityscapes, write_folder, write_sbd
from tests.engine.disk_set import (
    ALIGN,
    RADIUS,
    STEPS,
    DiskModel,
    disk_dataset,
    disks,
    iou,
    make_aligner,
    write_disks,
)


@pytest.fixture(autouse=True)
def _scope():
    init_default_scope('mmseg')


def contents(folder):
    """Bytes of every file below a folder, by relative name."""
    folder = Path(folder)
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob('*') if p.is_file()}


def test_labels_move_to_the_disks_and_are_read_in_place_of_the_given_ones(tmp_path):
    data = disk_dataset(write_disks(tmp_path))
    before = contents(tmp_path)
    shown = []
    aligner = make_aligner(
        tmp_path, data, show=lambda *panels: shown.append(panels), num_pictures=2
    )
    summary = aligner.align_all(DiskModel(), 40)
    assert (summary.num_masks, summary.moved) == (10, 10)
    assert 2 < summary.mean_px < 4
    assert {k: v for k, v in contents(tmp_path).items() if k in before} == before
    assert aligner.folder == str(tmp_path / 'aligned_labels/iter_40')

    sample = data[3]['data_samples']
    for k in range(2):
        assert iou(sample.gt_sem_seg.data[0].numpy() == k, disks(RADIUS) == k + 1) > 0.9
    assert (sample.gt_sem_seg.data[0, :4] == 255).all()
    assert set(sample.gt_instance_map.data.unique().tolist()) == {0, 300, 600}
    # The files are of the data set's own kind: values, instance ids, names, colors.
    with Image.open(tmp_path / 'aligned_labels/iter_40/labels/3.png') as image:
        assert image.getpalette()[3:9] == [255, 0, 0, 0, 0, 255]
        values = np.asarray(image)
    assert set(np.unique(values)) == {0, 1, 2, 255}
    again = disk_dataset(
        tmp_path,
        data_prefix=dict(
            img_path='images',
            seg_map_path='aligned_labels/iter_40/labels',
            instance_map_path='aligned_labels/iter_40/instances',
        ),
    )
    assert torch.equal(again[3]['data_samples'].gt_edge_map.data, sample.gt_edge_map.data)

    assert len(shown) == 2
    image, given, aligned, predicted, name = shown[0]
    assert (image.shape[:2], predicted.shape, name) == (given.shape[1:], aligned.shape, '0')
    assert not np.array_equal(given, aligned)

    aligner.use(None)
    assert (data[3]['data_samples'].gt_sem_seg.data == 0).sum() == before_area(data, 3)


def before_area(data, index):
    raw = np.asarray(Image.open(data.get_data_info(index)['seg_map_path']))
    return (raw == 1).sum()


def test_files_are_those_of_the_function(tmp_path):
    data = disk_dataset(write_disks(tmp_path, 1))
    aligner = make_aligner(tmp_path, data)
    model = DiskModel()
    aligner.align_all(model, 1)
    packed = disk_dataset(tmp_path)[0]
    prob = model.test_step(dict(inputs=[packed['inputs']]))[0].pred_edge_map.data
    sample = packed['data_samples']
    labels, ids, _ = align_label_map(
        sample.gt_sem_seg.data[0].numpy().astype(np.uint8),
        prob,
        aligner.settings.rule,
        ALIGN,
        instance_map=sample.gt_instance_map.data[0].numpy(),
    )
    aligned = data[0]['data_samples']
    np.testing.assert_array_equal(aligned.gt_sem_seg.data[0], labels)
    np.testing.assert_array_equal(aligned.gt_instance_map.data[0], ids)


def test_a_round_that_was_cut_off_goes_on(tmp_path):
    data = disk_dataset(write_disks(tmp_path))
    whole = make_aligner(tmp_path / 'whole', data)
    whole.align_all(DiskModel(), 7)
    expected = contents(whole.folder)

    cut = make_aligner(tmp_path / 'cut', disk_dataset(tmp_path))
    model = DiskModel()
    model.fail_at = 4
    with pytest.raises(RuntimeError, match='the model broke'):
        cut.align_all(model, 7)
    assert cut.folder is None
    partial = tmp_path / 'cut/aligned_labels/iter_7.partial'
    assert len(list(partial.glob('labels/*.png'))) == 3
    model = DiskModel()
    summary = cut.align_all(model, 7)
    assert model.calls == 2
    assert summary.num_masks == 10
    assert contents(cut.folder) == expected
    # A finished round is taken as it is, by the same model.
    third = make_aligner(tmp_path / 'cut', disk_dataset(tmp_path))
    model = DiskModel()
    assert third.align_all(model, 7) == summary
    assert model.calls == 0


@pytest.mark.parametrize('change', ['weights', 'options'])
def test_another_model_or_other_options_begin_the_round_anew(tmp_path, change):
    write_disks(tmp_path)
    model = DiskModel()
    model.fail_at = 4
    with pytest.raises(RuntimeError):
        make_aligner(tmp_path, disk_dataset(tmp_path)).align_all(model, 7)
    other = DiskModel(0.8 if change == 'weights' else 0.9)
    options = replace(ALIGN, smoothing=2) if change == 'options' else ALIGN
    aligner = make_aligner(tmp_path, disk_dataset(tmp_path), options)
    aligner.align_all(other, 7)
    assert other.calls == 5


def test_a_disk_that_fills_leaves_the_labels_in_force(tmp_path, monkeypatch):
    data = disk_dataset(write_disks(tmp_path))
    aligner = make_aligner(tmp_path, data)
    said: list[str] = []
    monkeypatch.setattr(aligner.logger, 'error', said.append)
    write, written = Path.write_bytes, []

    def fills(path, content):
        written.append(path)
        if len(written) > 5:
            write(path, content[:9])
            raise OSError(errno.ENOSPC, 'No space left on device', str(path))
        return write(path, content)

    monkeypatch.setattr(Path, 'write_bytes', fills)
    assert aligner.align_all(DiskModel(), 7) is None
    monkeypatch.undo()
    assert 'No space left' in said[-1]
    assert 'labels of the dataset' in said[-1]
    assert aligner.folder is None
    assert (data[0]['data_samples'].gt_sem_seg.data == 0).sum() == before_area(data, 0)
    partial = tmp_path / 'aligned_labels/iter_7.partial'
    for path in partial.rglob('*.png'):
        Image.open(path).load()  # whole
    assert not list(partial.rglob('.*tmp'))
    assert not (tmp_path / 'aligned_labels/iter_7').exists()
    model = DiskModel()
    assert aligner.align_all(model, 7).num_masks == 10
    assert model.calls < 5


def test_a_folder_that_cannot_be_made(tmp_path):
    aligner = make_aligner(tmp_path, disk_dataset(write_disks(tmp_path, 1)))
    (tmp_path / 'aligned_labels').write_text('a file')
    assert aligner.align_all(DiskModel(), 7) is None


def test_rounds_start_from_the_given_labels_or_from_the_last(tmp_path):
    # One round may not go all the way, but a second one from where it ended gets closer.
    options = AlignOptions(
        num_iters=4, checkpoints=[1, 2, 3, 4], stop_evidence=0.3, max_displacement_px=2.5
    )
    areas = {}
    for start in ('given', 'last'):
        root = write_disks(tmp_path / start, 1)
        data = disk_dataset(root)
        aligner = make_aligner(root, data, options, start=start)
        areas[start] = []
        for step in (10, 20):
            aligner.align_all(DiskModel(), step)
            areas[start].append(int((data[0]['data_samples'].gt_sem_seg.data == 0).sum()))
    assert areas['given'][0] == areas['given'][1] == areas['last'][0]
    assert areas['last'][1] > areas['last'][0]


def test_coarsened_labels_are_where_alignment_starts_and_are_not_coarsened_again(tmp_path):
    steps = [*STEPS[:2], dict(type='CoarsenLabels', error_px=4), *STEPS[2:]]
    write_disks(tmp_path, 1)
    Image.fromarray(disks(RADIUS)).save(tmp_path / 'labels/0.png')
    Image.fromarray(disks(RADIUS).astype(np.uint16)).save(tmp_path / 'instances/0.png')
    data = disk_dataset(tmp_path, steps)
    truth = disks(RADIUS) == 1
    coarse = data[0]['data_samples'].gt_sem_seg.data[0].numpy() == 0
    assert iou(coarse, truth) < 0.8
    summary = make_aligner(tmp_path, data).align_all(DiskModel(), 3)
    assert summary.moved == 2
    assert iou(data[0]['data_samples'].gt_sem_seg.data[0].numpy() == 0, truth) > 0.9


def test_a_prediction_that_is_not_finite_leaves_the_image_alone(tmp_path):
    data = disk_dataset(write_disks(tmp_path))
    model = DiskModel()
    model.values[2] = float('nan')
    summary = make_aligner(tmp_path, data).align_all(model, 3)
    assert (summary.num_unpredicted, summary.num_masks) == (1, 8)
    areas = [int((sample['data_samples'].gt_sem_seg.data == 0).sum()) for sample in data]
    assert areas[1] == before_area(data, 1) < areas[0]


def test_missing_labels_of_a_resumed_run_are_named(tmp_path):
    aligner = make_aligner(tmp_path, disk_dataset(write_disks(tmp_path, 1)))
    with pytest.raises(FileNotFoundError, match='iter_9'):
        aligner.use(str(tmp_path / 'iter_9'))


def test_exception_no_loader_of_labels(tmp_path):
    write_disks(tmp_path, 1)
    data = disk_dataset(tmp_path, [STEPS[0], *STEPS[2:]])
    with pytest.raises(ValueError, match='LoadEdgeAnnotations'):
        make_aligner(tmp_path, data)


def test_exception_no_instances(tmp_path):
    write_disks(tmp_path, 1)
    data = disk_dataset(tmp_path, data_prefix=dict(img_path='images', seg_map_path='labels'))
    with pytest.raises(ValueError, match='instance_map_path'):
        make_aligner(tmp_path, data)


# Values and names of the files


@pytest.mark.parametrize(
    'options',
    [
        dict(label_values=[0, 1, 2]),
        dict(label_values=[1, 2], background=0),
        dict(label_values=[7, 11, 3000], background=[0, 4], ignore_values=(9, 255)),
        dict(label_values=[0, 2], other_values='background'),
        dict(label_values=[7, 8], background=3, ignore_values=(), other_values='ignore'),
    ],
)
def test_file_values_are_read_back_as_they_were(options):
    value_map = label_value_map(**options)
    table = inverse_table(value_map)
    known = np.flatnonzero(table >= 0)
    assert set(known) == set(value_map.values())
    np.testing.assert_array_equal(lookup_table(value_map, 65536)[table[known]], known)


LOAD = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadEdgeAnnotations'),
    dict(type='GenerateEdges', radius=1, instance_sensitive=True),
]


def layouts(root, name):
    if name == 'folder':
        write_folder(root, instances=True, values=(3, 5, 9))
        prefix = dict(img_path='images', seg_map_path='labels', instance_map_path='instances')
        metainfo = dict(classes=('a', 'b'))
        return EdgeDataset(data_root=str(root), data_prefix=prefix, metainfo=metainfo,
                           label_values=[5, 300], background=3, other_values='ignore',
                           pipeline=LOAD)  # fmt: skip
    if name == 'cityscapes':
        write_cityscapes(root)
        prefix = dict(img_path='leftImg8bit/train', seg_map_path='gtFine/train',
                      instance_map_path='gtFine/train')  # fmt: skip
        return CityscapesEdgeDataset(data_root=str(root), data_prefix=prefix, pipeline=LOAD)
    write_sbd(root)
    steps = [LOAD[0], dict(type='LoadSBDAnnotations'), LOAD[2]]
    return SBDEdgeDataset(data_root=str(root), ann_file='train.txt', pipeline=steps)


@pytest.mark.parametrize('sensitive', [True, False])
@pytest.mark.parametrize('name', ['folder', 'cityscapes', 'sbd'])
def test_every_layout_reads_back_what_was_written(tmp_path, name, sensitive):
    data = layouts(tmp_path, name)
    files = LabelFiles(data, instance_sensitive=sensitive)
    folder = str(tmp_path / 'out')
    info = data.get_data_info(0)
    given = data[0]
    assert not files.is_written(folder, info)
    files.write(folder, info, given['gt_seg_map'], given['gt_instance_map'], dict(a=1))
    assert files.is_written(folder, info)
    assert files.read_report(folder, info) == dict(a=1)
    read = LoadAlignedLabels(files, folder).transform(dict(info, seg_fields=[]))
    np.testing.assert_array_equal(read['gt_seg_map'], given['gt_seg_map'])
    assert ('gt_instance_map' in read) == sensitive
    if sensitive:
        np.testing.assert_array_equal(read['gt_instance_map'], given['gt_instance_map'])
    assert all(p.suffix == '.png' for p in Path(folder).rglob('*.*'))
    assert len(list(Path(folder).rglob('*.png'))) == 1 + sensitive
    rule = LabelRule.of_pipeline(data.pipeline.transforms, len(data.metainfo['classes']))
    assert rule.background == len(data.metainfo['classes'])
    assert files.has_background


def test_gaps_of_a_dataset_without_background_are_ignored(tmp_path):
    """A disk drawn too large shrinks; what it loses belongs to nobody."""
    root = write_disks(tmp_path, 1)
    labels = np.full((48, 64), 1, np.uint8)
    labels[disks(RADIUS + 3) == 1] = 0
    Image.fromarray(labels).save(root / 'labels/0.png')
    Image.fromarray(labels.astype(np.uint16)).save(root / 'instances/0.png')
    data = disk_dataset(root, background=None)

    options = AlignOptions(num_iters=8, balloon=-1, stop_evidence=0.3)
    summary = make_aligner(root, data, options).align_all(DiskModel(), 1)
    assert summary.moved >= 1
    aligned = data[0]['data_samples'].gt_sem_seg.data[0].numpy()
    assert set(np.unique(aligned)) == {0, 1, 255}
    assert iou(aligned == 0, disks(RADIUS) == 1) > iou(labels == 0, disks(RADIUS) == 1)


def test_the_round_says_how_it_was_made(tmp_path):
    aligner = make_aligner(tmp_path, disk_dataset(write_disks(tmp_path, 1)))
    aligner.align_all(DiskModel(), 5)
    meta = json.loads((Path(aligner.folder) / 'alignment.json').read_text())
    assert meta['options']['align'] == asdict(ALIGN)
    assert meta['summary']['moved'] == 2
