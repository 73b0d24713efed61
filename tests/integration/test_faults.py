"""Orders that fail and recover: the fault rate makes activities raise, the retry policy answers."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from operations.gateway import DaprGateway
from tests.integration.stack import Stack, unique

ENDED = ("COMPLETED", "FAILED")
ATTEMPTS = 4  # of worker.workflow.RETRIES


@pytest.fixture
def faulty(tmp_path: Path) -> Iterator[Stack]:
    """Run a system whose activities take no time and fail half of the time."""
    system = Stack(
        tmp_path,
        29020,
        {
            "FLOWDECK_FAULT_RATE": "0.5",
            "FLOWDECK_PROCESS_SECONDS": "0",
            "FLOWDECK_CHECK_SECONDS": "0",
            "FLOWDECK_CONFIRM_SECONDS": "0",
        },
    )
    system.start()
    yield system
    system.stop()


def test_activities_are_retried_a_bounded_number_of_times(faulty: Stack) -> None:
    """Of ten orders with failing activities, some recover; those that fail say why."""
    gateway = DaprGateway(f"127.0.0.1:{faulty.ports['dapr gRPC']}")
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
