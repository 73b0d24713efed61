"""How state and history of an instance are read together."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest

from operations.errors import DaprRefused, DaprUnavailable
from operations.model import Status
from operations.snapshots import read_snapshot, read_state
from operations.timeline import Timeline
from tests.unit.engine import finish_instance, put_running, remove_instance, update_instance
from tests.unit.fakes import FakeGateway
from tests.unit.histories import RECORDED, recorded, recorded_state
from tests.unit.snapshots import ID, at, pending


def after(gateway: FakeGateway, call: str, *what: Callable[[], object]) -> None:
    """Have something happen before each of the next calls."""
    steps: Iterator[Callable[[], object]] = iter(what)

    def step() -> None:
        if (happens := next(steps, None)) is not None:
            happens()

    gateway.during[call] = step


def test_state_and_history_are_read_together(gateway: FakeGateway) -> None:
    """The timeline is that of the history, and the time is that before the reading."""
    put_running(gateway)
    found = read_snapshot(gateway, ID, now=lambda: at(5))
    assert found
    assert (found.instance, found.read_at) == (gateway.instances[ID], at(5))
    assert (found.timeline.execution_id, found.timeline.started_at) == ("e1", at(0))
    assert found.history == gateway.events[ID]


def test_it_is_seen_now(gateway: FakeGateway) -> None:
    """Unless the caller has a clock of its own."""
    put_running(gateway)
    before = datetime.now(UTC)
    found = read_snapshot(gateway, ID)
    assert found
    assert before <= found.read_at <= datetime.now(UTC)


def test_there_is_nothing_to_see_of_what_the_engine_has_not(gateway: FakeGateway) -> None:
    """None, and no error."""
    assert read_snapshot(gateway, ID) is None
    assert read_state(gateway, ID) is None


def test_a_history_is_not_read_while_nothing_changes(gateway: FakeGateway) -> None:
    """The last snapshot holds, at its new time."""
    put_running(gateway)
    last = read_snapshot(gateway, ID)
    found = read_snapshot(gateway, ID, last, lambda: at(9))
    assert found
    assert last
    assert (found.instance, found.timeline, found.read_at) == (last.instance, last.timeline, at(9))
    assert gateway.calls["history"] == 1


def test_a_history_is_read_again_after_a_change(gateway: FakeGateway) -> None:
    """A state that is not as before is reason enough."""
    put_running(gateway)
    last = read_snapshot(gateway, ID)
    update_instance(gateway)
    read_snapshot(gateway, ID, last)
    assert gateway.calls["history"] == 2


def test_a_pending_one_has_no_history_yet(gateway: FakeGateway) -> None:
    """And no timeline."""
    gateway.put(pending().instance)
    found = read_snapshot(gateway, ID)
    assert found
    assert (found.history, found.timeline.started_at) == ((), None)


def test_an_end_between_state_and_history_is_seen_in_both(gateway: FakeGateway) -> None:
    """The state is read again when the history says that it has ended."""
    put_running(gateway)
    after(gateway, "history", lambda: finish_instance(gateway))
    found = read_snapshot(gateway, ID)
    assert found
    assert found.instance.status is Status.COMPLETED
    assert found.timeline.ended_at


def test_the_end_of_one_life_is_not_mixed_with_the_history_of_the_next(
    gateway: FakeGateway,
) -> None:
    """An id that is used again between the two reads shows its new life alone."""
    put_running(gateway)
    finish_instance(gateway)
    after(gateway, "history", lambda: put_running(gateway, execution="e2", since=60))
    found = read_snapshot(gateway, ID)
    assert found
    assert (found.instance.status, found.timeline.execution_id) == (Status.RUNNING, "e2")
    assert found.instance.created_at == at(60)


def test_the_end_of_one_that_is_purged_meanwhile_is_kept(gateway: FakeGateway) -> None:
    """Its state was read, though its history is gone."""
    put_running(gateway)
    finish_instance(gateway)
    after(gateway, "history", lambda: remove_instance(gateway))
    found = read_snapshot(gateway, ID)
    assert found
    assert (found.instance.status, found.history) == (Status.COMPLETED, ())


def test_one_that_ends_and_is_purged_meanwhile_is_gone(gateway: FakeGateway) -> None:
    """No state told how it ended."""
    put_running(gateway)
    after(gateway, "history", lambda: finish_instance(gateway))
    after(gateway, "state", lambda: None, lambda: remove_instance(gateway))
    assert read_snapshot(gateway, ID) is None


def test_state_and_history_that_never_agree_are_taken_as_they_are(gateway: FakeGateway) -> None:
    """After a few tries: it must end."""
    put_running(gateway)
    update_instance(gateway, status=Status.TERMINATED)
    found = read_snapshot(gateway, ID)
    assert found
    assert found.instance.status is Status.TERMINATED
    assert gateway.calls["history"] == 3


def test_a_finished_one_without_a_history_is_read_again(gateway: FakeGateway) -> None:
    """It has not changed, but it has not been read wholly either."""
    put_running(gateway)
    finish_instance(gateway)
    events = gateway.events.pop(ID)
    last = read_snapshot(gateway, ID)
    gateway.events[ID] = events
    found = read_snapshot(gateway, ID, last)
    assert found
    assert found.history == events


def test_a_glimpse_is_without_the_history(gateway: FakeGateway) -> None:
    """For one whose history cannot be read."""
    put_running(gateway)
    found = read_state(gateway, ID, lambda: at(5))
    assert found
    assert (found.timeline, found.history, found.read_at) == (Timeline(), None, at(5))
    assert not gateway.calls["history"]


@pytest.mark.parametrize("error", [DaprUnavailable("gone"), DaprRefused("broken")])
@pytest.mark.parametrize("call", ["state", "history"])
def test_trouble_is_the_callers(gateway: FakeGateway, call: str, error: Exception) -> None:
    """Nobody else knows what to do about it."""
    put_running(gateway)
    gateway.errors[call] = [error]  # type: ignore[list-item]
    with pytest.raises(type(error)):
        read_snapshot(gateway, ID)


@pytest.mark.parametrize("name", RECORDED)
def test_state_and_history_of_the_real_engine_agree(gateway: FakeGateway, name: str) -> None:
    """Whatever an instance does, its end is in both or in neither: one look is enough."""
    gateway.put(recorded_state(name))
    instance_id = recorded_state(name).instance_id
    gateway.events[instance_id] = recorded(name)
    found = read_snapshot(gateway, instance_id)
    assert found
    assert gateway.calls["history"] == 1
    started = [event for event in recorded(name) if event.kind == "executionStarted"]
    assert found.scheduled_for == (started[0].fire_at if started else None)
