"""Regions without classes, from COCO's panoptic files, BSDS's annotators and masks."""

import json

import numpy as np
import pytest
import scipy.io
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS
from PIL import Image

from mmsteal.cli.convert_regions import main
from mmsteal.label_formats.region_maps import annotator_ids, panoptic_ids, region_map


def test_regions_are_numbered_and_unknown_stays_unknown():
    found = region_map(np.array([[9, 9, 4], [9, 0, 4], [7, 7, 4]]), unknown=(0, 7))
    np.testing.assert_array_equal(found.instances, [[2, 2, 1], [2, 0, 1], [0, 0, 1]])
    np.testing.assert_array_equal(found.labels, [[0, 0, 0], [0, 255, 0], [255, 255, 0]])
    assert (found.labels.dtype, found.instances.dtype) == (np.uint8, np.uint16)


@pytest.mark.parametrize(('width', 'closed'), [(2, True), (6, True), (7, False), (12, False)])
def test_gaps_close_in_their_middle_up_to_twice_the_distance(width, closed):
    ids = np.zeros((30, 40), int)
    ids[:, :10], ids[:, 10 + width :] = 5, 6
    found = region_map(ids, gaps=(0,), gap_px=3).instances
    gap = found[:, 10 : 10 + width]
    if closed:
        np.testing.assert_array_equal(gap[:, : width // 2], 1)
        np.testing.assert_array_equal(gap[:, width // 2 :], 2)
    else:
        assert (gap[8:-8] == 0).all()  # and no outline beside it


def test_a_wide_hole_keeps_its_size():
    ids = np.ones((60, 60), int)
    ids[20:40, 20:40] = 0
    found = region_map(ids, gaps=(0,), gap_px=3).instances
    assert (found == 0).sum() > 0.9 * 400  # all but the corners


def test_exception_arguments():
    with pytest.raises(ValueError, match=r'ids.*float'):
        region_map(np.zeros((3, 3)))
    with pytest.raises(ValueError, match='gap_px'):
        region_map(np.zeros((3, 3), int), gap_px=-1)


def test_panoptic_ids_are_little_endian():
    colors = np.array([[[26, 20, 9], [255, 255, 255]]], np.uint8)
    np.testing.assert_array_equal(panoptic_ids(colors), [[26 + 20 * 256 + 9 * 65536, 2**24 - 1]])
    with pytest.raises(ValueError, match='three channels'):
        panoptic_ids(np.zeros((3, 3), np.uint8))


def write_panoptic(root, names=('a', 'b', 'c', 'd', 'e')):
    (root / 'images').mkdir(parents=True)
    (root / 'panoptic_x').mkdir()
    annotations = []
    for index, name in enumerate(names):
        ids = np.zeros((24, 32, 3), np.uint8)
        ids[:, :12, 0], ids[:, 14:, 1], ids[:4, :4] = 7, 1, (3, 0, 0)
        Image.fromarray(ids).save(root / 'panoptic_x' / f'{name}.png')
        Image.fromarray(ids * 20).save(root / 'images' / f'{name}.jpg')
        segments = [dict(id=7, iscrowd=0), dict(id=256, iscrowd=0), dict(id=3, iscrowd=1)]
        annotations.append(dict(image_id=index, file_name=f'{name}.png', segments_info=segments))
    (root / 'panoptic_x.json').write_text(json.dumps(dict(annotations=annotations)))
    return root


def test_panoptic_set_trains(tmp_path, capsys):
    root = write_panoptic(tmp_path / 'coco')
    out = tmp_path / 'set'
    main(['panoptic', str(root / 'panoptic_x.json'), str(out), '--images', str(root / 'images')])
    assert '4 maps to train, 1 to choose by' in capsys.readouterr().out
    assert (out / 'val.txt').read_text() == 'e\n'
    init_default_scope('mmseg')
    dataset = DATASETS.build(
        dict(
            type='EdgeDataset', data_root=str(out), ann_file='train.txt',
            metainfo=dict(classes=('region',), palette=[[0, 0, 0]]), ignore_values=(255,),
            data_prefix=dict(
                img_path='images', seg_map_path='labels', instance_map_path='instances'
            ),
            pipeline=[
                dict(type='LoadImageFromFile'), dict(type='LoadEdgeAnnotations'),
                dict(type='GenerateEdges', radius=1, instance_sensitive=True),
            ],
        )
    )  # fmt: skip
    edges = dataset[0]['gt_edge_map']
    assert edges.shape == (1, 24, 32)
    # The gap is closed in its middle; the crowd is unknown.
    assert set(np.flatnonzero(edges[0, 12] == 1)) == {12, 13}
    assert (edges[0, :3, :3] == 255).all()


def write_mat(path, *segmentations):
    cells = np.empty((1, len(segmentations)), object)
    for i, ids in enumerate(segmentations):
        cells[0, i] = dict(Segmentation=ids.astype(np.uint16), Boundaries=ids > 0)
    scipy.io.savemat(path, dict(groundTruth=cells))


def test_annotators_are_a_map_each_and_stay_together(tmp_path):
    (tmp_path / 'gt').mkdir()
    (tmp_path / 'images').mkdir()
    left, top = np.ones((8, 9), int), np.ones((8, 9), int)
    left[:, :4], top[:3] = 2, 2
    for name in ('1', '2'):
        write_mat(tmp_path / 'gt' / f'{name}.mat', left, top)
        Image.new('RGB', (9, 8)).save(tmp_path / 'images' / f'{name}.jpg')
    np.testing.assert_array_equal(annotator_ids(tmp_path / 'gt' / '1.mat')[1], top)
    words = ['bsds', str(tmp_path / 'gt'), str(tmp_path / 'set')]
    main([*words, '--images', str(tmp_path / 'images'), '--hold-out', '2'])
    read = (tmp_path / 'set' / 'train.txt').read_text, (tmp_path / 'set' / 'val.txt').read_text
    assert [r().split() for r in read] == [
        ['annotator_1/1', 'annotator_2/1'], ['annotator_1/2', 'annotator_2/2'],
    ]  # fmt: skip
    instances = np.array(Image.open(tmp_path / 'set/instances/annotator_2/1.png'))
    np.testing.assert_array_equal(instances, top)
    assert (tmp_path / 'set/images/annotator_2/1.jpg').exists()


def test_masks_are_two_regions(tmp_path):
    (tmp_path / 'masks').mkdir()
    (tmp_path / 'images').mkdir()
    mask = np.zeros((8, 9), np.uint8)
    mask[2:5, 3:6] = 255
    Image.fromarray(mask).save(tmp_path / 'masks' / 'x.png')
    Image.new('RGB', (9, 8)).save(tmp_path / 'images' / 'x.png')
    words = ['masks', str(tmp_path / 'masks'), str(tmp_path / 'set')]
    main([*words, '--images', str(tmp_path / 'images')])
    instances = np.array(Image.open(tmp_path / 'set/instances/x.png'))
    np.testing.assert_array_equal(instances, 1 + (mask > 0))


def test_exception_sources(tmp_path, capsys):
    root = write_panoptic(tmp_path / 'coco', names=('a',))
    out, images = str(tmp_path / 'set'), str(root / 'images')
    (root / 'images' / 'a.jpg').unlink()
    (tmp_path / 'broken.json').write_text('{"images": []}')
    (tmp_path / 'mats').mkdir()
    (tmp_path / 'mats' / 'a.mat').write_bytes(b'no')
    for words, message in (
        (['panoptic', str(root / 'panoptic_x.json')], 'the photograph a'),
        (['panoptic', str(tmp_path / 'broken.json')], 'panoptic JSON file of COCO'),
        (['bsds', str(tmp_path / 'mats')], 'BSDS500'),
        (['masks', str(tmp_path / 'none')], 'folder'),
    ):
        with pytest.raises(SystemExit) as found:
            main([*words, out, '--images', images])
        assert message in f'{found.value}{capsys.readouterr().err}'
