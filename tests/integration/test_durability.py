"""Processes are killed in the middle of orders; the orders complete all the same."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.integration.stack import PROCESSES, RECOVERY, Stack, unique

TOTALS = {100.0: 110.0, 99.99: 109.989, 0.05: 0.055}


def _complete_in_spite_of_a_kill(stack: Stack, *names: str) -> None:
    """Start orders, kill when their activities are under way, and see them all complete."""
    amounts = [amount for amount in TOTALS for _ in range(2)]
    with ThreadPoolExecutor(len(amounts)) as pool:
        instances = pool.map(lambda amount: stack.start_order(unique("KILL"), amount), amounts)
        orders = dict(zip(instances, map(TOTALS.get, amounts), strict=True))
    assert [stack.status(each)["output"] for each in orders] == [None] * len(orders)
    stack.kill(*names)
    for instance_id, total in orders.items():
        output = stack.wait_for(instance_id, "COMPLETED", RECOVERY)["output"]
        assert output["process_result"]["total"] == total
        assert output["confirmation"]["confirmation_sent"] is True
    stack.wait_until_healthy(RECOVERY)


@pytest.mark.parametrize("name", ["worker", "daprd"])
def test_orders_survive_the_kill_of(stack: Stack, name: str) -> None:
    """Kill -9 of the worker or the sidecar loses nothing: each order completes, with its total."""
    _complete_in_spite_of_a_kill(stack, name)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["scheduler", "placement"])
def test_orders_survive_the_kill_of_the_control_plane(stack: Stack, name: str) -> None:
    """Kill -9 of the scheduler or of placement loses nothing."""
    _complete_in_spite_of_a_kill(stack, name)


@pytest.mark.slow
def test_orders_survive_the_kill_of_everything(stack: Stack) -> None:
    """Kill -9 of all four processes at once loses nothing."""
    _complete_in_spite_of_a_kill(stack, *PROCESSES)


@pytest.mark.slow
def test_a_pause_outlives_a_restart_of_everything(stack: Stack) -> None:
    """A suspended order is still suspended after a stop and a start of the whole system."""
    instance_id = stack.start_order(unique("PAUSED"))
    assert stack.post(f"/workflow/pause/{instance_id}").json()["changed"] is True
    stack.stop()
    stack.start()
    assert stack.wait_for(instance_id, "SUSPENDED")["output"] is None
    assert stack.post(f"/workflow/resume/{instance_id}").status_code == 200
    stack.wait_for(instance_id, "COMPLETED", RECOVERY)
