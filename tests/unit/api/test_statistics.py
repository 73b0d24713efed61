"""`GET /statistics`, `/statistics/series` and `/failures`."""

from typing import Any

import pytest
from pydantic import BaseModel
from starlette.testclient import TestClient

from api.schemas.statistics import (
    FailuresResponse,
    OverviewResponse,
    SeriesResponse,
    StatisticsResponse,
)
from api.schemas.waiting import WaitingResponse
from operations.ledger import Ledger
from operations.model import Failure, Status
from operations.timeline import Ending, SpanKind, Waiting
from tests.unit.snapshots import activity, at, snapshot

DAY = {"since": "2026-01-11T12:00:00Z", "until": "2026-01-12T12:00:00Z"}
PATHS: dict[str, type[BaseModel]] = {
    "/statistics": StatisticsResponse,
    "/statistics/series": SeriesResponse,
    "/failures": FailuresResponse,
}
RESPONSES: dict[str, type[BaseModel]] = {
    **PATHS,
    "/overview": OverviewResponse,
    "/waiting": WaitingResponse,
}


def get(client: TestClient, path: str, **parameters: Any) -> dict[str, Any]:
    """Return the body of a successful answer, which has the documented form."""
    answer = client.get(path, params=parameters)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    RESPONSES[path].model_validate(body)
    return body


@pytest.fixture
def failed(ledger: Ledger) -> None:
    """Record a run that completed and one that failed, each with an attempt."""
    failure = Failure("ValueError", "No card 7")
    attempt = activity(1, 0, 4, ending=Ending.FAILED, failure=failure, started_at=at(1))
    whole = Failure("TaskFailedError", "b: Activity task #1 failed: No card 7")
    ledger.runs.ingest(
        [
            snapshot(Status.COMPLETED, instance_id="a", read=10, first_turn_at=at(2)),
            snapshot(
                Status.FAILED,
                instance_id="b",
                execution="e2",
                read=5,
                failure=whole,
                spans=(attempt,),
            ),
        ]
    )


@pytest.mark.usefixtures("failed")
def test_statistics_have_workflows_and_activities(client: TestClient) -> None:
    """Durations are in seconds, accurate to 2 %."""
    body = get(client, "/statistics", **DAY)
    (workflow,), (charge,) = body["workflows"], body["activities"]
    assert (body["since"], body["until"]) == (DAY["since"], DAY["until"])
    assert (workflow["created"], workflow["completed"], workflow["failed"]) == (2, 1, 1)
    assert workflow["duration"]["longest"] == pytest.approx(10, rel=0.02)
    assert workflow["start_unknown"] == 1
    assert workflow["queue_time"]["p95"] == pytest.approx(2, rel=0.02)
    assert (charge["activity"], charge["completed"], charge["failed"]) == ("charge", 0, 1)
    assert charge["execution_time"]["p50"] == pytest.approx(3, rel=0.02)


@pytest.mark.usefixtures("failed")
def test_a_series_has_each_bucket(client: TestClient) -> None:
    """By default hours; also those without runs."""
    hours = get(client, "/statistics/series", **DAY)["buckets"]
    assert len(hours) == 24
    assert hours[0]["at"] == DAY["since"]
    assert (hours[0]["created"], hours[0]["completed"], hours[0]["failed"]) == (2, 1, 1)
    assert hours[0]["queue_p95"] == pytest.approx(1, rel=0.02)
    days = get(client, "/statistics/series", **DAY, bucket="day")
    assert days["since"] == "2026-01-11T00:00:00Z"
    assert [each["created"] for each in days["buckets"]] == [2, 0]


@pytest.mark.usefixtures("failed")
def test_a_failure_group_leads_to_its_runs(client: TestClient) -> None:
    """Its id is in the rows of the list, and a filter of the list."""
    (group,) = get(client, "/failures", **DAY)["groups"]
    assert (group["name"], group["error_type"], group["fingerprint"]) == (
        "charge",
        "ValueError",
        "No card …",
    )
    assert (group["runs"], group["attempts"], group["trend"][0]) == (1, 1, 1)
    assert group["sample"] == {
        "instance_id": "b",
        "run_id": 2,
        "at": "2026-01-11T12:00:05Z",
        "message": "No card 7",
        "stack_trace": None,
        "hidden_frames": 0,
    }
    (run,) = client.get("/workflows", params={"failure_group": group["group"]}).json()["workflows"]
    assert run["failure"] == {
        "error_type": "ValueError",
        "message": "No card 7",
        "step": "charge",
        "group": group["group"],
    }


@pytest.mark.parametrize("path", PATHS)
def test_the_default_period_is_the_last_day(client: TestClient, path: str) -> None:
    """An empty ledger has no statistics."""
    body = get(client, path)
    assert not any(body.get(name) for name in ("workflows", "activities", "groups"))
    assert len(body.get("buckets", [])) in {0, 24, 25}  # the first hour has only begun


@pytest.mark.parametrize(("bucket", "numbers"), [("minute", {60, 61}), ("day", {30, 31})])
def test_the_default_period_of_a_series_suits_its_buckets(
    client: TestClient, bucket: str, numbers: set[int]
) -> None:
    """An hour of minutes, 30 days of days."""
    assert len(get(client, "/statistics/series", bucket=bucket)["buckets"]) in numbers


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("period", [("9999-12-31T23:59:59Z", None), (None, "0001-01-01T00:00:01Z")])
def test_any_time_is_answered(
    client: TestClient, path: str, period: tuple[str | None, str | None]
) -> None:
    """With statistics, or with an error that names the value."""
    since, until = period
    values = {"since": since, "until": until}
    answer = client.get(path, params={name: value for name, value in values.items() if value})
    assert answer.status_code in {200, 422}, answer.text


@pytest.mark.parametrize("path", PATHS)
def test_a_period_must_have_a_length(client: TestClient, path: str) -> None:
    """The message names the values."""
    answer = client.get(path, params={"since": DAY["until"], "until": DAY["since"]})
    assert answer.status_code == 422
    message = answer.json()["detail"][0]["message"]
    assert message == (
        'since: found "2026-01-12T12:00:00Z", expected a time before 2026-01-11T12:00:00Z.'
    )


def test_a_series_has_a_limited_number_of_buckets(client: TestClient) -> None:
    """The message says how many."""
    values = {"since": "2025-01-11T12:00:00Z", "until": DAY["until"]}
    answer = client.get("/statistics/series", params=values)
    assert answer.status_code == 422
    assert "a time at most 1000 hours before until" in answer.json()["detail"][0]["message"]


@pytest.mark.usefixtures("failed")
def test_a_group_is_marked_as_known(client: TestClient) -> None:
    """With a note, and no longer if asked so."""
    (group,) = get(client, "/failures", **DAY)["groups"]
    path = f"/failures/{group['group']}/known"
    answer = client.post(path, json={"note": "INC-1"})
    assert answer.json() == {"group": group["group"], "known": True}
    (group,) = get(client, "/failures", **DAY)["groups"]
    assert (group["known"]["by"], group["known"]["note"]) == ("api", "INC-1")
    assert client.post(path, json={"known": False}).json()["known"] is False
    (group,) = get(client, "/failures", **DAY)["groups"]
    assert group["known"] is None
    log = client.get("/audit", params={"instance": group["group"]}).json()["entries"]
    assert [(each["action"], each["actor"], each["reason"]) for each in log] == [
        ("unmark as known", "api", None),
        ("mark as known", "api", "INC-1"),
    ]


def test_an_unknown_group_is_refused(client: TestClient) -> None:
    """The message has its id."""
    answer = client.post("/failures/0123/known", json={})
    assert (answer.status_code, answer.json()["error"]) == (404, "UnknownFailureGroup")
    assert "'0123'" in answer.json()["detail"]


@pytest.mark.usefixtures("failed")
def test_the_overview_counts_what_needs_a_person(client: TestClient, ledger: Ledger) -> None:
    """And the unfinished runs of each workflow."""
    waiting = Waiting("event approval", None, SpanKind.WAIT, at(3))
    ledger.runs.ingest([snapshot(instance_id="w", execution="w", waiting=waiting)])
    assert get(client, "/overview") == {
        "attention": [{"attention": "event", "count": 1, "since": "2026-01-11T12:00:03Z"}],
        "unfinished": [
            {"workflow": "order_workflow", "count": 1, "oldest": "2026-01-11T12:00:00Z"}
        ],
    }
    listed = client.get("/workflows", params={"attention": "event"}).json()["workflows"]
    assert [each["instance_id"] for each in listed] == ["w"]


def test_waiting_runs_are_listed(client: TestClient, ledger: Ledger) -> None:
    """With the event that can be raised, and the counts of all kinds."""
    event = Waiting("event approval", None, SpanKind.WAIT, at(3))
    timer = Waiting("cooling", at(99), SpanKind.TIMER, at(4))
    ledger.runs.ingest(
        [
            snapshot(
                instance_id="e", execution="e", waiting=event, awaited=frozenset({"approval"})
            ),
            snapshot(instance_id="t", execution="t", waiting=timer),
        ]
    )
    body = get(client, "/waiting")
    assert body["counts"] == {"event": 1, "timer": 1, "child": 0, "retry": 0, "activity": 0}
    assert body["waiting"] == [
        {
            "instance_id": "e",
            "workflow": "order_workflow",
            "waits_for": "event approval",
            "event": "approval",
            "since": "2026-01-11T12:00:03Z",
            "until": None,
        }
    ]
    (found,) = get(client, "/waiting", kind="timer", limit=1)["waiting"]
    assert (found["instance_id"], found["until"]) == ("t", "2026-01-11T12:01:39Z")
    assert client.get("/waiting", params={"kind": "nothing"}).status_code == 422
