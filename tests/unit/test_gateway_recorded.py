"""What the real engine sent is understood: the gateway's reading of recorded histories."""

from collections import Counter

import pytest

from operations.history import NO_END, HistoryEvent, TimerOrigin
from operations.model import Status
from tests.unit.histories import RECORDED, recorded, recorded_state


@pytest.mark.parametrize("name", RECORDED)
def test_a_recorded_history_is_understood(name: str) -> None:
    """No event of the real engine is of an unknown kind, and each answer has its question."""
    history = recorded(name)
    questions = {event.event_id for event in history}
    assert "unknown" not in {event.kind for event in history}
    assert {event.answers for event in history} - {None} <= questions
    assert all(event.origin for event in history if event.kind == "timerCreated")


def test_a_retried_activity_has_one_execution_id() -> None:
    """Its attempts, their failures and the timers between them belong together."""
    told = Counter(
        event.kind for event in recorded("retried") if event.task_execution_id is not None
    )
    ids = {event.task_execution_id for event in recorded("retried")} - {None}
    assert told == {"taskScheduled": 3, "taskFailed": 2, "taskCompleted": 1, "timerCreated": 2}
    assert len(ids) == 1


def test_a_child_is_named_where_it_is_created() -> None:
    """Its id, its workflow and its input; its result answers that event."""
    created, completed = (e for e in recorded("child") if e.kind.startswith("child"))
    assert (created.instance_id, created.name, created.payload) == ("child:0001", "parallel", "0.3")
    assert (completed.answers, completed.payload) == (created.event_id, "[0.3, 0.3, 0.3]")


def test_a_wait_names_its_event_and_has_no_end() -> None:
    """The engine keeps a timer for it, due in the last year that there is."""
    (timer,) = (event for event in recorded("waiting") if event.kind == "timerCreated")
    assert (timer.origin, timer.name) == (TimerOrigin.EXTERNAL_EVENT, "approval")
    assert timer.fire_at
    assert timer.fire_at.year == NO_END


def test_a_rerun_says_of_what() -> None:
    """The event it began at anew holds the source's id; the execution's id is the source's."""
    source, rerun = recorded("rerun_source"), recorded("rerun")
    assert {event.rerun_of for event in rerun} == {None, "rerun-source"}
    assert _execution_id(rerun) == _execution_id(source) is not None


def _execution_id(history: tuple[HistoryEvent, ...]) -> str | None:
    (started,) = (event for event in history if event.kind == "executionStarted")
    return started.execution_id


def test_a_failed_instance_says_why() -> None:
    """Activity, instance and state each hold their failure, with its trace."""
    (attempt,) = (event.failure for event in recorded("failed") if event.kind == "taskFailed")
    assert attempt
    assert (attempt.error_type, attempt.message) == ("ValueError", "No such item.")
    assert "raise ValueError(reason)" in (attempt.stack_trace or "")
    end = recorded("failed")[-1]
    assert (end.kind, end.status) == ("executionCompleted", Status.FAILED)
    assert end.failure == recorded_state("failed").failure is not None


def test_a_pending_instance_says_nothing_yet() -> None:
    """It has neither workflow nor times nor history."""
    state = recorded_state("pending")
    assert (state.status, state.workflow, state.input) == (Status.PENDING, "", None)
    assert (state.created_at, recorded("pending")) == (None, ())


def test_a_start_in_the_future_remembers_when_it_was_due() -> None:
    """The instance's first event holds the time it was scheduled for."""
    (started,) = (e for e in recorded("started_later") if e.kind == "executionStarted")
    assert started.fire_at
    assert started.fire_at > started.timestamp
