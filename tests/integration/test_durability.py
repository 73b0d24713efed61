"""Processes are killed while orders run; the orders complete."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta

import pytest

from operations.errors import FlowdeckError
from operations.gateway import DaprGateway
from operations.model import Status
from tests.integration.stack import AT_ONCE, PROCESSES, RECOVERY, Stack, unique
from tests.waiting import eventually

TOTALS = {100.0: 110.0, 99.99: 109.989, 0.05: 0.055}


def _assert_orders_survive_a_kill(stack: Stack, *names: str) -> None:
    """Start orders, kill processes while activities run, and wait until all orders complete."""
    amounts = [amount for amount in TOTALS for _ in range(2)]
    with ThreadPoolExecutor(len(amounts)) as pool:
        instances = pool.map(lambda amount: stack.start_order(unique("KILL"), amount), amounts)
        orders = dict(zip(instances, map(TOTALS.get, amounts), strict=True))
    # On a busy machine the first orders may have ended before the last one has started.
    assert [each for each in orders if stack.status(each)["output"] is None]
    stack.kill(*names)
    for instance_id, total in orders.items():
        output = stack.wait_for(instance_id, "COMPLETED", RECOVERY)["output"]
        assert output["process_result"]["total"] == total
        assert output["confirmation"]["confirmation_sent"] is True
    stack.wait_until_healthy(RECOVERY)


@pytest.mark.parametrize("name", ["worker", "daprd"])
def test_orders_survive_the_kill_of_worker_or_sidecar(stack: Stack, name: str) -> None:
    """After a kill -9 of the worker or the sidecar each order completes, with its total."""
    _assert_orders_survive_a_kill(stack, name)


def _assert_busy_worker_may_die(system: Stack, gateway: DaprGateway) -> None:
    """Kill the worker while it is handed much work, and wait until every order has completed."""
    order = json.dumps({"order_id": "ANY", "amount": 1.0, "items": ["pen"]})
    ids, due = [unique("order_BUSY") for _ in range(150)], datetime.now(UTC) + timedelta(seconds=8)

    def statuses() -> set[Status | None]:
        with suppress(FlowdeckError):
            found = [gateway.state(each) for each in ids]
            return {each.status if each else None for each in found}
        return {Status.UNKNOWN}

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda each: gateway.start("order_workflow", each, order, due), ids))
    eventually(lambda: statuses() - {Status.PENDING}, 30, "all start at once")
    system.kill("worker")
    eventually(lambda: statuses() == {Status.COMPLETED}, RECOVERY, "all have completed")


@pytest.mark.slow
def test_orders_survive_kills_of_a_busy_worker(second: Callable[..., Stack]) -> None:
    """Also if daprd 1.18.2 deadlocks, as it often does here: the recorder ends that daprd."""
    with second(**AT_ONCE) as system:
        system.start()
        with closing(system.gateway(write_timeout=5)) as gateway:
            for _ in range(3):
                _assert_busy_worker_may_die(system, gateway)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["scheduler", "placement"])
def test_orders_survive_the_kill_of_the_control_plane(stack: Stack, name: str) -> None:
    """After a kill -9 of the scheduler or placement each order completes, with its total."""
    _assert_orders_survive_a_kill(stack, name)


@pytest.mark.slow
def test_orders_survive_the_kill_of_everything(stack: Stack) -> None:
    """After a kill -9 of all processes at once each order completes, with its total."""
    _assert_orders_survive_a_kill(stack, *PROCESSES)


@pytest.mark.slow
def test_a_pause_survives_a_restart_of_everything(stack: Stack) -> None:
    """A suspended order is still suspended after a restart of the whole system."""
    instance_id = stack.start_order(unique("PAUSED"))
    assert stack.post(f"/workflow/pause/{instance_id}").json()["changed"] is True
    stack.stop()
    stack.start()
    assert stack.wait_for(instance_id, "SUSPENDED")["output"] is None
    assert stack.post(f"/workflow/resume/{instance_id}").status_code == 200
    stack.wait_for(instance_id, "COMPLETED", RECOVERY)
