"""REST answers about an instance whose application repeats an action while it is suspended."""

from starlette.testclient import TestClient

from operations.ledger import Ledger
from operations.snapshots import read_snapshot
from operations.timeline import REPETITION_REMEDY, cause_of_repetition
from tests.unit.fakes import FakeGateway
from tests.unit.snapshots import ID
from tests.unit.test_repetition import put_repeating


def test_rest_names_cause_and_remedy(
    client: TestClient, gateway: FakeGateway, ledger: Ledger
) -> None:
    """The status has them from the ledger; the list has the action."""
    put_repeating(gateway)
    snapshot = read_snapshot(gateway, ID)
    assert snapshot
    ledger.runs.ingest([snapshot])
    client.get("/workflows")  # opens the ledger
    assert client.get(f"/workflow/status/{ID}").json()["repeats"] == {
        "action": "timer",
        "cause": cause_of_repetition("timer"),
        "remedy": REPETITION_REMEDY,
    }
    (run,) = client.get("/workflows").json()["workflows"]
    assert (run["repeats"], run["suspended_at"]) == ("timer", "2026-11-23T18:00:02Z")


def test_the_status_does_not_wait_for_the_ledger(client: TestClient, gateway: FakeGateway) -> None:
    """Without an open ledger the status comes from the engine."""
    put_repeating(gateway)
    body = client.get(f"/workflow/status/{ID}").json()
    assert (body["status"], body.get("repeats")) == ("SUSPENDED", None)
