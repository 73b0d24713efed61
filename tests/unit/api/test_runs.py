"""The endpoint that returns everything about a run."""

import json
from datetime import UTC, datetime

import pytest
from starlette.testclient import TestClient

from api.schemas.runs import RunResponse
from operations.errors import DaprUnavailable
from operations.json_bodies import render
from operations.ledger import Ledger
from operations.model import Status
from operations.run_document import run_document
from operations.run_view import view
from operations.snapshots import read_snapshot
from tests.unit.events import completed, failed, raised, scheduled
from tests.unit.fakes import FakeGateway
from tests.unit.runs import put

PATH = "/workflow/run/order_A"
EVENTS = (
    scheduled(1, 1, payload='{"n": 12345678901234567891, "d": 0.10}'),
    failed(1, 2),
    scheduled(2, 3),
    completed(2, 4, "no json"),
    raised("typo", 5, "7"),
)


def test_a_run_has_everything(client: TestClient, gateway: FakeGateway) -> None:
    """Summary, payloads, attempts, unconsumed events, audit log and history."""
    put(gateway, status=Status.RUNNING, events=EVENTS)
    client.post("/workflow/pause/order_A", json={"reason": "to look"})
    answer = client.get(PATH)
    body = answer.json()
    assert RunResponse.model_validate(body)
    assert body["summary"]["status"] == "SUSPENDED"
    assert body["input"] == {}
    assert [(each["name"], each["ending"]) for each in body["attempts"]] == [
        ("charge", "failed"),
        ("charge", "completed"),
    ]
    assert body["attempts"][0]["failure"]["message"] == "The card was refused."
    (kept,) = body["unconsumed_events"]
    assert (kept["name"], kept["payload"], kept["is_certain"]) == ("typo", 7, True)
    (entry,) = body["audit_log"]
    assert (entry["action"], entry["reason"], entry["actor"]["name"]) == ("pause", "to look", "api")
    assert [each["kind"] for each in body["history"]][-1] == "eventRaised"
    assert '"payload":{"n": 12345678901234567891, "d": 0.10}' in answer.text
    assert '"payload":"no json"' in answer.text


def test_the_page_downloads_the_same(
    client: TestClient, gateway: FakeGateway, ledger: Ledger
) -> None:
    """Both use one function."""
    put(gateway, events=EVENTS)
    shown = view(gateway, ledger, "order_A", dapr_unavailable=False)
    assert json.loads(render(run_document(shown))) == client.get(PATH).json()


def test_a_run_is_returned_without_the_engine(
    client: TestClient, gateway: FakeGateway, ledger: Ledger
) -> None:
    """From the ledger, with what it has: the history of an unfinished run is not there."""
    put(gateway, status=Status.RUNNING, events=EVENTS)
    found = read_snapshot(gateway, "order_A")
    assert found
    ledger.runs.ingest([found])
    gateway.errors["state"] = [DaprUnavailable("gone")]
    body = client.get(PATH).json()
    assert (body["summary"]["status"], body["history"]) == ("RUNNING", None)
    assert len(body["attempts"]) == 2


def test_an_earlier_run_can_be_selected(
    client: TestClient, gateway: FakeGateway, ledger: Ledger
) -> None:
    """By its `run_id`; a number of another id is unknown."""
    put(gateway, events=EVENTS)
    found = read_snapshot(gateway, "order_A")
    assert found
    ledger.runs.ingest([found])
    run = ledger.runs.latest("order_A")
    assert run
    ledger.runs.mark_purged({"order_A": datetime.now(UTC)})
    del gateway.instances["order_A"]
    body = client.get(PATH, params={"run_id": run.run_id}).json()
    assert body["summary"]["purged_at"]
    assert body["history"]
    assert client.get(PATH, params={"run_id": run.run_id + 1}).status_code == 404
    assert client.get("/workflow/run/order_B", params={"run_id": run.run_id}).status_code == 404


@pytest.mark.parametrize("run_id", ["0", "x", str(2**63)])
def test_a_wrong_run_id_is_422(client: TestClient, run_id: str) -> None:
    """The answer says which numbers there are."""
    answer = client.get(PATH, params={"run_id": run_id})
    assert answer.status_code == 422
    assert "the number of a run of this id" in answer.text
