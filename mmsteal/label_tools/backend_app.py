"""What Label Studio asks of a machine learning backend, as a WSGI application."""

from __future__ import annotations

import base64
import hmac
import json
import logging
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any

from mmsteal.input_files import parse_json
from mmsteal.label_formats import LabelError
from mmsteal.label_tools.label_studio import LabelStudioRefiner

logger = logging.getLogger(__name__)

StartResponse = Callable[[str, list[tuple[str, str]]], Any]


class RequestError(Exception):
    """A request that cannot be answered; the message is for the client."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status


class BackendApp:
    """Label Studio's protocol of a machine learning backend.

    `GET /health`, `POST /setup`, `POST /predict`; `POST /webhook` and `POST /train` are answered,
    but there is nothing to train. Answers are JSON. A bad request gets a message. The prediction of
    a bad task is empty and says why; a bad region of a smart tool is answered with an error, which
    Label Studio shows.

    Args:
        refiner (LabelStudioRefiner): Makes the predictions.
        token (str | None): What a client has to know: the password of basic authentication, of any
            user, or a bearer token. None: nothing.

    Raises:
        ValueError: If the token is empty.
    """

    def __init__(self, refiner: LabelStudioRefiner, *, token: str | None = None) -> None:
        if token is not None and not token.strip():
            raise ValueError('Expected a token that is not empty, or none.')
        self.refiner = refiner
        self._token = None if token is None else token.strip().encode()

    def __call__(
        self, environ: Mapping[str, Any], start_response: StartResponse
    ) -> Iterable[bytes]:
        """Answer a request, as PEP 3333 says."""
        method, path = environ['REQUEST_METHOD'], environ.get('PATH_INFO', '')
        headers = [('Content-Type', 'application/json')]
        try:
            self._check_token(environ.get('HTTP_AUTHORIZATION', ''))
            body = _read_json(environ) if method == 'POST' else None
            status, answer = self.answer(method, path, body)
        except RequestError as error:
            status, answer = error.status, {'error': str(error)}
        except Exception as error:  # the server goes on, whatever it was
            logger.exception('%s %s failed', method, path)
            status = HTTPStatus.INTERNAL_SERVER_ERROR
            answer = {'error': f'{type(error).__name__}; the log of the backend says more.'}
        if status == HTTPStatus.UNAUTHORIZED:
            headers.append(('WWW-Authenticate', 'Basic realm="mmsteal"'))
        content = json.dumps(answer).encode()
        headers.append(('Content-Length', str(len(content))))
        logger.info('%s %s %s %d', environ.get('REMOTE_ADDR'), method, path, status)
        start_response(f'{status.value} {status.phrase}', headers)
        return [content]

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
        elif method == 'POST' and path == '/setup':
            return HTTPStatus.OK, version
        elif method == 'POST' and path == '/predict':
            return HTTPStatus.OK, {'results': self._predict(body), **version}
        elif method == 'POST' and path in ('/webhook', '/train'):
            return HTTPStatus.CREATED, {'status': 'ok', 'result': 'nothing to train', **version}
        raise RequestError(HTTPStatus.NOT_FOUND, f'There is no {method} {path}.')

    def _check_token(self, authorization: str) -> None:
        if self._token is None:
            return
        scheme, _, given = authorization.strip().partition(' ')
        found = given.strip().encode('utf-8', 'replace')
        if scheme.lower() == 'basic':
            try:
                found = base64.b64decode(found, validate=True).partition(b':')[2]
            except ValueError:
                found = b''
        elif scheme.lower() not in ('bearer', 'token'):
            found = b''
        if not hmac.compare_digest(found, self._token):
            raise RequestError(
                HTTPStatus.UNAUTHORIZED,
                'Expected the token that the backend was started with; in Label Studio enter it as '
                'the password of basic authentication.',
            )

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
            except (LabelError, FileNotFoundError, ValueError, OverflowError) as error:
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


def _read_json(environ: Mapping[str, Any]) -> Any:
    length = environ.get('CONTENT_LENGTH') or '0'
    try:
        return parse_json(environ['wsgi.input'].read(int(length)))
    except ValueError as error:
        raise RequestError(HTTPStatus.BAD_REQUEST, f'Expected JSON: {error}') from error
