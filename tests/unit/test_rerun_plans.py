"""What a rerun would keep of a history, and what it would run again."""

from collections.abc import Sequence

from operations.history import HistoryEvent
from operations.timeline.rerun_plan import RerunPlan, failed_step, first_step, plan_of, rerunnable
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


def planned(event_id: int, *steps: HistoryEvent) -> RerunPlan:
    """Return the plan of a rerun of an instance that took these steps."""
    plan = plan_of((turn(0), started(0), *steps, ended(99)), event_id)
    assert plan
    return plan


def ids(events: Sequence[HistoryEvent]) -> list[int]:
    """Return the ids of events."""
    return [event.event_id for event in events]


def parts(plan: RerunPlan) -> tuple[list[int], list[int], list[int]]:
    """Return the ids of what is kept, of what runs again, and of what comes later."""
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


def test_what_has_its_answer_before_the_event_is_kept() -> None:
    """The rest comes again, the event itself and its unfinished peers at once."""
    assert parts(planned(4, *FAN_OUT)) == ([2], [1, 3, 4], [])


def test_from_the_first_event_everything_runs_again() -> None:
    """Peers that stand after it come by themselves."""
    assert parts(planned(1, *FAN_OUT)) == ([], [1], [2, 3, 4])


def test_from_the_last_of_a_fan_out_its_peers_run_again() -> None:
    """Though they were finished in the source: not before that event."""
    assert parts(planned(3, *FAN_OUT)) == ([], [1, 2, 3], [4])


def test_what_failed_before_the_event_is_kept_too() -> None:
    """A failure is an answer: the workflow went on with it."""
    plan = planned(
        3,
        scheduled(1, 1, call="c"),
        failed(1, 2),
        back_off(2, 2, 3, "c"),
        fired(2, 3),
        scheduled(3, 3, call="c"),
        completed(3, 4),
    )
    assert parts(plan) == ([1, 2], [3], [])


def test_a_timer_that_had_not_fired_is_set_again() -> None:
    """It is one of the unfinished peers."""
    assert parts(planned(2, timer(1, 1, 50), scheduled(2, 1), completed(2, 2))) == ([], [1, 2], [])


def test_a_child_that_had_ended_is_kept() -> None:
    """One that had not runs again, as another child."""
    plan = planned(3, child(1, 1, "a"), child(2, 1, "b"), child_completed(1, 2), scheduled(3, 3))
    assert parts(plan) == ([1], [2, 3], [])


def test_an_event_that_came_before_is_kept() -> None:
    """The wait that it ended is not open again, whatever the case of the name."""
    plan = planned(2, wait(1, 1, "Approval"), raised("approval", 2), scheduled(2, 3))
    assert parts(plan) == ([1], [2], [])
    assert [event.name for event in plan.raised_before] == ["approval"]
    assert plan.raised_after == ()


def test_an_event_that_came_after_is_lost() -> None:
    """What waits for it waits again."""
    plan = planned(1, scheduled(1, 1), wait(2, 2), raised("approval", 3))
    assert [event.name for event in plan.raised_after] == ["approval"]
    assert parts(plan) == ([], [1], [2])


def test_each_event_ends_one_wait() -> None:
    """Two waits for the same event need two of them."""
    plan = planned(3, wait(1, 1), wait(2, 1), raised("approval", 2), scheduled(3, 3))
    assert parts(plan) == ([1], [2, 3], [])


def test_a_timer_takes_no_input() -> None:
    """An activity and a child do."""
    steps = (timer(1, 1, 2), scheduled(2, 1), child(3, 1, "a"))
    assert [planned(each, *steps).takes_input for each in (1, 2, 3)] == [False, True, True]


def test_what_schedules_nothing_is_no_event_to_rerun_from() -> None:
    """Nor is one that there is not."""
    history = (turn(0), started(0), scheduled(1, 1), completed(1, 2), ended(3))
    assert [plan_of(history, each) for each in (-1, 0, 2, 99)] == [None] * 4


def test_the_first_step_is_the_first_that_can_be_run_again() -> None:
    """An instance that did nothing has none."""
    assert first_step(()) is None
    assert first_step(FAN_OUT) == FAN_OUT[0]


def test_the_failed_step_is_the_one_that_failed_last() -> None:
    """With its first attempt, if there were several, so that it is tried as often again."""
    retried = (
        scheduled(1, 1, call="other"),
        failed(1, 2),
        scheduled(2, 3, call="c"),
        failed(2, 4),
        scheduled(3, 5, call="c"),
        failed(3, 6),
    )
    assert failed_step(retried) == retried[2]
    assert failed_step(FAN_OUT) is None
    of_child = (child(1, 1, "a"), child_failed(1, 2))
    assert failed_step(of_child) == of_child[0]


def test_every_event_of_a_real_history_is_in_one_part_of_its_plan() -> None:
    """Whatever the engine has written."""
    for name in RECORDED:
        history = recorded(name)
        for event in rerunnable(history):
            plan = plan_of(history, event.event_id)
            assert plan
            told = sorted(ids(plan.kept) + ids(plan.again) + ids(plan.later))
            assert told == sorted(ids(rerunnable(history)))
            assert event.event_id in ids(plan.again)
