"""Orders with injected faults: activities fail at the fault rate, and are retried."""

from collections.abc import Callable

import pytest

from tests.integration.stack import AT_ONCE, Stack, unique

ENDED = ("COMPLETED", "FAILED")
ATTEMPTS = 4  # of worker.workflow.RETRIES


@pytest.mark.slow
def test_activities_are_retried_a_bounded_number_of_times(second: Callable[..., Stack]) -> None:
    """Of ten orders with failing activities some complete; the failed ones have a failure."""
    faulty = second(FLOWDECK_FAULT_RATE="0.5", **AT_ONCE)
    faulty.start()
    gateway = faulty.gateway()
    recovered = 0
    for instance_id in [faulty.start_order(unique("FAULT")) for _ in range(10)]:
        body = faulty.wait_for(instance_id, ENDED, 60)
        kinds = [event.kind for event in gateway.history(instance_id)]
        failures = kinds.count("taskFailed")
        if body["status"] == "FAILED":
            assert "FLOWDECK_FAULT_RATE" in body["failure"]["message"]
            assert body["output"] is None
            assert failures >= ATTEMPTS
        else:
            recovered += failures > 0
        assert kinds.count("taskScheduled") <= 3 * ATTEMPTS
    gateway.close()
    assert recovered


@pytest.mark.slow
def test_an_order_whose_activities_always_fail_has_a_failure(
    second: Callable[..., Stack],
) -> None:
    """After the last attempt the order is FAILED, with the fault's message and its stage."""
    system = second(FLOWDECK_FAULT_RATE="1", **AT_ONCE)
    system.start()
    body = system.wait_for(system.start_order(unique("FAIL")), "FAILED", 60)
    assert "FLOWDECK_FAULT_RATE is 1.0" in body["failure"]["message"]
    assert body["custom_status"] == "processing the order and checking the inventory"
    assert body["output"] is None
