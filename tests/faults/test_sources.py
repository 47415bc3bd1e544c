"""No run writes over what it reads, whatever the names in its files, its folders and links are."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from mmsteal.cli import (
    compare,
    convert_edge_bins,
    convert_regions,
    eval_edges,
    infer_edges,
    print_config,
    refine,
    simulate_coarse_labels,
    steal2mmsteal,
    write_edge_labels,
)
from mmsteal.label_formats import LabelError, LabelPngFormat
from tests.refinement.folders import write_set

PNG = ['--format-options', 'background=0', 'classes.disk=7', 'classes.bar=9', 'classes.sky=11']


@pytest.fixture
def data(tmp_path):
    return write_set(tmp_path / 'data', 2)


def contents(root):
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob('*'))
        if path.is_file()
    }


def status(main, *words):
    """Exit status or message of a command."""
    with pytest.raises(SystemExit) as left:
        main([str(word) for word in words])
    return left.value.code


def write_coco(data, file_name):
    """Images of which one has a hostile name, and a LabelMe JSON beside each."""
    (data / 'coco').mkdir()
    images = [
        {'id': i, 'file_name': name, 'height': 48, 'width': 64}
        for i, name in enumerate([file_name, '1.png'])
    ]
    square = [[10.0, 10.0, 30.0, 10.0, 30.0, 30.0, 10.0, 30.0]]
    annotations = [
        {'id': i + 1, 'image_id': i, 'category_id': 1, 'segmentation': square, 'iscrowd': 0,
         'area': 400, 'bbox': [10, 10, 20, 20]}
        for i in range(2)
    ]  # fmt: skip
    document = {
        'images': images, 'annotations': annotations, 'categories': [{'id': 1, 'name': 'disk'}]
    }  # fmt: skip
    (data / 'coco/instances.json').write_text(json.dumps(document))
    for index in range(2):
        (data / f'images/{index}.json').write_text('{"of": "somebody else"}')


@pytest.mark.parametrize('target', [[], ['--to', 'png', '--to-options', 'classes.disk=1']])
@pytest.mark.parametrize('name', ['absolute', 'up'])
def test_names_in_a_coco_file_lead_nowhere_else(data, tmp_path, name, target):
    pytest.importorskip('pycocotools')
    image = data / 'images/0.png'
    write_coco(data, str(image) if name == 'absolute' else '../images/0.png')
    before = contents(data)
    words = ['--format', 'coco', '--labels', data / 'coco/instances.json']
    words += ['--images', data / 'images', '--out', tmp_path / 'out']
    assert status(refine.main, *words, '--workers', '0', *target) == 0
    assert contents(data) == before
    assert json.loads((tmp_path / 'out/report.json').read_text())['done'] == 2
    assert {path.name for path in tmp_path.iterdir()} == {'data', 'out'}
    if not target:
        assert status(simulate_coarse_labels.main, *words, '--error-px', '4') == 0
        assert contents(data) == before


def test_names_of_a_list_lead_nowhere_else(data, tmp_path):
    """Of edges: the list of images is a text file of somebody else."""
    (data / 'list').write_text('../../data/images/0')
    before = contents(data)
    code = status(
        write_edge_labels.main, '--data', 'folder', data / 'labels', '--list', data / 'list',
        '--names', 'disk', '--label-values', '7', '--workers', '1', tmp_path / 'out/deep',
    )  # fmt: skip
    assert str(code).startswith('error: ')
    assert contents(data) == before


@pytest.mark.parametrize('command', ['refine', 'simulate'])
@pytest.mark.parametrize('place', ['labels', 'images', '4px'])
def test_links_to_the_sources_are_not_written_through(data, tmp_path, command, place):
    out = tmp_path / 'out'
    out.mkdir()
    folder = 'labels' if command == 'refine' else '4px'
    (out / folder).symlink_to(data / ('images' if place == 'images' else 'labels'))
    before = contents(data)
    words = ['--format', 'png', '--labels', data / 'labels', '--images', data / 'images', *PNG]
    main = refine.main if command == 'refine' else simulate_coarse_labels.main
    more = ['--workers', '0'] if command == 'refine' else ['--error-px', '4']
    assert 'is a link to' in str(status(main, *words, '--out', out, *more))
    assert contents(data) == before


def test_simulation_does_not_write_over_its_labels(data, tmp_path):
    work = tmp_path / 'work'
    shutil.copytree(data / 'labels', work / '4px')
    before = contents(work)
    words = ['--format', 'png', '--labels', work / '4px', '--images', data / 'images', *PNG]
    code = status(simulate_coarse_labels.main, *words, '--out', work, '--error-px', '4')
    assert 'apart from the labels' in code
    assert contents(work) == before
    # another error has a folder of its own
    assert status(simulate_coarse_labels.main, *words, '--out', work, '--error-px', '8') == 0
    assert {name: content for name, content in contents(work).items() if name in before} == before


def test_edges_of_images_are_not_written_over_the_images(data):
    """Told before the model is loaded: there is none."""
    (data / 'images').rename(data / 'overlay')
    before = contents(data)
    model = ['--config', 'mmsteal::steal_demo.py', '--checkpoint', 'none.pth']
    words = [data / 'overlay', data, *model]
    assert 'apart from the images' in status(infer_edges.main, *words)
    (data / 'overlay').rename(data / 'class_001')
    words = [data / 'class_001/0.png', data, *model]
    assert 'apart from the images' in status(infer_edges.main, *words)
    assert len(contents(data)) == len(before)


def test_scores_are_not_written_over_what_is_scored(data, tmp_path):
    out = tmp_path / 'out'
    shutil.copytree(data / 'edges', out / 'counts')
    before = contents(out)
    code = status(
        eval_edges.main, '--data', 'folder', data / 'labels', '--names', 'bar', 'disk',
        '--label-values', '9', '7', '--pred', f'mine={out / "counts"}', '--out', out,
    )  # fmt: skip
    assert 'apart from the predictions mine' in code
    assert contents(out) == before


def test_converted_edges_are_not_written_over_images(data):
    np.zeros((48, 64), np.uint32).tofile(data / 'labels/0.bin')
    (data / 'images').rename(data / 'class_001')
    before = contents(data)
    code = status(
        convert_edge_bins.main, data / 'labels', data, '--names', 'a', '--images',
        data / 'class_001',
    )  # fmt: skip
    assert 'apart from the images' in code
    assert contents(data) == before


def test_photographs_of_a_set_to_train_on_stay(data):
    """Their links would take their places."""
    before = contents(data)
    for images, source in (('images', 'labels'), ('labels', 'images')):
        code = status(
            convert_regions.main, 'masks', data / source, data, '--images', data / images
        )  # fmt: skip
        assert 'apart from the' in code
    assert contents(data) == before


def test_true_edges_are_not_written_over_the_labels(data):
    (data / 'labels').rename(data / 'class_001')
    before = contents(data)
    code = status(
        write_edge_labels.main, '--data', 'folder', data / 'class_001', '--names', 'disk',
        '--label-values', '7', '--workers', '1', data,
    )  # fmt: skip
    assert 'never written to' in code
    assert contents(data) == before


def test_a_file_that_is_read_is_no_place_for_results(data, tmp_path):
    config = tmp_path / 'config.py'
    config.write_text('a = 1\n')
    assert 'never written to' in status(print_config.main, config, '--save', config)
    assert config.read_text() == 'a = 1\n'
    (tmp_path / 'model.pt').write_bytes(b'released')
    (tmp_path / 'link.pth').symlink_to(tmp_path / 'model.pt')
    words = (tmp_path / 'link.pth', tmp_path / 'model.pt')
    assert 'never written to' in status(steal2mmsteal.main, *words)
    write_coco(data, '0.png')
    labels = data / 'coco/instances.json'
    code = status(
        compare.main, labels, labels, '--format', 'coco', '--images', data / 'images',
        '--out', labels,
    )  # fmt: skip
    assert 'never written to' in code
    assert json.loads(labels.read_text())['images']


def test_labels_are_not_written_over_their_image(tmp_path):
    """By a format alone, without a folder of its own for the results."""
    labels = np.zeros((20, 30), np.uint8)
    labels[5:15, 5:20] = 1
    for folder in ('images', 'labels'):
        (tmp_path / folder).mkdir()
        Image.fromarray(labels).save(tmp_path / folder / 'a.png')
    source = LabelPngFormat(tmp_path / 'labels', images=tmp_path / 'images', background=0)
    (item,) = source.items()
    annotation = source.read(item)
    before = (tmp_path / 'images/a.png').read_bytes()
    with pytest.raises(LabelError, match='would be written over it'):
        source.write(item, annotation, annotation.object_map, tmp_path / 'images')
    assert (tmp_path / 'images/a.png').read_bytes() == before
