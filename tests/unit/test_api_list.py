"""`GET /workflows`: the list of instances over REST."""

from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from api.schemas.lists import ListResponse
from operations.errors import LedgerUnavailable
from operations.ledger import Ledger, SearchLimits
from operations.model import Failure, Status
from operations.records import Filter
from operations.timeline import Waiting
from tests.unit.fakes import FakeGateway
from tests.unit.snapshots import at, snapshot
from tests.unit.test_api import World, mistake

TIME = "a time with its zone, such as 2026-01-11T12:00:00Z"
CURSOR = "the cursor of a page of the list in this order"


@pytest.fixture
def client(gateway: FakeGateway, ledger: Ledger) -> Iterator[TestClient]:
    """Return a client of the running application."""
    api = World(gateway, ledger).api()
    with TestClient(api, raise_server_exceptions=False) as client:
        yield client


def ask(client: TestClient, **asked: Any) -> dict[str, Any]:
    """Return the answer to a question, which is one that the document describes."""
    answer = client.get("/workflows", params=asked)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    ListResponse.model_validate(body)
    return body


@pytest.mark.parametrize("name", ["limit", "cursor", "since", "id", "sort"])
def test_what_is_asked_twice_is_a_mistake(client: TestClient, name: str) -> None:
    """Nobody knows which one is meant; of a list any number may be given."""
    answer = client.get(f"/workflows?{name}=5&{name}=6")
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["message"] == f'{name}: found "5, 6", expected one value.'
    assert ask(client, status=["RUNNING", "FAILED"], workflow=["a", "b"])


def test_a_question_that_is_too_wide_is_a_mistake(
    client: TestClient, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And no outage: it will be as wide later."""
    monkeypatch.setattr(ledger.search, "_limits", SearchLimits(seconds=1e-6))
    monkeypatch.setattr("operations.ledger.db.sessions._STEPS", 1)
    answer = client.get("/workflows")
    assert (answer.status_code, answer.json()["error"]) == (400, "QueryTimeout")
    assert "Narrow it" in answer.json()["detail"]


def ids(body: dict[str, Any]) -> list[str]:
    """Return the ids of an answer."""
    return [each["instance_id"] for each in body["workflows"]]


def test_an_empty_ledger_has_an_empty_list(client: TestClient) -> None:
    """With every status, and no page beside it."""
    assert ask(client) == {
        "workflows": [],
        "counts": {status: {"number": 0, "capped": False} for status in Status},
        "next": None,
        "previous": None,
    }


def test_an_instance_is_told_as_the_ledger_knows_it(client: TestClient, ledger: Ledger) -> None:
    """Its times are in UTC, marked with Z; what is not known is null."""
    failed = snapshot(Status.FAILED, seen=3, failure=Failure("ValueError", "No"), parent_id="p")
    waits = snapshot(instance_id="b", created=5, custom_status='"new"', waiting=Waiting("pay"))
    ledger.runs.ingest([failed, waits])
    ledger.runs.mark_purged({"order_A": at(60)})
    waiting, gone = ask(client)["workflows"]
    assert gone == {
        "instance_id": "order_A",
        "workflow": "order_workflow",
        "runtime_status": "WorkflowStatus.FAILED",
        "status": "FAILED",
        "created_at": "2026-01-11T12:00:00Z",
        "started_at": "2026-01-11T12:00:00Z",
        "ended_at": "2026-01-11T12:00:03Z",
        "last_updated": "2026-01-11T12:00:03Z",
        "custom_status": None,
        "waits_for": None,
        "failure": {"error_type": "ValueError", "message": "No"},
        "parent": "p",
        "rerun_of": None,
        "purged_at": "2026-01-11T12:01:00Z",
        "is_latest": True,
    }
    assert (waiting["custom_status"], waiting["waits_for"]) == ("new", "pay")
    assert (waiting["ended_at"], waiting["failure"]) == (None, None)


WAITING, PAY = Waiting("event pay, event cancel", at(999)), frozenset({"pay", "cancel"})


def fill(ledger: Ledger) -> None:
    """Record two lives that differ in all that can be asked for."""
    ledger.runs.ingest(
        [
            snapshot(
                Status.FAILED,
                instance_id="order_1",
                seen=9,
                input='{"item": "lamp"}',
                custom_status="packing",
                parent_id="up",
                rerun_of="before",
                failure=Failure("ValueError", "No"),
            ),
            snapshot(instance_id="audit_2", workflow="audit", created=60, seen=61),
            snapshot(instance_id="wait_3", created=120, seen=121, waiting=WAITING, awaited=PAY),
        ]
    )


QUESTIONS = [
    ({"status": "FAILED"}, ["order_1"]),
    ({"status": ["FAILED", "RUNNING"]}, ["wait_3", "audit_2", "order_1"]),
    ({"workflow": "audit"}, ["audit_2"]),
    ({"workflow": ["audit", "order_workflow"], "status": "FAILED"}, ["order_1"]),
    ({"since": "2026-01-11T12:01:00Z"}, ["wait_3", "audit_2"]),
    ({"since": "2026-01-11T13:01:00+01:00"}, ["wait_3", "audit_2"]),
    ({"until": "2026-01-11T12:01:00.000Z"}, ["order_1"]),
    ({"since": "2026-01-11T12:01:00Z", "until": "2026-01-11T12:02:00Z"}, ["audit_2"]),
    ({"since": "0001-01-01T00:00:00+23:59"}, ["wait_3", "audit_2", "order_1"]),
    ({"until": "9999-12-31T23:59:59-23:59"}, ["wait_3", "audit_2", "order_1"]),
    ({"id": "DER_"}, ["order_1"]),
    ({"text": "lamp"}, ["order_1"]),
    ({"custom_status": "packing"}, ["order_1"]),
    ({"waits_for": "pay"}, ["wait_3"]),
    ({"waits_for": "Cancel", "status": "RUNNING"}, ["wait_3"]),
    ({"waits_for": "event pay"}, []),
    ({"parent": "up"}, ["order_1"]),
    ({"rerun_of": "before"}, ["order_1"]),
    ({"failure": "ValueError"}, ["order_1"]),
    ({"sort": "oldest"}, ["order_1", "audit_2", "wait_3"]),
    ({"sort": "ended"}, ["order_1", "wait_3", "audit_2"]),
    ({"text": "\0"}, []),
    ({"id": "", "workflow": "", "text": ""}, ["wait_3", "audit_2", "order_1"]),
]


@pytest.mark.parametrize(("asked", "found"), QUESTIONS, ids=range(len(QUESTIONS)))
def test_a_parameter_asks_for_what_it_says(
    client: TestClient, ledger: Ledger, asked: dict[str, Any], found: list[str]
) -> None:
    """Alone, several times, and with others."""
    fill(ledger)
    assert ids(ask(client, **asked)) == found


def test_counts_are_of_the_filter_whichever_status_is_shown(
    client: TestClient, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A capped one is marked."""
    monkeypatch.setattr(ledger.search, "_limits", SearchLimits(seconds=60, count=1))
    fill(ledger)
    counts = ask(client, status="FAILED")["counts"]
    assert counts["RUNNING"] == {"number": 1, "capped": True}
    assert counts["FAILED"] == {"number": 1, "capped": False}
    assert ask(client, workflow="audit")["counts"]["FAILED"]["number"] == 0


def test_pages_lead_to_each_other(client: TestClient, ledger: Ledger) -> None:
    """`next` to the end, and `previous` back to the beginning."""
    ledger.runs.ingest([snapshot(instance_id=f"i{n}", created=n) for n in range(5)])
    first = ask(client, limit=2)
    second = ask(client, limit=2, cursor=first["next"])
    third = ask(client, limit=2, cursor=second["next"])
    assert [ids(page) for page in (first, second, third)] == [["i4", "i3"], ["i2", "i1"], ["i0"]]
    assert (first["previous"], third["next"]) == (None, None)
    assert ask(client, limit=2, cursor=second["previous"]) == first


def test_an_answer_has_fifty_unless_told_otherwise(client: TestClient, ledger: Ledger) -> None:
    """And 200 at most."""
    ledger.runs.ingest([snapshot(instance_id=f"i{n}", created=n) for n in range(230)])
    assert len(ids(ask(client))) == 50
    assert len(ids(ask(client, limit=200))) == 200


STATUS = (
    "one or more of PENDING, RUNNING, SUSPENDED, COMPLETED, FAILED, TERMINATED, CANCELED, "
    "CONTINUED_AS_NEW, STALLED, UNKNOWN"
)
LIMIT = "a whole number from 1 to 200"
MISTAKES = [
    ({"status": "failed"}, "status[0]", "failed", STATUS),
    ({"status": ["FAILED", ""]}, "status[1]", "", STATUS),
    ({"workflow": ["x"] * 21}, "workflow", "a list of length 21", "the names of 1 to 20 workflows"),
    ({"since": "yesterday"}, "since", "yesterday", f"{TIME}: created then or later"),
    ({"until": "2026-01-11"}, "until", "2026-01-11", f"{TIME}: created before"),
    ({"until": "2026-01-11T12:00:00"}, "until", "2026-01-11T12:00:00", f"{TIME}: created before"),
    ({"until": "2026-13-11T12:00:00Z"}, "until", "2026-13-11T12:00:00Z", f"{TIME}: created before"),
    ({"since": "1736596800"}, "since", "1736596800", f"{TIME}: created then or later"),
    ({"sort": "best"}, "sort", "best", "one of newest, oldest, ended, longest"),
    ({"limit": 0}, "limit", "0", LIMIT),
    ({"limit": 201}, "limit", "201", LIMIT),
    ({"limit": "5.0"}, "limit", "5.0", LIMIT),
    ({"limit": "1_0"}, "limit", "1_0", LIMIT),
    ({"limit": ""}, "limit", "", LIMIT),
    ({"limit": "9" * 5000}, "limit", "9" * 200 + "… (5000 characters)", LIMIT),
    (
        {"id": "x" * 256},
        "id",
        "x" * 200 + "… (256 characters)",
        "a part of the id, at most 255 characters",
    ),
    ({"cursor": "nonsense"}, "cursor", "nonsense", CURSOR),
    ({"cursor": ""}, "cursor", "", CURSOR),
]


@pytest.mark.parametrize(
    ("asked", "field", "found", "expected"), MISTAKES, ids=range(len(MISTAKES))
)
def test_a_wrong_parameter_is_told_as_found(
    client: TestClient, asked: dict[str, Any], field: str, found: str, expected: str
) -> None:
    """The answer names the parameter, what came and what is expected."""
    told = mistake(client.get("/workflows", params=asked))
    assert told == {"field": field, "found": found, "expected": expected}


def test_a_parameter_that_there_is_not_is_told(client: TestClient) -> None:
    """A misspelt filter would show all instead."""
    told = mistake(client.get("/workflows", params={"state": "FAILED"}))
    assert (told["field"], told["found"]) == ("state", "FAILED")
    assert told["expected"].startswith(
        "no such parameter; the parameters are status, workflow, since"
    )


def test_a_cursor_of_another_order_is_refused(client: TestClient, ledger: Ledger) -> None:
    """It stands for no place in this one."""
    fill(ledger)
    cursor = ask(client, limit=1)["next"]
    told = mistake(client.get("/workflows", params={"cursor": cursor, "sort": "longest"}))
    assert (told["field"], told["expected"]) == ("cursor", CURSOR)


def test_the_list_needs_no_engine(client: TestClient, ledger: Ledger, gateway: FakeGateway) -> None:
    """It costs the engine nothing, and outlives it."""
    fill(ledger)
    assert len(ids(ask(client))) == 3
    assert not gateway.calls


def test_a_ledger_that_is_away_is_told(
    client: TestClient, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is no empty list."""

    def gone(_: Filter) -> None:
        raise LedgerUnavailable("disk full")

    monkeypatch.setattr(ledger.search, "counts", gone)
    answer = client.get("/workflows")
    assert answer.status_code == 503
    assert answer.json()["error"] == "LedgerUnavailable"


def test_each_parameter_is_documented(client: TestClient) -> None:
    """What it is, and for a text an example; the answer has one as well."""
    document = client.get("/openapi.json").json()
    parameters = document["paths"]["/workflows"]["get"]["parameters"]
    names = [each["name"] for each in parameters]
    assert names[:5] == ["status", "workflow", "since", "until", "id"]
    assert all(each["description"] for each in parameters)
    example = document["components"]["schemas"]["ListResponse"]["example"]
    assert ListResponse.model_validate(example)
