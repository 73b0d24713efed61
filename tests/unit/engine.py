"""Functions that change the instances of the engine in memory, as a real engine would."""

from dataclasses import replace

from operations.history import HistoryEvent
from operations.model import Status
from tests.unit.fakes import FakeGateway, instance
from tests.unit.snapshots import ID, at


def put_running(
    gateway: FakeGateway, instance_id: str = ID, *, execution: str = "e1", since: float = 0
) -> None:
    """Put a running instance that started `since` seconds after noon."""
    gateway.put(
        replace(
            instance(instance_id, Status.RUNNING, "{}"),
            created_at=at(since),
            last_updated_at=at(since + 1),
        )
    )
    gateway.events[instance_id] = (
        HistoryEvent(-1, at(since + 0.1), "workflowStarted"),
        HistoryEvent(-1, at(since), "executionStarted", execution_id=execution),
    )


def update_instance(
    gateway: FakeGateway, instance_id: str = ID, status: Status = Status.RUNNING
) -> None:
    """Set the status of an instance, one second after its last update."""
    existing = gateway.instances[instance_id]
    assert existing.last_updated_at
    later = at((existing.last_updated_at - at(0)).total_seconds() + 1)
    gateway.put(replace(existing, status=status, last_updated_at=later))


def finish_instance(
    gateway: FakeGateway, instance_id: str = ID, status: Status = Status.COMPLETED
) -> None:
    """Finish an instance, with the end in its history."""
    update_instance(gateway, instance_id, status)
    existing = gateway.instances[instance_id]
    assert existing.last_updated_at
    end = HistoryEvent(9, existing.last_updated_at, "executionCompleted", status=status)
    gateway.events[instance_id] = (*gateway.events[instance_id], end)
    gateway.put(replace(existing, output='"done"'))


def remove_instance(gateway: FakeGateway, instance_id: str = ID) -> None:
    """Remove an instance, as a purge does."""
    del gateway.instances[instance_id]
    gateway.events.pop(instance_id, None)
