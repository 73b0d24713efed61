"""The REST API of the order application: exact status codes and bodies."""

import asyncio
import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from api.middleware import MAX_BODY, MAX_DISCARDED
from api.schemas.error_bodies import InvalidInputResponse
from operations.errors import (
    DaprRefused,
    DaprUnavailable,
    LedgerUnavailable,
    OutcomeUnknown,
    TooManyStarts,
)
from operations.model import DaprHealth, Failure, Problem, Service, Status
from operations.timeline import Span, SpanKind
from tests.unit.api.conftest import ApiSetup
from tests.unit.events import stalled, started
from tests.unit.fakes import instance
from tests.unit.snapshots import at, snapshot
from worker.runtime import RuntimeState

ORDER = {"order_id": "ORDER001", "amount": 99.99, "items": ["laptop", "mouse"]}
STARTED = {
    "status": "started",
    "instance_id": "order_ORDER001",
    "order_data": ORDER,
    "message": "Workflow is executing. Use /workflow/status/{instance_id} to check progress",
}
AMOUNT = "a number above 0 and up to 1000000, with at most 2 decimals"
ITEM = "a text of 1 to 200 characters, not only blanks and without control characters"
WHOLE = "a JSON object with order_id, amount and items"
JSON = {"content-type": "application/json"}
UNAVAILABLE = DaprUnavailable("no sidecar accepts the connection")


def start(client: TestClient, body: str | bytes) -> httpx.Response:
    """Post a body as an order."""
    answer: httpx.Response = client.post("/workflow/start", content=body, headers=JSON)
    return answer


def invalid_value(answer: httpx.Response) -> dict[str, Any]:
    """Return the only invalid value of a 422 answer: its field, found and expected."""
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


def test_the_lifespan_starts_and_stops_the_runtime(api: ApiSetup) -> None:
    """The runtime starts when the application starts to serve, and stops when serving ends."""
    with TestClient(api.application()):
        assert api.calls == ["start"]
    assert api.calls == ["start", "stop"]


def test_info_lists_the_endpoints(client: TestClient) -> None:
    """The root returns the name, the version and the endpoints of the application."""
    assert client.get("/").json() == {
        "name": "Flowdeck order workflow",
        "version": "0.1.0",
        "workflow": "order_workflow",
        "endpoints": {
            "GET /": "Get application info",
            "GET /livez": "Liveness check",
            "GET /health": "Health check",
            "POST /workflow/start": "Start a new workflow",
            "POST /workflow/start/{instance_id}": "Start any workflow",
            "GET /workflow/status/{instance_id}": "Get workflow status",
            "POST /workflow/pause/{instance_id}": "Pause a running workflow",
            "POST /workflow/resume/{instance_id}": "Resume a paused workflow",
            "POST /workflow/terminate/{instance_id}": "Terminate a workflow",
            "GET /workflow/history/{instance_id}": "Get the whole history of a workflow",
            "GET /workflow/run/{instance_id}": "Get everything about a run",
            "POST /workflow/purge/{instance_id}": "Archive a workflow and purge it",
            "GET /workflow/rerun-plan/{instance_id}": "Preview what a rerun keeps and runs again",
            "POST /workflow/rerun/{instance_id}": "Run a finished workflow again from an event on",
            "POST /workflow/raise/{instance_id}": "Raise an external event to a workflow",
            "GET /workflows": "List workflows",
            "GET /workflows/export": "Export workflows as a file",
            "GET /audit": "Read the audit log",
            "GET /audit/export": "Export the audit log as a file",
            "GET /overview": "Get what needs a person, and the unfinished runs",
            "GET /waiting": "List what running workflows wait for",
            "GET /statistics": "Get the statistics of workflows and activities",
            "GET /statistics/series": "Get the statistics of each minute, hour or day",
            "GET /failures": "Get failure groups",
            "POST /failures/{group_id}/known": "Mark a failure group as known",
            "POST /bulk/preview": "Preview a bulk job",
            "POST /bulk/start": "Start a bulk job",
            "GET /bulk": "List the newest bulk jobs",
            "GET /bulk/{bulk_id}": "Get a bulk job",
            "GET /bulk/{bulk_id}/instances": "List the instances of a bulk job with their results",
            "POST /bulk/{bulk_id}/cancel": "Cancel a bulk job",
        },
    }


def test_health_is_as_specified(client: TestClient) -> None:
    """A healthy system answers with exactly the specification's body."""
    answer = client.get("/health")
    assert answer.status_code == 200
    assert answer.json() == {"status": "healthy", "workflow_runtime": "running"}


def test_health_names_every_problem(
    client: TestClient, api: ApiSetup, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If something is unavailable, the status is 503, and the body has every problem."""

    def ping() -> None:
        raise LedgerUnavailable("disk full")

    monkeypatch.setattr(api.ledger, "ping", ping)
    api.gateway.dapr_health = DaprHealth(
        "1.18.2", (Problem(Service.SCHEDULER, "the sidecar has no scheduler"),)
    )
    api.runtime = RuntimeState.DISCONNECTED
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


def test_health_without_an_engine_is_unhealthy(client: TestClient, api: ApiSetup) -> None:
    """An unreachable engine is reported as a problem in the body of `/health`."""
    api.gateway.errors["health"] = [UNAVAILABLE]
    answer = client.get("/health")
    assert answer.status_code == 503
    assert answer.json()["problems"] == [str(UNAVAILABLE)]


def test_a_start_answers_as_specified(client: TestClient, api: ApiSetup) -> None:
    """The body is exactly the specification's, and the engine has the instance."""
    answer = client.post("/workflow/start", json=ORDER)
    assert answer.status_code == 200
    assert answer.json() == STARTED
    assert json.loads(api.gateway.instances["order_ORDER001"].input or "") == ORDER


def test_the_same_start_again_returns_the_running_order(client: TestClient, api: ApiSetup) -> None:
    """A repeated start answers `already_running`, and starts no second instance."""
    client.post("/workflow/start", json=ORDER)
    answer = client.post("/workflow/start", json=ORDER)
    assert answer.status_code == 200
    assert answer.json() == {**STARTED, "status": "already_running"}
    assert api.gateway.calls["start"] == 1


@pytest.mark.parametrize(
    ("order", "status", "reason"),
    [
        ({**ORDER, "amount": 1}, Status.RUNNING, "by another start, which is RUNNING"),
        (ORDER, Status.COMPLETED, "by the same start, which is COMPLETED"),
    ],
)
def test_a_taken_id_is_a_conflict(
    client: TestClient, api: ApiSetup, order: dict[str, Any], status: Status, reason: str
) -> None:
    """The id of another order or of a finished order is refused; that instance is not changed."""
    client.post("/workflow/start", json=ORDER)
    api.gateway.set_status("order_ORDER001", status)
    existing = api.gateway.instances["order_ORDER001"]
    answer = client.post("/workflow/start", json=order)
    assert answer.status_code == 409
    assert answer.json() == {
        "error": "InstanceExists",
        "detail": f"The id 'order_ORDER001' is taken {reason}. Choose another id.",
    }
    assert api.gateway.instances["order_ORDER001"] is existing


def test_the_status_of_a_finished_order_is_as_specified(client: TestClient, api: ApiSetup) -> None:
    """The fields are the specification's, times end in Z, and the output is JSON."""
    done = instance("order_ORDER001", Status.COMPLETED)
    later = datetime(2026, 1, 11, 12, 0, 3, tzinfo=UTC)
    api.gateway.put(
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


def test_the_status_of_a_running_order_has_its_stage(client: TestClient, api: ApiSetup) -> None:
    """An order without an output has a custom status."""
    api.gateway.put(replace(instance("order_A", Status.RUNNING), custom_status='"sending"'))
    body = client.get("/workflow/status/order_A").json()
    assert (body["output"], body["custom_status"]) == (None, "sending")


def test_the_status_of_a_pending_order_has_no_time(client: TestClient, api: ApiSetup) -> None:
    """A time that Dapr does not know yet is null."""
    api.gateway.put(replace(instance("order_A", Status.PENDING), created_at=None))
    assert client.get("/workflow/status/order_A").json()["created_at"] is None


def test_the_status_of_a_failed_order_has_the_failure(client: TestClient, api: ApiSetup) -> None:
    """The failure has its type, its message and its stack trace."""
    failed = instance("order_A", Status.FAILED)
    api.gateway.put(replace(failed, failure=Failure("InjectedFault", "Injected", "line 1")))
    assert client.get("/workflow/status/order_A").json()["failure"] == {
        "error_type": "InjectedFault",
        "message": "Injected",
        "stack_trace": "line 1",
    }


@pytest.mark.parametrize(
    ("output", "shown"),
    [
        ("NaN", "NaN"),
        ("not JSON", "not JSON"),
        ('"\\ud800"', "\ud800"),
        ("[" * 5000, "[" * 5000),
        ('"漢 😀"', "漢 😀"),
    ],
)
def test_any_output_can_be_shown(
    client: TestClient, api: ApiSetup, output: str, shown: str
) -> None:
    """The status answers 200 for any output of any workflow."""
    api.gateway.put(replace(instance("order_A", Status.COMPLETED), output=output))
    answer = client.get("/workflow/status/order_A")
    assert answer.status_code == 200
    assert json.loads(answer.content)["output"] == shown


@pytest.mark.parametrize("output", ["1e400", '{"k":1, "k":0.23456789012345678901}', "1" * 5000])
def test_json_output_is_returned_as_it_is(client: TestClient, api: ApiSetup, output: str) -> None:
    """So is the custom status of a running instance."""
    running = instance("order_A", Status.RUNNING)
    api.gateway.put(replace(running, output=output, custom_status=output))
    answer = client.get("/workflow/status/order_A").text
    assert answer.endswith(f'"output":{output},"custom_status":{output}}}')


def test_the_status_of_a_stalled_instance_has_the_reason(client: TestClient, api: ApiSetup) -> None:
    """Only the history has it."""
    api.gateway.put(instance("order_A", Status.STALLED))
    api.gateway.events["order_A"] = (started(0), stalled(5))
    assert client.get("/workflow/status/order_A").json()["failure"] == {
        "error_type": "PAYLOAD_SIZE_EXCEEDED",
        "message": "too large; increase daprd --max-body-size",
        "stack_trace": None,
    }
    refused = client.post("/workflow/pause/order_A")
    assert refused.status_code == 409
    assert "it is STALLED; only a forced purge is possible" in refused.json()["detail"]


def test_an_instance_whose_history_is_lost_names_cause_and_remedy(
    client: TestClient, api: ApiSetup
) -> None:
    """Reads and actions are refused, and a forced purge too."""
    api.gateway.put(instance("order_A", Status.RUNNING))
    api.gateway.lost.add("order_A")
    answers = [
        client.get("/workflow/status/order_A"),
        client.get("/workflow/history/order_A"),
        client.post("/workflow/terminate/order_A"),
        client.post("/workflow/purge/order_A", json={"force": True}),
    ]
    for answer in answers:
        assert (answer.status_code, answer.json()["error"]) == (502, "HistoryLost")
        assert "Delete its rows in the state store" in answer.json()["detail"]


ACTIONS = [
    ("pause", Status.RUNNING, ("paused", "SUSPENDED")),
    ("resume", Status.SUSPENDED, ("resumed", "RUNNING")),
    ("terminate", Status.RUNNING, ("terminated", "TERMINATED")),
]


@pytest.mark.parametrize(("action", "before", "done"), ACTIONS)
def test_an_action_reports_whether_it_changed_something(
    client: TestClient, api: ApiSetup, action: str, before: Status, done: tuple[str, str]
) -> None:
    """The first request changes the status; the second answers `changed: false`."""
    word, after = done
    api.gateway.put(instance("order_A", before))
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
    client: TestClient, api: ApiSetup, action: str
) -> None:
    """A finished instance can be neither paused, resumed nor terminated."""
    api.gateway.put(instance("order_A", Status.COMPLETED))
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
    """An id that no instance has is 404, with the id."""
    answer = client.request(method, path.format("order_A"))
    assert answer.status_code == 404
    assert answer.json() == {
        "error": "UnknownInstance",
        "detail": "No instance has the id 'order_A'.",
    }


@pytest.mark.parametrize(("method", "path"), ON_ONE)
def test_a_child_in_another_application_is_named_with_it(
    client: TestClient, api: ApiSetup, method: str, path: str
) -> None:
    """The 404 says where it lives, if the ledger is open; its parent is known here."""
    client.get("/workflows")  # opens the ledger
    child = Span(SpanKind.CHILD, "pay", 1, 1, at(0), instance_id="pay-7", app_id="billing")
    api.ledger.runs.ingest([snapshot(spans=(child,))])
    answer = client.request(method, path.format("pay-7"))
    assert answer.status_code == 404
    assert answer.json()["detail"] == (
        "No instance has the id 'pay-7'. The instance 'pay-7' belongs to the application "
        "'billing': it is a child of 'order_A'. Open it in the Flowdeck of that application."
    )


OTHER_IDS = ["parent:0001", "a||b", "a::b", "a.b", "a/b", "é", "two words", "a" * 255]


@pytest.mark.parametrize("instance_id", OTHER_IDS)
@pytest.mark.parametrize(("method", "path"), ON_ONE)
def test_ids_of_other_applications_are_accepted(
    client: TestClient, api: ApiSetup, method: str, path: str, instance_id: str
) -> None:
    """Other applications choose other forms of ids, and the SDK chooses the ids of children."""
    api.gateway.put(instance(instance_id, Status.SUSPENDED))
    answer = client.request(method, path.format(quote(instance_id, safe="")))
    assert (answer.status_code, answer.json()["instance_id"]) == (200, instance_id)


@pytest.mark.parametrize("bad", ["", "%00", "a%09", "a" * 256])
@pytest.mark.parametrize(("method", "path"), ON_ONE)
def test_an_impossible_id_is_not_found(
    client: TestClient, api: ApiSetup, method: str, path: str, bad: str
) -> None:
    """An id that no instance can have is 404 without a call to the engine."""
    answer = client.request(method, path.format(bad))
    assert answer.status_code == 404
    assert answer.json()["error"] == "UnknownInstance"
    assert not api.gateway.calls


FAILURES = [
    (UNAVAILABLE, 503),
    (OutcomeUnknown("start", "no answer in time"), 503),
    (DaprRefused("The Dapr engine refused: INTERNAL: broken"), 502),
]


@pytest.mark.parametrize(("error", "status"), FAILURES)
@pytest.mark.parametrize("request_line", [*ON_ONE, ("POST", "/workflow/start")])
def test_a_failure_of_the_engine_has_a_status_code(
    client: TestClient, api: ApiSetup, request_line: tuple[str, str], error: Any, status: int
) -> None:
    """An unreachable engine and an error of the engine each have a status code and a message."""
    method, path = request_line
    api.gateway.errors["state"] = [error]
    body = ORDER if path.endswith("start") else None
    answer = client.request(method, path.format("order_A"), json=body)
    assert answer.status_code == status
    assert answer.json() == {"error": type(error).__name__, "detail": str(error)}


def test_a_start_without_the_ledger_is_unavailable(
    client: TestClient, api: ApiSetup, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the ledger a start answers `LedgerUnavailable`, and nothing is started."""

    def fail(_: str) -> None:
        raise LedgerUnavailable("disk full")

    monkeypatch.setattr(api.ledger.reservations, "latest", fail)
    answer = client.post("/workflow/start", json=ORDER)
    assert answer.status_code == 503
    assert answer.json()["error"] == "LedgerUnavailable"
    assert not api.gateway.calls["start"]


def test_an_unexpected_error_has_the_same_form(
    client: TestClient, api: ApiSetup, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unexpected error is a 500 in JSON that does not reveal its message."""

    def broken(_: str) -> None:
        raise ZeroDivisionError("inside")

    monkeypatch.setattr(api.gateway, "state", broken)
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
def test_a_wrong_amount_is_reported(client: TestClient, sent: str, found: object) -> None:
    """The answer has the field, the value found and the value expected."""
    wrong = invalid_value(start(client, with_amount(sent)))
    assert wrong == {"field": "amount", "found": found, "expected": AMOUNT}


ITEMS = [
    ('""', ""),
    ('"\\ud800"', "\ud800"),
    ('"a\\u0000"', "a\x00"),
    ("7", 7),
    ("1" * 5000, "a number of 5000 digits"),
    (f'"{"x" * 201}"', "x" * 200 + "… (201 characters)"),
]


@pytest.mark.parametrize(("sent", "found"), ITEMS, ids=range(len(ITEMS)))
def test_a_wrong_item_is_reported(client: TestClient, sent: str, found: object) -> None:
    """The answer names the item by its index, even if the item is a lone surrogate."""
    wrong = invalid_value(start(client, with_item(sent)))
    assert wrong == {"field": "items[1]", "found": found, "expected": ITEM}


def test_too_many_items_are_reported_by_their_number(client: TestClient) -> None:
    """The answer has the length of a list that is too long, not its items."""
    wrong = invalid_value(client.post("/workflow/start", json={**ORDER, "items": ["x"] * 501}))
    expected = "a list of 1 to 500 items"
    assert wrong == {"field": "items", "found": "a list of length 501", "expected": expected}


def test_a_wrong_order_id_is_reported(client: TestClient, api: ApiSetup) -> None:
    """An id that would break the engine is refused without a call to the engine."""
    wrong = invalid_value(client.post("/workflow/start", json={**ORDER, "order_id": "a||b"}))
    assert (wrong["field"], wrong["found"]) == ("order_id", "a||b")
    assert not api.gateway.calls


def test_an_unknown_field_is_reported(client: TestClient) -> None:
    """The answer names the unknown field and the fields of an order."""
    wrong = invalid_value(client.post("/workflow/start", json={**ORDER, "colour": "red"}))
    expected = "no such field; the fields are order_id, amount and items"
    assert wrong == {"field": "colour", "found": "red", "expected": expected}


def test_missing_fields_are_reported_together(client: TestClient) -> None:
    """One answer names all missing fields."""
    answer = client.post("/workflow/start", json={})
    assert answer.status_code == 422
    wrong = [(each["field"], each["found"]) for each in answer.json()["detail"]]
    assert wrong == [("order_id", None), ("amount", None), ("items", None)]


def test_an_answer_to_hundreds_of_invalid_values_is_short(client: TestClient) -> None:
    """The answer to a body with hundreds of invalid values lists 100 of them."""
    answer = client.post("/workflow/start", json={**ORDER, "items": ["x" * 300] * 500})
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
def test_a_body_that_is_no_order_is_reported(
    client: TestClient, body: bytes, found: object, expected: str
) -> None:
    """For a body that is no JSON object, the field is `body`."""
    assert invalid_value(start(client, body)) == {
        "field": "body",
        "found": found,
        "expected": expected,
    }


@pytest.mark.parametrize(
    ("sent", "found"), [("text/plain", "text/plain"), ("application/xml", "application/xml")]
)
def test_a_wrong_content_type_is_reported(client: TestClient, sent: str, found: str) -> None:
    """A body with another Content-Type is not read as JSON."""
    body, headers = json.dumps(ORDER), {"content-type": sent}
    wrong = invalid_value(client.post("/workflow/start", content=body, headers=headers))
    expected = "application/json"
    assert wrong == {"field": "Content-Type", "found": found, "expected": expected}


def test_a_body_without_a_content_type_is_refused(client: TestClient) -> None:
    """Another site's page cannot send an order without the preflight request that JSON requires."""
    wrong = invalid_value(client.post("/workflow/start", content=json.dumps(ORDER)))
    assert (wrong["field"], wrong["found"]) == ("Content-Type", None)


TOO_LARGE = {
    "error": "BodyTooLarge",
    "detail": "The request's body is larger than 1048576 bytes.",
}


def receive_chunks(
    api: FastAPI, path: str, chunks: int, headers: list[tuple[bytes, bytes]]
) -> tuple[int, int, bytes]:
    """Post chunks of 64 KiB; return how many were read, and the answer's status and body."""
    read, sent = 0, []

    async def receive() -> dict[str, Any]:
        nonlocal read
        read += 1
        return {"type": "http.request", "body": b" " * 65536, "more_body": read < chunks}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "POST",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(b"host", b"localhost"), (b"content-type", b"application/json"), *headers],
    }
    asyncio.run(api(scope, receive, send))
    return read, sent[0]["status"], b"".join(part["body"] for part in sent[1:])


def test_a_content_length_over_the_limit_is_refused(api: ApiSetup) -> None:
    """The body is discarded first, because most clients read the answer only after sending it."""
    length = [(b"content-length", str(MAX_BODY + 1).encode())]
    read, status, body = receive_chunks(api.application(), "/workflow/start", 17, length)
    assert (read, status, json.loads(body)) == (17, 413, TOO_LARGE)


@pytest.mark.parametrize(
    "headers",
    [
        [(b"content-length", str(MAX_DISCARDED + 1).encode())],
        [(b"content-length", str(MAX_BODY + 1).encode()), (b"expect", b"100-continue")],
    ],
)
def test_a_body_that_nobody_waits_for_is_not_read(
    api: ApiSetup, headers: list[tuple[bytes, bytes]]
) -> None:
    """It is far too large, or its client asks before it sends."""
    read, status, body = receive_chunks(api.application(), "/workflow/start", 1000, headers)
    assert (read, status, json.loads(body)) == (0, 413, TOO_LARGE)


def test_a_stream_that_grows_too_large_is_not_read_to_its_end(api: ApiSetup) -> None:
    """A body of unknown length is read up to 1 MiB, and up to 8 MiB more are discarded."""
    read, status, body = receive_chunks(api.application(), "/workflow/start", 1000, [])
    assert (read, status, json.loads(body)) == (17 + 129, 413, TOO_LARGE)


@pytest.mark.parametrize("path", ["/workflow/start", "/workflow/raise/a", "/workflow/pause/a"])
def test_a_body_with_too_many_fields_is_refused_as_a_whole(client: TestClient, path: str) -> None:
    """An error for each of them would block all other requests for a second."""
    fields = json.dumps({f"f{number}": 1 for number in range(60_000)})
    wrong = invalid_value(client.post(path, content=fields, headers=JSON))
    assert wrong["field"] == "body"
    assert wrong["expected"] == "a JSON object (more than 100 fields)"


def test_a_payload_may_have_any_number_of_fields(client: TestClient) -> None:
    """The limit is for the fields that an endpoint knows."""
    payload = {f"field{number}": number for number in range(500)}
    answer = client.post("/workflow/raise/none", json={"event": "e", "payload": payload})
    assert answer.json()["error"] == "UnknownInstance"


def test_the_last_key_that_occurs_twice_is_found_at_once(client: TestClient) -> None:
    """The search among 60,000 keys is linear; a quadratic one takes minutes, and blocks all."""
    fields = ",".join(f'"f{number}":1' for number in range(60_000))
    wrong = invalid_value(start(client, f'{{{fields},"f59999":2}}'))
    assert wrong["expected"] == "a JSON object ('f59999' occurs twice)"


def test_a_body_of_1_mib_is_read(api: ApiSetup) -> None:
    """A body of exactly 1 MiB is read and validated."""
    read, status, _ = receive_chunks(api.application(), "/workflow/start", 16, [])
    assert (read, status) == (16, 422)


def test_a_content_length_of_1_mib_is_read(client: TestClient) -> None:
    """A content-length of exactly 1 MiB is allowed."""
    padded = json.dumps(ORDER).ljust(MAX_BODY)
    assert start(client, padded).status_code == 200


@pytest.mark.parametrize("path", ["/nope", "/workflow", "/workflow/stat/order_A"])
def test_an_unknown_path_is_not_found(client: TestClient, path: str) -> None:
    """An unknown path is 404, in the form of all errors."""
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
    """A wrong method is 405, and the header `allow` has the right one."""
    answer = client.request(method, path)
    assert answer.status_code == 405
    assert answer.json() == {"error": "MethodNotAllowed", "detail": "Method Not Allowed"}
    assert answer.headers["allow"] == allowed


@pytest.mark.parametrize("page", ["/docs", "/redoc"])
def test_the_documentation_needs_no_other_host(client: TestClient, page: str) -> None:
    """The API serves every file that a page of the documentation loads."""
    html = client.get(page).text
    files = re.findall(r"""(?:src|href)=["']([^"']+)["']""", html)
    assert files
    assert not re.search(r"(https?:)?//[a-z]", html)
    assert [client.get(file).status_code for file in files] == [200] * len(files)


ACTION_ERRORS = {"404", "409", "422", "500", "502", "503"}
ERRORS = {
    ("get", "/"): set[str](),
    ("get", "/livez"): set[str](),
    ("get", "/health"): {"503"},
    ("post", "/workflow/start"): {"409", "422", "500", "502", "503"},
    ("post", "/workflow/start/{instance_id}"): {"409", "422", "500", "502", "503"},
    ("get", "/workflows"): {"400", "422", "500", "503"},
    ("get", "/workflows/export"): {"400", "422", "500", "503"},
    ("get", "/audit"): {"400", "422", "500", "503"},
    ("get", "/audit/export"): {"400", "422", "500", "503"},
    ("get", "/statistics"): {"400", "422", "500", "503"},
    ("get", "/statistics/series"): {"400", "422", "500", "503"},
    ("get", "/failures"): {"400", "422", "500", "503"},
    ("get", "/overview"): {"400", "422", "500", "503"},
    ("get", "/waiting"): {"400", "422", "500", "503"},
    ("post", "/bulk/preview"): {"400", "404", "422", "500", "503"},
    ("post", "/bulk/start"): {"400", "404", "422", "500", "503"},
    ("get", "/bulk"): {"400", "422", "500", "503"},
    ("get", "/bulk/{bulk_id}"): {"400", "404", "422", "500", "503"},
    ("get", "/bulk/{bulk_id}/instances"): {"400", "404", "422", "500", "503"},
    ("post", "/bulk/{bulk_id}/cancel"): {"400", "404", "422", "500", "503"},
    ("post", "/failures/{group_id}/known"): {"400", "404", "422", "500", "503"},
    ("get", "/workflow/status/{instance_id}"): {"404", "422", "500", "502", "503"},
    ("post", "/workflow/pause/{instance_id}"): ACTION_ERRORS,
    ("post", "/workflow/resume/{instance_id}"): ACTION_ERRORS,
    ("post", "/workflow/terminate/{instance_id}"): ACTION_ERRORS,
    ("get", "/workflow/history/{instance_id}"): {"404", "422", "500", "502", "503"},
    ("get", "/workflow/run/{instance_id}"): {"404", "422", "500", "502", "503"},
    ("post", "/workflow/purge/{instance_id}"): ACTION_ERRORS,
    ("get", "/workflow/rerun-plan/{instance_id}"): ACTION_ERRORS,
    ("post", "/workflow/rerun/{instance_id}"): ACTION_ERRORS,
    ("post", "/workflow/raise/{instance_id}"): ACTION_ERRORS,
}


def test_openapi_has_every_error(client: TestClient) -> None:
    """Each endpoint documents every status code that it can return, with its meaning."""
    paths = client.get("/openapi.json").json()["paths"]
    for (method, path), errors in ERRORS.items():
        responses = paths[path][method]["responses"]
        assert set(responses) == {"200", "403", "413", "421"} | errors, path
        for code, response in responses.items():
            assert response["description"]
            if path.endswith("/export") and code == "200":
                assert set(response["content"]) == {"text/csv", "application/jsonl"}
            else:
                assert "$ref" in response["content"]["application/json"]["schema"], path


@pytest.mark.parametrize(
    ("method", "path"), [each for each in ERRORS if each[1].startswith("/workflow/")]
)
def test_an_unknown_parameter_is_refused(client: TestClient, method: str, path: str) -> None:
    """A parameter such as `?force=true` beside a body is not silently ignored."""
    wrong = invalid_value(
        client.request(method, f"{path.format(instance_id='order_A')}?force=true")
    )
    assert (wrong["field"], wrong["found"]) == ("force", "true")


def test_openapi_has_no_other_endpoints(client: TestClient) -> None:
    """`ERRORS` has every endpoint."""
    paths = client.get("/openapi.json").json()["paths"]
    documented = {(method, path) for path, methods in paths.items() for method in methods}
    assert documented == set(ERRORS)


def test_openapi_has_the_specifications_examples(client: TestClient) -> None:
    """The examples of Swagger UI are the specification's order and its output."""
    schemas = client.get("/openapi.json").json()["components"]["schemas"]
    order = {name: field["examples"][0] for name, field in schemas["Order"]["properties"].items()}
    assert order == ORDER
    assert schemas["StartResponse"]["example"] == STARTED
    output = schemas["StatusResponse"]["example"]["output"]
    assert output["confirmation"]["message"] == "Order confirmed with 2 items. Total: $109.99"
    assert schemas["InvalidInputResponse"]["example"]["detail"][0]["expected"] == AMOUNT


@pytest.mark.parametrize("origin", ["https://other.example", "null", "http://testserver:8501"])
@pytest.mark.parametrize("action", ["pause", "resume", "terminate", "purge", "raise", "rerun"])
def test_a_page_of_another_site_cannot_act(
    client: TestClient, api: ApiSetup, action: str, origin: str
) -> None:
    """A form of any page may send a POST without a body; the answer is 403, and nothing is done."""
    api.gateway.put(instance("order_A", Status.RUNNING))
    answer = client.post(f"/workflow/{action}/order_A", headers={"origin": origin})
    assert (answer.status_code, answer.json()["error"]) == (403, "ForeignOrigin")
    assert client.get("/workflow/status/order_A").json()["status"] == "RUNNING"


def test_a_foreign_body_is_not_read(api: ApiSetup) -> None:
    """The request is refused before its body is read."""
    headers = [(b"origin", b"https://other.example")]
    read, status, _ = receive_chunks(api.application(), "/workflow/start", 1000, headers)
    assert (read, status) == (0, 403)


@pytest.mark.parametrize(
    ("header", "own", "other"),
    [
        ("origin", "http://localhost", "https://other.example"),
        ("sec-fetch-site", "same-origin", "cross-site"),
    ],
)
def test_each_value_of_a_repeated_header_counts(
    client: TestClient, api: ApiSetup, header: str, own: str, other: str
) -> None:
    """A proxy may add its own value before the browser's."""
    api.gateway.put(instance("order_A", Status.RUNNING))
    for values in ((own, other), (other, own)):
        headers = [("host", "localhost"), *((header, value) for value in values)]
        answer = client.post("/workflow/terminate/order_A", headers=headers)
        assert (answer.status_code, answer.json()["error"]) == (403, "ForeignOrigin")
    assert not api.gateway.calls["terminate"]


def test_another_host_is_refused(client: TestClient) -> None:
    """A site may give this server a name of its own; the answer names the settings."""
    answer = client.get("/workflows", headers={"host": "other.example"})
    assert (answer.status_code, answer.json()["error"]) == (421, "HostNotAllowed")
    assert "FLOWDECK_ALLOWED_HOSTS" in answer.json()["detail"]


def test_a_probe_may_name_any_host(client: TestClient) -> None:
    """Kubernetes asks by the address of the pod; the answer is always the same."""
    answer = client.get("/livez", headers={"host": "10.1.2.3:8000"})
    assert (answer.status_code, answer.json()) == (200, {"status": "alive"})
    assert client.post("/livez", headers={"host": "10.1.2.3:8000"}).status_code == 421


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/", {}),
        ("/docs", {}),
        ("/redoc", {}),
        ("/nope", {}),
        ("/health", {}),
        ("/health", {"host": "other.example"}),
        ("/workflow/status/order_A", {}),
    ],
)
def test_every_response_restricts_the_browser(
    client: TestClient,
    monkeypatch: pytest.MonkeyPatch,
    api: ApiSetup,
    path: str,
    headers: dict[str, str],
) -> None:
    """No page may show it in a frame; also not an error that the application did not expect."""
    monkeypatch.setattr(api.gateway, "state", None)  # the fault of the last path
    sent = client.get(path, headers=headers).headers
    assert "frame-ancestors 'none'" in sent["content-security-policy"]
    assert sent["x-frame-options"] == "DENY"
    assert sent["x-content-type-options"] == "nosniff"
    assert sent["referrer-policy"] == "same-origin"
    assert sent["cross-origin-resource-policy"] == "same-origin"
    assert sent["cross-origin-opener-policy"] == "same-origin"


def test_a_start_that_is_refused_under_load_says_when_to_try_again(
    client: TestClient, api: ApiSetup
) -> None:
    """The answer has the header `Retry-After`, in seconds."""
    api.gateway.errors["state"] = [TooManyStarts("order_A")]
    answer = client.post("/workflow/start", json=ORDER)
    assert (answer.status_code, answer.json()["error"]) == (503, "TooManyStarts")
    assert answer.headers["retry-after"] == "2"
    other = client.get("/workflow/status/order_A")
    assert "retry-after" not in other.headers
