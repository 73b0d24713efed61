"""Refuses a request body that is too large before it is read whole."""

import asyncio

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY = 1024 * 1024  # bytes
BODY_TOO_LARGE = {
    "error": "BodyTooLarge",
    "detail": f"The request's body is larger than {MAX_BODY} bytes.",
}
MAX_DISCARDED = 8 * MAX_BODY  # bytes of a refused body that are read, so that the client sees why
DISCARD_TIMEOUT = 5.0  # seconds


class _TooLargeError(Exception):
    """The body is larger than `MAX_BODY`."""


class BodyLimit:
    """ASGI middleware that answers 413 to a body over `MAX_BODY` bytes, announced or streamed.

    Most clients read the answer only after they have sent the body, and see a reset connection if
    the server closes it before. So the middleware reads on, within limits, before it answers.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and count the bytes of its body."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if _content_length(scope) > MAX_BODY:
            await _refuse(scope, receive, send)
            return
        received, answered = 0, False

        async def receive_counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > MAX_BODY:
                raise _TooLargeError
            return message

        async def send_unless_refused(message: Message) -> None:
            nonlocal answered
            if received > MAX_BODY and not answered:
                raise _TooLargeError  # FastAPI turned the first one into a 400
            answered = True
            await send(message)

        try:
            await self._app(scope, receive_counted, send_unless_refused)
        except _TooLargeError:
            if answered:
                raise
            await _refuse(scope, receive, send)


async def _refuse(scope: Scope, receive: Receive, send: Send) -> None:
    waits = "expect" in Headers(scope=scope)  # the client sends no body before an answer
    if not waits and _content_length(scope) <= MAX_DISCARDED:
        await _discard(receive)
    refusal = JSONResponse(BODY_TOO_LARGE, 413, headers={"connection": "close"})
    await refusal(scope, receive, send)


async def _discard(receive: Receive) -> None:
    """Read the rest of a body, up to `MAX_DISCARDED` bytes or `DISCARD_TIMEOUT` seconds."""
    discarded, is_more = 0, True
    try:
        async with asyncio.timeout(DISCARD_TIMEOUT):
            while is_more and discarded <= MAX_DISCARDED:
                message = await receive()
                discarded += len(message.get("body", b""))
                is_more = message.get("more_body", False)
    except TimeoutError:
        return


def _content_length(scope: Scope) -> int:
    length = Headers(scope=scope).get("content-length", "0")
    return int(length) if length.isdecimal() else 0
