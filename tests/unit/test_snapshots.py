"""Snapshots: state and history of an instance are read together."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest

from operations.errors import DaprRefused, DaprUnavailable
from operations.model import Status
from operations.snapshots import LastSnapshots, read_snapshot, read_state
from operations.timeline import Timeline
from tests.unit.engine import finish_instance, put_running, remove_instance, update_instance
from tests.unit.fakes import FakeGateway, instance
from tests.unit.histories import RECORDED, recorded, recorded_state
from tests.unit.snapshots import ID, at, pending


def test_only_a_few_last_snapshots_are_kept(gateway: FakeGateway) -> None:
    """The memory is bounded: the history of the instance that was read first is read again."""
    last = LastSnapshots(kept=2)
    for instance_id in ("a", "b", "c", "c", "a"):
        gateway.put(instance(instance_id, Status.RUNNING))
        assert last.read(gateway, instance_id)
    assert gateway.calls["history"] == 4


def test_an_instance_that_is_gone_has_no_last_snapshot(gateway: FakeGateway) -> None:
    """Its id may be used again."""
    last = LastSnapshots()
    gateway.put(instance("a", Status.RUNNING))
    assert last.read(gateway, "a")
    del gateway.instances["a"]
    assert last.read(gateway, "a") is None


def during(gateway: FakeGateway, method: str, *changes: Callable[[], object]) -> None:
    """Run one of the changes within each of the next calls of a method."""
    remaining: Iterator[Callable[[], object]] = iter(changes)

    def change_once() -> None:
        if (change := next(remaining, None)) is not None:
            change()

    gateway.during[method] = change_once


def test_state_and_history_are_read_together(gateway: FakeGateway) -> None:
    """The timeline is made from the history; `read_at` is the time before the read."""
    put_running(gateway)
    found = read_snapshot(gateway, ID, now=lambda: at(5))
    assert found
    assert (found.instance, found.read_at) == (gateway.instances[ID], at(5))
    assert (found.timeline.execution_id, found.timeline.started_at) == ("e1", at(0))
    assert found.history == gateway.events[ID]


def test_a_snapshot_has_the_time_of_its_read(gateway: FakeGateway) -> None:
    """The default clock is the current time in UTC."""
    put_running(gateway)
    before = datetime.now(UTC)
    found = read_snapshot(gateway, ID)
    assert found
    assert before <= found.read_at <= datetime.now(UTC)


def test_an_unknown_instance_has_no_snapshot(gateway: FakeGateway) -> None:
    """The result is None, and no error is raised."""
    assert read_snapshot(gateway, ID) is None
    assert read_state(gateway, ID) is None


def test_the_history_is_not_read_while_the_state_is_unchanged(gateway: FakeGateway) -> None:
    """The last snapshot is returned with a new time."""
    put_running(gateway)
    last = read_snapshot(gateway, ID)
    found = read_snapshot(gateway, ID, last, lambda: at(9))
    assert found
    assert last
    assert (found.instance, found.timeline, found.read_at) == (last.instance, last.timeline, at(9))
    assert gateway.calls["history"] == 1


def test_the_history_is_read_again_after_a_change(gateway: FakeGateway) -> None:
    """Any change of the state counts."""
    put_running(gateway)
    last = read_snapshot(gateway, ID)
    update_instance(gateway)
    read_snapshot(gateway, ID, last)
    assert gateway.calls["history"] == 2


def test_a_pending_instance_has_no_history(gateway: FakeGateway) -> None:
    """Its timeline is empty."""
    gateway.put(pending().instance)
    found = read_snapshot(gateway, ID)
    assert found
    assert (found.history, found.timeline.started_at) == ((), None)


def test_an_end_between_the_two_reads_is_in_both(gateway: FakeGateway) -> None:
    """If the history has the end, the state is read again."""
    put_running(gateway)
    during(gateway, "history", lambda: finish_instance(gateway))
    found = read_snapshot(gateway, ID)
    assert found
    assert found.instance.status is Status.COMPLETED
    assert found.timeline.ended_at


def test_two_runs_of_an_id_are_not_mixed(gateway: FakeGateway) -> None:
    """If the id is used again between the two reads, the snapshot has only the new run."""
    put_running(gateway)
    finish_instance(gateway)
    during(gateway, "history", lambda: put_running(gateway, execution="e2", since=60))
    found = read_snapshot(gateway, ID)
    assert found
    assert (found.instance.status, found.timeline.execution_id) == (Status.RUNNING, "e2")
    assert found.instance.created_at == at(60)


def test_a_finished_instance_that_is_purged_between_the_two_reads(gateway: FakeGateway) -> None:
    """The snapshot has the final state and an empty history."""
    put_running(gateway)
    finish_instance(gateway)
    during(gateway, "history", lambda: remove_instance(gateway))
    found = read_snapshot(gateway, ID)
    assert found
    assert (found.instance.status, found.history) == (Status.COMPLETED, ())


def test_an_instance_that_ends_and_is_purged_between_the_two_reads(gateway: FakeGateway) -> None:
    """It has no snapshot, because no state with its end was read."""
    put_running(gateway)
    during(gateway, "history", lambda: finish_instance(gateway))
    during(gateway, "state", lambda: None, lambda: remove_instance(gateway))
    assert read_snapshot(gateway, ID) is None


def test_state_and_history_that_never_agree_are_returned(gateway: FakeGateway) -> None:
    """The number of reads is limited."""
    put_running(gateway)
    update_instance(gateway, status=Status.TERMINATED)
    found = read_snapshot(gateway, ID)
    assert found
    assert found.instance.status is Status.TERMINATED
    assert gateway.calls["history"] == 3


def test_a_finished_instance_without_a_history_is_read_again(gateway: FakeGateway) -> None:
    """An unchanged state does not suffice while the history is missing."""
    put_running(gateway)
    finish_instance(gateway)
    events = gateway.events.pop(ID)
    last = read_snapshot(gateway, ID)
    gateway.events[ID] = events
    found = read_snapshot(gateway, ID, last)
    assert found
    assert found.history == events


def test_a_state_is_read_without_the_history(gateway: FakeGateway) -> None:
    """`read_state` is for instances whose history cannot be read."""
    put_running(gateway)
    found = read_state(gateway, ID, lambda: at(5))
    assert found
    assert (found.timeline, found.history, found.read_at) == (Timeline(), None, at(5))
    assert not gateway.calls["history"]


@pytest.mark.parametrize("error", [DaprUnavailable("gone"), DaprRefused("broken")])
@pytest.mark.parametrize("call", ["state", "history"])
def test_errors_of_the_engine_are_raised(gateway: FakeGateway, call: str, error: Exception) -> None:
    """The caller handles them."""
    put_running(gateway)
    gateway.errors[call] = [error]  # type: ignore[list-item]
    with pytest.raises(type(error)):
        read_snapshot(gateway, ID)


@pytest.mark.parametrize("name", RECORDED)
def test_recorded_states_and_histories_agree(gateway: FakeGateway, name: str) -> None:
    """The end is in both or in neither, so that each is read only once."""
    gateway.put(recorded_state(name))
    instance_id = recorded_state(name).instance_id
    gateway.events[instance_id] = recorded(name)
    found = read_snapshot(gateway, instance_id)
    assert found
    assert gateway.calls["history"] == 1
    started = [event for event in recorded(name) if event.kind == "executionStarted"]
    assert found.scheduled_for == (started[0].fire_at if started else None)
