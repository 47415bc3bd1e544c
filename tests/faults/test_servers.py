"""The backend for Label Studio before clients that are many, slow, gone, or do not mean well."""

import base64
import http.client
import json
import logging
import os
import random
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
import pytest

from mmsteal.edge_files import EdgeFolder
from mmsteal.label_formats.run_lengths import encode_brush
from mmsteal.label_tools import BackendServer, LabelStudioRefiner, TaskImages
from mmsteal.label_tools.label_studio import edges_of_folder
from mmsteal.refinement import EdgeClasses
from tests.conftest import REPO
from tests.faults.mutations import mutate_bytes, mutate_json

SIZE = (30, 40)
EXPECTED = {200, 201, 400, 401, 404, 413, 422, 431, 501}


def task(name='a.png'):
    """A task with a brush and a polygon."""
    mask = np.zeros(SIZE, bool)
    mask[8:22, 6:20] = True
    shared = {'from_name': 'tag', 'to_name': 'image', 'original_width': SIZE[1],
              'original_height': SIZE[0], 'image_rotation': 0}  # fmt: skip
    results = [
        {**shared, 'id': 'b', 'type': 'brushlabels',
         'value': {'format': 'rle', 'rle': encode_brush(mask), 'brushlabels': ['Disk']}},
        {**shared, 'id': 'p', 'type': 'polygonlabels',
         'value': {'points': [[60, 20], [90, 20], [90, 80], [60, 80]], 'closed': True,
                   'polygonlabels': ['Disk']}},
        {'id': 'c', 'type': 'choices', 'from_name': 'q', 'to_name': 'image',
         'value': {'choices': ['good']}},
        {'type': 'relation', 'from_id': 'b', 'to_id': 'p', 'direction': 'right'},
    ]  # fmt: skip
    annotation = {'id': 1, 'result': results, 'was_cancelled': False,
                  'updated_at': '2024-02-06T10:05:00.000Z'}  # fmt: skip
    predictions = [{'model_version': 'other', 'result': results[:1]}]
    return {'id': 5, 'data': {'image': name}, 'annotations': [annotation],
            'predictions': predictions}  # fmt: skip


def asked():
    """What Label Studio posts to /predict."""
    return {'tasks': [task()], 'project': '3.1', 'label_config': '<View/>',
            'params': {'context': None}}  # fmt: skip


def make_refiner(root):
    """A refiner of one small image with an edge map."""
    (root / 'images').mkdir(parents=True)
    (root / 'edges' / 'Disk').mkdir(parents=True)
    rng = np.random.default_rng(0)
    cv2.imwrite(str(root / 'images/a.png'), rng.integers(0, 255, (*SIZE, 3), np.uint8))
    (root / 'images/broken.png').write_bytes(b'no image')
    cv2.imwrite(str(root / 'edges/Disk/a.png'), rng.integers(0, 255, SIZE, np.uint8))
    folder = EdgeFolder(root / 'edges', ['Disk'])
    return LabelStudioRefiner(
        edges_of_folder(folder, root / 'images'), EdgeClasses(folder.names),
        TaskImages(root / 'images'), error_px=3,
    )  # fmt: skip


@contextmanager
def backend(**options):
    """A server of its own: its port, and what is logged as an error meanwhile."""
    told = []
    handler = logging.Handler(logging.ERROR)
    handler.emit = lambda record: told.append(record.getMessage() + str(record.exc_info or ''))
    logging.getLogger().addHandler(handler)
    with (
        tempfile.TemporaryDirectory() as root,
        BackendServer(make_refiner(Path(root)), port=0, **options) as server,
    ):
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server.server_port, told
        finally:
            server.shutdown()
            thread.join()
            logging.getLogger().removeHandler(handler)


def request(port, method, path, body=None, headers=None):
    """Status and answer."""
    connection = http.client.HTTPConnection('127.0.0.1', port, timeout=60)
    try:
        raw = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        connection.request(method, path, raw, headers or {})
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


def connect(port, content=b''):
    client = socket.create_connection(('127.0.0.1', port), timeout=30)
    client.sendall(content)
    return client


def ask_in_parallel(number):
    """So many requests at once: each is answered."""
    with backend() as (port, told), ThreadPoolExecutor(number) as pool:

        def ask(index):
            try:
                if index % 2:
                    return request(port, 'GET', '/health')[0]
                return request(port, 'POST', '/predict', asked())[0]
            except Exception as error:
                return repr(error)

        answers = list(pool.map(ask, range(number)))
    return number, [f'parallel: {answer}' for answer in answers if answer != 200] + told


def send_too_much(number):
    """Bodies above the limit, sent to their end: 413 can be read."""
    wrong = []
    with backend(max_body_mb=1) as (port, told):
        for index in range(number):
            body = b'[' + b'0,' * (500_000 * (2 + index % 8)) + b'0]'
            try:
                status, answer = request(port, 'POST', '/predict', body)
                if status != 413 or 'at most 1 MB' not in answer['error']:
                    wrong.append(f'too much: {status} {answer}')
            except Exception as error:
                wrong.append(f'too much: {error!r}')
        if request(port, 'GET', '/health')[0] != 200:
            wrong.append('too much: no answer afterwards')
    return number, wrong + told


def hold_connections(number):
    """Clients that send nothing, a part, or a byte from time to time: others are served."""
    wrong = []
    before = threading.active_count()
    starts = [b'', b'GET /hea', b'POST /predict HTTP/1.1\r\nContent-Length: 99999\r\n\r\n[']
    with backend(timeout_s=1.5) as (port, told):
        clients = [connect(port, starts[index % 3]) for index in range(number)]
        start = time.monotonic()
        statuses = [request(port, 'GET', '/health')[0] for _ in range(5)]
        if statuses != [200] * 5 or time.monotonic() - start > 10:
            wrong.append(f'slow clients: {statuses} after {time.monotonic() - start:.1f} s')
        if threading.active_count() - before > 20:
            wrong.append(f'slow clients hold {threading.active_count() - before} threads')
        deadline = time.monotonic() + 20
        while clients and time.monotonic() < deadline:
            for client in list(clients):
                try:
                    client.sendall(b'x')  # what drips does not live longer
                    client.settimeout(0.01)
                    if not client.recv(1):
                        raise ConnectionError
                except TimeoutError:
                    continue
                except OSError:
                    clients.remove(client)
                    client.close()
            time.sleep(0.2)
        wrong += [f'slow clients: still held after 20 s: {client}' for client in clients]
        for client in clients:
            client.close()
    return number, wrong + told


def leave_early(number, seed=0):
    """Clients that close or reset the connection somewhere: no traceback, and others are served."""
    rng = random.Random(seed)
    body = json.dumps(asked()).encode()
    whole = b'POST /predict HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%b' % (len(body), body)
    wrong = []
    with backend() as (port, told):
        for _ in range(number):
            client = connect(port, whole[: rng.choice([rng.randrange(len(whole)), len(whole)])])
            if rng.random() < 0.5:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
            client.close()
        if request(port, 'POST', '/predict', asked())[0] != 200:
            wrong.append('left early: no answer afterwards')
    return number, wrong + told


def send_odd_tasks(number, seed=0):
    """Requests of which parts are odd: a status that says so, never a 500."""
    rng = random.Random(seed)
    wrong = []
    with backend() as (port, told):
        for index in range(number):
            message = mutate_json(rng, asked())
            if rng.random() < 0.2:
                message = mutate_bytes(rng, json.dumps(message).encode())
            path = rng.choice(['/predict'] * 8 + ['/setup', '/webhook'])
            try:
                status, _ = request(port, 'POST', path, message)
            except Exception as error:
                status = repr(error)
            if status not in EXPECTED:
                wrong.append(f'odd task {index} of seed {seed}: {status} {str(message)[:300]}')
    return number, wrong + told


def send_odd_http(number, seed=0):
    """Requests of which the bytes are odd: the server goes on."""
    rng = random.Random(seed)
    body = json.dumps(asked()).encode()
    good = (b'POST /predict?a=b HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n'
            b'Authorization: Basic YTpi\r\nContent-Length: %d\r\nConnection: close\r\n\r\n'
            % len(body))  # fmt: skip
    odd = [
        b'GET http://[ HTTP/1.1\r\n\r\n', b'GET //[a HTTP/1.1\r\nConnection: close\r\n\r\n',
        b'\x16\x03\x01\x02\0\x01\0', b'GET / HTTP/9.9\r\n\r\n', b'\r\n' * 100, b'A' * 300_000,
        b'POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
        b'POST / HTTP/1.1\r\nContent-Length: -5\r\n\r\n',
        b'POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n',
        b'GET /%ff%00 HTTP/1.1\r\n\r\n', b'BREW / HTTP/1.1\r\nConnection: close\r\n\r\n',
    ]  # fmt: skip
    wrong = []
    with backend() as (port, told):
        for index in range(number):
            content = odd[index] if index < len(odd) else mutate_bytes(rng, good) + body
            client = connect(port)
            try:
                client.sendall(content)
                client.shutdown(socket.SHUT_WR)
                answer = client.recv(100)
                status = int(answer.split()[1]) if answer.startswith(b'HTTP/') else None
                if status is not None and status not in EXPECTED:
                    wrong.append(f'odd bytes {index} of seed {seed}: {answer[:60]!r}')
            except OSError:
                pass
            finally:
                client.close()
        if request(port, 'GET', '/health')[0] != 200:
            wrong.append('odd bytes: no answer afterwards')
    return number, wrong + told


def guess_tokens():
    """Requests with and without the token."""

    def basic(text):
        return 'Basic ' + base64.b64encode(text.encode()).decode()

    cases = [(None, 401), ('', 401), ('Bearer secret', 200), ('token secret', 200),
             (basic('me:secret'), 200), (basic(':secret'), 200), (basic('secret'), 401),
             (basic('me:secre'), 401), ('Bearer', 401), ('Bearer  secret ', 200), ('secret', 401),
             ('Basic !!!', 401), ('Bearer \xff', 401), ('Digest secret', 401)]  # fmt: skip
    wrong = []
    with backend(token='secret\n') as (port, told):
        for header, expected in cases:
            for method, path in (('GET', '/health'), ('POST', '/predict')):
                headers = {} if header is None else {'Authorization': header}
                body = asked() if method == 'POST' else None
                status, _ = request(port, method, path, body, headers)
                if status != expected:
                    wrong.append(f'token {header!r}: {status} of {method} {path}')
    return 2 * len(cases), wrong + told


@contextmanager
def page():
    """The page to annotate on, in a process of its own: its address, and its log so far."""
    with tempfile.TemporaryDirectory() as root, socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        port = probe.getsockname()[1]
        probe.close()
        log = Path(root) / 'log'
        with open(log, 'w') as file:
            process = subprocess.Popen(
                [sys.executable, str(REPO / 'demo' / 'annotator.py'), '--port', str(port),
                 '--work-dir', f'{root}/work'],
                cwd=root, stdout=file, stderr=subprocess.STDOUT,
                env={**os.environ, 'PYTHONPATH': os.pathsep.join(
                    [str(REPO), os.environ.get('PYTHONPATH', '')])},
            )  # fmt: skip
        try:
            deadline = time.monotonic() + 120
            while True:
                try:
                    with socket.create_connection(('127.0.0.1', port), timeout=5):
                        break
                except OSError:
                    assert time.monotonic() < deadline, log.read_text()[-2000:]
                    time.sleep(0.5)
            yield port, log.read_text
        finally:
            process.terminate()
            process.wait(20)


def ask_the_page_for_what_it_has_not():
    """Functions and components beyond those of the page: 404 and no traceback."""
    wrong, tries = [], 0
    with page() as (port, log):
        for index in (-1, 9999, 2**40, None):
            body = {'data': [], 'session_hash': 'a'} | (
                {} if index is None else {'fn_index': index}
            )
            for path in ('queue/join', 'run/predict', 'api/predict'):
                tries += 1
                status, answer = request(
                    port, 'POST', f'/gradio_api/{path}', body, {'Content-Type': 'application/json'}
                )
                if status not in (400, 404, 422) or 'detail' not in answer:
                    wrong.append(f'page, {path} {body}: {status} {answer}')
        if 'Traceback' in log():
            wrong.append(f'page: {log()[-500:]}')
    return tries, wrong


def attack_servers(scale=1, seed=0):
    """All of it; how often something was tried, and what went wrong."""
    found = [
        ask_in_parallel(50 * scale),
        send_too_much(4 * scale),
        hold_connections(60 * scale),
        leave_early(60 * scale, seed),
        send_odd_tasks(300 * scale, seed),
        send_odd_http(100 * scale, seed),
        guess_tokens(),
    ]
    if find_spec('gradio') is not None:
        found.append(ask_the_page_for_what_it_has_not())
    return sum(tries for tries, _ in found), [text for _, wrong in found for text in wrong]


ATTACKS = {
    'parallel': lambda: ask_in_parallel(50),
    'too much': lambda: send_too_much(4),
    'slow': lambda: hold_connections(60),
    'gone': lambda: leave_early(60),
    'odd tasks': lambda: send_odd_tasks(300),
    'odd bytes': lambda: send_odd_http(60),
    'tokens': guess_tokens,
}


@pytest.mark.parametrize('name', ATTACKS)
def test_the_backend_holds(name):
    _, wrong = ATTACKS[name]()
    assert not wrong, '\n'.join(wrong[:20])


@pytest.mark.skipif(find_spec('gradio') is None, reason='gradio is not installed')
def test_the_page_holds():
    _, wrong = ask_the_page_for_what_it_has_not()
    assert not wrong, '\n'.join(wrong)


@pytest.mark.parametrize(
    'option', [{'token': ' '}, {'max_body_mb': 0}, {'timeout_s': float('nan')}]
)
def test_options_are_checked(option):
    with pytest.raises(ValueError, match=r'token|max_body_mb|timeout_s'):
        BackendServer(None, port=0, **option)
