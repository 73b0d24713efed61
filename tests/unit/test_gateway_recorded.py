"""The gateway reads histories that the real engine sent."""

from collections import Counter

import pytest

from operations.history import NO_END, HistoryEvent, TimerOrigin
from operations.model import Status
from tests.unit.histories import RECORDED, recorded, recorded_state


@pytest.mark.parametrize("name", RECORDED)
def test_a_recorded_history_is_understood(name: str) -> None:
    """No event has an unknown kind, and each answer has its event."""
    history = recorded(name)
    ids = {event.event_id for event in history}
    assert "unknown" not in {event.kind for event in history}
    assert {event.answers for event in history} - {None} <= ids
    assert all(event.origin for event in history if event.kind == "timerCreated")


def test_a_retried_activity_has_one_execution_id() -> None:
    """Its attempts, their failures and the back-offs share the id."""
    kinds = Counter(
        event.kind for event in recorded("retried") if event.task_execution_id is not None
    )
    ids = {event.task_execution_id for event in recorded("retried")} - {None}
    assert kinds == {"taskScheduled": 3, "taskFailed": 2, "taskCompleted": 1, "timerCreated": 2}
    assert len(ids) == 1


def test_the_creation_of_a_child_has_its_id_and_workflow() -> None:
    """The child's result answers that event."""
    created, completed = (e for e in recorded("child") if e.kind.startswith("child"))
    assert (created.instance_id, created.name, created.payload) == ("child:0001", "parallel", "0.3")
    assert (completed.answers, completed.payload) == (created.event_id, "[0.3, 0.3, 0.3]")


def test_a_wait_has_the_name_of_its_event() -> None:
    """The engine creates a timer for a wait without a deadline, due in the last year."""
    (timer,) = (event for event in recorded("waiting") if event.kind == "timerCreated")
    assert (timer.origin, timer.name) == (TimerOrigin.EXTERNAL_EVENT, "approval")
    assert timer.fire_at
    assert timer.fire_at.year == NO_END


def test_a_rerun_has_the_id_of_its_source() -> None:
    """The rescheduled event has the source's id, and the rerun has the source's execution id."""
    source, rerun = recorded("rerun_source"), recorded("rerun")
    assert {event.rerun_of for event in rerun} == {None, "rerun-source"}
    assert _execution_id(rerun) == _execution_id(source) is not None


def _execution_id(history: tuple[HistoryEvent, ...]) -> str | None:
    (started,) = (event for event in history if event.kind == "executionStarted")
    return started.execution_id


def test_an_event_that_was_carried_over_has_the_time_of_its_generation() -> None:
    """Dapr gives it no time; it stays behind the start of the generation."""
    turn, started, raised, *others = recorded("carried_over")
    assert [turn.kind, started.kind, raised.kind] == [
        "workflowStarted",
        "executionStarted",
        "eventRaised",
    ]
    assert turn.timestamp < started.timestamp == raised.timestamp
    assert all(event.timestamp > raised.timestamp for event in others)


def test_a_failed_instance_has_its_failure() -> None:
    """Activity, instance and state each have the failure with its stack trace."""
    (attempt,) = (event.failure for event in recorded("failed") if event.kind == "taskFailed")
    assert attempt
    assert (attempt.error_type, attempt.message) == ("ValueError", "No such item.")
    assert "raise ValueError(reason)" in (attempt.stack_trace or "")
    end = recorded("failed")[-1]
    assert (end.kind, end.status) == ("executionCompleted", Status.FAILED)
    assert end.failure == recorded_state("failed").failure is not None


def test_a_pending_instance_has_no_details() -> None:
    """It has no workflow, no times and no history."""
    state = recorded_state("pending")
    assert (state.status, state.workflow, state.input) == (Status.PENDING, "", None)
    assert (state.created_at, recorded("pending")) == (None, ())


def test_a_scheduled_start_has_its_due_time() -> None:
    """The first event of the instance has the scheduled time."""
    (started,) = (e for e in recorded("started_later") if e.kind == "executionStarted")
    assert started.fire_at
    assert started.fire_at > started.timestamp
