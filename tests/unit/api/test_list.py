"""`GET /workflows`: the list of runs."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from api.schemas.lists import ListResponse
from operations.errors import LedgerUnavailable
from operations.ledger import Ledger, LedgerLimits, SearchLimits
from operations.model import Failure, Status
from operations.records import Filter, Sort
from operations.timeline import Waiting
from tests.unit.api.test_api import invalid_value
from tests.unit.fakes import FakeGateway
from tests.unit.snapshots import ID, at, snapshot, summary

TIME = "a time with its zone, such as 2026-01-11T12:00:00Z"
DURATION = "a duration of at most 36500d, such as 500ms, 90s, 5m, 2h or 7d"
CURSOR = "the cursor of a page of the list in this order"


def get_list(client: TestClient, **parameters: Any) -> dict[str, Any]:
    """Return the body of a successful answer, which has the documented form."""
    answer = client.get("/workflows", params=parameters)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    ListResponse.model_validate(body)
    return body


@pytest.mark.parametrize("name", ["limit", "cursor", "since", "id", "sort"])
def test_a_repeated_parameter_is_refused(client: TestClient, name: str) -> None:
    """A parameter with one value must not be repeated; a list may have several values."""
    answer = client.get(f"/workflows?{name}=5&{name}=6")
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["message"] == f'{name}: found "5, 6", expected one value.'
    assert get_list(client, status=["RUNNING", "FAILED"], workflow=["a", "b"])


@pytest.mark.parametrize("ledger_limits", [LedgerLimits(SearchLimits(seconds=0))])
def test_a_query_that_takes_too_long_is_400(client: TestClient, ledger: Ledger) -> None:
    """A query timeout is an error of the request, not an outage: a repetition cannot succeed."""
    ledger.runs.ingest([snapshot(instance_id=f"order_{number}") for number in range(1000)])
    answer = client.get("/workflows")
    assert (answer.status_code, answer.json()["error"]) == (400, "QueryTimeout")
    assert "Narrow it" in answer.json()["detail"]


def ids(body: dict[str, Any]) -> list[str]:
    """Return the instance ids of an answer."""
    return [each["instance_id"] for each in body["workflows"]]


def test_an_empty_ledger_has_an_empty_list(client: TestClient) -> None:
    """The counts have every status, and there is no next or previous page."""
    assert get_list(client) == {
        "workflows": [],
        "counts": {status: {"number": 0, "capped": False} for status in Status},
        "next": None,
        "previous": None,
    }


def test_a_run_has_the_fields_of_the_ledger(client: TestClient, ledger: Ledger) -> None:
    """Times are in UTC and end in Z; unknown values are null."""
    failed = snapshot(Status.FAILED, read=3, failure=Failure("ValueError", "No"), parent_id="p")
    waits = snapshot(instance_id="b", created=5, custom_status='"new"', waiting=Waiting("pay"))
    ledger.runs.ingest([failed, waits])
    ledger.runs.mark_purged({"order_A": at(60)})
    waiting, purged = get_list(client)["workflows"]
    assert purged == {
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
        "suspended_at": None,
        "repeats": None,
        "failure": {
            "error_type": "ValueError",
            "message": "No",
            "step": None,
            "group": summary(ledger).failure_group,
        },
        "parent": "p",
        "parent_app_id": None,
        "rerun_of": None,
        "purged_at": "2026-01-11T12:01:00Z",
        "is_latest": True,
    }
    assert (waiting["custom_status"], waiting["waits_for"]) == ("new", "pay")
    assert (waiting["ended_at"], waiting["failure"]) == (None, None)


WAITING, PAY = Waiting("event pay, event cancel", at(999)), frozenset({"pay", "cancel"})


def fill(ledger: Ledger) -> None:
    """Record three runs that differ in every filter and sort order."""
    ledger.runs.ingest(
        [
            snapshot(
                Status.FAILED,
                instance_id="order_1",
                read=9,
                input='{"item": "lamp"}',
                custom_status="packing",
                parent_id="up",
                rerun_of="before",
                failure=Failure("ValueError", "No"),
            ),
            snapshot(instance_id="audit_2", workflow="audit", created=60, read=61),
            snapshot(instance_id="wait_3", created=120, read=121, waiting=WAITING, awaited=PAY),
        ]
    )


QUERIES = [
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
    ({"ended_since": "2026-01-11T12:00:09Z"}, ["order_1"]),
    ({"ended_until": "2026-01-11T12:00:09Z"}, []),
    ({"min_duration": "9s", "max_duration": "0.5m"}, ["order_1"]),
    ({"max_duration": "8999ms"}, []),
    ({"last": "36500d"}, ["wait_3", "audit_2", "order_1"]),
    ({"last": "1h"}, []),
    ({"ended_last": "36500d"}, ["order_1"]),
    ({"top_level": "true"}, ["wait_3", "audit_2"]),
    ({"sort": "oldest"}, ["order_1", "audit_2", "wait_3"]),
    ({"sort": "shortest"}, ["audit_2", "wait_3", "order_1"]),
    ({"sort": "id"}, ["audit_2", "order_1", "wait_3"]),
    ({"sort": "id_descending"}, ["wait_3", "order_1", "audit_2"]),
    ({"sort": "status"}, ["wait_3", "audit_2", "order_1"]),
    ({"sort": "status_ascending"}, ["order_1", "audit_2", "wait_3"]),
    ({"sort": "ended"}, ["order_1", "wait_3", "audit_2"]),
    ({"text": "\0"}, []),
    ({"id": "", "workflow": "", "text": ""}, ["wait_3", "audit_2", "order_1"]),
]


@pytest.mark.parametrize(("parameters", "found"), QUERIES, ids=range(len(QUERIES)))
def test_a_parameter_filters_or_sorts(
    client: TestClient, ledger: Ledger, parameters: dict[str, Any], found: list[str]
) -> None:
    """A parameter works alone, repeated if it is a list, and with other parameters."""
    fill(ledger)
    assert ids(get_list(client, **parameters)) == found


def test_a_run_that_was_purged_before_its_end_ends_at_the_purge(
    client: TestClient, ledger: Ledger
) -> None:
    """A program that subtracts the times gets a duration that does not grow."""
    ledger.runs.ingest([snapshot()])
    ledger.runs.mark_purged({ID: at(30)})
    (run,) = get_list(client)["workflows"]
    assert run["ended_at"] == run["purged_at"] == "2026-01-11T12:00:30Z"


@pytest.mark.parametrize("ledger_limits", [LedgerLimits(SearchLimits(seconds=60, count=1))])
def test_counts_ignore_the_filter_by_status(client: TestClient, ledger: Ledger) -> None:
    """Counts respect all other filters, and a capped count is marked."""
    fill(ledger)
    counts = get_list(client, status="FAILED")["counts"]
    assert counts["RUNNING"] == {"number": 1, "capped": True}
    assert counts["FAILED"] == {"number": 1, "capped": False}
    assert get_list(client, workflow="audit")["counts"]["FAILED"]["number"] == 0


def test_pages_lead_to_each_other(client: TestClient, ledger: Ledger) -> None:
    """`next` leads to the last page, and `previous` back to the first."""
    ledger.runs.ingest([snapshot(instance_id=f"i{n}", created=n) for n in range(5)])
    first = get_list(client, limit=2)
    second = get_list(client, limit=2, cursor=first["next"])
    third = get_list(client, limit=2, cursor=second["next"])
    assert [ids(page) for page in (first, second, third)] == [["i4", "i3"], ["i2", "i1"], ["i0"]]
    assert (first["previous"], third["next"]) == (None, None)
    assert get_list(client, limit=2, cursor=second["previous"]) == first


def test_a_page_has_50_runs_by_default(client: TestClient, ledger: Ledger) -> None:
    """A page has 50 runs by default, and up to 200 with `limit`."""
    ledger.runs.ingest([snapshot(instance_id=f"i{n}", created=n) for n in range(230)])
    assert len(ids(get_list(client))) == 50
    assert len(ids(get_list(client, limit=200))) == 200


STATUS = (
    "one or more of PENDING, RUNNING, SUSPENDED, COMPLETED, FAILED, TERMINATED, CANCELED, "
    "CONTINUED_AS_NEW, STALLED, UNKNOWN"
)
LIMIT = "a whole number from 1 to 200"
INVALID = [
    ({"status": "failed"}, "status[0]", "failed", STATUS),
    ({"status": ["FAILED", ""]}, "status[1]", "", STATUS),
    ({"workflow": ["x"] * 21}, "workflow", "a list of length 21", "the names of 1 to 20 workflows"),
    ({"since": "yesterday"}, "since", "yesterday", f"{TIME}: created then or later"),
    ({"until": "2026-01-11"}, "until", "2026-01-11", f"{TIME}: created before"),
    ({"until": "2026-01-11T12:00:00"}, "until", "2026-01-11T12:00:00", f"{TIME}: created before"),
    ({"until": "2026-13-11T12:00:00Z"}, "until", "2026-13-11T12:00:00Z", f"{TIME}: created before"),
    ({"since": "1736596800"}, "since", "1736596800", f"{TIME}: created then or later"),
    ({"last": "today"}, "last", "today", f"{DURATION}: created at most this long ago"),
    ({"min_duration": "-1s"}, "min_duration", "-1s", f"{DURATION}: took at least this long"),
    (
        {"sort": "best"},
        "sort",
        "best",
        f"one of {', '.join(Sort)}",
    ),
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
    ("parameters", "field", "found", "expected"), INVALID, ids=range(len(INVALID))
)
def test_a_wrong_parameter_is_reported(
    client: TestClient, parameters: dict[str, Any], field: str, found: str, expected: str
) -> None:
    """The answer has the parameter, the value found and the value expected."""
    wrong = invalid_value(client.get("/workflows", params=parameters))
    assert wrong == {"field": field, "found": found, "expected": expected}


def test_an_unknown_parameter_is_refused(client: TestClient) -> None:
    """A misspelt filter is refused; ignoring it would list all runs."""
    wrong = invalid_value(client.get("/workflows", params={"state": "FAILED"}))
    assert (wrong["field"], wrong["found"]) == ("state", "FAILED")
    assert wrong["expected"].startswith(
        "no such parameter; the parameters are status, workflow, since"
    )


def test_a_cursor_of_another_sort_key_is_refused(client: TestClient, ledger: Ledger) -> None:
    """A cursor is valid only with the sort key of its list."""
    fill(ledger)
    cursor = get_list(client, limit=1)["next"]
    wrong = invalid_value(client.get("/workflows", params={"cursor": cursor, "sort": "longest"}))
    assert (wrong["field"], wrong["expected"]) == ("cursor", CURSOR)


def test_the_list_needs_no_engine(client: TestClient, ledger: Ledger, gateway: FakeGateway) -> None:
    """The list makes no call to the engine."""
    fill(ledger)
    assert len(ids(get_list(client))) == 3
    assert not gateway.calls


def test_a_ledger_that_is_away_is_503(
    client: TestClient, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An outage of the ledger is not shown as an empty list."""

    def fail(_: Filter) -> None:
        raise LedgerUnavailable("disk full")

    monkeypatch.setattr(ledger.search, "counts", fail)
    answer = client.get("/workflows")
    assert answer.status_code == 503
    assert answer.json()["error"] == "LedgerUnavailable"


def test_each_parameter_is_documented(client: TestClient) -> None:
    """Each parameter has a description, and the answer has an example."""
    document = client.get("/openapi.json").json()
    parameters = document["paths"]["/workflows"]["get"]["parameters"]
    names = [each["name"] for each in parameters]
    assert names[:5] == ["status", "workflow", "since", "until", "id"]
    assert all(each["description"] for each in parameters)
    example = document["components"]["schemas"]["ListResponse"]["example"]
    assert ListResponse.model_validate(example)
