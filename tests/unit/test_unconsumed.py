"""External events that no wait took."""

import pytest

from operations.history import HistoryEvent
from operations.timeline import timeline_of
from operations.timeline.unconsumed import unconsumed_events
from tests.unit.events import (
    completed,
    ended,
    event,
    fired,
    raised,
    resumed,
    scheduled,
    started,
    suspended,
    terminated,
    timer,
    turn,
    wait,
)
from tests.unit.histories import RECORDED, recorded


def found(*events: HistoryEvent) -> list[tuple[str | None, bool]]:
    """Return the names of the unconsumed events, and whether that is certain."""
    history = (turn(0), started(0), *events)
    return [
        (each.event.name, each.is_certain)
        for each in unconsumed_events(history, timeline_of(history).spans)
    ]


def test_an_event_with_another_name_than_the_awaited_is_not_consumed() -> None:
    """For example with a typing error."""
    assert found(wait(1, 1, "approval"), turn(2), raised("aproval", 2)) == [("aproval", True)]


def test_a_wait_takes_an_event_in_any_case() -> None:
    """As Dapr compares names."""
    assert found(wait(1, 1, "approval"), turn(2), raised("APPROVAL", 2)) == []


def test_a_wait_takes_one_event() -> None:
    """A second event stays for the next wait."""
    events = (wait(1, 1), turn(2), raised("approval", 2), raised("approval", 2))
    assert found(*events) == [("approval", True)]
    assert found(*events, turn(3), raised("approval", 3)) == [("approval", True)] * 2


def test_a_later_wait_shows_that_the_event_was_consumed() -> None:
    """A workflow waits only if no event of the name is left."""
    assert found(raised("Approval", 1), turn(2), wait(1, 3)) == []
    assert found(raised("approval", 1), turn(2), wait(1, 3, "other")) == [("approval", False)]


def test_it_is_not_certain_once_the_workflow_has_gone_on() -> None:
    """It may have taken the event, which leaves no trace."""
    events = (scheduled(1, 1), turn(2), raised("approval", 2))
    assert found(*events) == [("approval", True)]
    assert found(*events, turn(3), completed(1, 3)) == [("approval", False)]
    assert found(*events, turn(3), completed(1, 3), ended(4)) == [("approval", False)]


def test_pauses_and_a_termination_do_not_let_it_go_on() -> None:
    """The workflow's code has not run since the event."""
    before = (scheduled(1, 1), suspended(2), turn(3), raised("approval", 3))
    assert found(*before, resumed(4)) == [("approval", True)]
    assert found(*before, terminated(4)) == [("approval", True)]
    assert found(*before, completed(1, 4)) == [("approval", True)]
    assert found(*before, completed(1, 4), resumed(5)) == [("approval", False)]


def test_a_wait_that_timed_out_takes_no_event() -> None:
    """The engine keeps the event."""
    assert found(wait(1, 1, due=2), turn(2), fired(1, 2), turn(3), raised("approval", 3)) == [
        ("approval", True)
    ]
    race = (wait(1, 1), timer(2, 1, due=2), turn(2), fired(2, 2), scheduled(3, 2), turn(4))
    assert found(*race, raised("approval", 4)) == [("approval", True)]


def test_a_rerun_has_the_events_that_its_source_consumed() -> None:
    """The timer of a wait comes after its event, because the engine reschedules all timers."""
    again = event("taskScheduled", 9, 2, name="ship", rerun_of="source")
    assert found(raised("approval", 2), wait(1, 9), again) == []


@pytest.mark.parametrize("name", RECORDED)
def test_the_recorded_instances_consumed_their_events(name: str) -> None:
    """The waits of the real engine are recognized; late events are kept."""
    history = recorded(name)
    left = [each.event.name for each in unconsumed_events(history, timeline_of(history).spans)]
    assert left == LATE.get(name, [])


LATE = {"carried_over": ["approval"]}
"""The events that no wait took, by the recorded instance: one that nothing waits for yet."""
