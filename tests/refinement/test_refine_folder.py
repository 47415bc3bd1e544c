"""Folders of labels in, folders of labels out."""

import csv
import errno
import json
import os
from dataclasses import replace

import cv2
import numpy as np
import pytest
from PIL import Image

from mmsteal.functional import REFINE_OPTIONS, AlignOptions, refine_label_map
from mmsteal.jobs import OutputError
from mmsteal.label_formats import FormatSpec, open_label_format
from mmsteal.refinement import refine_folder
from tests.refinement.folders import CLASSES, contents, settings_of, write_set


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    """Read only."""
    return write_set(tmp_path_factory.mktemp('data'))


@pytest.fixture
def own(tmp_path):
    """To be damaged."""
    return write_set(tmp_path / 'data')


def run(settings, **options):
    return refine_folder(settings, **{'progress': False, **options})


def labels_of(out, name):
    return np.asarray(Image.open(out / f'labels/{name}.png'))


@pytest.mark.parametrize('scale', [None, 0.5])
def test_labels_are_what_the_function_makes(data, tmp_path, scale):
    before = contents(data)
    summary = run(settings_of(data, tmp_path, scale=scale))
    assert contents(data) == before
    assert (summary.num_images, summary.num_done, summary.errors) == (5, 5, {})
    assert summary.objects == {'moved': 10, 'kept: no edge map': 5}
    assert summary.without_edge_map == ['sky']
    for index in range(5):
        given = Image.open(data / f'labels/{index}.png')
        # folders are sorted by name: bar, disk
        prob = np.stack(
            [cv2.imread(str(data / f'edges/{name}/{index}.png'), 0) for name in ('bar', 'disk')]
        )
        if scale:
            prob = np.stack([cv2.resize(p, (32, 24), interpolation=cv2.INTER_AREA) for p in prob])
        expected = refine_label_map(
            np.array(given),
            (prob / np.float32(255)).astype(np.float32),
            classes={CLASSES['bar']: 0, CLASSES['disk']: 1},
            background=0,
            error_px=6,
        )
        np.testing.assert_array_equal(labels_of(tmp_path, index), expected.label_map)
        assert Image.open(tmp_path / f'labels/{index}.png').getpalette() == given.getpalette()


def test_reports_tell_what_happened(data, tmp_path):
    summary = run(settings_of(data, tmp_path))
    with open(tmp_path / 'report.csv', newline='') as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 15
    for row in rows:
        given = np.asarray(Image.open(data / f'labels/{row["image"]}.png'))
        value = CLASSES[row['class']]
        after = labels_of(tmp_path, row['image'])
        assert int(row['area_before']) == (given == value).sum()
        assert int(row['area_after']) == (after == value).sum()
        both = ((given == value) & (after == value)).sum()
        either = ((given == value) | (after == value)).sum()
        assert float(row['iou_with_given']) == pytest.approx(both / either, rel=1e-4)
        if row['status'] == 'moved':
            assert float(row['loss_proposed']) < float(row['loss_given'])
        else:
            assert (row['reason'], row['loss_given']) == ('no edge map', '')
    report = json.loads((tmp_path / 'report.json').read_text())
    assert report['classes']['disk'] == {'moved': 5}
    assert report['parameters']['error_px'] == 6.0
    page = (tmp_path / 'contact_sheet.html').read_text()
    furthest = {}
    for row in rows:
        moved = float(row['max_displacement_px'])
        furthest[row['image']] = max(furthest.get(row['image'], 0), moved)
    places = [page.index(f'<h2>{name}</h2>') for name in
              sorted(furthest, key=lambda name: -furthest[name])]  # fmt: skip
    ties = len(set(furthest.values())) < 5
    assert ties or places == sorted(places)
    assert page.count('<img') == 10  # disk and bar of each image
    assert summary.files[-1] == tmp_path / 'report.json'


def test_finished_images_are_skipped(own, tmp_path):
    out = tmp_path / 'out'
    run(settings_of(own, out))
    first = contents(out)
    times = {path: path.stat().st_mtime_ns for path in (out / 'labels').iterdir()}
    again = run(settings_of(own, out))
    assert (again.num_skipped, again.num_done) == (5, 5)
    assert contents(out) == first
    assert {path: path.stat().st_mtime_ns for path in (out / 'labels').iterdir()} == times
    # what is gone, half there or has other sources is done again
    (out / 'labels/1.png').unlink()
    (out / 'reports/2.json').write_text('{"name": "2", "fing')
    os.utime(own / 'labels/3.png', ns=(1, 1))
    assert run(settings_of(own, out)).num_skipped == 2
    found = contents(out)
    assert found.pop('reports/3.json') != first.pop('reports/3.json')  # another time
    assert found == first
    assert run(settings_of(own, out), overwrite=True).num_skipped == 0


def test_changed_parameters_are_noticed(data, tmp_path):
    run(settings_of(data, tmp_path))
    first = contents(tmp_path)
    other = settings_of(data, tmp_path, scale=0.5, options=replace(REFINE_OPTIONS, min_gain=0.2))
    with pytest.raises(ValueError, match=r'options: .*min_gain.*scale: null -> 0\.5.*--overwrite'):
        run(other)
    assert contents(tmp_path) == first
    assert run(other, overwrite=True).num_skipped == 0
    assert contents(tmp_path) != first
    assert run(other).num_skipped == 5


def test_one_bad_file_does_not_stop_the_rest(own, tmp_path):
    labels, images, edges = own / 'labels', own / 'images', own / 'edges'
    (labels / '1.png').write_bytes((labels / '1.png').read_bytes()[:60])
    (edges / 'disk/2.png').write_bytes(b'no picture')
    (edges / 'bar/3.png').unlink()
    cv2.imwrite(str(images / 'a.png'), np.zeros((48, 64, 3), np.uint8))
    cv2.imwrite(str(images / 'b.png'), np.zeros((48, 64, 3), np.uint8))
    cv2.imwrite(str(images / 'unlabelled.png'), np.zeros((48, 64, 3), np.uint8))
    cv2.imwrite(str(labels / 'a.png'), np.full((48, 60), 7, np.uint8))
    cv2.imwrite(str(labels / 'b.png'), np.full((48, 64), 77, np.uint8))
    cv2.imwrite(str(labels / 'lonely.png'), np.full((48, 64), 7, np.uint8))
    cv2.imwrite(str(edges / 'bar/4.png'), np.zeros((30, 64), np.uint8))
    cv2.imwrite(str(edges / 'disk/4.png'), np.zeros((30, 64), np.uint8))
    summary = run(settings_of(own, tmp_path / 'out'))
    assert sorted(p.name for p in (tmp_path / 'out/labels').iterdir()) == ['0.png']
    expected = {
        '1': 'cannot read the label map', '2': 'Cannot read the prediction', '3': 'is missing',
        '4': 'aspect ratio', 'a': 'size of the image', 'b': r'unknown values [77]',
        str(images / 'unlabelled.png'): 'no label', str(labels / 'lonely.png'): 'no image',
    }  # fmt: skip
    assert summary.errors.keys() == expected.keys()
    for name, text in expected.items():
        assert text in summary.errors[name]
    assert (summary.num_images, summary.num_done) == (7, 1)
    report = json.loads((tmp_path / 'out/report.json').read_text())
    assert report['errors'] == summary.errors


def test_a_full_disk_stops_the_run_and_nothing_is_lost(data, tmp_path, monkeypatch):
    run(settings_of(data, tmp_path / 'whole'))
    out = tmp_path / 'out'
    real = os.replace
    calls = []

    def full(*arguments):
        calls.append(arguments)
        if len(calls) == 11:
            raise OSError(errno.ENOSPC, 'No space left on device')
        real(*arguments)

    monkeypatch.setattr(os, 'replace', full)
    with pytest.raises(OutputError, match='No space left on device; make room'):
        run(settings_of(data, out))
    assert len(calls) == 11  # parameters; of an image its label, two crops and the record
    monkeypatch.undo()
    summary = run(settings_of(data, out))
    assert summary.num_skipped == 2
    whole, found = contents(tmp_path / 'whole'), contents(out)
    assert found == whole


def test_output_that_is_no_folder(data, tmp_path):
    (tmp_path / 'file').write_text('')
    with pytest.raises(OutputError, match='Cannot write to'):
        run(settings_of(data, tmp_path / 'file'))


@pytest.mark.parametrize('inside', ['labels', 'labels/refined', 'images', 'edges/x'])
def test_sources_are_never_written_to(own, inside):
    before = contents(own)
    with pytest.raises(ValueError, match='apart from the'):
        run(settings_of(own, own / inside))
    assert contents(own) == before


def test_output_that_would_write_over_the_source(own):
    """OUT/labels is where the labels are."""
    with pytest.raises(ValueError, match='apart from the labels'):
        run(settings_of(own, own))


def test_no_class_in_common_names_both_lists(own, tmp_path):
    (own / 'edges/disk').rename(own / 'edges/wheel')
    (own / 'edges/bar').rename(own / 'edges/pole')
    settings = settings_of(own, tmp_path / 'out')
    with pytest.raises(ValueError, match=r'Categories: disk, bar, sky\. Edge maps: pole, wheel'):
        run(settings)
    assert not (tmp_path / 'out').exists()
    mapped = settings_of(own, tmp_path / 'out', class_map={'disk': 'wheel', '9': '1'})
    assert run(mapped).objects == {'moved': 10, 'kept: no edge map': 5}


def test_an_object_without_room_is_told_so(own, tmp_path):
    """Another label that has no edge map fills what was background."""
    for path in (own / 'labels').iterdir():
        labels = np.array(Image.open(path))
        labels[labels == 0] = CLASSES['sky']
        Image.fromarray(labels).save(path)
    summary = run(settings_of(own, tmp_path / 'out'))
    assert summary.objects == {'kept: no room': 10, 'kept: no edge map': 5}
    assert 'No object moved' in (tmp_path / 'out/contact_sheet.html').read_text()
    for index in range(5):
        expected = np.asarray(Image.open(own / f'labels/{index}.png'))
        np.testing.assert_array_equal(labels_of(tmp_path / 'out', index), expected)


def test_categories_without_a_table_are_read_from_the_labels(data, tmp_path):
    source = FormatSpec('png', str(data / 'labels'), {'images': str(data / 'images'),
                                                      'background': [0]})  # fmt: skip
    with pytest.raises(ValueError, match=r'Categories: 7, 9, 11\. Edge maps: bar, disk'):
        run(settings_of(data, tmp_path, source=source))
    summary = run(settings_of(data, tmp_path, source=source, class_map={'7': 'disk'}))
    assert summary.classes == {
        '7': {'moved': 5}, '9': {'kept: no edge map': 5}, '11': {'kept: no edge map': 5}
    }  # fmt: skip


def test_a_single_edge_map_serves_all(own, tmp_path):
    for index in range(5):
        both = [cv2.imread(str(own / f'edges/{name}/{index}.png'), 0) for name in ('bar', 'disk')]
        cv2.imwrite(str(own / f'edges/{index}.png'), np.maximum(*both))
    for folder in ('bar', 'disk'):
        for path in (own / 'edges' / folder).iterdir():
            path.unlink()
        (own / 'edges' / folder).rmdir()
    summary = run(settings_of(own, tmp_path / 'out'))
    assert summary.without_edge_map == []
    assert summary.classes['disk'] == {'moved': 5}


@pytest.mark.parametrize('name', ['voc', 'coco', 'labelme'])
def test_results_in_another_format(data, tmp_path, name):
    if name == 'coco':
        pytest.importorskip('pycocotools')
    target = FormatSpec(name, None, {'classes': {'disk': 1, 'bar': 2, 'sky': 3}})
    if name == 'labelme':
        target = FormatSpec(name)
    summary = run(settings_of(data, tmp_path / 'out', target=target))
    assert summary.errors == {}
    run(settings_of(data, tmp_path / 'png'))
    options = {'images': str(data / 'images')}
    if name == 'voc':
        options['classes'] = {'disk': 1, 'bar': 2, 'sky': 3}
    root = tmp_path / 'out/labels'
    written = open_label_format(
        name, root / 'instances.json' if name == 'coco' else root, **options
    )
    items = written.items()
    assert [item.name for item in items] == ['0', '1', '2', '3', '4']
    for item in items:
        found = written.read(item)
        expected = labels_of(tmp_path / 'png', item.name)
        for index, entry in enumerate(found.objects):
            mask = found.object_map == index
            others = np.isin(found.object_map, [
                i for i, other in enumerate(found.objects) if other.name == entry.name
            ])  # fmt: skip
            truth = expected == CLASSES[str(entry.name)]
            assert mask.any()
            assert (others & truth).sum() / (others | truth).sum() > 0.98


def test_coco_in_coco_out(own, tmp_path):
    """Several masks an image, one of them damaged: its annotations stay as they came."""
    mask_api = pytest.importorskip('pycocotools.mask')
    annotations = []
    for index in range(3):
        labels = np.asarray(Image.open(own / f'labels/{index}.png'))
        for name in ('disk', 'bar'):
            rle = mask_api.encode(np.asfortranarray(labels == CLASSES[name], np.uint8))
            annotations.append({
                'id': len(annotations) + 1, 'image_id': index, 'category_id': CLASSES[name],
                'segmentation': {'size': rle['size'], 'counts': rle['counts'].decode()},
                'area': int(mask_api.area(rle)), 'bbox': mask_api.toBbox(rle).tolist(),
                'iscrowd': 0,
            })  # fmt: skip
    annotations[2]['segmentation']['size'] = [3, 4]
    document = {
        'images': [{'id': i, 'file_name': f'{i}.png', 'height': 48, 'width': 64} for i in range(3)],
        'annotations': annotations,
        'categories': [{'id': value, 'name': name} for name, value in CLASSES.items()],
    }
    (own / 'coco').mkdir()
    (own / 'coco/instances.json').write_text(json.dumps(document))
    source = FormatSpec('coco', str(own / 'coco/instances.json'), {'images': str(own / 'images')})
    out = tmp_path / 'out'
    summary = run(settings_of(own, out, source=source))
    assert list(summary.errors) == ['1']
    assert 'RLE of size (3, 4)' in summary.errors['1']
    assert summary.objects == {'moved': 4}
    written = json.loads((out / 'labels/instances.json').read_text())
    assert written['images'] == document['images']
    assert written['annotations'][2:4] == annotations[2:4]
    run(settings_of(own, tmp_path / 'png'))
    for entry in (*written['annotations'][:2], *written['annotations'][4:]):
        expected = labels_of(tmp_path / 'png', entry['image_id']) == entry['category_id']
        # sky and ignored pixels are in the label maps only
        found = mask_api.decode(entry['segmentation']).astype(bool)
        assert (found & expected).sum() / (found | expected).sum() > 0.97
    assert run(settings_of(own, out, source=source)).num_skipped == 2


def test_workers_do_what_one_process_does(data, tmp_path):
    """With a damaged image among them, and a model's edges in place of files."""
    for number in (0, 1, 2):
        run(settings_of(data, tmp_path / str(number)), num_workers=number)
    expected = contents(tmp_path / '0')
    assert contents(tmp_path / '1') == expected
    assert contents(tmp_path / '2') == expected

    def predict(path):
        if path.stem == '3':
            raise ValueError(f'Cannot read {path}')
        both = [cv2.imread(str(data / f'edges/{name}/{path.stem}.png'), 0) for name in
                ('bar', 'disk')]  # fmt: skip
        return np.stack(both)

    settings = settings_of(data, tmp_path / 'model', edges=None, model={'config': 'x'})
    summary = run(settings, predict=predict, num_workers=2)
    assert list(summary.errors) == ['3']
    found = contents(tmp_path / 'model')
    for name in ('0', '1', '2', '4'):
        assert found[f'labels/{name}.png'] == expected[f'labels/{name}.png']
    assert 'labels/3.png' not in found


def test_a_disk_that_refuses_is_told_by_workers_too(data, tmp_path):
    out = tmp_path / 'out'
    out.mkdir()
    (out / 'reports').write_text('in the way')
    with pytest.raises(OutputError, match='Cannot write to'):
        run(settings_of(data, out), num_workers=1)


@pytest.mark.parametrize(
    ('message', 'options'),
    [
        ('`scale`', dict(scale=0.0)),
        ('`error_px`', dict(error_px=-1.0)),
        ('`checkpoints`', dict(options=AlignOptions(checkpoints=[15]))),
        ('either `edges`', dict(model={'config': 'x'})),
        ('one name in `edge_names`', dict(edges=None)),
        ('wheel', dict(class_map={'disk': 'wheel'})),
    ],
)
def test_options_are_checked_at_once(data, tmp_path, message, options):
    with pytest.raises(ValueError, match=message):
        settings_of(data, tmp_path, **options)


def test_nothing_to_refine(own, tmp_path):
    for path in (own / 'labels').iterdir():
        path.unlink()
    with pytest.raises(FileNotFoundError, match='no label'):
        run(settings_of(own, tmp_path / 'out'))


@pytest.mark.parametrize('workers', [0, 1])
@pytest.mark.parametrize('labelled', [True, False])
def test_edge_maps_of_another_sequence_are_not_taken(own, tmp_path, workers, labelled):
    """Frames of one name in two folders, and edge maps of the second one only."""
    for kind in ('images', 'labels', 'edges/disk', 'edges/bar'):
        for path in sorted((own / kind).iterdir()):
            if path.stem not in ('0', '1'):
                path.unlink()
                continue
            folder = own / kind / ('a' if path.stem == '0' else 'b')
            folder.mkdir(exist_ok=True)
            path.rename(folder / '0001.png')
    for name in ('disk', 'bar'):
        (own / f'edges/{name}/a/0001.png').unlink()
    if not labelled:  # the image is there, and so the edge map is not free
        (own / 'labels/b/0001.png').unlink()
    summary = run(settings_of(own, tmp_path), num_workers=workers)
    assert 'image a/0001' in summary.errors['a/0001']
    assert summary.num_done == labelled
