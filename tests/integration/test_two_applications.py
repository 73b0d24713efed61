"""Two applications of one engine: a workflow calls an activity and a child of the other one."""

from collections.abc import Iterator
from contextlib import closing, suppress

import pytest
from starlette.testclient import TestClient

from api.__main__ import create_attached_app
from api.services import Services
from operations.errors import FlowdeckError
from operations.gateway import DaprGateway
from operations.model import Status
from operations.records import RemoteChild
from system.dapr.build import ensure
from system.dapr.commands import command, variables
from system.dapr.settings import DaprSettings
from tests.integration.rich import RICH_APPLICATION, Rich
from tests.integration.truth import one
from tests.ports import first_port
from tests.waiting import STARTUP, eventually

FIRST = first_port(29460)
OTHER, OTHER_PORT = "billing", FIRST + 12


@pytest.fixture(scope="module")
def rich(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rich]:
    """Run the application whose workflow calls the other one, with its recorder."""
    with Rich(tmp_path_factory.mktemp("calling"), FIRST) as rich:
        yield rich


@pytest.fixture
def other(rich: Rich) -> Iterator[DaprGateway]:
    """Run the other application, with a sidecar of its own, on the same engine."""
    settings = DaprSettings(dapr_ports=FIRST, home=rich.folder)
    sidecar = [
        *("env", f"--chdir={rich.folder}"),
        *(f"{name}={value}" for name, value in variables(settings).items()),
        *command("daprd", ensure(print), settings),
        f"--app-id={OTHER}",
        f"--dapr-grpc-port={OTHER_PORT}",
        f"--dapr-http-port={OTHER_PORT + 1}",
        f"--dapr-internal-grpc-port={OTHER_PORT + 2}",
    ]
    endpoint = f"127.0.0.1:{OTHER_PORT}"
    with (
        rich.beside(*sidecar),
        rich.beside(*RICH_APPLICATION, DAPR_GRPC_ENDPOINT=endpoint),
        closing(DaprGateway(endpoint)) as gateway,
    ):
        eventually(lambda: _has_worker(gateway), STARTUP, "the other worker is connected")
        yield gateway


def _has_worker(gateway: DaprGateway) -> bool:
    with suppress(FlowdeckError):
        return gateway.health().workers == 1
    return False


def test_a_call_of_another_application_names_it(rich: Rich, other: DaprGateway) -> None:
    """History, ledger and REST API say where activity and child are; the child knows its parent."""
    parent_id = rich.start("calling", f'"{OTHER}"')
    assert rich.ended(parent_id).status is Status.COMPLETED
    history = rich.gateway.history(parent_id)
    child = one(history, "childWorkflowInstanceCreated")
    assert (one(history, "taskScheduled").app_id, child.app_id) == (OTHER, OTHER)
    child_id = child.instance_id
    assert child_id
    rich.recorded(parent_id, Status.COMPLETED)
    assert rich.gateway.state(child_id) is None
    assert rich.ledger.runs.remote_child(child_id) == RemoteChild(child_id, OTHER, parent_id)
    started = one(other.history(child_id), "executionStarted")
    assert (started.instance_id, started.parent_app_id) == (parent_id, rich.gateway.app_id())
    api = TestClient(
        create_attached_app(Services(rich.gateway, lambda: rich.ledger)), "http://localhost"
    )
    api.get("/workflows")  # opens the ledger
    answer = api.get(f"/workflow/status/{child_id}")
    assert answer.status_code == 404
    assert OTHER in answer.json()["detail"]
