import http.client
import json
import re
import threading
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from scipy import ndimage as ndi

from mmsteal.cli import label_studio_backend
from mmsteal.edge_files import EdgeFolder
from mmsteal.functional import REFINE_OPTIONS, AlignOptions, GeodesicOptions, mask_edges
from mmsteal.label_formats import (
    AnnotatedObject,
    Annotation,
    LabelError,
    LabelItem,
    LabelStudioFormat,
)
from mmsteal.label_formats.label_studio import find_image
from mmsteal.label_formats.label_studio_results import read_results, write_results
from mmsteal.label_formats.run_lengths import decode_brush, encode_brush
from mmsteal.label_tools import BackendServer, LabelStudioRefiner, TaskImages
from mmsteal.label_tools.label_studio import edges_of_folder
from mmsteal.refinement import EdgeClasses
from mmsteal.refinement.settings import GRADIENT
from tests.label_formats.helpers import iou

SIZE = (60, 80)
CONFIG = """
<View>
  <Image name="image" value="$image"/>
  <BrushLabels name="tag" toName="image"><Label value="Disk"/></BrushLabels>
  <PolygonLabels name="poly" toName="image"><Label value="Bar"/></PolygonLabels>
</View>
"""


def true_disk():
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    return np.hypot(y - 30, x - 25) <= 16


def true_bar():
    mask = np.zeros(SIZE, bool)
    mask[10:50, 52:70] = True
    return mask


def frame(kind, name, tag, **value):
    return {
        'id': name, 'type': kind, 'from_name': tag, 'to_name': 'image', 'origin': 'manual',
        'original_width': SIZE[1], 'original_height': SIZE[0], 'image_rotation': 0,
        'value': value,
    }  # fmt: skip


def brush(mask, label='Disk', name='b1'):
    rle = encode_brush(mask)
    return frame('brushlabels', name, 'tag', format='rle', rle=rle, brushlabels=[label])


def polygon(points, label='Bar', name='p1'):
    percent = [[x * 100 / SIZE[1], y * 100 / SIZE[0]] for x, y in points]
    return frame('polygonlabels', name, 'poly', points=percent, closed=True, polygonlabels=[label])


def results():
    """A disk and a bar, 4 px too small, and what else a person leaves in a task."""
    return [
        brush(ndi.binary_erosion(true_disk(), iterations=4)),
        polygon([(56, 14), (66, 14), (66, 46), (56, 46)]),
        frame('keypointlabels', 'k1', 'kp', x=12.5, y=30.0, width=0.4, keypointlabels=['Nose']),
        frame('vectorlabels', 'r1', 'way', closed=False, vectorlabels=['Car'],
              vertices=[{'x': 1.0, 'y': 2.0}, {'x': 9.0, 'y': 8.0}, {'x': 9.0, 'y': 2.0}]),
        {'type': 'relation', 'from_id': 'b1', 'to_id': 'k1', 'direction': 'right'},
        {'id': 'c1', 'type': 'choices', 'from_name': 'quality', 'to_name': 'image',
         'value': {'choices': ['good']}},
    ]  # fmt: skip


def task(image='/data/local-files/?d=sub/a.png', given=None, **extra):
    """A task as Label Studio sends and exports it."""
    annotation = {
        'id': 11, 'completed_by': 1, 'result': results() if given is None else given,
        'was_cancelled': False, 'ground_truth': False, 'created_at': '2024-02-06T10:00:00.000Z',
        'updated_at': '2024-02-06T10:05:00.000Z', 'draft_created_at': None, 'lead_time': 12.5,
        'prediction': {}, 'result_count': 0, 'unique_id': '01f', 'last_action': None, 'task': 5,
        'project': 3, 'updated_by': 1, 'parent_prediction': None, 'parent_annotation': None,
    }  # fmt: skip
    return {
        'id': 5, 'annotations': [annotation], 'file_upload': 'a.png', 'drafts': [],
        'predictions': [], 'data': {'image': image}, 'meta': {},
        'created_at': '2024-02-06T09:00:00.000Z', 'updated_at': '2024-02-06T10:05:00.000Z',
        'inner_id': 1, 'total_annotations': 1, 'cancelled_annotations': 0, 'total_predictions': 0,
        'comment_count': 0, 'unresolved_comment_count': 0, 'last_comment_updated_at': None,
        'project': 3, 'updated_by': 1, 'comment_authors': [], **extra,
    }  # fmt: skip


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    """Images and edge maps; a secret beside them."""
    root = tmp_path_factory.mktemp('data')
    for place in ('images/sub', 'images/upload/3', 'edges/Disk/sub', 'edges/Bar/sub'):
        (root / place).mkdir(parents=True)
    picture = np.zeros((*SIZE, 3), np.uint8)
    for place in ('images/sub/a.png', 'images/upload/3/77-b.png', 'secret.png'):
        cv2.imwrite(str(root / place), picture)
    cv2.imwrite(str(root / 'images/big.png'), np.zeros((300, 400), np.uint8))
    (root / 'images/broken.png').write_bytes(b'no image')
    (root / 'images/way_out.png').symlink_to(root / 'secret.png')
    for name, mask in (('Disk', true_disk()), ('Bar', true_bar())):
        soft = ndi.gaussian_filter(mask_edges(mask.astype(np.uint8), radius=1) * 0.95, 0.7)
        for file in ('sub/a', '77-b'):
            cv2.imwrite(str(root / f'edges/{name}/{file}.png'), np.rint(soft * 255))
    return root


@pytest.fixture(scope='module')
def refiner(data):
    folder = EdgeFolder(data / 'edges')
    return LabelStudioRefiner(
        edges_of_folder(folder, data / 'images'),
        EdgeClasses(folder.names),
        TaskImages(data / 'images', max_pixels=100_000),
        error_px=6,
    )


def check_refined(prediction):
    given = results()
    new = prediction['result']
    assert [entry['id'] for entry in new if 'id' in entry] == ['b1', 'p1', 'k1', 'r1', 'c1']
    assert new[2:] == given[2:]
    for entry, old in zip(new[:2], given[:2], strict=True):
        assert 0 < entry['score'] < 1
        frame_of = {key: value for key, value in entry.items() if key not in ('value', 'score')}
        assert frame_of == {key: value for key, value in old.items() if key != 'value'}
        assert entry['value'].keys() == old['value'].keys()
    assert iou(decode_brush(new[0]['value']['rle'], SIZE), true_disk()) > 0.93
    points = np.array(new[1]['value']['points']) * (SIZE[1] / 100, SIZE[0] / 100)
    filled = cv2.fillPoly(np.zeros(SIZE, np.uint8), [np.rint(points - 0.5).astype(np.int32)], 1)
    assert iou(filled > 0, true_bar()) > 0.9
    scores = [entry['score'] for entry in new[:2]]
    assert prediction['score'] == pytest.approx(np.mean(scores))


def test_refined(refiner):
    prediction = refiner(task())
    assert prediction['model_version'] == 'mmsteal'
    check_refined(prediction)


def test_edge_maps_are_those_of_the_image(tmp_path):
    names = ('seq1/0001.png', 'seq2/0001.png', 'seq2/2.png', 'seq2/2.jpg')
    for image in (*(f'images/{name}' for name in names), 'edges/edge/seq2/0001.png',
                  'edges/edge/2.png'):  # fmt: skip
        (tmp_path / image).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(tmp_path / image), np.full((4, 6), 255, np.uint8))
    predict = edges_of_folder(EdgeFolder(tmp_path / 'edges'), tmp_path / 'images')
    assert predict(tmp_path / 'images/seq2/0001.png').all()
    with pytest.raises(FileNotFoundError, match='image seq1/0001'):
        predict(tmp_path / 'images/seq1/0001.png')
    with pytest.raises(LabelError, match='one image of the name seq2/2, but there are 2'):
        predict(tmp_path / 'images/seq2/2.png')
    (tmp_path / 'images/seq2/2.jpg').unlink()
    assert predict(tmp_path / 'images/seq2/2.png').all()


@pytest.mark.parametrize('options', [REFINE_OPTIONS, GeodesicOptions()])
def test_refined_by_other_engines(data, options):
    folder = EdgeFolder(data / 'edges')
    refiner = LabelStudioRefiner(
        edges_of_folder(folder, data / 'images'), EdgeClasses(folder.names),
        TaskImages(data / 'images'), options, error_px=6,
    )  # fmt: skip
    prediction = refiner(task())
    if options is REFINE_OPTIONS:
        check_refined(prediction)
    else:  # which gives no score
        assert prediction['score'] == 0
        assert iou(decode_brush(prediction['result'][0]['value']['rle'], SIZE), true_disk()) > 0.9


def test_refined_without_edge_maps(tmp_path):
    """By the colors of the image, with an error that nobody has said."""
    pixels = np.full((*SIZE, 3), 60, np.uint8)
    pixels[true_disk()], pixels[true_bar()] = (200, 90, 40), (40, 160, 210)
    (tmp_path / 'sub').mkdir()
    cv2.imwrite(str(tmp_path / 'sub/a.png'), pixels)
    refiner = LabelStudioRefiner(None, EdgeClasses([GRADIENT]), TaskImages(tmp_path))
    prediction = refiner(task())
    check_refined(prediction)
    for scale in (0.5, 1.0):
        small = LabelStudioRefiner(
            None, EdgeClasses([GRADIENT]), TaskImages(tmp_path), scale=scale, error_px=6
        )
        found = decode_brush(small(task())['result'][0]['value']['rle'], SIZE)
        assert iou(found, true_disk()) > 0.9


def test_context_comes_before_annotations_before_predictions(refiner):
    drawn = brush(ndi.binary_erosion(true_disk(), iterations=3), name='new')
    prediction = refiner(task(), {'result': [drawn]})
    assert [entry['id'] for entry in prediction['result']] == ['new']
    assert iou(decode_brush(prediction['result'][0]['value']['rle'], SIZE), true_disk()) > 0.93
    ours = {'result': results(), 'model_version': 'mmsteal'}
    theirs = {'result': [drawn], 'model_version': 'other'}
    only = task(given=[], predictions=[theirs, ours])
    assert [entry['id'] for entry in refiner(only)['result']] == ['new']
    assert refiner(task(given=[], predictions=[ours]))['result'] == []
    skipped = task()
    skipped['annotations'][0]['was_cancelled'] = True
    assert refiner(skipped) == {'result': [], 'score': 0.0, 'model_version': 'mmsteal'}


def test_labels_of_their_own_and_labels_without_an_edge_map(refiner):
    bare = brush(ndi.binary_erosion(true_disk(), iterations=4))
    bare['type'] = 'brush'
    del bare['value']['brushlabels']
    label = frame('labels', 'b1', 'name', labels=['Disk'])
    other = polygon([(1, 1), (9, 1), (9, 9)], label='Tree', name='t')
    open_line = polygon([(1, 1), (9, 1), (9, 9)], name='o')
    open_line['value']['closed'] = False
    new = refiner(task(given=[bare, label, other, open_line]))['result']
    assert new[1:] == [label, other, open_line]
    assert iou(decode_brush(new[0]['value']['rle'], SIZE), true_disk()) > 0.93


def test_polygon_that_comes_apart():
    given = [
        polygon([(10, 10), (40, 10), (40, 20), (10, 20)]),
        frame('textarea', 'p1', 'note', text=['mine']),
        polygon([(50, 30), (60, 30), (60, 40)], name='gone'),
        {'type': 'relation', 'from_id': 'p1', 'to_id': 'gone', 'direction': 'left'},
    ]
    annotation = read_results('task 1', given, SIZE)
    object_map = annotation.object_map.copy()
    object_map[:, 20:25] = -1
    object_map[object_map == 1] = -1
    new = write_results(annotation, object_map)
    assert [entry['id'] for entry in new] == ['p1', 'p1-2', 'p1', 'p1-2']
    assert [entry['type'] for entry in new] == ['polygonlabels'] * 2 + ['textarea'] * 2
    again = read_results('task 1', new, SIZE)
    np.testing.assert_array_equal(again.object_map >= 0, object_map == 0)


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (dict(image='/data/local-files/?d=../secret.png'), 'leads out'),
        (dict(image='/data/local-files/?d=%2e%2e/secret.png'), 'leads out'),
        (dict(image='way_out.png'), 'leads out'),
        (dict(image='s3://bucket/a.png'), 'never fetched'),
        (dict(image='http://[bad'), 'address of an image'),
        (dict(image='broken.png'), 'cannot read the image'),
        (dict(image='big.png'), '400 x 300 pixels'),
        (dict(image=None), 'address of an image'),
        (dict(given=[polygon([(1, 1), (9, 1), (9, 9)], label='Tree')]), 'Tree(.|\n)*Bar, Disk'),
        (dict(given=[brush(np.ones((7, 7), bool))]), 'RLE of 4800 pixels'),
        (dict(given=[{**brush(true_disk()), 'original_width': 81}]), 'of an image of 81 x 60'),
        (dict(given=[{**brush(true_disk()), 'image_rotation': 90}]), 'turned by 90'),
        (dict(given=[{**brush(true_disk()), 'value': 3}]), 'has no value'),
        (dict(given=[frame('brushlabels', 'b', 't', brushlabels=['Disk'])]), 'has no RLE'),
        (dict(given=[polygon([(1, float('nan')), (9, 1), (9, 9)])]), 'not finite'),
        (dict(given=[3]), 'list of results'),
        (dict(data={}), 'address of an image'),
        (dict(data=3), 'a task with data'),
    ],
)
def test_bad_tasks(refiner, change, message):
    data = change.pop('data', None)
    bad = task(**change)
    if data is not None:
        bad['data'] = data
    with pytest.raises(ValueError, match=message):  # LabelError is one
        refiner(bad)


def test_missing_files(refiner):
    with pytest.raises(FileNotFoundError, match=r"no image 'sub/none\.png'"):
        refiner(task('/data/local-files/?d=sub/none.png'))
    with pytest.raises(FileNotFoundError, match='no image'):
        refiner(task('/data/local-files/?d=' + 'x' * 5000))
    with pytest.raises(FileNotFoundError, match='no image'):
        refiner(task('/etc/passwd'))
    with pytest.raises(FileNotFoundError, match='Expected the images in the folder'):
        TaskImages(Path('nowhere'))


@pytest.mark.parametrize(
    ('message', 'options'),
    [
        ('error_px', dict(error_px=-1)),
        ('checkpoints', dict(options=AlignOptions(checkpoints=[99]), error_px=6)),
    ],
)
def test_options_are_checked_at_once(tmp_path, message, options):
    with pytest.raises(ValueError, match=message):
        LabelStudioRefiner(Path.read_bytes, EdgeClasses(['a']), TaskImages(tmp_path), **options)


def test_image_by_its_name_in_the_data(data):
    images = TaskImages(data / 'images', key='photo')
    named = {'id': 1, 'data': {'image': 'none.png', 'photo': 'upload/3/77-b.png'}}
    path, shape = images.find(named)
    assert path.name == '77-b.png'
    assert shape == Image.open(path).size[::-1]
    with pytest.raises(LabelError, match=r'task 1: the image has .* raise --max-pixels'):
        replace(images, max_pixels=5).find(named)


@pytest.mark.parametrize(
    'address',
    [
        '/data/upload/3/77-b.png', 'http://localhost:8080/data/upload/3/77-b.png',
        '/data/local-files/?d=upload/3/77-b.png', 'upload/3/77-b.png', 'upload%2F3/77-b.png',
    ],
)  # fmt: skip
def test_addresses(data, address):
    expected = (data / 'images/upload/3/77-b.png').resolve()
    assert find_image(address, data / 'images') == expected
    assert find_image(str(expected), data / 'images') == expected


def test_edges_without_the_folders_of_the_image(refiner):
    check_refined(refiner(task('/data/upload/3/77-b.png')))


@contextmanager
def running(refiner, **options):
    with BackendServer(refiner, port=0, **options) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope='module')
def port(refiner):
    with running(refiner, max_body_mb=1) as number:
        yield number


def request(port, method, path, body=None, headers=None):
    connection = http.client.HTTPConnection('127.0.0.1', port, timeout=20)
    try:
        raw = json.dumps(body) if not isinstance(body, bytes | None) else body
        connection.request(method, path, raw, headers or {'Content-Type': 'application/json'})
        response = connection.getresponse()
        assert response.getheader('Content-Type') == 'application/json'
        return response.status, json.loads(response.read())
    finally:
        connection.close()


def asked(*tasks, context=None):
    """What Label Studio posts to /predict."""
    return {
        'tasks': list(tasks), 'project': '3.1707217200', 'label_config': CONFIG,
        'params': {'login': None, 'password': None, 'context': context},
    }  # fmt: skip


def test_the_backend_answers(port):
    assert request(port, 'GET', '/health') == (
        200, {'status': 'UP', 'model_class': 'LabelStudioRefiner', 'model_version': 'mmsteal'}
    )  # fmt: skip
    setup = {'project': '3.1707217200', 'schema': CONFIG, 'hostname': '', 'access_token': 'x'}
    assert request(port, 'POST', '/setup', setup) == (200, {'model_version': 'mmsteal'})
    status, answer = request(port, 'POST', '/predict', asked(task(), task()))
    assert status == 200
    assert len(answer['results']) == 2
    for prediction in answer['results']:
        check_refined(prediction)
    event = {'action': 'ANNOTATION_CREATED', 'project': {'id': 3}, 'annotation': {}}
    assert request(port, 'POST', '/webhook', event)[0] == 201


def test_the_backend_goes_on_after_bad_requests(port):
    length = {'Content-Length': str(5_000_000)}
    drawn, tree = ({'result': [brush(true_disk(), name)]} for name in ('Disk', 'Tree'))
    for status, message, call in (
        (400, 'Expected JSON', ('POST', '/predict', b'{"tasks": [')),
        (400, 'list "tasks"', ('POST', '/predict', [])),
        (400, 'list "tasks"', ('POST', '/predict', {'tasks': 3})),
        (404, 'no GET /predict', ('GET', '/predict')),
        (404, 'no POST /none', ('POST', '/none', {})),
        (404, 'no image', ('POST', '/predict', asked(task('none.png'), context=drawn))),
        (400, 'Content-Length', ('POST', '/predict', None, {'Content-Length': 'x'})),
        (413, 'at most 1 MB', ('POST', '/predict', None, length)),
        (422, 'leads out', ('POST', '/predict', asked(task('../secret.png'), context=drawn))),
        (422, 'Tree', ('POST', '/predict', asked(task(), context=tree))),
        (422, 'a task with data', ('POST', '/predict', asked(7, context=drawn))),
    ):
        found, answer = request(port, *call)
        assert (found, list(answer)) == (status, ['error'])
        assert message in answer['error']
    status, answer = request(port, 'POST', '/predict', asked(task('none.png'), task()))
    assert status == 200
    assert answer['results'][0]['result'] == []
    assert 'no image' in answer['results'][0]['error']
    check_refined(answer['results'][1])


@pytest.mark.parametrize(
    ('bad', 'message'),
    [
        (task('none.png'), 'no image'),
        (task('../secret.png'), 'leads out'),
        (task(given=[brush(true_disk(), 'Tree')]), 'Tree'),
        ({**task(), 'data': {'photo': 'a.png', 'text': 'x'}}, r"'photo', 'text'.*data_key"),
        (7, 'a task with data'),
    ],
)
def test_why_a_task_could_not_be_refined_is_seen_in_label_studio(port, bad, message):
    """Label Studio keeps the regions, the score and the version of a prediction."""
    status, answer = request(port, 'POST', '/predict', asked(bad))
    assert status == 200
    (prediction,) = answer['results']
    assert (prediction['result'], prediction['score']) == ([], None)
    assert re.search(
        f'mmsteal could not refine this task: .*{message}', prediction['model_version']
    )


def test_the_backend_hides_its_own_faults(data, caplog):
    def fail(path):
        raise RuntimeError('inside')

    broken = LabelStudioRefiner(fail, EdgeClasses(['Disk']), TaskImages(data / 'images'))
    with running(broken) as port:
        status, answer = request(port, 'POST', '/predict', asked(task()))
        assert status == 500
        assert 'RuntimeError' in answer['error']
        assert 'inside' not in answer['error']
        assert request(port, 'GET', '/')[0] == 200
    assert 'inside' in caplog.text


def write_export(root, data, tasks, **options):
    root.mkdir(parents=True, exist_ok=True)
    (root / 'export.json').write_text(json.dumps(tasks, **options))
    return LabelStudioFormat(root / 'export.json', images=data / 'images')


def test_exported_tasks_round_trip(tmp_path, data):
    tasks = [task(), task('/data/upload/3/77-b.png', id=6), task(given=[], id=7)]
    reader = write_export(tmp_path / 'in', data, tasks, indent=2)
    assert [item.name for item in reader.items()] == ['sub/a', 'upload/3/77-b']
    item, other = reader.items()
    annotation = reader.read(item)
    assert [(o.name, o.sources) for o in annotation.objects] == [('Disk', (0,)), ('Bar', (1,))]
    for each in (item, other):
        found = reader.read(each)
        reader.write(each, found, found.object_map, tmp_path / 'same')
    (path,) = reader.finish(tmp_path / 'same', [item, other])
    assert path.read_bytes() == (tmp_path / 'in/export.json').read_bytes()
    object_map = annotation.object_map.copy()
    object_map[40:, 56:66] = -1
    reader.write(item, annotation, object_map, tmp_path / 'out')
    (path,) = reader.finish(tmp_path / 'out', [item])
    new = json.loads(path.read_text())
    assert new[1:] == tasks[1:]
    del new[0]['annotations'][0]['result'][1]['value']['points']
    del tasks[0]['annotations'][0]['result'][1]['value']['points']
    assert new == tasks
    again = LabelStudioFormat(path, images=data / 'images')
    np.testing.assert_array_equal(again.read(again.items()[0]).object_map, object_map)


def test_bad_exports(tmp_path, data):
    for content, message in (
        ({'tasks': []}, 'list of tasks'),
        ([{'id': 1, 'image': 'a.png', 'tag': []}], 'not "JSON-MIN"|export "JSON"'),
    ):
        with pytest.raises(LabelError, match=message):
            write_export(tmp_path, data, content).items()
    reader = write_export(tmp_path, data, [task('none.png'), task(given=[results()[2]])])
    assert 'no image' in str(reader.problems()[0])
    assert not reader.read(reader.items()[0]).objects
    reader = write_export(tmp_path, data, [task(), task(id=8)])
    assert reader.items() == []
    assert "two tasks have the image 'sub/a', 5, 8" in str(reader.problems()[0])
    write_export(tmp_path, data, [task()])
    reader = LabelStudioFormat(
        tmp_path / 'export.json', images=data / 'images', classes={'Disk': 'Disk'}
    )
    with pytest.raises(LabelError, match="unknown label 'Bar'"):
        reader.read(reader.items()[0])


@pytest.mark.parametrize('shape', ['brush', 'polygon'])
def test_written_from_another_format(tmp_path, data, shape):
    object_map = np.where(true_disk(), 0, np.where(true_bar(), 1, -1)).astype(np.int32)
    objects = (AnnotatedObject(1, 'disk', 1), AnnotatedObject(2, 'bar', 2))
    given = Annotation('sub/a', object_map, objects, np.zeros(SIZE, bool), format='elsewhere')
    item = LabelItem('sub/a', data / 'images/sub/a.png', ())
    writer = LabelStudioFormat(shape=shape)
    writer.write(item, given, object_map, tmp_path)
    (path,) = writer.finish(tmp_path, [item])
    reader = LabelStudioFormat(path, images=data / 'images')
    found = reader.read(reader.items()[0])
    assert [o.name for o in found.objects] == ['disk', 'bar']
    np.testing.assert_array_equal(found.object_map, object_map)


def test_token_of_the_command(tmp_path, monkeypatch):
    parse = label_studio_backend.build_parser().parse_args
    monkeypatch.delenv('MMSTEAL_TOKEN', raising=False)
    assert label_studio_backend.token_of(parse(['--data-root', '.'])) is None
    monkeypatch.setenv('MMSTEAL_TOKEN', 'known')
    assert label_studio_backend.token_of(parse(['--data-root', '.'])) == 'known'
    words = ['--data-root', '.', '--token', str(tmp_path / 'token')]
    with pytest.raises(FileNotFoundError, match='token'):
        label_studio_backend.token_of(parse(words))
    for content, token in (('  secret\n', 'secret'), (' \n', None)):
        (tmp_path / 'token').write_text(content)
        if token is None:
            with pytest.raises(ValueError, match=r'token in .*, but the file is empty'):
                label_studio_backend.token_of(parse(words))
        else:
            assert label_studio_backend.token_of(parse(words)) == token
