"""The Zipkin v2 endpoint for Dapr's trace spans, in a thread of the recorder's process."""

import socket
import threading
from typing import Self

import structlog
import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from operations.recorder.traces.hints import HintQueue
from operations.recorder.traces.parser import hints_in
from operations.settings import SPANS_PATH
from operations.web.access import AccessRules
from operations.web.guard import Guard

MAX_BODY_BYTES = 2**20  # bytes of a request's body
RETRY = 5.0  # seconds before the endpoint tries again to listen at its address
EXIT_TIMEOUT = 2.0  # seconds

log = structlog.get_logger(__name__)


class _TooLarge(Exception):
    """A request's body has more than `MAX_BODY_BYTES` bytes."""


def create_app(queue: HintQueue, access: AccessRules | None = None) -> Guard:
    """Return the application that queues the hints in trace spans and answers at once."""

    async def take(request: Request) -> Response:
        content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if content_type != "application/json":
            return PlainTextResponse("expected the Content-Type application/json", 415)
        try:
            queue.offer(hints_in(await _body(request)))
        except _TooLarge:
            return PlainTextResponse(f"expected at most {MAX_BODY_BYTES} bytes", 413)
        except ClientDisconnect:
            return Response(status_code=400)
        except ValueError as error:
            return PlainTextResponse(f"expected a JSON list of trace spans: {error}", 400)
        return Response(status_code=202)

    app = Starlette(routes=[Route(SPANS_PATH, take, methods=["POST"])])
    return Guard(app, access or AccessRules())


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise _TooLarge
    return bytes(body)


class Endpoint:
    """Listens at an address while its context is entered.

    If the address is in use, the endpoint tries again every `retry` seconds; meanwhile the recorder
    polls. `access` says which hosts and origins requests may name, by default only this machine's.
    """

    def __init__(
        self,
        host: str,
        port: int,
        queue: HintQueue,
        retry: float = RETRY,
        access: AccessRules | None = None,
    ) -> None:
        self._address = (host, port)
        self._retry = retry
        self._server = uvicorn.Server(
            uvicorn.Config(
                create_app(queue, access),
                lifespan="off",
                log_config=None,
                log_level="warning",
                access_log=False,
            )
        )
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="traces", daemon=True)
        self.port: int | None = None
        """The port on which the endpoint listens, None while it cannot listen."""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._server.should_exit = True
        self._thread.join(EXIT_TIMEOUT)

    def _run(self) -> None:
        is_logged = False
        while not self._closing.is_set():
            try:
                with self._listening_socket() as listener:
                    self._serve(listener)
            except OSError as error:
                if not is_logged:
                    log.warning(
                        "cannot listen for traces, so the recorder polls",
                        address=self._address,
                        reason=str(error),
                    )
                is_logged = True
                self._closing.wait(self._retry)

    def _listening_socket(self) -> socket.socket:
        family = socket.AF_INET6 if ":" in self._address[0] else socket.AF_INET
        return socket.create_server(self._address, family=family)

    def _serve(self, listener: socket.socket) -> None:
        self.port = listener.getsockname()[1]
        log.info("listening for traces", port=self.port)
        try:
            self._server.run(sockets=[listener])
        finally:
            self.port = None
