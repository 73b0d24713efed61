"""The REST API's histories, purges, reruns and events."""

from dataclasses import replace
from typing import Any

import httpx
import pytest
from starlette.testclient import TestClient

from api.schemas.error_bodies import InvalidInputResponse
from api.schemas.failures import MAX_LENGTH
from operations.errors import DaprUnavailable, OutcomeUnknown
from operations.history import HistoryEvent
from operations.ledger import Ledger
from operations.model import Failure, Status
from tests.unit.events import completed
from tests.unit.fakes import FakeGateway
from tests.unit.runs import put, put_with_descendants
from tests.unit.snapshots import at

JSON = {"content-type": "application/json"}
REASON = "a text of up to 500 characters without control characters"
EVENT = "a text of 1 to 200 characters without control characters"
PURGE = "a JSON object with reason, force and recursive"
EVENT_ID = "the id of an event of the instance's history, 0 to 2147483647"
NEW_ID = "1 to 64 letters, digits, _ or -, beginning with a letter or a digit"
JSON_VALUE = "any JSON value, with integers of at most 4300 digits"
LONG, LONG_FOUND = "9" * 4301, "a number of 4301 digits"
REQUESTS = {
    "history": ("GET", None),
    "purge": ("POST", {}),
    "rerun": ("POST", {"event_id": 2}),
    "raise": ("POST", {"event": "approval"}),
}


def send(client: TestClient, operation: str, body: object = ...) -> httpx.Response:
    """Send a request for an operation on `order_A`, with the default body or another."""
    method, default = REQUESTS[operation]
    path = f"/workflow/{operation}/order_A"
    sent = default if body is ... else body
    answer: httpx.Response = client.request(method, path, json=sent)
    return answer


def invalid_value(answer: httpx.Response) -> tuple[str, Any, str]:
    """Return the only invalid value of a 422 answer: its field, found and expected."""
    assert answer.status_code == 422
    (found,) = InvalidInputResponse.model_validate(answer.json()).detail
    return found.field, found.found, found.expected


def test_a_history_has_every_event(client: TestClient, gateway: FakeGateway) -> None:
    """Each event has its fields, with the payload as JSON; the body names the source."""
    put(gateway)
    body = send(client, "history").json()
    assert (body["instance_id"], body["source"]) == ("order_A", "dapr")
    assert len(body["events"]) == len(gateway.events["order_A"])
    assert body["events"][2] == {
        "event_id": 1,
        "timestamp": "2026-11-23T18:00:01Z",
        "kind": "taskScheduled",
        "name": "reserve",
        "payload": "paper",
    }
    assert body["events"][3]["answers"] == 1


def test_an_event_of_an_unknown_kind_is_returned(client: TestClient, gateway: FakeGateway) -> None:
    """The event has its fields and its raw bytes, from the engine and from the archive."""
    put(gateway)
    later = HistoryEvent(9, at(9), "unknown kind (field 99)", payload='99: "text"', raw="mgYE")
    gateway.events["order_A"] = (*gateway.events["order_A"], later)
    expected = {"kind": "unknown kind (field 99)", "payload": '99: "text"', "raw": "mgYE"}
    assert send(client, "history").json()["events"][-1].items() >= expected.items()
    send(client, "purge")
    assert send(client, "history").json()["events"][-1].items() >= expected.items()


def test_a_history_survives_the_purge(client: TestClient, gateway: FakeGateway) -> None:
    """The archive has the same events."""
    put(gateway)
    before = send(client, "history").json()
    send(client, "purge")
    assert send(client, "history").json() == {**before, "source": "archive"}


def test_a_purge_returns_the_purged_ids(client: TestClient, gateway: FakeGateway) -> None:
    """The ids include the descendants."""
    put_with_descendants(gateway)
    assert send(client, "purge").json() == {
        "status": "purged",
        "instance_id": "order_A",
        "changed": True,
        "purged": ["order_A", "order_A1", "order_A2"],
        "message": "Workflow order_A was archived and purged",
    }


def test_a_purge_needs_no_body(client: TestClient, gateway: FakeGateway) -> None:
    """A purge without a body works, and a second one changes nothing."""
    put(gateway)
    assert send(client, "purge", None).json()["changed"] is True
    again = send(client, "purge", None).json()
    assert (again["changed"], again["purged"]) == (False, [])
    assert again["message"] == "Workflow order_A is purged already"


def test_a_purge_may_be_forced(client: TestClient, gateway: FakeGateway) -> None:
    """Without `force` the purge of a running instance is 409."""
    put(gateway, status=Status.RUNNING)
    refused = send(client, "purge")
    assert refused.status_code == 409
    assert refused.json() == {
        "error": "ActionNotAllowed",
        "detail": "Cannot purge 'order_A': it is RUNNING.",
    }
    assert send(client, "purge", {"force": True}).status_code == 200


def test_descendants_may_stay(client: TestClient, gateway: FakeGateway) -> None:
    """With `recursive: false` only the instance itself is purged."""
    put_with_descendants(gateway, Status.RUNNING)
    assert send(client, "purge").json()["error"] == "NotFinished"
    assert send(client, "purge", {"recursive": False}).json()["purged"] == ["order_A"]


def test_a_reason_is_in_the_audit_log(
    client: TestClient, gateway: FakeGateway, ledger: Ledger
) -> None:
    """The audit entry has the reason, and `api` as the actor."""
    put(gateway)
    send(client, "purge", {"reason": "to make room"})
    (entry,) = ledger.audit_log.of("order_A", 10)
    assert (entry.actor.name, entry.reason) == ("api", "to make room")


def test_a_rerun_answers_with_the_new_instance(client: TestClient, gateway: FakeGateway) -> None:
    """The same request again answers `changed: false`."""
    put(gateway)
    body = {"event_id": 2, "new_instance_id": "order_B", "input": 7, "reason": "again"}
    answer = send(client, "rerun", body).json()
    assert answer == {
        "status": "rerun",
        "instance_id": "order_B",
        "rerun_of": "order_A",
        "event_id": 2,
        "changed": True,
        "message": "Workflow order_A runs again from event 2 as order_B",
    }
    assert gateway.events["order_B"][-1].payload == "7"
    assert send(client, "rerun", body).json()["changed"] is False


@pytest.mark.parametrize(
    ("more", "payload"),
    [({}, "5"), ({"input": None}, "null"), ({"input": 0}, "0"), ({"input": {}}, "{}")],
)
def test_a_null_input_replaces_the_input(
    client: TestClient, gateway: FakeGateway, more: dict[str, Any], payload: str
) -> None:
    """Without `input` the event keeps its input."""
    put(gateway)
    new_id = send(client, "rerun", {"event_id": 2, **more}).json()["instance_id"]
    assert gateway.events[new_id][-1].payload == payload


def test_a_rerun_plan_changes_nothing(client: TestClient, gateway: FakeGateway) -> None:
    """The plan has the kept and the repeated calls, from an event or from the first."""
    put(gateway)
    plan = client.get("/workflow/rerun-plan/order_A", params={"event_id": 2}).json()
    charge = {"event_id": 2, "kind": "taskScheduled", "name": "charge"}
    assert plan["kept"] == [{"event_id": 1, "kind": "taskScheduled", "name": "reserve"}]
    assert plan["again"] == [charge]
    assert plan["later"] == [{"event_id": 3, "kind": "timerCreated", "name": None}]
    assert (plan["event_id"], plan["takes_input"]) == (2, True)
    assert client.get("/workflow/rerun-plan/order_A").json()["event_id"] == 1
    assert not gateway.calls["rerun"]


def test_an_integer_may_be_written_with_a_decimal_point(
    client: TestClient, gateway: FakeGateway
) -> None:
    """JSON does not separate 2.0 from 2."""
    put(gateway)
    assert send(client, "rerun", {"event_id": 2.0}).json()["event_id"] == 2


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"event_id": 99}, "NotRerunnable"),
        ({"event_id": 3, "input": 1}, "NotRerunnable"),
        ({"event_id": 2, "new_instance_id": "order_A"}, "InstanceExists"),
    ],
)
def test_an_impossible_rerun_is_409(
    client: TestClient, gateway: FakeGateway, body: dict[str, Any], error: str
) -> None:
    """The error names the reason."""
    put(gateway)
    answer = send(client, "rerun", body)
    assert (answer.status_code, answer.json()["error"]) == (409, error)


@pytest.mark.parametrize(
    ("more", "payload"),
    [
        ({}, None),
        ({"payload": None}, "null"),
        ({"payload": 0}, "0"),
        ({"payload": False}, "false"),
        ({"payload": ""}, '""'),
        ({"payload": {}}, "{}"),
        ({"payload": {"a": [1.5, "ä"]}}, '{"a":[1.5,"ä"]}'),
    ],
)
def test_an_event_is_raised_with_its_payload(
    client: TestClient, gateway: FakeGateway, more: dict[str, Any], payload: str | None
) -> None:
    """Any JSON value is a payload, also a falsy one; the payload may be missing."""
    put(gateway, status=Status.RUNNING)
    answer = send(client, "raise", {"event": "approval", **more})
    assert answer.json() == {
        "status": "raised",
        "instance_id": "order_A",
        "event": "approval",
        "runtime_status": "WorkflowStatus.RUNNING",
        "message": "Event approval was raised to workflow order_A",
    }
    assert gateway.raised == [("order_A", "approval", payload)]


@pytest.mark.parametrize(
    ("operation", "body", "wrong"),
    [
        ("purge", '{"force": 1}', ("force", 1, "true or false")),
        ("purge", '{"reason": "a\\u0000b"}', ("reason", "a\0b", REASON)),
        ("purge", '{"reason": null}', ("reason", None, REASON)),
        (
            "purge",
            '{"x": 1}',
            ("x", 1, "no such field; the fields are reason, force and recursive"),
        ),
        ("purge", "[]", ("body", "a list of length 0", PURGE)),
        ("rerun", "{}", ("event_id", None, EVENT_ID)),
        ("rerun", '{"event_id": -1}', ("event_id", -1, EVENT_ID)),
        ("rerun", '{"event_id": 1.5}', ("event_id", 1.5, EVENT_ID)),
        ("rerun", '{"event_id": "1"}', ("event_id", "1", EVENT_ID)),
        (
            "rerun",
            '{"event_id": 1, "new_instance_id": "a||b"}',
            ("new_instance_id", "a||b", f"{NEW_ID}, or null"),
        ),
        ("rerun", '{"event_id": 1, "input": NaN}', ("input", "NaN", JSON_VALUE)),
        ("raise", "{}", ("event", None, EVENT)),
        ("raise", '{"event": ""}', ("event", "", EVENT)),
        ("raise", '{"event": "a\\nb"}', ("event", "a\nb", EVENT)),
        ("raise", '{"event": "a", "payload": Infinity}', ("payload", "Infinity", JSON_VALUE)),
        ("raise", f'{{"event": "a", "payload": {LONG}}}', ("payload", LONG_FOUND, JSON_VALUE)),
        (
            "rerun",
            f'{{"event_id": 1, "input": [{LONG}]}}',
            ("input", "a list of length 1", JSON_VALUE),
        ),
    ],
)
def test_a_wrong_body_is_422(
    client: TestClient, gateway: FakeGateway, operation: str, body: str, wrong: tuple[str, Any, str]
) -> None:
    """The answer has the field, the value found and the value expected."""
    put(gateway)
    answer = client.post(f"/workflow/{operation}/order_A", content=body, headers=JSON)
    assert invalid_value(answer) == wrong
    assert not gateway.calls


@pytest.mark.parametrize("operation", ["pause", "resume", "terminate"])
def test_the_reason_of_an_action_is_in_the_audit_log(
    client: TestClient, gateway: FakeGateway, ledger: Ledger, operation: str
) -> None:
    """The reason is optional, and an invalid body is refused."""
    put(gateway, status=Status.SUSPENDED if operation == "resume" else Status.RUNNING)
    path = f"/workflow/{operation}/order_A"
    assert invalid_value(client.post(path, json={"reason": 1})) == ("reason", 1, REASON)
    wrong = "no such field; the field is reason"
    assert invalid_value(client.post(path, json={"force": True})) == ("force", True, wrong)
    assert client.post(path, json={"reason": "to inspect it"}).json()["changed"]
    (entry,) = ledger.audit_log.of("order_A", 9)
    assert (entry.action, entry.reason) == (operation, "to inspect it")


VERBATIM = [
    '{"n":3544790567247868102,"d":0.23456789012345678901,"e":1e400,"k":1,"k":2}',
    '{ "a" :\t[ 1.0,\n 1.50 ] , "b" : {"k":{}, "k":[]} }',
    "1" * 4300,
    r'"\u00e9 \/ \ud800"',
    '"é 😀"',
]


@pytest.mark.parametrize("payload", VERBATIM, ids=range(len(VERBATIM)))
def test_a_payload_reaches_the_engine_as_it_is_written(
    client: TestClient, gateway: FakeGateway, payload: str
) -> None:
    """No number is rounded and no key is dropped, in an event and in the input of a rerun."""
    put(gateway)
    body = f' {{"event_id": 2 , "input" : {payload}\n, "new_instance_id":"order_B"}} '
    client.post("/workflow/rerun/order_A", content=body.encode(), headers=JSON)
    assert gateway.events["order_B"][-1].payload == payload
    body = f'{{"payload":{payload},"event":"approval"}}'
    client.post("/workflow/raise/order_B", content=body.encode(), headers=JSON)
    assert gateway.raised == [("order_B", "approval", payload)]


@pytest.mark.parametrize("payload", VERBATIM, ids=range(len(VERBATIM)))
def test_a_history_has_payloads_as_the_engine_has_them(
    client: TestClient, gateway: FakeGateway, payload: str
) -> None:
    """The text of the payload is a part of the answer, character by character."""
    put(gateway)
    gateway.events["order_A"] = (*gateway.events["order_A"], completed(2, 3, payload))
    assert f'"payload":{payload}}}' in send(client, "history").text


def test_long_failures_are_cut_unless_the_request_asks(
    client: TestClient, gateway: FakeGateway
) -> None:
    """The answer has the lengths of the cut texts, in the history and in the status."""
    put(gateway, status=Status.FAILED)
    loud = Failure("RuntimeError", "é" * 200_000, "s" * 5000)
    gateway.put(replace(gateway.instances["order_A"], failure=loud))
    failed = replace(completed(2, 3, None), kind="taskFailed", failure=loud)
    gateway.events["order_A"] = (failed,)
    cut = {
        "error_type": "RuntimeError",
        "message": "é" * MAX_LENGTH,
        "stack_trace": "s" * MAX_LENGTH,
        "cut": {"message": 200_000, "stack_trace": 5000},
    }
    for shown, query in ((cut, ""), (cut, "?full=false"), (vars(loud), "?full=true")):
        history = client.get(f"/workflow/history/order_A{query}").json()
        assert history["events"][0]["failure"] == shown
        assert client.get(f"/workflow/status/order_A{query}").json()["failure"] == shown


@pytest.mark.parametrize("operation", ["status", "history"])
def test_a_wrong_full_is_422(client: TestClient, operation: str) -> None:
    """The query is validated like a body."""
    answer = client.get(f"/workflow/{operation}/order_A", params={"full": "maybe"})
    expected = "true or false; false cuts failures to 4,000 characters"
    assert invalid_value(answer) == ("full", "maybe", expected)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('{"event": "a", "event": "b"}', "a JSON object ('event' occurs twice)"),
        (
            '{"event": "a", "payload": 1,}',
            "a JSON object (Expecting property name enclosed in double quotes at character 28)",
        ),
        (
            '{"event": "a", "payload": "\udcff"}',
            "a JSON object (not UTF-8: invalid start byte at character 27)",
        ),
    ],
)
def test_a_body_with_a_payload_is_read_strictly(
    client: TestClient, gateway: FakeGateway, body: str, expected: str
) -> None:
    """Only within the payload may a key occur twice."""
    put(gateway, status=Status.RUNNING)
    content = body.encode(errors="surrogateescape")
    answer = client.post("/workflow/raise/order_A", content=content, headers=JSON)
    field, _, found = invalid_value(answer)
    assert (field, found) == ("body", expected)


@pytest.mark.parametrize("event_id", ["x", "-1", "1.5", "99999999999"])
def test_a_wrong_event_id_in_the_query_is_422(client: TestClient, event_id: str) -> None:
    """The query is validated like a body."""
    for query in ("event_id=1&event_id=2", "nope=1"):
        assert client.get(f"/workflow/rerun-plan/order_A?{query}").status_code == 422
    answer = client.get("/workflow/rerun-plan/order_A", params={"event_id": event_id})
    assert invalid_value(answer) == ("event_id", event_id, EVENT_ID)


@pytest.mark.parametrize("operation", REQUESTS)
def test_a_missing_instance_is_404(client: TestClient, operation: str) -> None:
    """Every operation on an unknown id is 404."""
    answer = send(client, operation)
    assert answer.status_code == 404
    assert answer.json() == {
        "error": "UnknownInstance",
        "detail": "No instance has the id 'order_A'.",
    }


@pytest.mark.parametrize("operation", REQUESTS)
def test_an_id_that_no_instance_can_have_is_404(
    client: TestClient, gateway: FakeGateway, operation: str
) -> None:
    """The answer needs no call to the engine."""
    method, body = REQUESTS[operation]
    assert client.request(method, f"/workflow/{operation}/a%00b", json=body).status_code == 404
    assert not gateway.calls


@pytest.mark.parametrize("operation", REQUESTS)
def test_an_outage_is_503(client: TestClient, gateway: FakeGateway, operation: str) -> None:
    """Every operation answers `DaprUnavailable` while the engine is away."""
    outage = DaprUnavailable("no sidecar")
    gateway.errors = {method: [outage] for method in ("state", "history")}
    answer = send(client, operation)
    assert (answer.status_code, answer.json()["error"]) == (503, "DaprUnavailable")


def test_an_event_of_unknown_outcome_says_what_to_do(
    client: TestClient, gateway: FakeGateway
) -> None:
    """The message says to read the history, because the same request could raise a second event."""
    put(gateway, status=Status.RUNNING)
    gateway.late_errors["raise"] = [OutcomeUnknown("raise", "no answer in time")]
    answer = send(client, "raise")
    assert answer.status_code == 503
    assert "Check its history" in answer.json()["detail"]
