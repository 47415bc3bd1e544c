"""A real Label Studio server on loopback, for as long as a block lasts."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

# It has packages of its own, and is best installed apart from ours.
PROGRAM = os.environ.get('MMSTEAL_LABEL_STUDIO') or shutil.which('label-studio')
_START_S = 600

INTERFACE = """
<View>
  <Image name="image" value="$image"/>
  <BrushLabels name="brush" toName="image"><Label value="thing"/></BrushLabels>
  <PolygonLabels name="polygon" toName="image"><Label value="thing"/></PolygonLabels>
  <RectangleLabels name="box" toName="image"><Label value="thing"/></RectangleLabels>
</View>
"""


class Server:
    """What is asked of the server."""

    def __init__(self, address: str, token: str) -> None:
        self.address = address
        self._token = token

    def ask(self, method: str, path: str, value: Any = None) -> Any:
        """JSON in, JSON out; an error of the server comes with what it says."""
        request = Request(
            self.address + path,
            None if value is None else json.dumps(value).encode(),
            {'Authorization': f'Token {self._token}', 'Content-Type': 'application/json'},
            method=method,
        )
        with urlopen(request, timeout=120) as answer:
            content = answer.read()
        return json.loads(content) if content else None

    def new_project(self, tasks: list[dict[str, Any]]) -> int:
        """A project with tasks, imported as a person does it."""
        project = self.ask('POST', '/api/projects', {'title': 'mmsteal', 'label_config': INTERFACE})
        self.ask('POST', f'/api/projects/{project["id"]}/import', tasks)
        return int(project['id'])

    def tasks(self, project: int) -> list[dict[str, Any]]:
        """Tasks of a project with annotations and predictions, by id."""
        listed = self.ask('GET', f'/api/tasks?project={project}')['tasks']
        return [self.ask('GET', f'/api/tasks/{one["id"]}') for one in listed]

    def export(self, project: int) -> list[dict[str, Any]]:
        """The export "JSON"."""
        found: list[dict[str, Any]] = self.ask(
            'GET', f'/api/projects/{project}/export?exportType=JSON'
        )
        return found

    def predictions_of(self, project: int, backend: str) -> list[dict[str, Any]]:
        """Connect a backend and retrieve the predictions of all tasks."""
        self.ask('POST', '/api/ml', {'project': project, 'url': backend, 'title': 'mmsteal'})
        self.ask(
            'POST', f'/api/dm/actions?id=retrieve_tasks_predictions&project={project}',
            {'selectedItems': {'all': True, 'excluded': []}},
        )  # fmt: skip
        found = []
        for task in self.tasks(project):
            found += task['predictions']
        return found


@contextmanager
def label_studio(folder: Path) -> Iterator[Server]:
    """Start a server that keeps its data in a folder; it is stopped at the end."""
    assert PROGRAM is not None
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]
    token = secrets.token_hex(20)
    own = {
        'LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN': 'true', 'ML_BLOCK_LOCAL_IP': 'false',
        'SSRF_PROTECTION_ENABLED': 'false', 'COLLECT_ANALYTICS': 'false',
        'LATEST_VERSION_CHECK': 'false', 'SENTRY_DSN': '', 'FRONTEND_SENTRY_DSN': '',
        'LABEL_STUDIO_BASE_DATA_DIR': str(folder),
    }  # fmt: skip
    words = [
        PROGRAM, 'start', '--no-browser', '--port', str(port), '--internal-host', '127.0.0.1',
        '--data-dir', str(folder), '--username', 'a@b.org', '--password', secrets.token_hex(8),
        '--user-token', token,
    ]  # fmt: skip
    # Not the packages of this process, in which there may be others of the same names.
    kept = {key: value for key, value in os.environ.items() if key != 'PYTHONPATH'}
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / 'log.txt', 'wb') as log:
        process = subprocess.Popen(
            words, stdout=log, stderr=subprocess.STDOUT, env={**kept, **own},
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
        server = Server(f'http://127.0.0.1:{port}', token)
        try:
            _wait(server, process, folder / 'log.txt')
            yield server
        finally:
            process.terminate()
            process.wait(30)


@contextmanager
def serving(server: Any) -> Iterator[str]:
    """Address of a backend of ours that answers in a thread."""
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f'http://127.0.0.1:{server.server_address[1]}'
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _wait(server: Server, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + _START_S
    while time.monotonic() < end:
        if process.poll() is not None:
            break
        try:
            server.ask('GET', '/api/version')
            return
        except (URLError, OSError):
            time.sleep(1)
    raise RuntimeError(f'Label Studio did not start:\n{log.read_text()[-2000:]}')
