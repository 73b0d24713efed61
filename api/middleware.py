"""Refuses a request body that is too large before it is read whole."""

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY = 1024 * 1024  # bytes
BODY_TOO_LARGE = {
    "error": "BodyTooLarge",
    "detail": f"The request's body is larger than {MAX_BODY} bytes.",
}


class _TooLargeError(Exception):
    """The body is larger than `MAX_BODY`."""


class BodyLimit:
    """ASGI middleware that answers 413 to a body over `MAX_BODY` bytes, announced or streamed."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and count the bytes of its body."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refusal = JSONResponse(BODY_TOO_LARGE, 413, headers={"connection": "close"})
        if _content_length(scope) > MAX_BODY:
            await refusal(scope, receive, send)
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
            await refusal(scope, receive, send)


def _content_length(scope: Scope) -> int:
    length = dict(scope["headers"]).get(b"content-length", b"0")
    return int(length) if length.isdigit() else 0
