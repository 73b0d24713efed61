"""The REST API of an application whose worker runs elsewhere."""

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from api.__main__ import create_attached_app
from api.services import Services
from operations.errors import DaprUnavailable
from operations.ledger import Ledger
from operations.model import DaprHealth
from tests.unit.engine import put_running
from tests.unit.fakes import FakeGateway
from tests.unit.snapshots import ID


@pytest.fixture
def attached(gateway: FakeGateway, ledger: Ledger) -> Iterator[TestClient]:
    """Return a client of the API that runs alone."""
    services = Services(gateway, lambda: ledger)
    with TestClient(create_attached_app(services), base_url="http://localhost") as client:
        yield client


def test_no_endpoint_starts_an_order(attached: TestClient, gateway: FakeGateway) -> None:
    """All other endpoints are there."""
    body = attached.get("/").json()
    assert body["workflow"] is None
    assert "POST /workflow/start" not in body["endpoints"]
    assert attached.post("/workflow/start", json={"order_id": "A"}).is_error
    assert not gateway.instances


def test_any_workflow_is_started_by_its_name(attached: TestClient, gateway: FakeGateway) -> None:
    """The input reaches the engine as it was written."""
    body = '{"workflow": "import", "input": {"b": 1.10, "a": 1.10}, "reason": "a test"}'
    attached.headers["content-type"] = "application/json"
    answer = attached.post("/workflow/start/i1", content=body)
    assert answer.json()["status"] == "started", answer.text
    started = gateway.instances["i1"]
    assert (started.workflow, started.input) == ("import", '{"b": 1.10, "a": 1.10}')
    assert attached.post("/workflow/start/i1", content=body).json()["status"] == "already_started"
    assert attached.get("/").json()["endpoints"]["POST /workflow/start/{instance_id}"]


def test_a_start_at_no_time_is_a_start_now(attached: TestClient, gateway: FakeGateway) -> None:
    """A client may send each field."""
    body = {"workflow": "import", "input": None, "start_at": None}
    assert attached.post("/workflow/start/i1", json=body).json()["status"] == "started"
    assert "i1" in gateway.instances
    assert not gateway.scheduled.get("i1")


@pytest.mark.parametrize(
    ("instance_id", "body", "field"),
    [
        ("a%7C%7Cb", {"workflow": "import"}, "instance_id"),
        ("i1", {}, "workflow"),
        ("i1", {"workflow": ""}, "workflow"),
        ("i1", {"workflow": "a\nb"}, "workflow"),
        ("i1", {"workflow": "import", "start_at": "tomorrow"}, "start_at"),
        ("i1", {"workflow": "import", "start_at": "9000-01-01T00:00:00Z"}, "scheduled_for"),
        ("i1", {"workflow": "import", "payload": 1}, "payload"),
    ],
)
def test_a_bad_start_is_refused(
    attached: TestClient, gateway: FakeGateway, instance_id: str, body: dict[str, str], field: str
) -> None:
    """The answer names the field; nothing starts."""
    answer = attached.post(f"/workflow/start/{instance_id}", json=body)
    assert (answer.status_code, answer.json()["detail"][0]["field"]) == (422, field)
    assert not gateway.instances


def test_an_instance_is_paused(attached: TestClient, gateway: FakeGateway) -> None:
    """Actions need no worker of ours."""
    put_running(gateway)
    assert attached.post(f"/workflow/pause/{ID}").json()["status"] == "paused"


@pytest.mark.parametrize(("workers", "code"), [(None, 200), (1, 200), (0, 503)])
def test_the_runtime_is_the_applications(
    attached: TestClient, gateway: FakeGateway, workers: int | None, code: int
) -> None:
    """It runs if a worker is connected, or if the sidecar does not say how many are."""
    gateway.dapr_health = DaprHealth("1.18.2", (), workers)
    answer = attached.get("/health")
    assert answer.status_code == code
    assert answer.json()["workflow_runtime"] == ("disconnected" if code == 503 else "running")


def test_without_a_sidecar_the_runtime_is_unknown(
    attached: TestClient, gateway: FakeGateway
) -> None:
    """The problem is the sidecar's."""
    gateway.errors["health"] = [DaprUnavailable("it is gone") for _ in range(2)]
    body = attached.get("/health").json()
    assert body["workflow_runtime"] == "unknown"
    assert "it is gone" in body["problems"][0]
