"""`GET /statistics`, `/statistics/series` and `/failures`."""

from typing import Any

import pytest
from pydantic import BaseModel
from starlette.testclient import TestClient

from api.schemas.statistics import FailuresResponse, SeriesResponse, StatisticsResponse
from operations.ledger import Ledger
from operations.model import Failure, Status
from operations.timeline import Ending
from tests.unit.snapshots import activity, at, snapshot

DAY = {"since": "2026-01-11T12:00:00Z", "until": "2026-01-12T12:00:00Z"}
PATHS: dict[str, type[BaseModel]] = {
    "/statistics": StatisticsResponse,
    "/statistics/series": SeriesResponse,
    "/failures": FailuresResponse,
}


def get(client: TestClient, path: str, **parameters: Any) -> dict[str, Any]:
    """Return the body of a successful answer, which has the documented form."""
    answer = client.get(path, params=parameters)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    PATHS[path].model_validate(body)
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
    """Durations are in seconds, accurate to 1 %."""
    body = get(client, "/statistics", **DAY)
    (workflow,), (charge,) = body["workflows"], body["activities"]
    assert (body["since"], body["until"]) == (DAY["since"], DAY["until"])
    assert (workflow["started"], workflow["ended"], workflow["failed"]) == (2, 2, 1)
    assert (workflow["duration"]["longest"], workflow["unknown"]) == (10, 1)
    assert workflow["queue_time"]["p95"] == pytest.approx(2, rel=0.01)
    assert (charge["activity"], charge["ended"], charge["failed"]) == ("charge", 1, 1)
    assert charge["execution_time"]["p50"] == pytest.approx(3, rel=0.01)


@pytest.mark.usefixtures("failed")
def test_a_series_has_each_step(client: TestClient) -> None:
    """By default hours; also those without runs."""
    hours = get(client, "/statistics/series", **DAY)["steps"]
    assert len(hours) == 24
    assert hours[0]["at"] == DAY["since"]
    assert (hours[0]["started"], hours[0]["completed"], hours[0]["failed"]) == (2, 1, 1)
    assert hours[0]["queue_p95"] == pytest.approx(1, rel=0.01)
    minutes = {"since": DAY["since"], "until": "2026-01-11T12:02:00Z", "step": "minute"}
    first, second = get(client, "/statistics/series", **minutes)["steps"]
    assert (first["started"], second["started"], second["queue_p95"]) == (2, 0, None)


@pytest.mark.usefixtures("failed")
def test_a_failure_group_leads_to_its_runs(client: TestClient) -> None:
    """Its id is in the rows of the list, and a filter of the list."""
    (group,) = get(client, "/failures", **DAY)["groups"]
    assert (group["step"], group["error_type"], group["fingerprint"]) == (
        "charge",
        "ValueError",
        "No card …",
    )
    assert (group["runs"], group["attempts"], group["trend"][0]) == (1, 1, 1)
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
    assert len(body.get("steps", [])) in {0, 25}  # the first and the last hour are shorter


@pytest.mark.parametrize("path", PATHS)
def test_a_period_must_have_a_length(client: TestClient, path: str) -> None:
    """The message names the values."""
    answer = client.get(path, params={"since": DAY["until"], "until": DAY["since"]})
    assert answer.status_code == 422
    message = answer.json()["detail"][0]["message"]
    assert message == (
        'since: found "2026-01-12T12:00:00Z", expected a time before 2026-01-11T12:00:00Z.'
    )


def test_a_series_has_a_limited_number_of_steps(client: TestClient) -> None:
    """The message says how many."""
    answer = client.get("/statistics/series", params={**DAY, "step": "minute"})
    assert answer.status_code == 422
    assert "expected one of 1000 minutes at most" in answer.json()["detail"][0]["message"]
