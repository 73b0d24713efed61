"""The endpoint that takes spans, over a real connection."""

import socket
from collections.abc import Iterator

import httpx
import pytest

from operations.recorder.limits import Limits
from operations.recorder.traces.endpoint import LARGEST, PATH, Endpoint
from operations.recorder.traces.hints import HintQueue
from operations.recorder.traces.spans import Hint
from tests.unit.conftest import LogLines
from tests.unit.snapshots import ID
from tests.unit.zipkin import BEGAN, body, over
from tests.waiting import eventually


@pytest.fixture
def hints() -> HintQueue:
    """Return a queue with room for two."""
    return HintQueue(Limits(queued_hints=2))


@pytest.fixture
def endpoint(hints: HintQueue) -> Iterator[Endpoint]:
    """Return an endpoint that listens."""
    with Endpoint("127.0.0.1", 0, hints) as endpoint:
        eventually(lambda: endpoint.port, 10, "it listens")
        yield endpoint


def post(endpoint: Endpoint, content: bytes) -> int:
    """Send a body, and return the status of the answer."""
    url = f"http://127.0.0.1:{endpoint.port}{PATH}"
    return httpx.post(url, content=content, timeout=10).status_code


def test_spans_are_taken(endpoint: Endpoint, hints: HintQueue) -> None:
    """The answer does not wait for anybody to heed them."""
    assert post(endpoint, body(over())) == 202
    assert hints.take() == [Hint(ID, BEGAN / 1e6, is_end=True)]


def test_a_full_queue_is_no_trouble_of_the_sender_s(endpoint: Endpoint, hints: HintQueue) -> None:
    """What there is no room for is dropped, and answered as all else is."""
    assert [post(endpoint, body(over(), over(), over())) for _ in range(2)] == [202, 202]
    assert (len(hints.take()), hints.dropped) == (2, 4)


@pytest.mark.parametrize("nonsense", [b"", b"{}", b"[", b"\xff\xfe", b"[" * 50_000])
def test_what_is_no_json_list_is_refused(
    endpoint: Endpoint, hints: HintQueue, nonsense: bytes
) -> None:
    """And no sign that spans arrive."""
    assert post(endpoint, nonsense) == 400
    assert not hints.is_traced


@pytest.mark.parametrize("content", [b"[]", b'[7, null, {"name": {}}]'])
def test_what_hints_at_nothing_is_taken(
    endpoint: Endpoint, hints: HintQueue, content: bytes
) -> None:
    """It is a list."""
    assert post(endpoint, content) == 202
    assert (hints.take(), hints.is_traced) == ([], True)


def test_a_body_that_is_too_large_is_refused(endpoint: Endpoint, hints: HintQueue) -> None:
    """Before it is read whole."""
    assert post(endpoint, b"[" + b" " * LARGEST + b"]") == 413
    assert post(endpoint, b"[" + b" " * (LARGEST - 2) + b"]") == 202
    assert hints.take() == []


def test_nothing_else_is_there(endpoint: Endpoint) -> None:
    """Neither another path nor another method."""
    url = f"http://127.0.0.1:{endpoint.port}"
    assert httpx.get(url + PATH, timeout=10).status_code == 405
    assert httpx.post(url, content=b"[]", timeout=10).status_code == 404


def test_a_taken_port_is_told_once_and_tried_again(hints: HintQueue, log_lines: LogLines) -> None:
    """As soon as it is free, it is listened on."""
    log_lines.configure("info")
    tries = 0

    class Counted(Endpoint):
        def _listening_socket(self) -> socket.socket:
            nonlocal tries
            tries += 1
            return super()._listening_socket()

    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        endpoint = Counted("127.0.0.1", port, hints, retry=0.01)
        with endpoint:
            eventually(lambda: tries > 3, 10, "it was tried again and again")
            assert endpoint.port is None
            holder.close()
            assert eventually(lambda: endpoint.port, 10, "it listens") == port
            eventually(lambda: post(endpoint, body(over())) == 202, 10, "it answers")
    told = [line["event"] for line in log_lines.events() if "traces" in line["event"]]
    assert told == ["cannot listen for traces, so the recorder polls", "listening for traces"]


def test_an_address_that_is_none_stops_nobody(hints: HintQueue) -> None:
    """It is as one that is taken."""
    with Endpoint("no such host.invalid", 1, hints, retry=0.01) as endpoint:
        assert endpoint.port is None


def test_its_port_is_free_afterwards(hints: HintQueue) -> None:
    """The next recorder can listen where the last one did."""
    with Endpoint("127.0.0.1", 0, hints) as first:
        port = eventually(lambda: first.port, 10, "it listens")
    with Endpoint("127.0.0.1", port, hints) as second:
        assert eventually(lambda: second.port, 10, "it listens") == port
