"""A real Label Studio server: what it exports is refined and imported again, and it asks for more.

It is installed apart (`pip install label-studio`), and MMSTEAL_LABEL_STUDIO names its program.
"""

import json

import cv2
import numpy as np
import pytest
from scipy import ndimage as ndi

from mmsteal.cli import label_studio_backend
from mmsteal.cli import refine as refine_command
from mmsteal.cli.edge_arguments import parse_edge_arguments
from mmsteal.label_formats import LabelStudioFormat
from mmsteal.label_formats.label_studio_results import read_results
from mmsteal.label_formats.run_lengths import encode_brush
from tests.clients.label_studio_server import PROGRAM, label_studio, serving
from tests.label_formats.helpers import iou
from tests.refinement.folders import disk, edge_map

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        PROGRAM is None, reason='no label-studio on the path or in MMSTEAL_LABEL_STUDIO'
    ),
]
SIZE = (60, 80)
DISK = disk(SIZE, (30, 24), 17)
BOX = np.zeros(SIZE, bool)
BOX[14:46, 52:72] = True


def region(kind, tag, number, **value):
    return {
        'id': number, 'type': kind, 'from_name': tag, 'to_name': 'image',
        'original_width': SIZE[1], 'original_height': SIZE[0], 'image_rotation': 0,
        'value': {**value, kind: ['thing']},
    }  # fmt: skip


def drawn():
    """A brush and a rectangle, each 3 px too small on all sides."""
    rle = encode_brush(ndi.binary_erosion(DISK, iterations=3))
    rectangle = {'x': 55 / 0.8, 'y': 17 / 0.6, 'width': 14 / 0.8, 'height': 26 / 0.6, 'rotation': 0}
    return [
        region('brushlabels', 'brush', 'b1', format='rle', rle=rle),
        region('rectanglelabels', 'box', 'r1', **rectangle),
    ]


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp('data')
    for folder in ('images', 'edges/thing'):
        (root / folder).mkdir(parents=True)
    for name, mask in (('a', DISK | BOX), ('b', BOX & False)):
        cv2.imwrite(str(root / f'images/{name}.png'), np.zeros((*SIZE, 3), np.uint8))
        cv2.imwrite(str(root / f'edges/thing/{name}.png'), edge_map(mask))
    return root


@pytest.fixture(scope='module')
def project(data, tmp_path_factory):
    """The server, and a project with a task that has objects and one that has none."""
    with label_studio(tmp_path_factory.mktemp('server')) as server:
        tasks = [
            {'data': {'image': f'/data/local-files/?d={name}.png'},
             'annotations': [{'result': result}]}
            for name, result in (('a', drawn()), ('b', []))
        ]  # fmt: skip
        yield server, server.new_project(tasks)


def assert_right(annotation):
    assert [entry.name for entry in annotation.objects] == ['thing', 'thing']
    for index, mask in enumerate((DISK, BOX)):
        assert iou(annotation.object_map == index, mask) > 0.9


def test_what_it_exports_is_refined_and_imported_again(project, data, tmp_path):
    server, number = project
    export = tmp_path / 'export.json'
    export.write_text(json.dumps(server.export(number)))
    words = ['--format', 'label_studio', '--labels', export, '--images', data / 'images']
    words += ['--edges', data / 'edges', '--error-px', 5, '--workers', 0, '--out', tmp_path / 'out']
    with pytest.raises(SystemExit) as left:
        refine_command.main([str(word) for word in words])
    assert left.value.code == 0
    refined = json.loads((tmp_path / 'out/labels/export.json').read_text())
    assert [len(task['annotations'][0]['result']) for task in refined] == [2, 0]
    again = server.export(server.new_project(refined))
    given, back = (
        [task['annotations'][0]['result'] for task in tasks] for tasks in (refined, again)
    )
    assert back == given
    (tmp_path / 'again.json').write_text(json.dumps(again))
    reader = LabelStudioFormat(tmp_path / 'again.json', images=data / 'images')
    first, second = (reader.read(item) for item in reader.items())
    assert_right(first)
    assert second.objects == ()


def predictions_of(server, number, data):
    """Asked of a backend that follows the edge maps."""
    words = ['--data-root', data / 'images', '--edges', data / 'edges', '--error-px', 5,
             '--port', 0]  # fmt: skip
    args = parse_edge_arguments(label_studio_backend.build_parser(), [str(word) for word in words])
    with serving(label_studio_backend.open_server(args)) as backend:
        return server.predictions_of(number, backend)


def test_it_asks_the_backend_and_keeps_the_answer(project, data):
    server, number = project
    found = predictions_of(server, number, data)
    (answer,) = [prediction for prediction in found if prediction['result']]
    assert [entry['type'] for entry in answer['result']] == ['brushlabels', 'polygonlabels']
    assert answer['model_version'].startswith('mmsteal')
    assert 0.5 < answer['score'] <= 1
    assert_right(read_results('prediction', answer['result'], SIZE))


def test_it_shows_why_an_image_could_not_be_refined(project, data):
    server, _ = project
    task = {'data': {'image': '/data/local-files/?d=none.png'},
            'annotations': [{'result': drawn()}]}  # fmt: skip
    (answer,) = predictions_of(server, server.new_project([task]), data)
    assert (answer['result'], answer['score']) == ([], None)
    assert 'could not refine this task: ' in answer['model_version']
    assert 'none.png' in answer['model_version']
