"""Rerun plans: the calls that a rerun keeps, and the calls that it makes again."""

from collections.abc import Sequence

from operations.history import HistoryEvent
from operations.timeline.rerun_plan import RerunPlan, failed_call, first_call, plan_of, rerunnable
from tests.unit.events import (
    back_off,
    child,
    child_completed,
    child_failed,
    completed,
    ended,
    failed,
    fired,
    raised,
    scheduled,
    started,
    timer,
    turn,
    wait,
)
from tests.unit.histories import RECORDED, recorded


def planned(event_id: int, *events: HistoryEvent) -> RerunPlan:
    """Return the plan for a rerun of an instance with these events."""
    plan = plan_of((turn(0), started(0), *events, ended(99)), event_id)
    assert plan
    return plan


def ids(events: Sequence[HistoryEvent]) -> list[int]:
    """Return the event ids of events."""
    return [event.event_id for event in events]


def groups(plan: RerunPlan) -> tuple[list[int], list[int], list[int]]:
    """Return the event ids of the calls that are kept, made again at once, and made later."""
    return ids(plan.kept), ids(plan.again), ids(plan.later)


FAN_OUT = (
    scheduled(1, 1),
    scheduled(2, 1),
    scheduled(3, 1),
    turn(2),
    completed(2, 2),
    scheduled(4, 3),
    turn(4),
    completed(1, 4),
    completed(3, 4),
    completed(4, 5),
)


def test_calls_with_a_result_before_the_event_are_kept() -> None:
    """The event itself and the calls that were unfinished then are scheduled again at once."""
    assert groups(planned(4, *FAN_OUT)) == ([2], [1, 3, 4], [])


def test_from_the_first_event_everything_runs_again() -> None:
    """The workflow makes the calls after the event."""
    assert groups(planned(1, *FAN_OUT)) == ([], [1], [2, 3, 4])


def test_from_the_last_call_of_a_fan_out_all_its_calls_are_made_again() -> None:
    """They finished in the source, but not before the event."""
    assert groups(planned(3, *FAN_OUT)) == ([], [1, 2, 3], [4])


def test_failed_calls_before_the_event_are_kept() -> None:
    """A failure is a result: the workflow continued with it."""
    plan = planned(
        3,
        scheduled(1, 1, call="c"),
        failed(1, 2),
        back_off(2, 2, 3, "c"),
        fired(2, 3),
        scheduled(3, 3, call="c"),
        completed(3, 4),
    )
    assert groups(plan) == ([1, 2], [3], [])


def test_a_timer_that_had_not_fired_is_set_again() -> None:
    """It is a call that was unfinished at the event."""
    assert groups(planned(2, timer(1, 1, 50), scheduled(2, 1), completed(2, 2))) == ([], [1, 2], [])


def test_a_child_that_had_ended_is_kept() -> None:
    """A child that had not ended runs again, as another instance."""
    plan = planned(3, child(1, 1, "a"), child(2, 1, "b"), child_completed(1, 2), scheduled(3, 3))
    assert groups(plan) == ([1], [2, 3], [])


def test_an_external_event_before_the_call_is_kept() -> None:
    """The wait that it ended stays ended; the case of the name does not matter."""
    plan = planned(2, wait(1, 1, "Approval"), raised("approval", 2), scheduled(2, 3))
    assert groups(plan) == ([1], [2], [])
    assert [event.name for event in plan.raised_before] == ["approval"]
    assert plan.raised_after == ()


def test_an_external_event_after_the_call_is_lost() -> None:
    """The rerun waits for it again."""
    plan = planned(1, scheduled(1, 1), wait(2, 2), raised("approval", 3))
    assert [event.name for event in plan.raised_after] == ["approval"]
    assert groups(plan) == ([], [1], [2])


def test_each_external_event_ends_one_wait() -> None:
    """Two waits for the same event need two events."""
    plan = planned(3, wait(1, 1), wait(2, 1), raised("approval", 2), scheduled(3, 3))
    assert groups(plan) == ([1], [2, 3], [])


def test_a_timer_takes_no_input() -> None:
    """An activity and a child take one."""
    calls = (timer(1, 1, 2), scheduled(2, 1), child(3, 1, "a"))
    assert [planned(each, *calls).takes_input for each in (1, 2, 3)] == [False, True, True]


def test_a_rerun_needs_an_event_that_schedules_a_call() -> None:
    """Other events and unknown event ids have no plan."""
    history = (turn(0), started(0), scheduled(1, 1), completed(1, 2), ended(3))
    assert [plan_of(history, each) for each in (-1, 0, 2, 99)] == [None] * 4


def test_the_first_call_is_the_first_scheduled_one() -> None:
    """An instance without calls has no first call."""
    assert first_call(()) is None
    assert first_call(FAN_OUT) == FAN_OUT[0]


def test_the_failed_call_is_the_first_attempt_of_the_call_that_failed_last() -> None:
    """A rerun from the first attempt has all retries again."""
    retried = (
        scheduled(1, 1, call="other"),
        failed(1, 2),
        scheduled(2, 3, call="c"),
        failed(2, 4),
        scheduled(3, 5, call="c"),
        failed(3, 6),
    )
    assert failed_call(retried) == retried[2]
    assert failed_call(FAN_OUT) is None
    failed_child = (child(1, 1, "a"), child_failed(1, 2))
    assert failed_call(failed_child) == failed_child[0]


def test_each_call_of_a_recorded_history_is_in_one_group_of_the_plan() -> None:
    """The event to rerun from is scheduled again at once."""
    for name in RECORDED:
        history = recorded(name)
        for event in rerunnable(history):
            plan = plan_of(history, event.event_id)
            assert plan
            planned_ids = sorted(ids(plan.kept) + ids(plan.again) + ids(plan.later))
            assert planned_ids == sorted(ids(rerunnable(history)))
            assert event.event_id in ids(plan.again)
