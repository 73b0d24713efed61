"""Orders that fail and recover: the fault rate makes activities raise, the retry policy answers."""

from collections.abc import Callable

from operations.gateway import DaprGateway
from tests.integration.stack import AT_ONCE, Stack, unique

ENDED = ("COMPLETED", "FAILED")
ATTEMPTS = 4  # of worker.workflow.RETRIES


def test_activities_are_retried_a_bounded_number_of_times(second: Callable[..., Stack]) -> None:
    """Of ten orders with failing activities, some recover; those that fail say why."""
    faulty = second(FLOWDECK_FAULT_RATE="0.5", **AT_ONCE)
    faulty.start()
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
