"""The REST API of the order application, each answer to the letter."""

import asyncio
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from api.middleware import MAX_BODY
from api.schemas.failures import InvalidInputResponse
from api.services import Services
from operations.errors import DaprRefused, DaprUnavailable, LedgerUnavailable, OutcomeUnknown
from operations.ledger import Ledger
from operations.model import DaprHealth, Failure, Problem, Service, Status
from tests.unit.fakes import FakeGateway, instance
from worker.app import create_order_app
from worker.runtime import RuntimeState

ORDER = {"order_id": "ORDER001", "amount": 99.99, "items": ["laptop", "mouse"]}
STARTED = {
    "status": "started",
    "instance_id": "order_ORDER001",
    "order_data": ORDER,
    "message": "Workflow is executing. Use /workflow/status/{instance_id} to check progress",
}
AMOUNT = "a number above 0 and up to 1000000, with at most 2 decimals"
ITEM = "a text of 1 to 200 characters, none of them a control character"
WHOLE = "a JSON object with order_id, amount and items"
JSON = {"content-type": "application/json"}
UNAVAILABLE = DaprUnavailable("no sidecar accepts the connection")


@dataclass
class World:
    """The services of the API, and the calls of its lifespan."""

    gateway: FakeGateway
    ledger: Ledger
    runtime: RuntimeState = RuntimeState.RUNNING
    calls: list[str] = field(default_factory=list)

    def api(self) -> FastAPI:
        """Build the application."""
        return create_order_app(
            Services(self.gateway, lambda: self.ledger),
            lambda: self.runtime,
            start=lambda: self.calls.append("start"),
            stop=lambda: self.calls.append("stop"),
        )


@pytest.fixture
def world(gateway: FakeGateway, ledger: Ledger) -> World:
    """Return an engine and a ledger in which everything is well."""
    return World(gateway, ledger)


@pytest.fixture
def client(world: World) -> Iterator[TestClient]:
    """Return a client of the running application."""
    with TestClient(world.api(), raise_server_exceptions=False) as client:
        yield client


def start(client: TestClient, body: str | bytes) -> httpx.Response:
    """Post a body as an order."""
    answer: httpx.Response = client.post("/workflow/start", content=body, headers=JSON)
    return answer


def mistake(answer: httpx.Response) -> dict[str, Any]:
    """Return the one mistake that an answer names."""
    assert answer.status_code == 422
    body = InvalidInputResponse.model_validate(answer.json())
    (found,) = body.detail
    shown = "nothing" if "found nothing" in found.message else json.dumps(found.found)
    assert found.message == f"{found.field}: found {shown}, expected {found.expected}."
    return found.model_dump(exclude={"message"})


def with_amount(text: str) -> str:
    """Return an order whose amount is this JSON text."""
    return f'{{"order_id": "ORDER001", "amount": {text}, "items": ["laptop"]}}'


def with_item(text: str) -> str:
    """Return an order whose second item is this JSON text."""
    return f'{{"order_id": "ORDER001", "amount": 1, "items": ["laptop", {text}]}}'


def test_the_lifespan_starts_and_stops_the_runtime(world: World) -> None:
    """The runtime lives as long as the application is served."""
    with TestClient(world.api()):
        assert world.calls == ["start"]
    assert world.calls == ["start", "stop"]


def test_info_lists_the_endpoints(client: TestClient) -> None:
    """The root says what this is, and what can be asked of it."""
    assert client.get("/").json() == {
        "name": "Flowdeck order workflow",
        "version": "0.1.0",
        "workflow": "order_workflow",
        "endpoints": {
            "GET /": "Get application info",
            "GET /health": "Health check",
            "POST /workflow/start": "Start a new workflow",
            "GET /workflow/status/{instance_id}": "Get workflow status",
            "POST /workflow/pause/{instance_id}": "Pause a running workflow",
            "POST /workflow/resume/{instance_id}": "Resume a paused workflow",
            "POST /workflow/terminate/{instance_id}": "Terminate a workflow",
            "GET /workflow/history/{instance_id}": "Get the whole history of a workflow",
            "POST /workflow/purge/{instance_id}": "Archive a workflow and purge it",
            "GET /workflow/rerun-plan/{instance_id}": "Tell what a rerun would keep and run again",
            "POST /workflow/rerun/{instance_id}": "Run a finished workflow again from an event on",
            "POST /workflow/raise/{instance_id}": "Raise an external event to a workflow",
            "GET /workflows": "List workflows",
        },
    }


def test_health_is_the_specifications(client: TestClient) -> None:
    """When all is well the body is exactly the specification's."""
    answer = client.get("/health")
    assert answer.status_code == 200
    assert answer.json() == {"status": "healthy", "workflow_runtime": "running"}


def test_health_names_every_problem(
    client: TestClient, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When something is not there the status is 503, and the body says all of it."""

    def ping() -> None:
        raise LedgerUnavailable("disk full")

    monkeypatch.setattr(world.ledger, "ping", ping)
    world.gateway.answer = DaprHealth(
        "1.18.2", (Problem(Service.SCHEDULER, "the sidecar has no scheduler"),)
    )
    world.runtime = RuntimeState.DISCONNECTED
    answer = client.get("/health")
    assert answer.status_code == 503
    assert answer.json() == {
        "status": "unhealthy",
        "workflow_runtime": "disconnected",
        "problems": [
            "the sidecar has no scheduler",
            "The ledger cannot be reached: disk full.",
            "the workflow runtime is disconnected",
        ],
    }


def test_health_without_an_engine_is_unhealthy(client: TestClient, world: World) -> None:
    """An engine that cannot be reached is a problem, not an error."""
    world.gateway.errors["health"] = [UNAVAILABLE]
    answer = client.get("/health")
    assert answer.status_code == 503
    assert answer.json()["problems"] == [str(UNAVAILABLE)]


def test_a_start_answers_as_specified(client: TestClient, world: World) -> None:
    """The body is exactly the specification's, and the engine has the order."""
    answer = client.post("/workflow/start", json=ORDER)
    assert answer.status_code == 200
    assert answer.json() == STARTED
    assert json.loads(world.gateway.instances["order_ORDER001"].input or "") == ORDER


def test_the_same_start_again_is_the_running_one(client: TestClient, world: World) -> None:
    """A repeated start succeeds without a second instance, and says so."""
    client.post("/workflow/start", json=ORDER)
    answer = client.post("/workflow/start", json=ORDER)
    assert answer.status_code == 200
    assert answer.json() == {**STARTED, "status": "already_running"}
    assert world.gateway.calls["start"] == 1


@pytest.mark.parametrize(
    ("order", "status", "reason"),
    [
        ({**ORDER, "amount": 1}, Status.RUNNING, "by another start, which is RUNNING"),
        (ORDER, Status.COMPLETED, "by the same start, which is COMPLETED"),
    ],
)
def test_a_taken_id_is_a_conflict(
    client: TestClient, world: World, order: dict[str, Any], status: Status, reason: str
) -> None:
    """An id that another order has, or one that has ended, is refused and left alone."""
    client.post("/workflow/start", json=ORDER)
    world.gateway.turn("order_ORDER001", status)
    there = world.gateway.instances["order_ORDER001"]
    answer = client.post("/workflow/start", json=order)
    assert answer.status_code == 409
    assert answer.json() == {
        "error": "InstanceExists",
        "detail": f"The id 'order_ORDER001' is taken {reason}. Choose another id.",
    }
    assert world.gateway.instances["order_ORDER001"] is there


def test_the_status_of_a_finished_order_is_the_specifications(
    client: TestClient, world: World
) -> None:
    """The fields are the specification's, times end in Z, and the output is JSON."""
    done = instance("order_ORDER001", Status.COMPLETED)
    later = datetime(2026, 1, 11, 12, 0, 3, tzinfo=UTC)
    world.gateway.put(
        replace(done, last_updated_at=later, output='{"n": 1}', custom_status='"confirmed"')
    )
    answer = client.get("/workflow/status/order_ORDER001")
    assert answer.status_code == 200
    assert answer.json() == {
        "instance_id": "order_ORDER001",
        "runtime_status": "WorkflowStatus.COMPLETED",
        "status": "COMPLETED",
        "created_at": "2026-01-11T12:00:00Z",
        "last_updated": "2026-01-11T12:00:03Z",
        "output": {"n": 1},
    }


def test_the_status_of_a_running_order_tells_its_stage(client: TestClient, world: World) -> None:
    """While there is no output there is a custom status."""
    world.gateway.put(replace(instance("order_A", Status.RUNNING), custom_status='"sending"'))
    body = client.get("/workflow/status/order_A").json()
    assert (body["output"], body["custom_status"]) == (None, "sending")


def test_the_status_of_a_pending_order_has_no_time(client: TestClient, world: World) -> None:
    """A time that Dapr does not tell is null."""
    world.gateway.put(replace(instance("order_A", Status.PENDING), created_at=None))
    assert client.get("/workflow/status/order_A").json()["created_at"] is None


def test_the_status_of_a_failed_order_says_why(client: TestClient, world: World) -> None:
    """The failure is told with its type, message and trace."""
    failed = instance("order_A", Status.FAILED)
    world.gateway.put(replace(failed, failure=Failure("InjectedFault", "Injected", "line 1")))
    assert client.get("/workflow/status/order_A").json()["failure"] == {
        "error_type": "InjectedFault",
        "message": "Injected",
        "stack_trace": "line 1",
    }


@pytest.mark.parametrize(
    ("output", "shown"),
    [
        ("NaN", "NaN"),
        ("1e400", "1e400"),
        ("not JSON", "not JSON"),
        ('"\\ud800"', "\ud800"),
        ("[" * 5000, "[" * 5000),
        ('"漢 😀"', "漢 😀"),
    ],
)
def test_any_output_can_be_shown(client: TestClient, world: World, output: str, shown: str) -> None:
    """Whatever another workflow returned, its status is an answer."""
    world.gateway.put(replace(instance("order_A", Status.COMPLETED), output=output))
    answer = client.get("/workflow/status/order_A")
    assert answer.status_code == 200
    assert json.loads(answer.content)["output"] == shown


ACTIONS = [
    ("pause", Status.RUNNING, ("paused", "SUSPENDED")),
    ("resume", Status.SUSPENDED, ("resumed", "RUNNING")),
    ("terminate", Status.RUNNING, ("terminated", "TERMINATED")),
]


@pytest.mark.parametrize(("action", "before", "done"), ACTIONS)
def test_an_action_answers_what_it_did(
    client: TestClient, world: World, action: str, before: Status, done: tuple[str, str]
) -> None:
    """The first time it changed something, the second time it was so already."""
    word, after = done
    world.gateway.put(instance("order_A", before))
    body = {
        "status": word,
        "instance_id": "order_A",
        "changed": True,
        "runtime_status": f"WorkflowStatus.{after}",
        "message": f"Workflow order_A was {word}",
    }
    answers = [client.post(f"/workflow/{action}/order_A") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json() == body
    again = {"changed": False, "message": f"Workflow order_A is {after} already"}
    assert answers[1].json() == {**body, **again}


@pytest.mark.parametrize("action", ["pause", "resume", "terminate"])
def test_an_action_that_is_not_allowed_is_a_conflict(
    client: TestClient, world: World, action: str
) -> None:
    """A finished instance can be neither paused, resumed nor terminated."""
    world.gateway.put(instance("order_A", Status.COMPLETED))
    answer = client.post(f"/workflow/{action}/order_A")
    assert answer.status_code == 409
    assert answer.json() == {
        "error": "ActionNotAllowed",
        "detail": f"Cannot {action} 'order_A': it is COMPLETED.",
    }


ON_ONE = [
    ("GET", "/workflow/status/{}"),
    ("POST", "/workflow/pause/{}"),
    ("POST", "/workflow/resume/{}"),
    ("POST", "/workflow/terminate/{}"),
]


@pytest.mark.parametrize(("method", "path"), ON_ONE)
def test_an_unknown_instance_is_not_found(client: TestClient, method: str, path: str) -> None:
    """An id that nobody has is 404, with the id."""
    answer = client.request(method, path.format("order_A"))
    assert answer.status_code == 404
    assert answer.json() == {
        "error": "UnknownInstance",
        "detail": "No instance has the id 'order_A'.",
    }


OTHERS = ["parent:0001", "a||b", "a::b", "a.b", "a/b", "é", "two words", "a" * 255]


@pytest.mark.parametrize("instance_id", OTHERS)
@pytest.mark.parametrize(("method", "path"), ON_ONE)
def test_an_id_that_no_order_has_is_as_good(
    client: TestClient, world: World, method: str, path: str, instance_id: str
) -> None:
    """Other applications name their instances as they like, and the SDK names children."""
    world.gateway.put(instance(instance_id, Status.SUSPENDED))
    answer = client.request(method, path.format(quote(instance_id, safe="")))
    assert (answer.status_code, answer.json()["instance_id"]) == (200, instance_id)


@pytest.mark.parametrize("bad", ["", "%00", "a%09", "a" * 256])
@pytest.mark.parametrize(("method", "path"), ON_ONE)
def test_an_id_that_cannot_be_is_not_found(
    client: TestClient, world: World, method: str, path: str, bad: str
) -> None:
    """One that no instance can have is unknown without asking the engine."""
    answer = client.request(method, path.format(bad))
    assert answer.status_code == 404
    assert answer.json()["error"] == "UnknownInstance"
    assert not world.gateway.calls


FAILURES = [
    (UNAVAILABLE, 503),
    (OutcomeUnknown("start", "no answer in time"), 503),
    (DaprRefused("The Dapr engine refused: INTERNAL: broken"), 502),
]


@pytest.mark.parametrize(("error", "status"), FAILURES)
@pytest.mark.parametrize("request_line", [*ON_ONE, ("POST", "/workflow/start")])
def test_a_failure_of_the_engine_is_told(
    client: TestClient, world: World, request_line: tuple[str, str], error: Any, status: int
) -> None:
    """An engine that is not there, or answers with an error, has a status and its words."""
    method, path = request_line
    world.gateway.errors["state"] = [error]
    body = ORDER if path.endswith("start") else None
    answer = client.request(method, path.format("order_A"), json=body)
    assert answer.status_code == status
    assert answer.json() == {"error": type(error).__name__, "detail": str(error)}


def test_a_start_without_the_ledger_is_unavailable(
    client: TestClient, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A ledger that is gone is told as such, and nothing is started."""

    def gone(_: str) -> None:
        raise LedgerUnavailable("disk full")

    monkeypatch.setattr(world.ledger.reservations, "latest", gone)
    answer = client.post("/workflow/start", json=ORDER)
    assert answer.status_code == 503
    assert answer.json()["error"] == "LedgerUnavailable"
    assert not world.gateway.calls["start"]


def test_what_was_not_foreseen_is_told_in_the_same_form(
    client: TestClient, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mistake of ours is a 500 in JSON, which tells nothing of the inside."""

    def broken(_: str) -> None:
        raise ZeroDivisionError("inside")

    monkeypatch.setattr(world.gateway, "state", broken)
    answer = client.get("/workflow/status/order_A")
    assert answer.status_code == 500
    assert answer.json()["error"] == "ZeroDivisionError"
    assert "inside" not in answer.text


AMOUNTS = [
    ('"99.99"', "99.99"),
    ("true", True),
    ("null", None),
    ("NaN", "NaN"),
    ("Infinity", "Infinity"),
    ("-Infinity", "-Infinity"),
    ("1e400", "Infinity"),
    ("0", 0),
    ("-5", -5),
    ("1.001", 1.001),
    ("1e-320", 1e-320),
    ("1000000.01", 1000000.01),
    ("1" + "0" * 400, "a number of 401 digits"),
    ("1" * 5000, "a number of 5000 digits"),
    ("1" * 500_000, "a number of 500000 digits"),
    ("[1]", "a list of length 1"),
    ('{"a": 1}', "an object"),
    ("[" * 900 + "]" * 900, "a list of length 1"),
]


@pytest.mark.parametrize(("sent", "found"), AMOUNTS, ids=range(len(AMOUNTS)))
def test_a_wrong_amount_is_told_as_found(client: TestClient, sent: str, found: object) -> None:
    """The answer names the amount, what came and what is expected."""
    told = mistake(start(client, with_amount(sent)))
    assert told == {"field": "amount", "found": found, "expected": AMOUNT}


ITEMS = [
    ('""', ""),
    ('"\\ud800"', "\ud800"),
    ('"a\\u0000"', "a\x00"),
    ("7", 7),
    ("1" * 5000, "a number of 5000 digits"),
    (f'"{"x" * 201}"', "x" * 200 + "… (201 characters)"),
]


@pytest.mark.parametrize(("sent", "found"), ITEMS, ids=range(len(ITEMS)))
def test_a_wrong_item_is_told_as_found(client: TestClient, sent: str, found: object) -> None:
    """The answer names the item by its place, even if it holds half a character."""
    told = mistake(start(client, with_item(sent)))
    assert told == {"field": "items[1]", "found": found, "expected": ITEM}


def test_too_many_items_are_told_by_their_number(client: TestClient) -> None:
    """A list of the wrong length is not given back, only its length."""
    told = mistake(client.post("/workflow/start", json={**ORDER, "items": ["x"] * 501}))
    expected = "a list of 1 to 500 items"
    assert told == {"field": "items", "found": "a list of length 501", "expected": expected}


def test_a_wrong_order_id_is_told_as_found(client: TestClient, world: World) -> None:
    """An id that would break the engine is refused before the engine is asked."""
    told = mistake(client.post("/workflow/start", json={**ORDER, "order_id": "a||b"}))
    assert (told["field"], told["found"]) == ("order_id", "a||b")
    assert not world.gateway.calls


def test_an_unknown_field_is_told(client: TestClient) -> None:
    """A field that an order does not have is named."""
    told = mistake(client.post("/workflow/start", json={**ORDER, "colour": "red"}))
    expected = "no such field; the fields are order_id, amount and items"
    assert told == {"field": "colour", "found": "red", "expected": expected}


def test_missing_fields_are_told_together(client: TestClient) -> None:
    """One answer names every field that is missing."""
    answer = client.post("/workflow/start", json={})
    assert answer.status_code == 422
    told = [(each["field"], each["found"]) for each in answer.json()["detail"]]
    assert told == [("order_id", None), ("amount", None), ("items", None)]


def test_an_answer_to_very_many_mistakes_is_short(client: TestClient) -> None:
    """A body with thousands of mistakes does not make an answer of megabytes."""
    answer = client.post("/workflow/start", json={f"{'x' * 300}{n}": n for n in range(2000)})
    assert answer.status_code == 422
    assert len(answer.json()["detail"]) == 100
    assert len(answer.content) < 100_000


BODIES = [
    (b"", None, WHOLE),
    (b"[]", "a list of length 0", WHOLE),
    (b"null", None, WHOLE),
    (b"7", 7, WHOLE),
    (b'"ORDER001"', "ORDER001", WHOLE),
    (b"NaN", "NaN", WHOLE),
    (b'{"a"', '{"a"', "a JSON object (Expecting ':' delimiter at character 4)"),
    (b'{"a": 1, "a": 2}', '{"a": 1, "a": 2}', "a JSON object ('a' occurs twice)"),
    (b"hello", "hello", "a JSON object (Expecting value at character 0)"),
    (
        b'{"a": "\xff"}',
        '{"a": "\ufffd"}',
        "a JSON object (not UTF-8: invalid start byte at character 7)",
    ),
    (
        b"[" * 100_000,
        "[" * 200 + "… (100000 characters)",
        "a JSON object (nested too deeply)",
    ),
]


@pytest.mark.parametrize(("body", "found", "expected"), BODIES, ids=range(len(BODIES)))
def test_a_body_that_is_no_order_is_told_as_found(
    client: TestClient, body: bytes, found: object, expected: str
) -> None:
    """A body that is not JSON, or not an object, is named as a whole."""
    assert mistake(start(client, body)) == {"field": "body", "found": found, "expected": expected}


@pytest.mark.parametrize(
    ("sent", "found"), [("text/plain", "text/plain"), ("application/xml", "application/xml")]
)
def test_a_wrong_content_type_is_told(client: TestClient, sent: str, found: str) -> None:
    """A body that does not call itself JSON is not read as JSON."""
    body, headers = json.dumps(ORDER), {"content-type": sent}
    told = mistake(client.post("/workflow/start", content=body, headers=headers))
    expected = "application/json"
    assert told == {"field": "Content-Type", "found": found, "expected": expected}


def test_a_body_without_a_content_type_is_refused(client: TestClient) -> None:
    """A page of another site can send no such order unasked."""
    told = mistake(client.post("/workflow/start", content=json.dumps(ORDER)))
    assert (told["field"], told["found"]) == ("Content-Type", None)


TOO_LARGE = {
    "error": "BodyTooLarge",
    "detail": "The request's body is larger than 1048576 bytes.",
}


def receive_chunks(
    api: FastAPI, path: str, chunks: int, headers: list[tuple[bytes, bytes]]
) -> tuple[int, int, bytes]:
    """Post chunks of 64 KiB; return how many were taken, and the answer's status and body."""
    taken, sent = 0, []

    async def receive() -> dict[str, Any]:
        nonlocal taken
        taken += 1
        return {"type": "http.request", "body": b" " * 65536, "more_body": taken < chunks}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "POST",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(b"content-type", b"application/json"), *headers],
    }
    asyncio.run(api(scope, receive, send))
    return taken, sent[0]["status"], b"".join(part["body"] for part in sent[1:])


def test_a_body_that_says_it_is_too_large_is_not_read(world: World) -> None:
    """A content-length over 1 MiB is answered before a byte is taken."""
    length = [(b"content-length", str(MAX_BODY + 1).encode())]
    taken, status, body = receive_chunks(world.api(), "/workflow/start", 1000, length)
    assert (taken, status, json.loads(body)) == (0, 413, TOO_LARGE)


def test_a_stream_that_grows_too_large_is_not_read_to_its_end(world: World) -> None:
    """A body of unknown length is cut off once it is over 1 MiB."""
    taken, status, body = receive_chunks(world.api(), "/workflow/start", 1000, [])
    assert (taken, status, json.loads(body)) == (17, 413, TOO_LARGE)


def test_a_body_of_just_1_mib_is_read(world: World) -> None:
    """The limit itself is allowed: the body is then judged as JSON."""
    taken, status, _ = receive_chunks(world.api(), "/workflow/start", 16, [])
    assert (taken, status) == (16, 422)


def test_a_body_that_says_1_mib_is_read(client: TestClient) -> None:
    """A content-length of just 1 MiB is allowed."""
    padded = json.dumps(ORDER).ljust(MAX_BODY)
    assert start(client, padded).status_code == 200


@pytest.mark.parametrize("path", ["/nope", "/workflow", "/workflow/stat/order_A"])
def test_an_unknown_path_is_not_found(client: TestClient, path: str) -> None:
    """A path that there is not is 404 in the house's form."""
    answer = client.get(path)
    assert answer.status_code == 404
    assert answer.json() == {"error": "NotFound", "detail": "Not Found"}


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/workflow/start", "POST"),
        ("POST", "/workflow/status/a", "GET"),
        ("DELETE", "/workflow/pause/a", "POST"),
    ],
)
def test_a_wrong_method_is_not_allowed(
    client: TestClient, method: str, path: str, allowed: str
) -> None:
    """A method that a path does not have is 405, with the one that it has."""
    answer = client.request(method, path)
    assert answer.status_code == 405
    assert answer.json() == {"error": "MethodNotAllowed", "detail": "Method Not Allowed"}
    assert answer.headers["allow"] == allowed


@pytest.mark.parametrize("page", ["/docs", "/redoc"])
def test_the_documentation_needs_no_other_host(client: TestClient, page: str) -> None:
    """Every file that a page of the documentation loads is served from here."""
    html = client.get(page).text
    files = re.findall(r"""(?:src|href)=["']([^"']+)["']""", html)
    assert files
    assert not re.search(r"(https?:)?//[a-z]", html)
    assert [client.get(file).status_code for file in files] == [200] * len(files)


ACTING = {"404", "409", "413", "422", "500", "502", "503"}
ERRORS = {
    ("get", "/"): set[str](),
    ("get", "/health"): {"503"},
    ("post", "/workflow/start"): {"409", "413", "422", "500", "502", "503"},
    ("get", "/workflows"): {"400", "413", "422", "500", "503"},
    ("get", "/workflow/status/{instance_id}"): {"404", "413", "422", "500", "502", "503"},
    ("post", "/workflow/pause/{instance_id}"): ACTING,
    ("post", "/workflow/resume/{instance_id}"): ACTING,
    ("post", "/workflow/terminate/{instance_id}"): ACTING,
    ("get", "/workflow/history/{instance_id}"): {"404", "413", "422", "500", "502", "503"},
    ("post", "/workflow/purge/{instance_id}"): ACTING,
    ("get", "/workflow/rerun-plan/{instance_id}"): ACTING,
    ("post", "/workflow/rerun/{instance_id}"): ACTING,
    ("post", "/workflow/raise/{instance_id}"): ACTING,
}


@pytest.mark.parametrize(("method", "path"), ERRORS)
def test_openapi_has_every_error(client: TestClient, method: str, path: str) -> None:
    """Each endpoint documents every status that it can answer with, and what it means."""
    responses = client.get("/openapi.json").json()["paths"][path][method]["responses"]
    assert set(responses) == {"200"} | ERRORS[method, path]
    for response in responses.values():
        assert response["description"]
        assert "$ref" in response["content"]["application/json"]["schema"]


@pytest.mark.parametrize(
    ("method", "path"), [each for each in ERRORS if each[1].startswith("/workflow/")]
)
def test_an_unknown_parameter_is_a_mistake(client: TestClient, method: str, path: str) -> None:
    """`?force=true` beside a body would otherwise be left unheard."""
    told = mistake(client.request(method, f"{path.format(instance_id='order_A')}?force=true"))
    assert (told["field"], told["found"]) == ("force", "true")


def test_openapi_has_no_other_endpoints(client: TestClient) -> None:
    """The table above is complete."""
    paths = client.get("/openapi.json").json()["paths"]
    documented = {(method, path) for path, methods in paths.items() for method in methods}
    assert documented == set(ERRORS)


def test_openapi_has_the_specifications_examples(client: TestClient) -> None:
    """Who tries the API in a browser finds the specification's order and its output."""
    schemas = client.get("/openapi.json").json()["components"]["schemas"]
    order = {name: field["examples"][0] for name, field in schemas["Order"]["properties"].items()}
    assert order == ORDER
    assert schemas["StartResponse"]["example"] == STARTED
    output = schemas["StatusResponse"]["example"]["output"]
    assert output["confirmation"]["message"] == "Order confirmed with 2 items. Total: $109.99"
    assert schemas["InvalidInputResponse"]["example"]["detail"][0]["expected"] == AMOUNT
