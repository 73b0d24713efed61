"""What the engine in memory has of an instance while the recorder follows it."""

from dataclasses import replace

from operations.history import HistoryEvent
from operations.model import Status
from tests.unit.fakes import FakeGateway, instance
from tests.unit.snapshots import ID, at


def put_running(
    gateway: FakeGateway, instance_id: str = ID, *, life: str = "e1", since: float = 0
) -> None:
    """Have an instance that runs since so many seconds after noon, in an execution."""
    gateway.put(
        replace(
            instance(instance_id, Status.RUNNING, "{}"),
            created_at=at(since),
            last_updated_at=at(since + 1),
        )
    )
    gateway.events[instance_id] = (
        HistoryEvent(-1, at(since + 0.1), "workflowStarted"),
        HistoryEvent(-1, at(since), "executionStarted", execution_id=life),
    )


def moves(gateway: FakeGateway, instance_id: str = ID, status: Status = Status.RUNNING) -> None:
    """Have something happen to an instance."""
    there = gateway.instances[instance_id]
    assert there.last_updated_at
    later = at((there.last_updated_at - at(0)).total_seconds() + 1)
    gateway.put(replace(there, status=status, last_updated_at=later))


def ends(gateway: FakeGateway, instance_id: str = ID, status: Status = Status.COMPLETED) -> None:
    """Have an instance end."""
    moves(gateway, instance_id, status)
    there = gateway.instances[instance_id]
    assert there.last_updated_at
    end = HistoryEvent(9, there.last_updated_at, "executionCompleted", status=status)
    gateway.events[instance_id] = (*gateway.events[instance_id], end)
    gateway.put(replace(there, output='"done"'))


def vanishes(gateway: FakeGateway, instance_id: str = ID) -> None:
    """Purge an instance."""
    del gateway.instances[instance_id]
    gateway.events.pop(instance_id, None)
