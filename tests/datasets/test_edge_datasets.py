import re
from pathlib import Path

import numpy as np
import pytest
from mmengine.registry import init_default_scope
from PIL import Image

from mmsteal.datasets import CityscapesEdgeDataset, EdgeDataset, SBDEdgeDataset, label_check
from mmsteal.visualization import distinct_palette
from tests.datasets.folders import SIZE, blocks, write_cityscapes, write_folder, write_sbd

LOAD = [dict(type='LoadImageFromFile'), dict(type='LoadEdgeAnnotations')]
PREFIX = dict(img_path='images', seg_map_path='labels')
CLASSES = dict(classes=('left', 'middle', 'right'))


@pytest.fixture(autouse=True)
def _scope():
    init_default_scope('mmseg')


def folder_dataset(root, **kwargs):
    options = dict(data_root=str(root), data_prefix=PREFIX, metainfo=CLASSES, pipeline=LOAD)
    return EdgeDataset(**{**options, **kwargs})


def test_folder_of_masks(tmp_path):
    data = folder_dataset(write_folder(tmp_path))
    assert len(data) == 2
    item = data[0]
    assert item['num_classes'] == 3
    assert item['img'].shape == (*SIZE, 3)
    assert np.unique(item['gt_seg_map']).tolist() == [0, 1, 2]
    assert data.metainfo['palette'] == distinct_palette(3).tolist()


def test_list_of_names_and_several_suffixes(tmp_path):
    write_folder(tmp_path, names=('a', 'c'), suffix='.png')
    write_folder(tmp_path, names=('b',), suffix='.jpg')
    assert [d['img_path'][-5:] for d in folder_dataset(tmp_path)] == ['a.png', 'b.jpg', 'c.png']
    (tmp_path / 'images/c.png').rename(tmp_path / 'images/c.PNG')
    assert len(folder_dataset(tmp_path)) == 3
    (tmp_path / 'list.txt').write_text('b\nc\n\n')
    chosen = folder_dataset(tmp_path, ann_file='list.txt')
    assert [d['img_path'][-5:] for d in chosen] == ['b.jpg', 'c.PNG']


def test_background_and_ignore_values(tmp_path):
    write_folder(tmp_path, values=(0, 1, 2, 77))
    data = folder_dataset(
        tmp_path, metainfo=dict(classes=('one', 'two')), background=0, ignore_values=(77,)
    )
    # Classes first, background after the last class, ignore is 255.
    assert data[0]['gt_seg_map'][0, [0, 8, 16, 31]].tolist() == [2, 0, 1, 255]


@pytest.mark.parametrize(('other', 'expected'), [('background', 1), ('ignore', 255)])
def test_other_values(tmp_path, other, expected):
    write_folder(tmp_path, values=(9, 1, 2))
    data = folder_dataset(
        tmp_path, metainfo=dict(classes=('nine',)), label_values=[9], other_values=other,
        test_mode=True,  # one class and ignored pixels make no edge
    )  # fmt: skip
    assert np.unique(data[0]['gt_seg_map']).tolist() == [0, expected]


def test_instances_are_loaded(tmp_path):
    write_folder(tmp_path, instances=True)
    data = folder_dataset(tmp_path, data_prefix=dict(PREFIX, instance_map_path='instances'))
    assert np.unique(data[0]['gt_instance_map']).tolist() == [0, 300]


def test_cityscapes_released_layout(tmp_path):
    prefix = dict(
        img_path='leftImg8bit/train', seg_map_path='gtFine/train', instance_map_path='gtFine/train'
    )
    write_cityscapes(tmp_path)
    options = dict(data_root=str(tmp_path), data_prefix=prefix, pipeline=LOAD)
    item = CityscapesEdgeDataset(**options)[0]
    assert item['gt_seg_map'][0, [0, 16, 31]].tolist() == [0, 13, 19]
    ignored = CityscapesEdgeDataset(void='ignore', **options)[0]
    assert ignored['gt_seg_map'][0, [0, 16, 31]].tolist() == [0, 13, 255]
    assert {26000, 26001} <= set(np.unique(item['gt_instance_map']).tolist())
    cars = CityscapesEdgeDataset(metainfo=dict(classes=('car',)), **options)
    assert cars.metainfo['palette'] == [[0, 0, 142]]
    # Neither road nor void is wanted, but both are known: background.
    assert cars[0]['gt_seg_map'][0, [0, 16, 31]].tolist() == [1, 0, 1]


def test_sbd_released_layout(tmp_path):
    write_sbd(tmp_path)
    pipeline = [dict(type='LoadImageFromFile'), dict(type='LoadSBDAnnotations', boundaries='cls')]
    data = SBDEdgeDataset(data_root=str(tmp_path), ann_file='train.txt', pipeline=pipeline)
    item = data[0]
    assert np.unique(item['gt_seg_map']).tolist() == [14, 20]  # person, background
    assert np.unique(item['gt_instance_map']).tolist() == [0, 1, 2]
    assert item['gt_boundary_map'].shape == (20, *SIZE)
    assert item['gt_boundary_map'].sum((1, 2))[[13, 14]].tolist() == [0, 24]
    pipeline[1]['boundaries'] = 'inst'
    data = SBDEdgeDataset(data_root=str(tmp_path), ann_file='train.txt', pipeline=pipeline)
    assert data[0]['gt_boundary_map'][14].any(axis=1).nonzero()[0].tolist() == [4, 19]


def test_sbd_hold_out_parts_are_disjoint_and_complete(tmp_path):
    write_sbd(tmp_path, names=[f'n{i}' for i in range(9)])
    options = dict(data_root=str(tmp_path), ann_file='train.txt', hold_out=4, pipeline=[])
    parts = [
        {d['img_path'] for d in SBDEdgeDataset(part=part, **options)}
        for part in ('rest', 'held_out')
    ]
    assert [len(p) for p in parts] == [5, 4]
    assert not parts[0] & parts[1]


@pytest.mark.shared_data
@pytest.mark.parametrize(('split', 'count'), [('train', 90), ('val', 20)])
def test_camvid(shared_data, split, count):
    data = folder_dataset(
        shared_data / 'camvid',
        data_prefix=dict(img_path=split, seg_map_path=f'{split}annot'),
        metainfo=dict(classes=[str(i) for i in range(11)]),
        ignore_values=(11,),
    )
    assert len(data) == count
    assert data[0]['gt_seg_map'].max() in (10, 255)


@pytest.mark.shared_data
def test_real_sbd(shared_data):
    pipeline = [
        dict(type='LoadImageFromFile'), dict(type='LoadSBDAnnotations', boundaries='cls'),
    ]  # fmt: skip
    data = SBDEdgeDataset(
        data_root=str(shared_data / 'sbd/SBD_bench/datadir'), ann_file='val.txt', pipeline=pipeline
    )
    item = data[0]
    assert '2008_000051' in item['img_path']
    assert np.unique(item['gt_seg_map']).tolist() == [4, 8, 14, 20]
    assert item['gt_instance_map'].max() == 5
    assert item['gt_boundary_map'][14].sum() == 713  # as data README says of the stored boundaries


@pytest.mark.shared_data
def test_real_cityscapes(shared_data):
    folder = 'gtFine/train'
    data = CityscapesEdgeDataset(
        data_root=str(shared_data / 'cityscapes'),
        data_prefix=dict(
            img_path='leftImg8bit/train', seg_map_path=folder, instance_map_path=folder
        ),
        pipeline=LOAD,
    )
    assert len(data) == 2
    item = data[0]
    assert item['gt_seg_map'].shape == item['gt_instance_map'].shape == (1024, 2048)
    cars = item['gt_instance_map'][item['gt_seg_map'] == 13]
    assert (cars // 1000 == 26).all()


@pytest.mark.parametrize('encoding', ['utf-8', 'utf-8-sig', 'utf-16'])
@pytest.mark.parametrize('line', ['city one', 'city one.jpg', ' city one ', 'b 3 columns'])
def test_lists_as_people_save_them(tmp_path, encoding, line):
    write_folder(tmp_path, names=('a', 'b', 'city one'))
    (tmp_path / 'list.txt').write_text(f'{line}\n', encoding=encoding)
    data = folder_dataset(tmp_path, ann_file='list.txt')
    expected = 'b' if line.startswith('b') else 'city one'
    assert [Path(info['img_path']).stem for info in map(data.get_data_info, range(len(data)))] == [
        expected
    ]


THING = dict(metainfo=dict(classes=('thing',)))


class TestMasks:
    """Files of 0 and 255 of a single class."""

    @pytest.mark.parametrize('background', [0, [0], None])
    def test_255_is_the_class(self, tmp_path, background):
        write_folder(tmp_path, values=(0, 255))
        data = folder_dataset(tmp_path, background=background, **THING)
        assert data.value_map == {0: 1, 255: 0}
        assert data[0]['gt_seg_map'][0, [0, -1]].tolist() == [1, 0]

    def test_an_image_without_the_object(self, tmp_path):
        write_folder(tmp_path, values=(0, 255))
        Image.fromarray(np.zeros(SIZE, np.uint8)).save(tmp_path / 'labels/a.png')
        data = folder_dataset(tmp_path, background=0, **THING)
        assert [np.unique(data[i]['gt_seg_map']).tolist() for i in range(2)] == [[1], [0, 1]]

    def test_told_values_are_never_ignored(self, tmp_path):
        write_folder(tmp_path, values=(0, 255, 7))
        data = folder_dataset(
            tmp_path, metainfo=dict(classes=('a', 'b')), label_values=[7, 255], background=0
        )
        assert data[0]['gt_seg_map'][0, [0, 16, -1]].tolist() == [2, 1, 0]

    def test_255_is_ignored_beside_another_class(self, tmp_path):
        write_folder(tmp_path, values=(0, 1, 255))
        data = folder_dataset(tmp_path, background=0, **THING)
        assert data[0]['gt_seg_map'][0, [0, 16, -1]].tolist() == [1, 0, 255]

    def test_a_value_that_no_sample_has_is_an_error(self, tmp_path):
        names = [f'{i:03d}' for i in range(60)]
        write_folder(tmp_path, values=(0, 255), names=names)
        Image.fromarray(np.eye(*SIZE, dtype=np.uint8)).save(tmp_path / 'labels/005.png')
        data = folder_dataset(tmp_path, background=0, **THING)
        with pytest.raises(ValueError, match=r'005\.png.*\[0, 255\].*\[1\]'):
            [data[i] for i in range(9)]


class TestNothingToLearn:
    @pytest.mark.parametrize(
        ('values', 'options', 'told'),
        [
            ((0,), dict(background=0), r'0 \(background\)'),
            ((0, 255), dict(background=0, ignore_values=(255,)), r'255 \(ignored\)'),
            (
                (0, 255),
                dict(background=0, metainfo=dict(classes=('a', 'b'))),
                r'0 \(background\), 255 \(ignored\)',
            ),
            ((3, 4), dict(other_values='ignore'), r'3 \(ignored\), 4 \(ignored\)'),
        ],
    )
    def test_a_training_stops_and_a_test_warns(self, tmp_path, values, options, told, monkeypatch):
        warnings = []
        monkeypatch.setattr(label_check, 'print_log', lambda text, **_: warnings.append(text))
        write_folder(tmp_path, values=values)
        options = dict(dict(metainfo=dict(classes=('thing',))), **options)
        with pytest.raises(ValueError, match=rf'none of the 2 label maps.*a\.png.*{told}'):
            folder_dataset(tmp_path, **options)
        assert not warnings
        assert len(folder_dataset(tmp_path, test_mode=True, **options)) == 2
        assert re.search(told, warnings[0])

    def test_one_edge_is_enough(self, tmp_path):
        names = [f'{i:02d}' for i in range(20)]
        write_folder(tmp_path, values=(0,), names=names)
        Image.fromarray(blocks((0, 1))).save(tmp_path / 'labels/13.png')
        folder_dataset(tmp_path, background=0, metainfo=dict(classes=('thing',)))

    def test_edges_between_instances_count(self, tmp_path):
        write_folder(tmp_path, values=(0,), instances=True)
        prefix = dict(PREFIX, instance_map_path='instances')
        folder_dataset(tmp_path, data_prefix=prefix, **THING)
        Image.fromarray(blocks((0, 255))).save(tmp_path / 'labels/a.png')
        data = folder_dataset(tmp_path, data_prefix=prefix, **THING)
        assert np.unique(data[0]['gt_seg_map']).tolist() == [0, 255]
        write_folder(tmp_path, values=(0,), instances=True)
        with pytest.raises(ValueError, match=r'0 \(thing\)'):
            folder_dataset(tmp_path, metainfo=dict(classes=('thing',)))


class TestOneFolder:
    """Images and masks side by side."""

    @pytest.fixture
    def together(self, tmp_path):
        write_folder(tmp_path)
        for path in (tmp_path / 'labels').iterdir():
            path.rename(tmp_path / 'images' / path.name)
        return dict(data_prefix=dict(img_path='images', seg_map_path='images'))

    def test_two_images_of_one_name(self, tmp_path, together):
        with pytest.raises(ValueError, match=r"a\.jpg and .*a\.png.*img_suffix='\.jpg'"):
            folder_dataset(tmp_path, **together)
        assert len(folder_dataset(tmp_path, img_suffix='.jpg', **together)) == 2

    def test_an_image_that_is_its_own_label(self, tmp_path, together):
        with pytest.raises(ValueError, match=r'a\.png would be its own label'):
            folder_dataset(tmp_path, img_suffix='.png', **together)


class TestBadInput:
    def test_missing_folder(self, tmp_path):
        with pytest.raises(FileNotFoundError, match=r'img_path.*images'):
            folder_dataset(tmp_path)

    def test_empty_folder(self, tmp_path):
        (tmp_path / 'images').mkdir()
        (tmp_path / 'labels').mkdir()
        with pytest.raises(ValueError, match='found none'):
            folder_dataset(tmp_path)

    def test_empty_and_missing_list(self, tmp_path):
        write_folder(tmp_path)
        (tmp_path / 'list.txt').write_text('\n')
        with pytest.raises(ValueError, match='found none'):
            folder_dataset(tmp_path, ann_file='list.txt')
        with pytest.raises(FileNotFoundError, match=r'nowhere\.txt'):
            folder_dataset(tmp_path, ann_file='nowhere.txt')

    def test_missing_image_and_label_are_named(self, tmp_path):
        write_folder(tmp_path)
        (tmp_path / 'labels/b.png').unlink()
        with pytest.raises(FileNotFoundError, match=r'b\.jpg.*b\.png'):
            folder_dataset(tmp_path)
        (tmp_path / 'list.txt').write_text('zebra\n')
        with pytest.raises(FileNotFoundError, match='zebra'):
            folder_dataset(tmp_path, ann_file='list.txt')

    def test_label_of_another_size(self, tmp_path):
        write_folder(tmp_path)
        Image.fromarray(np.zeros((3, 4), np.uint8)).save(tmp_path / 'labels/a.png')
        with pytest.raises(ValueError, match=r'a\.png.*a\.jpg.*\(24, 32\).*\(3, 4\)'):
            folder_dataset(tmp_path)[0]

    def test_unknown_label_value(self, tmp_path):
        write_folder(tmp_path, values=(0, 1, 7))
        with pytest.raises(ValueError, match=r'a\.png.*\[0, 1, 2, 255\].*\[7\]'):
            folder_dataset(tmp_path)[0]

    def test_unreadable_label_and_image(self, tmp_path):
        write_folder(tmp_path)
        (tmp_path / 'labels/a.png').write_bytes(b'no png')
        with pytest.raises(ValueError, match=r'Cannot read.*a\.png'):
            folder_dataset(tmp_path)[0]
        (tmp_path / 'images/b.jpg').write_bytes(b'no jpg')
        with pytest.raises(ValueError, match=r'b\.jpg'):
            folder_dataset(tmp_path)[1]

    def test_color_label(self, tmp_path):
        write_folder(tmp_path)
        Image.fromarray(np.zeros((*SIZE, 3), np.uint8)).save(tmp_path / 'labels/a.png')
        with pytest.raises(ValueError, match=r'a\.png.*one channel'):
            folder_dataset(tmp_path)[0]

    def test_unreadable_mat(self, tmp_path):
        write_sbd(tmp_path)
        (tmp_path / 'cls/2008_1.mat').write_bytes(b'no mat')
        pipeline = [dict(type='LoadImageFromFile'), dict(type='LoadSBDAnnotations')]
        data = SBDEdgeDataset(data_root=str(tmp_path), ann_file='train.txt', pipeline=pipeline)
        with pytest.raises(ValueError, match=r'2008_1\.mat'):
            data[0]

    @pytest.mark.parametrize('metainfo', [None, dict(classes=()), dict(classes=['x'] * 255)])
    def test_class_count(self, tmp_path, metainfo):
        with pytest.raises(ValueError, match='classes'):
            folder_dataset(tmp_path, metainfo=metainfo)

    def test_ignored_zero_is_no_class(self, tmp_path):
        write_folder(tmp_path, values=(0, 1, 2))
        data = folder_dataset(tmp_path, metainfo=dict(classes=('one', 'two')), ignore_values=(0,))
        assert data[0]['gt_seg_map'][0, [0, 16, 31]].tolist() == [255, 0, 1]
        data = folder_dataset(tmp_path, metainfo=dict(classes=('one', 'two')), ignore_index=0)
        assert data[0]['gt_seg_map'][0, [0, 16, 31]].tolist() == [255, 0, 1]

    def test_empty_image_file_is_named(self, tmp_path):
        write_folder(tmp_path)
        (tmp_path / 'images/a.jpg').write_bytes(b'')
        with pytest.raises(ValueError, match=r'Cannot read the image .*a\.jpg'):
            folder_dataset(tmp_path)[0]

    def test_mistyped_folders(self, tmp_path):
        write_folder(tmp_path)
        with pytest.raises(ValueError, match=r"data_prefix.*'seg_map'"):
            folder_dataset(tmp_path, data_prefix=dict(img_path='images', seg_map='labels'))
        with pytest.raises(ValueError, match='data_prefix'):
            folder_dataset(tmp_path, data_prefix=dict(seg_map_path='labels'))
        with pytest.raises(ValueError, match='background=0'):
            folder_dataset(tmp_path, reduce_zero_label=True)

    def test_unknown_options(self, tmp_path):
        with pytest.raises(ValueError, match='other_values'):
            folder_dataset(tmp_path, other_values='drop')
        with pytest.raises(ValueError, match='unicorn'):
            CityscapesEdgeDataset(metainfo=dict(classes=('unicorn',)))
        with pytest.raises(ValueError, match='label_format'):
            CityscapesEdgeDataset(label_format='color')
        with pytest.raises(ValueError, match='void'):
            CityscapesEdgeDataset(label_format='labelTrainIds', void='background')
        with pytest.raises(ValueError, match='part'):
            SBDEdgeDataset(part='half')


@pytest.mark.parametrize('orientation', [1, 3, 6])
def test_photographs_are_turned_as_people_see_them(tmp_path, orientation):
    """Upright labels fit upright photographs; a label of the stored pixels is told as that."""
    upright = np.zeros((40, 24, 3), np.uint8)
    upright[5:20, 3:12] = 255
    label = (upright[..., 0] > 0).astype(np.uint8)
    stored = {1: upright, 3: upright[::-1, ::-1], 6: np.rot90(upright)}[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    for folder in ('images', 'labels'):
        (tmp_path / folder).mkdir()
    Image.fromarray(np.ascontiguousarray(stored)).save(
        tmp_path / 'images/a.jpg', exif=exif, quality=100
    )
    Image.fromarray(label).save(tmp_path / 'labels/a.png')
    dataset = EdgeDataset(
        data_root=str(tmp_path), data_prefix=dict(img_path='images', seg_map_path='labels'),
        metainfo=dict(classes=('thing',), palette=[[0, 0, 0]]), label_values=[1], background=0,
        pipeline=LOAD,
    )  # fmt: skip
    loaded = dataset[0]
    assert loaded['img'].shape[:2] == label.shape
    np.testing.assert_array_equal(loaded['gt_seg_map'] == 0, loaded['img'][..., 0] > 127)
    if orientation == 6:
        Image.fromarray(np.ascontiguousarray(np.rot90(label))).save(tmp_path / 'labels/a.png')
        with pytest.raises(ValueError, match='EXIF data turn the image, turn the label'):
            dataset[0]
