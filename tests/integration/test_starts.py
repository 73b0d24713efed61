"""Starts under load and with lost answers, on the real engine: each order runs once."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime

import httpx
import psutil
import pytest

from operations.actions import ActionContext, ActionLimits, Actions, StartRequest
from operations.errors import OutcomeUnknown
from operations.gateway import DaprGateway
from operations.ledger import Ledger, open_ledger
from operations.model import LOCAL_USER
from tests.integration.stack import AT_ONCE, RECOVERY, Stack, unique
from tests.ports import first_port
from tests.waiting import eventually

IDENTICAL = 50
DIFFERENT = 40
UNAVAILABLE = {"OutcomeUnknown", "DaprUnavailable", "TooManyStarts"}
KNOWN = {"started", "already_running", "InstanceExists"}
"""Answers to equal starts; the last one is given after the order has ended."""


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Run a system whose orders end within milliseconds."""
    with Stack(tmp_path_factory.mktemp("quick"), first_port(29020), AT_ONCE) as stack:
        stack.start()
        yield stack


@pytest.fixture
def ledger(quick: Stack) -> Iterator[Ledger]:
    """Open the ledger of `quick`."""
    with closing(open_ledger(f"sqlite:///{quick.folder}/data/ledger.db")) as ledger:
        yield ledger.for_app("workflow-app")


class Client:
    """A client of the REST API that keeps its connections, because new ones cost CPU time."""

    def __init__(self, stack: Stack, connections: int) -> None:
        limits = httpx.Limits(max_connections=connections)
        self._http = httpx.Client(base_url=stack.url, limits=limits, timeout=5)

    def start(self, order_id: str) -> str:
        """Start an order; return the kind of the error, or the status."""
        order = {"order_id": order_id, "amount": 1.0, "items": ["pen"]}
        answer = self._http.post("/workflow/start", json=order).json()
        return str(answer.get("error") or answer["status"])

    def start_until_known(self, order_id: str) -> str:
        """Repeat a start until its outcome is known; return the last answer."""

        def answer() -> str | None:
            found = self.start(order_id)
            return None if found in UNAVAILABLE else found

        return eventually(answer, RECOVERY, f"{order_id} is started")

    def close(self) -> None:
        """Close the connections."""
        self._http.close()


def runs_of(stack: Stack, order_id: str) -> int:
    """Return how often the workflow of an order started to run."""
    return stack.log("worker").count(f"Starting workflow for order: {order_id} ")


def test_forty_orders_that_start_at_once_run_once(quick: Stack) -> None:
    """A busy machine may refuse some, or lose an answer; the same request again is safe."""
    orders = [unique(f"MANY{number}") for number in range(DIFFERENT)]
    with closing(Client(quick, DIFFERENT)) as client, ThreadPoolExecutor(DIFFERENT) as pool:
        answers = dict(zip(orders, pool.map(client.start, orders), strict=True))
        assert set(answers.values()) <= {"started", *UNAVAILABLE}
        repeated = [order_id for order_id, answer in answers.items() if answer != "started"]
        assert set(map(client.start_until_known, repeated)) <= KNOWN
    for order_id in orders:
        quick.wait_for(f"order_{order_id}", "COMPLETED", RECOVERY)
        assert runs_of(quick, order_id) == 1


def reserved_at(ledger: Ledger, order_id: str) -> datetime | None:
    """Return the time of the reservation of an order, None before it."""
    reservation = ledger.reservations.latest(f"order_{order_id}")
    return reservation.reserved_at if reservation else None


def test_equal_starts_with_a_lost_answer_run_once(quick: Stack, ledger: Ledger) -> None:
    """The scheduler is frozen until the engine's answer to the first of fifty starts is lost."""
    order_id = unique("LOST")
    with closing(Client(quick, IDENTICAL)) as client, ThreadPoolExecutor(IDENTICAL) as pool:
        with quick.frozen("scheduler"):
            starts = [pool.submit(client.start_until_known, order_id) for _ in range(IDENTICAL)]
            first = eventually(lambda: reserved_at(ledger, order_id), 10, "the first start")
            eventually(lambda: _is_answer_lost(first), 10, "its answer is lost")
        assert {each.result() for each in starts} <= KNOWN
    quick.wait_for(f"order_{order_id}", "COMPLETED", RECOVERY)
    assert runs_of(quick, order_id) == 1


def _is_answer_lost(reserved_at: datetime) -> bool:
    return (datetime.now(UTC) - reserved_at).total_seconds() > ActionLimits().start_call


class FreezingGateway(DaprGateway):
    """Freezes the sidecar right before each start, so that it carries out the start later."""

    def __init__(self, endpoint: str, sidecar: psutil.Process, token: str) -> None:
        super().__init__(endpoint, api_token=token)
        self._sidecar_process = sidecar

    def start(self, *arguments: object, **options: object) -> None:
        """Freeze the sidecar, and send the start to it."""
        self._sidecar_process.suspend()
        super().start(*arguments, **options)  # type: ignore[arg-type]


def test_a_start_that_a_frozen_sidecar_carries_out_late_runs_once(
    quick: Stack, ledger: Ledger
) -> None:
    """The same starts, sent as soon as the sidecar runs again, find it or repeat it safely."""
    order_id = unique("FROZEN")
    sidecar = quick.process("daprd")
    assert sidecar
    order = {"order_id": order_id, "amount": 1.0, "items": ["pen"]}
    request = StartRequest("order_workflow", f"order_{order_id}", order)
    endpoint = f"127.0.0.1:{quick.ports['dapr gRPC']}"
    try:
        with closing(FreezingGateway(endpoint, sidecar, quick.token)) as gateway:
            actions = Actions(gateway, ledger)
            with pytest.raises(OutcomeUnknown):
                actions.start(request, ActionContext(LOCAL_USER))
    finally:
        sidecar.resume()
    with closing(Client(quick, IDENTICAL)) as client, ThreadPoolExecutor(IDENTICAL) as pool:
        assert set(pool.map(client.start_until_known, [order_id] * IDENTICAL)) <= KNOWN
    quick.wait_for(f"order_{order_id}", "COMPLETED", RECOVERY)
    assert runs_of(quick, order_id) == 1
