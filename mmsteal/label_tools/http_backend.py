"""The web server that Label Studio asks for predictions."""

from __future__ import annotations

import json
import logging
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from mmsteal.label_formats import LabelError
from mmsteal.label_tools.label_studio import LabelStudioRefiner

logger = logging.getLogger(__name__)


class RequestError(Exception):
    """A request that cannot be answered; the message is for the client."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status


class BackendServer(ThreadingHTTPServer):
    """Label Studio's protocol of a machine learning backend.

    `GET /health`, `POST /setup`, `POST /predict`; `POST /webhook` and `POST /train` are answered,
    but there is nothing to train. Answers are JSON. A bad request gets a message, and the server
    goes on. The prediction of a bad task is empty and says why; a bad region of a smart tool is
    answered with an error, which Label Studio shows.

    Args:
        refiner (LabelStudioRefiner): Makes the predictions.
        host (str): Address to listen on.
        port (int): Port; 0 takes a free one, see `server_port`.
        max_body_mb (float): Largest request.

    Example:
        >>> server = BackendServer(refiner)  # doctest: +SKIP
        >>> server.serve_forever()  # doctest: +SKIP
    """

    daemon_threads = True

    def __init__(
        self,
        refiner: LabelStudioRefiner,
        host: str = '127.0.0.1',
        port: int = 9090,
        *,
        max_body_mb: float = 64.0,
    ) -> None:
        self.refiner = refiner
        self.max_body = int(max_body_mb * 1e6)
        super().__init__((host, port), _Handler)

    def answer(self, method: str, path: str, body: Any) -> tuple[HTTPStatus, dict[str, Any]]:
        """Answer a request.

        Args:
            method (str): 'GET' or 'POST'.
            path (str): Path of the address.
            body (Any): What was posted; None for GET.

        Raises:
            RequestError: If it cannot be answered.
        """
        version = {'model_version': self.refiner.model_version}
        if method == 'GET':
            if path in ('/', '/health'):
                status = {'status': 'UP', 'model_class': type(self.refiner).__name__}
                return HTTPStatus.OK, {**status, **version}
            if path == '/metrics':
                return HTTPStatus.OK, {}
        elif path == '/setup':
            return HTTPStatus.OK, version
        elif path == '/predict':
            return HTTPStatus.OK, {'results': self._predict(body), **version}
        elif path in ('/webhook', '/train'):
            return HTTPStatus.CREATED, {'status': 'ok', 'result': 'nothing to train', **version}
        raise RequestError(HTTPStatus.NOT_FOUND, f'There is no {method} {path}.')

    def _predict(self, body: Any) -> list[dict[str, Any]]:
        tasks = body.get('tasks') if isinstance(body, dict) else None
        if not isinstance(tasks, list):
            raise RequestError(HTTPStatus.BAD_REQUEST, 'Expected a list "tasks" in the request.')
        params = body.get('params')
        context = params.get('context') if isinstance(params, dict) else None
        results = []
        errors = []
        for task in tasks:
            try:
                results.append(self.refiner(task, context))
            except (LabelError, FileNotFoundError, ValueError) as error:
                missing = isinstance(error, FileNotFoundError)
                status = HTTPStatus.NOT_FOUND if missing else HTTPStatus.UNPROCESSABLE_ENTITY
                message = f'{error.strerror or error}' if isinstance(error, OSError) else str(error)
                logger.warning('%s', message)
                errors.append(RequestError(status, message))
                results.append(self.refiner.failed(message))
        # Label Studio shows the error of a smart tool, but of other requests only predictions.
        if errors and context:
            raise errors[0]
        return results


class _Handler(BaseHTTPRequestHandler):
    server: BackendServer
    protocol_version = 'HTTP/1.1'
    server_version = 'mmsteal'
    sys_version = ''
    timeout = 60  # a client that sends nothing does not hold a thread for ever

    def do_GET(self) -> None:
        self._respond('GET')

    def do_POST(self) -> None:
        self._respond('POST')

    def _respond(self, method: str) -> None:
        try:
            body = self._body() if method == 'POST' else None
            status, answer = self.server.answer(method, urlsplit(self.path).path, body)
        except RequestError as error:
            status, answer = error.status, {'error': str(error)}
        except (ConnectionError, TimeoutError):
            self.close_connection = True
            return
        except Exception as error:  # the server goes on, whatever it was
            logger.exception('%s %s failed', method, self.path)
            status = HTTPStatus.INTERNAL_SERVER_ERROR
            answer = {'error': f'{type(error).__name__}; the log of the backend says more.'}
        content = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header('Content-Type', 'application/json')
        self.send_header('Content-Length', str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _body(self) -> Any:
        length = self.headers.get('Content-Length', '')
        if not length.isascii() or not length.isdigit():
            self.close_connection = True  # where the next request begins is not known
            raise RequestError(HTTPStatus.LENGTH_REQUIRED, 'Expected a Content-Length.')
        if int(length) > self.server.max_body:
            self.close_connection = True
            raise RequestError(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                f'Expected at most {self.server.max_body / 1e6:g} MB, but got '
                f'{int(length) / 1e6:.1f} MB; send fewer tasks at once or raise --max-body-mb.',
            )
        content = self.rfile.read(int(length))
        try:
            return json.loads(content)
        except (ValueError, RecursionError) as error:
            raise RequestError(HTTPStatus.BAD_REQUEST, f'Expected JSON: {error}') from error

    def log_message(self, format: str, *args: Any) -> None:
        logger.info('%s %s', self.address_string(), format % args)
