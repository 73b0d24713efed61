"""`GET /workflows/export`, `GET /audit` and `GET /audit/export`."""

import json
from dataclasses import replace
from typing import Any

import pytest
from starlette.testclient import TestClient

from api.schemas.audit import AuditResponse
from operations.ledger import Ledger, LedgerLimits, SearchLimits
from operations.model import Status
from operations.records import Outcome
from tests.unit.api.test_api import invalid_value
from tests.unit.api.test_list import QUERIES, fill, get_list
from tests.unit.calls import ENTRY
from tests.unit.runs import ledger_away
from tests.unit.snapshots import at, snapshot

EXPORTS = ("/workflows/export", "/audit/export")
CSV, JSON_LINES = "text/csv; charset=utf-8; header=present", "application/jsonl"


def lines(client: TestClient, path: str, **parameters: Any) -> list[str]:
    """Return the lines of a successful answer."""
    answer = client.get(path, params=parameters)
    assert answer.status_code == 200, answer.text
    return str(answer.text).splitlines()


@pytest.mark.parametrize("path", EXPORTS)
def test_an_export_is_a_file(client: TestClient, path: str) -> None:
    """CSV unless the query says otherwise."""
    for query, media_type, suffix in (
        ({}, CSV, "csv"),
        ({"format": "csv"}, CSV, "csv"),
        ({"format": "jsonl"}, JSON_LINES, "jsonl"),
    ):
        answer = client.get(path, params=query)
        assert answer.status_code == 200
        assert answer.headers["content-type"] == media_type
        name = answer.headers["content-disposition"]
        assert name.startswith('attachment; filename="flowdeck-')
        assert name.endswith(f'.{suffix}"')
        assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("parameters", "found"),
    [query for query in QUERIES if "sort" not in str(query[0])],
)
def test_an_export_has_the_filters_of_the_list(
    client: TestClient, ledger: Ledger, parameters: dict[str, Any], found: list[str]
) -> None:
    """And its objects; there are no pages."""
    fill(ledger)
    exported = [
        json.loads(line)
        for line in lines(client, "/workflows/export", format="jsonl", **parameters)
    ]
    assert [each["instance_id"] for each in exported] == found
    assert exported == get_list(client, **parameters)["workflows"]


def test_an_export_has_payloads_on_demand(client: TestClient, ledger: Ledger) -> None:
    """They are then in the columns and in the objects."""
    ledger.runs.ingest([snapshot(Status.COMPLETED, input='{"n": 1}', output='"=1"')])
    (line,) = lines(client, "/workflows/export", format="jsonl", payloads="true")
    assert '"input":{"n": 1},"output":"=1"' in line
    header, row = lines(client, "/workflows/export", payloads="true")
    assert header.endswith(",is_latest,input,output")
    assert row.endswith(',true,"{""n"": 1}","\'""=1"""')


def test_an_instance_may_be_named_export(client: TestClient, ledger: Ledger) -> None:
    """The paths of instances are others."""
    ledger.runs.ingest([snapshot(instance_id="export")])
    assert client.get("/workflow/status/export").status_code == 404  # the engine has none
    assert len(lines(client, "/workflows/export")) == 2


ACTIONS = (
    "start, pause, resume, terminate, purge, rerun, raise, cancel bulk job, mark as known, "
    "unmark as known, acknowledge damage"
)


@pytest.mark.parametrize(
    ("path", "parameters", "field", "expected"),
    [
        ("/workflows/export", {"format": "xlsx"}, "format", "one of csv, jsonl"),
        ("/audit/export", {"format": "CSV"}, "format", "one of csv, jsonl"),
        ("/workflows/export", {"payloads": "maybe"}, "payloads", "true or false"),
        ("/workflows/export", {"limit": "5"}, "limit", "no such parameter"),
        ("/audit", {"action": "delete"}, "action[0]", f"one or more of {ACTIONS}"),
        ("/audit", {"outcome": "good"}, "outcome[0]", "one or more of done, unchanged, refused"),
        ("/audit", {"since": "today"}, "since", "a time with its zone"),
        ("/audit", {"limit": "201"}, "limit", "a whole number from 1 to 200"),
        ("/audit", {"reason": "x" * 501}, "reason", "a part of the reason, at most 500"),
        ("/audit", {"cursor": "x"}, "cursor", "the cursor of a page"),
        ("/audit/export", {"state": "x"}, "state", "no such parameter"),
    ],
)
def test_a_wrong_parameter_is_reported(
    client: TestClient, path: str, parameters: dict[str, str], field: str, expected: str
) -> None:
    """Before the first byte of a file."""
    wrong = invalid_value(client.get(path, params=parameters))
    assert wrong["field"] == field
    assert wrong["expected"].startswith(expected)


@pytest.mark.parametrize("path", [*EXPORTS, "/audit"])
def test_a_ledger_that_is_away_is_503(
    client: TestClient, ledger: Ledger, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An outage is no empty file."""
    for search in (ledger.search, ledger.audit_search):
        monkeypatch.setattr(search, "every", ledger_away)
    monkeypatch.setattr(ledger.audit_search, "page", ledger_away)
    answer = client.get(path)
    assert (answer.status_code, answer.json()["error"]) == (503, "LedgerUnavailable")


@pytest.mark.parametrize(
    "ledger_limits", [LedgerLimits(SearchLimits(seconds=60, export_seconds=0))]
)
def test_an_export_that_takes_too_long_is_400(client: TestClient, ledger: Ledger) -> None:
    """A query timeout is an error of the request."""
    ledger.runs.ingest([snapshot(instance_id=f"order_{number}") for number in range(1000)])
    answer = client.get("/workflows/export")
    assert (answer.status_code, answer.json()["error"]) == (400, "QueryTimeout")


def audit(client: TestClient, **parameters: Any) -> dict[str, Any]:
    """Return a page of the audit log, which has the documented form."""
    answer = client.get("/audit", params=parameters)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    AuditResponse.model_validate(body)
    return body


def test_the_audit_log_has_who_did_what(client: TestClient, ledger: Ledger) -> None:
    """An export has the same objects."""
    entry = replace(ENTRY, action="pause", before=Status.RUNNING, after=Status.SUSPENDED)
    ledger.audit_log.add(replace(entry, reason="to make room", bulk_id="b1"))
    body = audit(client)
    assert body == {
        "entries": [
            {
                "at": "2026-01-11T12:00:01Z",
                "actor": "ann",
                "role": "operator",
                "action": "pause",
                "app_id": "orders",
                "instance_id": "order_A",
                "before": "RUNNING",
                "after": "SUSPENDED",
                "outcome": "done",
                "reason": "to make room",
                "message": None,
                "bulk_id": "b1",
            }
        ],
        "next": None,
        "previous": None,
    }
    exported = lines(client, "/audit/export", format="jsonl")
    assert [json.loads(line) for line in exported] == body["entries"]


def test_the_filters_of_the_audit_log(client: TestClient, ledger: Ledger) -> None:
    """Each selects one entry, in the list and in the export."""
    other = replace(ENTRY, at=at(9), action="purge", instance_id="b", outcome=Outcome.REFUSED)
    ledger.audit_log.add(ENTRY, replace(other, reason="Old data", bulk_id="b1"))
    for query in (
        {"action": "purge"},
        {"action": ["purge", "resume"], "actor": "ann"},
        {"outcome": "refused"},
        {"instance": "b"},
        {"since": "2026-01-11T12:00:05Z"},
        {"reason": "old"},
        {"bulk": "b1"},
    ):
        (entry,) = audit(client, **query)["entries"]
        assert entry["instance_id"] == "b"
        assert len(lines(client, "/audit/export", **query)) == 2


def test_pages_of_the_audit_log_lead_to_each_other(client: TestClient, ledger: Ledger) -> None:
    """`next` leads to older entries, `previous` back."""
    ledger.audit_log.add(*(replace(ENTRY, at=at(n), instance_id=f"i{n}") for n in range(3)))
    first = audit(client, limit=2)
    second = audit(client, limit=2, cursor=first["next"])
    assert [each["instance_id"] for each in second["entries"]] == ["i0"]
    assert audit(client, limit=2, cursor=second["previous"]) == first


def test_a_start_by_the_api_is_in_the_audit_log(client: TestClient) -> None:
    """With the actor of the API."""
    order = {"order_id": "A", "amount": 1, "items": ["x"]}
    assert client.post("/workflow/start", json=order).status_code == 200
    (entry,) = audit(client, actor="api", action="start")["entries"]
    assert (entry["instance_id"], entry["outcome"]) == ("order_A", "done")
