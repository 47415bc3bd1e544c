"""A real Label Studio, asked over HTTP: it imports a task, gets a prediction, and gives it back.

Runs where the command `label-studio` is, or where `MMSTEAL_LABEL_STUDIO` says it is:

    pip install label-studio
    pytest tests/label_tools/test_label_studio_server.py
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import cv2
import numpy as np
import pytest
from scipy import ndimage as ndi

from mmsteal.label_formats.run_lengths import decode_brush
from tests.conftest import REPO
from tests.label_formats.helpers import iou
from tests.label_tools.test_label_studio import CONFIG, SIZE, brush, true_disk

COMMAND = os.environ.get('MMSTEAL_LABEL_STUDIO') or shutil.which('label-studio')
TOKEN = '0123456789abcdef' * 2 + '01234567'
START_S, ANSWER_S = 900, 120  # it makes its data base first

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(COMMAND is None, reason='label-studio is not installed'),
]


def free_port():
    with socket.socket() as found:
        found.bind(('127.0.0.1', 0))
        return found.getsockname()[1]


def ask(address, body=None, fine=(200, 201)):
    """JSON of an answer."""
    request = urllib.request.Request(
        address,
        None if body is None else json.dumps(body).encode(),
        {'Authorization': f'Token {TOKEN}', 'Content-Type': 'application/json'},
    )
    try:
        with urllib.request.urlopen(request, timeout=ANSWER_S) as answer:
            return json.loads(answer.read())
    except urllib.error.HTTPError as error:
        if error.code in fine:
            return None
        pytest.fail(f'{address}: {error.code} {error.read().decode()}')


def wait_for(address, process, log):
    """Until a server answers, or has ended."""
    end = time.monotonic() + START_S
    while time.monotonic() < end:
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except OSError:
            assert process.poll() is None, log.read_text()[-2000:]
            time.sleep(1)
    pytest.fail(f'{address} did not answer: {log.read_text()[-2000:]}')


def started(command, log, **environment):
    with log.open('w') as out:
        return subprocess.Popen(
            [str(word) for word in command], stdout=out, stderr=subprocess.STDOUT,
            env={**os.environ, **environment}, cwd=REPO,
        )  # fmt: skip


@pytest.fixture(scope='module')
def images(tmp_path_factory):
    """A bright disk."""
    folder = tmp_path_factory.mktemp('images')
    picture = np.full((*SIZE, 3), 50, np.uint8)
    picture[true_disk()] = 200
    cv2.imwrite(str(folder / 'a.png'), picture)
    return folder


@pytest.fixture(scope='module')
def servers(images, tmp_path_factory):
    """Addresses of Label Studio and of the backend."""
    folder, port, backend_port = tmp_path_factory.mktemp('server'), free_port(), free_port()
    studio = started(
        [
            COMMAND, 'start', '--no-browser', '--internal-host', '127.0.0.1', '--port', port,
            '--data-dir', folder / 'data', '--username', 'someone@example.org', '--password',
            'not-a-secret-1', '--user-token', TOKEN,
        ],
        folder / 'studio.log',
        LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN='true',
        LABEL_STUDIO_LOCAL_FILES_SERVING_ENABLED='true',
        LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT=str(images),
        ML_BLOCK_LOCAL_IP='0',  # as docs/label_tools.md says
        COLLECT_ANALYTICS='0',
        PYTHONPATH='',  # it lives in an environment of its own
    )  # fmt: skip
    backend = started(
        [
            sys.executable, REPO / 'tools/label_studio_backend.py', '--data-root', images,
            '--error-px', 6, '--port', backend_port,
        ],
        folder / 'backend.log',
    )  # fmt: skip
    try:
        wait_for(f'http://127.0.0.1:{backend_port}/health', backend, folder / 'backend.log')
        wait_for(f'http://127.0.0.1:{port}/health', studio, folder / 'studio.log')
        yield f'http://127.0.0.1:{port}', f'http://127.0.0.1:{backend_port}'
    finally:
        for process in (studio, backend):
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def test_predictions_come_back(servers):
    studio, backend = servers
    project = ask(f'{studio}/api/projects/', {'title': 'refine', 'label_config': CONFIG})['id']
    drawn = ndi.binary_erosion(true_disk(), iterations=4)
    tasks = [
        {
            'data': {'image': f'/data/local-files/?d={name}.png'},
            'annotations': [{'result': [brush(drawn)]}],
        }
        for name in ('a', 'missing')
    ]
    imported = ask(f'{studio}/api/projects/{project}/import?return_task_ids=1', tasks)
    model = {'project': project, 'url': backend, 'title': 'mmsteal'}
    # Version 1.23 adds the model, and then reports that it may not add a webhook for it.
    ask(f'{studio}/api/ml/', model, fine=(200, 201, 403))
    (added,) = ask(f'{studio}/api/ml?project={project}')
    assert added['state'] == 'CO', added  # connected
    everything = {'selectedItems': {'all': True, 'excluded': []}}
    ask(f'{studio}/api/dm/actions?id=retrieve_tasks_predictions&project={project}', everything)
    good, bad = (ask(f'{studio}/api/predictions/?task={number}') for number in imported['task_ids'])
    (prediction,) = good
    (region,) = prediction['result']
    assert region['from_name'] == 'tag'
    assert 0.9 < prediction['score'] <= 1
    mask = decode_brush(region['value']['rle'], SIZE)
    assert iou(drawn, true_disk()) < 0.7
    assert iou(mask, true_disk()) > 0.97
    (prediction,) = bad
    assert (prediction['result'], prediction['score']) == ([], None)
    assert 'could not refine this task' in prediction['model_version']
    assert 'missing.png' in prediction['model_version']
