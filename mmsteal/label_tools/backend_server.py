"""The web server that Label Studio asks for predictions."""

from __future__ import annotations

import json
import logging
import select
import socket
import time
from types import TracebackType

from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.server import create_server
from waitress.task import ErrorTask
from waitress.wasyncore import close_all, loop

from mmsteal.label_tools.backend_app import BackendApp
from mmsteal.label_tools.label_studio import LabelStudioRefiner

# A refinement has all processors; the other threads answer what takes no time meanwhile.
_THREADS = 8
_MAX_CONNECTIONS = 512
# How long an answer may wait to be read by a client whose request was refused half-way.
_LINGER_S = 10.0
# No thread waits for a client to read: an answer is kept until it does.
_MAX_ANSWER = 1 << 31


class BackendServer:
    """Serves a :class:`BackendApp`.

    Connections are served by waitress: requests and answers wait without a thread, and a client
    that does not go on for a minute, or does not come to an end in `timeout_s`, is cut off.

    Args:
        refiner (LabelStudioRefiner): Makes the predictions.
        host (str): Address to listen on.
        port (int): Port; 0 takes a free one, see `server_port`.
        max_body_mb (float): Largest request.
        timeout_s (float): Longest time in which a request has to arrive, in seconds.
        token (str | None): What a client has to know; see :class:`BackendApp`.

    Attributes:
        server_address (tuple[str, int]): Where it listens.
        server_port (int): The port of it.

    Raises:
        OSError: If the address is not free.
        ValueError: If the token is empty, or `max_body_mb` or `timeout_s` not above 0.

    Example:
        >>> server = BackendServer(refiner)  # doctest: +SKIP
        >>> server.serve_forever()  # doctest: +SKIP
    """

    def __init__(
        self,
        refiner: LabelStudioRefiner,
        host: str = '127.0.0.1',
        port: int = 9090,
        *,
        max_body_mb: float = 64.0,
        timeout_s: float = 120.0,
        token: str | None = None,
    ) -> None:
        for name, value in (('max_body_mb', max_body_mb), ('timeout_s', timeout_s)):
            if not value > 0:
                raise ValueError(f'Expected argument `{name}` to be above 0, but got {value}.')
        app = BackendApp(refiner, token=token)
        family = socket.AF_INET6 if ':' in host else socket.AF_INET
        listener = socket.create_server((host, port), family=family, backlog=1024)
        self.server_address: tuple[str, int] = listener.getsockname()[:2]
        self.server_port = self.server_address[1]
        self._running = True
        self._map: dict[int, object] = {}
        logging.getLogger('waitress.queue').setLevel(logging.ERROR)  # tells of every wait
        self._server = create_server(
            app,
            map=self._map,
            sockets=[listener],
            threads=_THREADS,
            backlog=1024,
            connection_limit=_MAX_CONNECTIONS,
            channel_timeout=min(60, int(timeout_s) + 1),
            cleanup_interval=1,
            max_request_body_size=int(max_body_mb * 1e6) + 1,
            outbuf_high_watermark=_MAX_ANSWER,
            log_socket_errors=False,
            asyncore_use_poll=hasattr(select, 'poll'),
            ident='mmsteal',
            clear_untrusted_proxy_headers=True,
        )
        # Each server has its own limits.
        self._server.channel_class = type('Channel', (_Channel,), {'timeout_s': timeout_s})

    def serve_forever(self) -> None:
        """Serve until :meth:`shutdown`, or until interrupted."""
        poll = self._server.adj.asyncore_use_poll
        while self._running:
            loop(timeout=0.5, use_poll=poll, map=self._map, count=1)

    def shutdown(self) -> None:
        """End :meth:`serve_forever`; from any thread."""
        self._running = False
        self._server.pull_trigger()

    def server_close(self) -> None:
        """Close all connections; what is under way ends unheard."""
        self._server.task_dispatcher.shutdown(cancel_pending=True, timeout=1)
        close_all(self._map)

    def __enter__(self) -> BackendServer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.server_close()


class _ErrorTask(ErrorTask):
    """What waitress refuses by itself, in the words and the form of the backend."""

    def execute(self) -> None:
        refused = self.request.error
        message = f'{refused.reason}: {refused.body}.'
        if refused.code == 413:
            limit = (self.channel.server.adj.max_request_body_size - 1) / 1e6
            size = max(self.request.content_length, self.request.body_bytes_received) / 1e6
            message = (
                f'Expected at most {limit:g} MB, but got {size:.1f} MB; send fewer tasks at once '
                'or raise --max-body-mb.'
            )
        content = json.dumps({'error': message}).encode()
        self.status = f'{refused.code} {refused.reason}'
        self.response_headers.append(('Content-Type', 'application/json'))
        self.content_length = len(content)
        self.set_close_on_finish()
        self.write(content)


class _Parser(HTTPRequestParser):
    path = ''  # waitress names it also where a request has come to none

    def parse_header(self, header_plus: bytes) -> None:
        try:
            super().parse_header(header_plus)
        except ParsingError:
            raise
        except ValueError as error:  # of urllib, where an address has a bracket alone
            raise ParsingError(f'Address invalid: {error}') from error


class _Channel(HTTPChannel):
    """A connection that ends in time, and lets the client read why it was refused."""

    error_task_class = _ErrorTask
    parser_class = _Parser
    timeout_s = 120.0
    _began: float | None = None
    _refused = False
    _linger_until: float | None = None

    def received(self, data: bytes) -> bool:
        done: bool = super().received(data)
        self._refused = self._refused or any(request.error for request in self.requests)
        return done

    def readable(self) -> bool:
        now = time.monotonic()
        if self._linger_until is not None:
            return True
        if self.request is None:
            self._began = None
        elif self._began is None:
            self._began = now
        elif now - self._began > self.timeout_s:
            self.will_close = True
        readable: bool = super().readable()
        return readable

    def writable(self) -> bool:
        if self._linger_until is not None:
            return time.monotonic() > self._linger_until
        writable: bool = super().writable()
        return writable

    def handle_read(self) -> None:
        if self._linger_until is None:
            super().handle_read()
        else:
            try:
                self.recv(1 << 16)  # closes the connection when the client has
            except OSError:
                super().handle_close()

    def handle_write(self) -> None:
        if self._linger_until is None:
            super().handle_write()
        else:
            super().handle_close()

    def handle_close(self) -> None:
        if self._refused and self._linger_until is None and self.connected:
            # To close with bytes unread would reset the connection, and the answer be lost.
            self._linger_until = time.monotonic() + _LINGER_S
            self.will_close = False
            try:
                self.socket.shutdown(socket.SHUT_WR)
                return
            except OSError:
                pass
        super().handle_close()
