"""The endpoint for trace spans, over a real connection."""

import socket
from collections.abc import Iterator

import pytest

from operations.recorder.limits import RecorderLimits
from operations.recorder.traces.endpoint import MAX_BODY_BYTES, Endpoint
from operations.recorder.traces.hints import HintQueue
from operations.recorder.traces.parser import Hint
from operations.settings import SPANS_PATH
from tests.http_client import http_client
from tests.unit.conftest import LogLines
from tests.unit.snapshots import ID
from tests.unit.zipkin import START_MICROS, body, end_span
from tests.waiting import eventually


@pytest.fixture
def hints() -> HintQueue:
    """Return a queue with room for two hints."""
    return HintQueue(RecorderLimits(queued_hints=2))


@pytest.fixture
def endpoint(hints: HintQueue) -> Iterator[Endpoint]:
    """Return an endpoint that listens."""
    with Endpoint("127.0.0.1", 0, hints) as endpoint:
        eventually(lambda: endpoint.port, 10, "it listens")
        yield endpoint


def post(endpoint: Endpoint, content: bytes, **headers: str) -> int:
    """Send a body; return the status code of the answer."""
    url = f"http://127.0.0.1:{endpoint.port}{SPANS_PATH}"
    sent = {"content-type": "application/json"} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    return http_client.post(url, content=content, headers=sent, timeout=10).status_code


def test_spans_are_accepted(endpoint: Endpoint, hints: HintQueue) -> None:
    """The answer does not wait until the hints are handled."""
    assert post(endpoint, body(end_span())) == 202
    assert hints.take() == [Hint(ID, START_MICROS / 1e6, is_end=True)]


def test_a_full_queue_accepts_and_drops_hints(endpoint: Endpoint, hints: HintQueue) -> None:
    """The answer is the same as for any other request."""
    assert [post(endpoint, body(end_span(), end_span(), end_span())) for _ in range(2)] == [
        202,
        202,
    ]
    assert (len(hints.take()), hints.dropped) == (2, 4)


@pytest.mark.parametrize("nonsense", [b"", b"{}", b"[", b"\xff\xfe", b"[" * 50_000])
def test_a_body_that_is_not_a_json_list_is_refused(
    endpoint: Endpoint, hints: HintQueue, nonsense: bytes
) -> None:
    """It does not count as a sign that trace spans arrive."""
    assert post(endpoint, nonsense) == 400
    assert not hints.is_traced


@pytest.mark.parametrize("content", [b"[]", b'[7, null, {"name": {}}]'])
def test_a_list_without_hints_is_accepted(
    endpoint: Endpoint, hints: HintQueue, content: bytes
) -> None:
    """It shows that trace spans arrive."""
    assert post(endpoint, content) == 202
    assert (hints.take(), hints.is_traced) == ([], True)


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"content_type": "text/plain"}, 415),
        ({"content_type": ""}, 415),
        ({"content_type": "application/json; charset=utf-8"}, 202),
        ({"origin": "https://other.example"}, 403),
        ({"origin": "null"}, 403),
        ({"sec_fetch_site": "cross-site"}, 403),
        ({"host": "other.example"}, 421),
    ],
)
def test_other_web_pages_cannot_send_spans(
    endpoint: Endpoint, hints: HintQueue, headers: dict[str, str], code: int
) -> None:
    """A page of another site can send text without asking, and can name a host of its own."""
    assert post(endpoint, body(end_span()), **headers) == code
    assert hints.received == (code == 202)


def test_a_body_that_is_too_large_is_refused(endpoint: Endpoint, hints: HintQueue) -> None:
    """It is refused before it is read completely."""
    assert post(endpoint, b"[" + b" " * MAX_BODY_BYTES + b"]") == 413
    assert post(endpoint, b"[" + b" " * (MAX_BODY_BYTES - 2) + b"]") == 202
    assert hints.take() == []


def test_other_paths_and_methods_are_refused(endpoint: Endpoint) -> None:
    """The status codes are 404 and 405."""
    url = f"http://127.0.0.1:{endpoint.port}"
    assert http_client.get(url + SPANS_PATH, timeout=10).status_code == 405
    assert http_client.post(url, content=b"[]", timeout=10).status_code == 404


def test_a_port_in_use_is_logged_once_and_tried_again(
    hints: HintQueue, log_lines: LogLines
) -> None:
    """The endpoint listens as soon as the port is free."""
    log_lines.configure("info")
    tries = 0

    class Counted(Endpoint):
        def _listening_socket(self) -> socket.socket:
            nonlocal tries
            tries += 1
            return super()._listening_socket()

    with socket.create_server(("127.0.0.1", 0)) as blocker:
        port = blocker.getsockname()[1]
        endpoint = Counted("127.0.0.1", port, hints, retry=0.01)
        with endpoint:
            eventually(lambda: tries > 3, 10, "it was tried again and again")
            assert endpoint.port is None
            blocker.close()
            assert eventually(lambda: endpoint.port, 10, "it listens") == port
            eventually(lambda: post(endpoint, body(end_span())) == 202, 10, "it answers")
    events = [line["event"] for line in log_lines.events() if "traces" in line["event"]]
    assert events == ["cannot listen for traces, so the recorder polls", "listening for traces"]


def test_an_invalid_address_does_not_stop_the_process(hints: HintQueue) -> None:
    """It is handled like an address in use."""
    with Endpoint("no such host.invalid", 1, hints, retry=0.01) as endpoint:
        assert endpoint.port is None


def test_the_port_is_free_after_the_exit(hints: HintQueue) -> None:
    """The next recorder can listen at the same port."""
    with Endpoint("127.0.0.1", 0, hints) as first:
        port = eventually(lambda: first.port, 10, "it listens")
    with Endpoint("127.0.0.1", port, hints) as second:
        assert eventually(lambda: second.port, 10, "it listens") == port
