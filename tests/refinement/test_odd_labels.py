"""Labels that cannot be read, hold nothing, or hold more than objects: what a run says of them."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmsteal.cli import refine as command
from mmsteal.cli import simulate_coarse_labels
from mmsteal.label_formats import FormatSpec
from mmsteal.refinement import RefineSettings, refine_folder
from mmsteal.refinement.refine_folder import check_places

SIZE = (48, 64)
SQUARE = [[20.0, 12.0], [43.0, 12.0], [43.0, 35.0], [20.0, 35.0]]
OUTLINE = [number for point in SQUARE for number in point]


def shape(label, points, kind='polygon', **more):
    return {'label': label, 'points': points, 'group_id': None, 'shape_type': kind, **more}


def write_labelme(root, **shapes):
    """Photographs of a bright square with a label each; an edge map of things."""
    photo = np.full((*SIZE, 3), 30, np.uint8)
    photo[10:38, 18:46] = 220
    edges = np.zeros(SIZE, np.uint8)
    edges[9:39, 17:47] = 255
    edges[11:37, 19:45] = 0
    (root / 'edges/thing').mkdir(parents=True)
    (root / 'labels').mkdir()
    for name, entries in shapes.items():
        Image.fromarray(photo).save(root / f'labels/{name}.png')
        Image.fromarray(edges).save(root / f'edges/thing/{name}.png')
        document = {'shapes': entries, 'imagePath': f'{name}.png', 'imageData': None}
        (root / f'labels/{name}.json').write_text(json.dumps(document))
    return root


def write_coco(root):
    """A JSON beside the folder of the images, an annotation with a mask and one without."""
    write_labelme(root, a=[], b=[])
    (root / 'labels').rename(root / 'images')
    annotations = [
        {'id': 1, 'image_id': 1, 'category_id': 1, 'segmentation': [OUTLINE]},
        {'id': 2, 'image_id': 1, 'category_id': 1, 'bbox': [1, 1, 9, 9]},
    ]
    document = {
        'images': [{'id': i, 'file_name': f'{n}.png'} for i, n in ((1, 'a'), (2, 'b'))],
        'annotations': annotations, 'categories': [{'id': 1, 'name': 'thing'}],
    }  # fmt: skip
    (root / 'instances.json').write_text(json.dumps(document))
    return root


def run(root, kind='labelme', labels='labels', **options):
    images = {'images': str(root / 'images')} if kind == 'coco' else {}
    settings = RefineSettings(
        source=FormatSpec(kind, str(root / labels), images), out_dir=str(root / 'out'),
        edge_names=('thing',), edges=str(root / 'edges'), error_px=4.0, **options,
    )  # fmt: skip
    return refine_folder(settings, progress=False)


def status(main, *words):
    with pytest.raises(SystemExit) as left:
        main([str(word) for word in words])
    return left.value.code


def test_the_fault_of_every_file_is_told(tmp_path):
    bad = [shape('thing', SQUARE, group_id=None), shape('thing', [[1, 'x']])]
    root = write_labelme(tmp_path / 'data', a=bad, b=bad, c=bad)
    with pytest.raises(ValueError, match=r'none of 3 can; the first: .*a\.json: shape 1 \(thing\)'):
        run(root)
    assert not (root / 'out').exists()


def test_faults_of_some_files_come_with_the_classes(tmp_path):
    root = write_labelme(
        tmp_path / 'data', a=[shape('thing', [[1, 'x']])], b=[shape('van', SQUARE)]
    )
    Image.fromarray(np.zeros(SIZE, np.uint8)).save(root / 'edges/thing/x.png')
    shutil.copytree(root / 'edges/thing', root / 'edges/car')
    settings = RefineSettings(
        source=FormatSpec('labelme', str(root / 'labels')), out_dir=str(root / 'out'),
        edge_names=('car', 'thing'), edges=str(root / 'edges'), error_px=4.0,
    )  # fmt: skip
    with pytest.raises(ValueError, match=r'Categories: van\. (.|\n)*1 of 2 labels cannot be read'):
        refine_folder(settings, progress=False)


def test_no_object_in_any_file_is_told(tmp_path):
    line = shape('thing', SQUARE, 'linestrip')
    root = write_labelme(tmp_path / 'data', a=[line, line], b=[shape('thing', [[1, 1]], 'point')])
    with pytest.raises(ValueError, match=r'the 2 .* one\. Not read .*: 2 linestrip, 1 point'):
        run(root)


def test_one_odd_file_stops_nothing(tmp_path):
    good, odd = shape('thing', SQUARE), shape('thing', SQUARE)
    odd['group_id'] = [3]
    root = write_labelme(
        tmp_path / 'data', a=[good], b=[odd], c=[shape(['x'], SQUARE)], d=[{'points': 3}], e=[]
    )
    summary = run(root)
    assert (summary.num_images, summary.num_done, summary.num_empty) == (5, 2, 1)
    assert sorted(summary.errors) == ['b', 'c', 'd']
    assert all(f'{name}.json' in text for name, text in summary.errors.items())
    assert summary.objects == {'moved': 1}


@pytest.mark.parametrize('target', [None, 'label_studio'])
def test_what_is_no_object_is_counted(tmp_path, target, capsys):
    entries = [shape('thing', SQUARE), shape('nose', [[1.0, 1.0]], 'point')]
    root = write_labelme(tmp_path / 'data', a=entries, b=[*entries, shape('x', SQUARE, 'line')])
    words = ['--format', 'labelme', '--labels', root / 'labels', '--edges', root / 'edges']
    words += ['--out', root / 'out', '--workers', 0, '--error-px', 4]
    words += [] if target is None else ['--to', target]
    assert status(command.main, *words) == 0
    kept = 'kept as they are' if target is None else 'not in the results'
    assert f'no objects, {kept}: 1 line, 2 point' in capsys.readouterr().out
    report = json.loads((root / 'out/report.json').read_text())
    assert report['unread'] == {'line': 1, 'point': 2}
    assert report['unread_dropped'] == (target is not None)
    words = ['--format', 'labelme', '--labels', root / 'labels', '--error-px', 3]
    assert status(simulate_coarse_labels.main, *words, '--out', root / 'coarse') == 0
    assert 'kept as they are: 1 line, 2 point' in capsys.readouterr().out


def test_results_may_lie_beside_a_file_of_labels(tmp_path, capsys):
    pytest.importorskip('pycocotools')
    root = write_coco(tmp_path / 'data')
    before = (root / 'instances.json').read_bytes()
    words = ['--format', 'coco', '--labels', root / 'instances.json', '--images', root / 'images']
    words += ['--edges', root / 'edges', '--workers', 0, '--error-px', 4]
    assert status(command.main, *words, '--out', root / 'refined') == 0
    told = capsys.readouterr().out
    assert 'images without objects: 1' in told
    assert '1 annotation without a mask' in told
    assert (root / 'instances.json').read_bytes() == before
    found = json.loads((root / 'refined/labels/instances.json').read_text())
    assert found['annotations'][1] == {'id': 2, 'image_id': 1, 'category_id': 1,
                                       'bbox': [1, 1, 9, 9]}  # fmt: skip
    assert found['annotations'][0]['area'] > 24 * 24


def test_results_that_would_take_the_place_of_a_file_are_refused_before_a_model_is_loaded(tmp_path):
    root = write_coco(tmp_path / 'data')
    (root / 'out').mkdir()
    (root / 'out/labels').mkdir()
    shutil.copy(root / 'instances.json', root / 'out/labels')
    words = ['--format', 'coco', '--labels', root / 'out/labels/instances.json']
    words += ['--images', root / 'images', '--config', 'none.py', '--checkpoint', 'none.pth']
    told = status(command.main, *words, '--out', root / 'out')
    assert 'apart from the labels' in told
    for inside in ('edges/out', 'edges'):
        source = FormatSpec('coco', str(root / 'instances.json'), {'images': str(root / 'images')})
        with pytest.raises(ValueError, match='apart from the edge maps'):
            check_places(source, root / inside, root / 'edges')
        check_places(source, root / 'images/out', Path(root / 'edges'))
