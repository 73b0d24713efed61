"""The recorder in the whole system: the ledger is complete, also after kills."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from operations.gateway import DaprGateway
from operations.ledger import Ledger, open_ledger
from operations.model import Service, Status, parse_payload
from operations.records import RunSummary
from operations.timeline import Ending
from system.dapr.settings import PROJECT
from tests.integration.stack import PROCESSES, RECOVERY, Stack, unique
from tests.unit.snapshots import details_of
from tests.waiting import STARTUP, eventually

ACTIVITIES = ["check_inventory", "process_order", "send_confirmation"]


@pytest.fixture
def ledger(stack: Stack) -> Iterator[Ledger]:
    """Open the system's ledger."""
    with closing(open_ledger(f"sqlite:///{stack.folder}/data/ledger.db")) as ledger:
        yield ledger


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return the path of a ledger that does not exist yet."""
    return tmp_path / "data" / "ledger.db"


@pytest.fixture
def another(stack: Stack, file: Path) -> Iterator[Callable[[], subprocess.Popen[str]]]:
    """Return a function that runs another recorder, whose ledger is the file."""
    settings = {
        "FLOWDECK_LEDGER_URL": f"sqlite:///{file}",
        "DAPR_GRPC_PORT": str(stack.ports["dapr gRPC"]),
        "DAPR_API_TOKEN": stack.token,
        "FLOWDECK_SPANS_PORT": stack.environment[
            "FLOWDECK_API_PORT"
        ],  # the port is taken, so the recorder polls
    }
    with ExitStack() as running:

        def run() -> subprocess.Popen[str]:
            process = subprocess.Popen(
                [sys.executable, "-m", "operations.recorder"],
                cwd=PROJECT,
                env={**os.environ, **settings},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
            )
            running.enter_context(process)
            running.callback(process.kill)
            return process

        yield run


def recorded(ledger: Ledger, instance_id: str, status: Status, seconds: float = 5) -> RunSummary:
    """Wait until an instance has a status in the ledger, and return its run."""

    def found() -> RunSummary | None:
        summary = ledger.runs.latest(instance_id)
        return summary if summary and summary.status is status else None

    return eventually(found, seconds, f"{instance_id} is {status} in the ledger")


def test_an_order_is_in_the_ledger_from_its_start_to_its_end(
    stack: Stack, ledger: Ledger, gateway: DaprGateway
) -> None:
    """The order has one run, with its three attempts, its input, its output and its history."""
    instance_id = stack.start_order(unique("LEDGER"))
    running = recorded(ledger, instance_id, Status.RUNNING)
    assert running.workflow == "order_workflow"
    assert running.waits_for == "process_order, check_inventory"
    output = stack.wait_for(instance_id, "COMPLETED")["output"]
    summary = recorded(ledger, instance_id, Status.COMPLETED, 3)
    assert summary.run_id == running.run_id
    assert ledger.runs.adjacent_runs(summary) == (None, None)
    attempts = ledger.runs.attempts(summary.run_id)
    assert sorted(attempt.name for attempt in attempts) == ACTIVITIES
    assert {attempt.ending for attempt in attempts} == {Ending.COMPLETED}
    state = gateway.state(instance_id)
    assert state
    history = gateway.history(instance_id)
    details = details_of(ledger, summary)
    assert (parse_payload(details.output), details.history) == (output, history)
    assert (details.input, parse_payload(details.custom_status)) == (state.input, "confirmed")


def test_an_action_is_in_the_ledger_at_once(stack: Stack, ledger: Ledger) -> None:
    """After the answer to a pause, a resume or a terminate the ledger has the new status."""
    instance_id = stack.start_order(unique("ACTED"))
    for path, status in (
        ("pause", Status.SUSPENDED),
        ("resume", Status.RUNNING),
        ("pause", Status.SUSPENDED),  # a busy machine may be slower than the order
        ("terminate", Status.TERMINATED),
    ):
        assert stack.post(f"/workflow/{path}/{instance_id}").json()["changed"] is True
        summary = ledger.runs.latest(instance_id)
        assert summary
        assert summary.status is status
    eventually(lambda: not is_followed(ledger, instance_id), 5, "the history is archived")
    ended = ledger.runs.latest(instance_id)
    assert ended
    assert ended.status is Status.TERMINATED
    assert ledger.runs.adjacent_runs(ended) == (None, None)


def is_followed(ledger: Ledger, instance_id: str) -> bool:
    """Return whether the recorder still follows an instance."""
    return instance_id in {summary.instance_id for summary in ledger.runs.unfinished()}


@pytest.mark.slow
def test_a_kill_of_the_recorder_loses_nothing(stack: Stack, ledger: Ledger) -> None:
    """After a kill -9 during 20 orders each order has one run, with every attempt."""
    with ThreadPoolExecutor(10) as pool:
        orders = list(pool.map(stack.start_order, [unique(f"K{n}") for n in range(10)]))
        stack.kill("recorder")
        orders += pool.map(stack.start_order, [unique(f"K{n}") for n in range(10)])
    stack.kill("recorder")
    for instance_id in orders:
        stack.wait_for(instance_id, "COMPLETED", 30)
    stack.kill("recorder")
    assert_recorded_once(ledger, orders)


def assert_recorded_once(ledger: Ledger, orders: list[str]) -> None:
    """Wait until completed orders are archived; each has one run with all attempts."""
    for instance_id in orders:
        summary = recorded(ledger, instance_id, Status.COMPLETED, 15)
        eventually(lambda each=instance_id: not is_followed(ledger, each), 10, "it is archived")  # type: ignore[misc]
        assert ledger.runs.adjacent_runs(summary) == (None, None)
        attempts = ledger.runs.attempts(summary.run_id)
        assert sorted(attempt.name for attempt in attempts) == ACTIVITIES
        assert {attempt.ending for attempt in attempts} == {Ending.COMPLETED}


@pytest.mark.slow
@pytest.mark.parametrize("names", [("recorder",), ("recorder", "daprd"), PROCESSES])
def test_any_number_of_kills_loses_nothing(
    stack: Stack, ledger: Ledger, names: tuple[str, ...]
) -> None:
    """After repeated kill -9 during 40 orders each order has one run, with every attempt."""
    with ThreadPoolExecutor(10) as pool:
        orders = list(pool.map(stack.start_order, [unique(f"KK{n}") for n in range(40)]))
    for _ in range(3):
        stack.kill(*names)
    for instance_id in orders:
        stack.wait_for(instance_id, "COMPLETED", RECOVERY)
    assert_recorded_once(ledger, orders)
    stack.wait_until_healthy(RECOVERY)


def test_an_outage_of_the_engine_is_in_the_heartbeat(stack: Stack, ledger: Ledger) -> None:
    """The heartbeat has the outage of the sidecar until its end; then the order is recorded."""

    def is_away() -> bool:
        return any(outage.service is Service.SIDECAR for outage in ledger.heartbeat().outages)

    instance_id = stack.start_order(unique("OUTAGE"))
    sidecar = stack.process("daprd")
    assert sidecar
    sidecar.suspend()  # a killed sidecar would be restarted before the check below
    try:
        eventually(is_away, 10, "the heartbeat has the outage")
    finally:
        sidecar.kill()
    eventually(lambda: not ledger.heartbeat().outages, RECOVERY, "the outage has ended")
    stack.wait_for(instance_id, "COMPLETED", RECOVERY)
    recorded(ledger, instance_id, Status.COMPLETED)
    stack.wait_until_healthy(RECOVERY)


def test_a_recorder_on_an_empty_ledger_catches_up(
    stack: Stack,
    gateway: DaprGateway,
    file: Path,
    another: Callable[[], subprocess.Popen[str]],
) -> None:
    """After the file is deleted, the recorder exits with a message, and the next one fills it."""
    instance_id = stack.start_order(unique("BEFORE"))
    stack.wait_for(instance_id, "COMPLETED")
    recorder = another()
    eventually(lambda: is_complete(file, gateway), STARTUP, "all instances are recorded")
    for each in file.parent.glob("ledger.db*"):
        each.unlink()
    _, errors = recorder.communicate(timeout=10)
    assert recorder.returncode == 1
    assert "The ledger was deleted or replaced" in errors
    another()
    eventually(lambda: is_complete(file, gateway), STARTUP, "all instances are recorded again")


def is_complete(file: Path, gateway: DaprGateway) -> bool:
    """Return whether a ledger has all instances of the engine, the finished ones archived."""
    if not file.exists():
        return False
    with closing(open_ledger(f"sqlite:///{file}", gateway.app_id)) as ledger:
        known = set(ledger.runs.finished())
        known |= {summary.instance_id for summary in ledger.runs.unfinished()}
        running = {summary.instance_id for summary in ledger.runs.unfinished()}
    listed = set(gateway.ids(page_size=1000).ids)
    states = (gateway.state(instance_id) for instance_id in running)
    return listed <= known and not any(state and state.status.is_finished for state in states)
