"""The response that sends an export."""

import asyncio
from collections.abc import Iterator

from starlette.types import Message

from operations.errors import LedgerUnavailable
from operations.export.export import Export
from operations.web.download import Download
from tests.unit.conftest import LogLines


def sent(chunks: Iterator[bytes]) -> list[Message]:
    """Return the messages that an application sends for a download."""
    messages: list[Message] = []

    async def receive() -> Message:
        return await asyncio.Future[Message]()

    async def send(message: Message) -> None:
        messages.append(message)

    response = Download(Export("runs.csv", "text/csv; charset=utf-8", chunks))
    asyncio.run(response({"type": "http", "method": "GET"}, receive, send))
    return messages


def test_a_download_is_a_file() -> None:
    """With a name, not cached, and in chunks: nothing waits for its end."""
    start, *body = sent(iter([b"a", b"b"]))
    headers = dict(start["headers"])
    assert headers[b"content-disposition"] == b'attachment; filename="runs.csv"'
    assert headers[b"content-type"] == b"text/csv; charset=utf-8"
    assert headers[b"cache-control"] == b"no-store"
    assert b"content-length" not in headers
    assert [(each["body"], each["more_body"]) for each in body] == [
        (b"a", True),
        (b"b", True),
        (b"", False),
    ]


def test_an_outage_makes_the_file_incomplete(log_lines: LogLines) -> None:
    """The last message is missing, so that the server closes the connection; the log says why."""

    def chunks() -> Iterator[bytes]:
        yield b"a"
        raise LedgerUnavailable("disk full")

    log_lines.configure("info")
    _, *body = sent(chunks())
    assert [(each["body"], each["more_body"]) for each in body] == [(b"a", True)]
    (line,) = log_lines.events()
    assert (line["file"], line["level"]) == ("runs.csv", "warning")
    assert "disk full" in line["reason"]
