"""Every kind of instance in the ledger, compared with the engine."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from operations.history import HistoryEvent
from operations.model import Status
from operations.records import RunSummary
from operations.timeline import Ending, SpanKind, timeline_of
from tests.integration.rich import Rich
from tests.integration.richapp import EVENT, GENERATIONS, PATCH, VERSION
from tests.integration.truth import moment, one, true_run
from tests.unit.snapshots import details_of
from tests.waiting import eventually

KINDS = [
    (("parallel", "0.2"), Status.COMPLETED, 3),
    (("fan_out", '{"activities": 200, "seconds": 0.1}'), Status.COMPLETED, 200),
    (("retrying", '{"failures": 2}'), Status.COMPLETED, 3),
    (("retrying", '{"failures": 9}'), Status.FAILED, 4),
    (("failing", '"no paper"'), Status.FAILED, 1),
    (("sleeping", "0.3"), Status.COMPLETED, 0),
    (("waiting_until", "0.3"), Status.COMPLETED, 0),
    (("waiting_at_most", "0.3"), Status.COMPLETED, 0),
    (("parent", "0.1"), Status.COMPLETED, 0),
    (("parent_of_failing", '"no paper"'), Status.FAILED, 0),
    (("no_such_workflow", "{}"), Status.FAILED, 0),
]
"""Workflow and input, the final status, and the number of attempts."""


@pytest.fixture(scope="module")
def started(rich: Rich) -> dict[tuple[str, str], str]:
    """Start an instance of each kind, and return its id by workflow and input."""
    return {kind: rich.start(*kind) for kind, *_ in KINDS}


@pytest.mark.parametrize(("kind", "status", "attempts"), KINDS)
def test_a_finished_instance_is_in_the_ledger(
    rich: Rich,
    started: dict[tuple[str, str], str],
    kind: tuple[str, str],
    status: Status,
    attempts: int,
) -> None:
    """Status, times, payloads, failure, history and attempts are the same as in the engine."""
    instance_id = started[kind]
    summary = true_run(rich, instance_id)
    assert summary.status is status
    assert len(rich.ledger.runs.attempts(summary.run_id)) == attempts
    state = rich.gateway.state(instance_id)
    assert state
    assert summary.created_at == state.created_at  # also if the run was first read PENDING
    assert summary.started_at
    assert summary.ended_at
    assert summary.started_at <= summary.ended_at
    assert summary.started_at == moment(rich.gateway.history(instance_id), "executionStarted")
    assert (summary.parent_id, summary.rerun_of, summary.scheduled_for) == (None, None, None)


@pytest.mark.parametrize("workflow", ["parent", "parent_of_failing"])
def test_a_child_is_linked_to_its_parent(rich: Rich, workflow: str) -> None:
    """A child has a run of its own, with the id of its parent."""
    parent_id = rich.start(workflow, '"0.1"' if "failing" in workflow else "0.1")
    rich.ended(parent_id)
    created = one(rich.gateway.history(parent_id), "childWorkflowInstanceCreated")
    assert created.instance_id
    assert true_run(rich, created.instance_id).parent_id == parent_id


def test_an_instance_that_continues_as_new_is_one_run(rich: Rich) -> None:
    """The run lasts from the first start to the last end, and keeps the generations' attempts."""
    instance_id = rich.start("continuing", "1")
    first = rich.recorded(instance_id, Status.RUNNING)
    summary = true_run(rich, instance_id)
    assert (summary.run_id, summary.created_at) == (first.run_id, first.created_at)
    assert summary.started_at == first.started_at
    details = details_of(rich.ledger, summary)
    assert details.output == str(GENERATIONS)
    assert 1 < summary.generation <= GENERATIONS  # the recorder may miss a generation
    kept = rich.ledger.runs.earlier_generations(summary.run_id)
    assert kept.attempts == kept.generations == len(kept.newest) < summary.generation


def test_an_event_that_was_carried_over_has_the_time_of_its_generation(rich: Rich) -> None:
    """Dapr gives it no time, but keeps it behind the start of each generation."""
    first = ["workflowStarted", "executionStarted", "eventRaised"]

    def carried() -> tuple[HistoryEvent, ...] | None:
        history = rich.gateway.history(instance_id)
        return history if [event.kind for event in history[:3]] == first else None

    instance_id = rich.start("looping", "1")
    rich.raise_event(instance_id, EVENT, "1")
    _, start, raised, *_ = eventually(carried, 20, "a generation has the event from the start")
    rich.gateway.terminate(instance_id)
    assert (raised.name, raised.timestamp) == (EVENT, start.timestamp)
    summary = rich.recorded(instance_id, Status.TERMINATED)
    archived = details_of(rich.ledger, summary).history
    assert archived
    assert min(event.timestamp for event in archived) == archived[0].timestamp


def test_a_rerun_is_linked_to_its_source(rich: Rich) -> None:
    """A rerun has a start time of its own, not the start time of its source."""
    source_id = rich.start("parallel", "0.2")
    source = true_run(rich, source_id)
    last = [e for e in rich.gateway.history(source_id) if e.kind == "taskScheduled"][-1]
    requested = datetime.now(UTC)
    rerun_id = rich.rerun(source_id, last.event_id)
    ended = rich.ended(rerun_id)
    summary = rich.recorded(rerun_id, ended.status)
    assert (summary.status, summary.rerun_of) == (Status.COMPLETED, source_id)
    assert source.ended_at
    assert summary.started_at
    assert requested - timedelta(seconds=1) < summary.started_at < datetime.now(UTC)
    assert summary.created_at == summary.started_at
    history = rich.gateway.history(rerun_id)
    assert summary.ended_at == moment(history, "executionCompleted")
    details = details_of(rich.ledger, summary)
    assert (details.output, details.history) == (ended.output, history)
    assert len(rich.ledger.runs.attempts(summary.run_id)) == 3


def test_a_rerun_from_the_middle_has_kept_and_new_attempts(rich: Rich) -> None:
    """Kept attempts have no duration; repeated attempts have the times of the engine."""
    source_id = rich.start("parallel", "0.2")
    source = true_run(rich, source_id)
    first, *_, last = scheduled_in(rich, source_id)
    rerun_id = rich.rerun(source_id, last.event_id)
    rich.ended(rerun_id)
    summary = rich.recorded(rerun_id, Status.COMPLETED)
    history = rich.gateway.history(rerun_id)
    attempts = {span.event_id: span for span in rich.ledger.runs.attempts(summary.run_id)}
    assert attempts.keys() == {event.event_id for event in scheduled_in(rich, rerun_id)}
    assert {span.name for span in attempts.values()} == {first.name}
    again = [span for span in attempts.values() if span.scheduled_at != span.ended_at]
    assert [span.event_id for span in again] == [last.event_id]
    (answer,) = (event for event in history if event.answers == last.event_id)
    scheduled = [event.timestamp for event in history if event.kind == "taskScheduled"]
    assert (again[0].scheduled_at, again[0].ended_at) == (max(scheduled), answer.timestamp)
    kept = [span for span in attempts.values() if span.scheduled_at == span.ended_at]
    assert {span.scheduled_at for span in kept} == {summary.started_at}
    assert {span.ending for span in attempts.values()} == {Ending.COMPLETED}
    assert source.ended_at
    assert summary.started_at
    assert summary.started_at > source.ended_at


def test_a_start_in_the_future_is_pending_until_then(rich: Rich) -> None:
    """A pending instance is found by listing, and starts when it is due."""
    due = datetime.now(UTC) + timedelta(seconds=4)
    instance_id = rich.start("parallel", "0.1", scheduled_for=due)
    pending = rich.recorded(instance_id, Status.PENDING, 3)
    assert (pending.workflow, pending.started_at) == ("", None)
    summary = true_run(rich, instance_id)
    state = rich.gateway.state(instance_id)
    assert state
    assert (summary.run_id, summary.created_at) == (pending.run_id, state.created_at)
    assert (summary.workflow, summary.scheduled_for) == ("parallel", due)
    assert summary.started_at
    assert summary.started_at >= due


def test_the_event_that_a_run_waits_for_is_in_the_ledger(rich: Rich) -> None:
    """A running run has the event that it waits for; a finished run waits for nothing."""
    instance_id = rich.start("waiting")
    eventually(
        lambda: rich.recorded(instance_id, Status.RUNNING).waits_for == f"event {EVENT}",
        5,
        "the run waits for the event",
    )
    rich.raise_event(instance_id, EVENT, '"yes"')
    summary = true_run(rich, instance_id)
    details = details_of(rich.ledger, summary)
    assert details.output == '"yes"'


def test_an_event_before_the_sdk_s_timeout_ends_the_wait(rich: Rich) -> None:
    """The run has the deadline of its wait until the event comes."""
    instance_id = rich.start("waiting_at_most", "3600")
    eventually(
        lambda: rich.recorded(instance_id, Status.RUNNING).waits_until, 5, "the run has a deadline"
    )
    assert rich.recorded(instance_id, Status.RUNNING).waits_for == f"event {EVENT}"
    rich.raise_event(instance_id, EVENT, '"in time"')
    summary = true_run(rich, instance_id)
    details = details_of(rich.ledger, summary)
    assert (summary.status, details.output) == (Status.COMPLETED, '"in time"')


def test_an_event_after_its_time_out_is_not_received(rich: Rich) -> None:
    """The timer won, and the workflow works when the event comes."""
    instance_id = rich.start("escalating", "2")
    eventually(
        lambda: "taskScheduled" in [e.kind for e in rich.gateway.history(instance_id)],
        10,
        "the workflow works",
    )
    rich.raise_event(instance_id, EVENT, '"too late"')
    rich.ended(instance_id)
    history = rich.gateway.history(instance_id)
    wait = next(span for span in timeline_of(history).spans if span.kind is SpanKind.WAIT)
    assert (wait.ending, wait.ended_at) == (Ending.TIMED_OUT, moment(history, "timerFired"))
    assert one(history, "eventRaised").timestamp > moment(history, "timerFired")


def test_an_activity_that_nothing_awaits_does_not_hide_the_wait(rich: Rich) -> None:
    """The event that blocks the workflow is named first."""
    instance_id = rich.start("forgetful", "60")
    expected = f"event {EVENT} and work"
    eventually(
        lambda: rich.recorded(instance_id, Status.RUNNING).waits_for == expected,
        5,
        "the run waits for the event",
    )
    rich.gateway.terminate(instance_id)


@pytest.mark.parametrize(
    ("workflow", "version", "patches"), [("versioned", VERSION, ()), ("patched", None, (PATCH,))]
)
def test_the_version_and_the_patches_are_in_the_history(
    rich: Rich, workflow: str, version: str | None, patches: tuple[str, ...]
) -> None:
    """As the SDK reports them with a turn; the ledger's archive has them too."""
    summary = true_run(rich, rich.start(workflow))
    details = details_of(rich.ledger, summary)
    assert details.history
    timeline = timeline_of(details.history)
    assert (timeline.version, timeline.patches) == (version, patches)


def test_the_deadline_of_a_wait_is_in_the_ledger(rich: Rich) -> None:
    """A wait with a timeout of an hour has its deadline."""
    instance_id = rich.start("waiting_until", "3600")

    def waits() -> RunSummary | None:
        summary = rich.recorded(instance_id, Status.RUNNING)
        return summary if summary.waits_until else None

    summary = eventually(waits, 5, "the run has a deadline")
    assert summary.waits_until
    assert summary.started_at
    assert abs(summary.waits_until - summary.started_at - timedelta(hours=1)) < timedelta(seconds=2)
    rich.gateway.terminate(instance_id)
    assert true_run(rich, instance_id).status is Status.TERMINATED


def test_a_pause_and_its_end_are_followed(rich: Rich) -> None:
    """The ledger follows a pause and a resume that another program requested."""
    instance_id = rich.start("waiting")
    rich.recorded(instance_id, Status.RUNNING)
    rich.gateway.pause(instance_id)
    suspended = rich.recorded(instance_id, Status.SUSPENDED)
    assert suspended.waits_for == f"event {EVENT}"  # again after the resume
    assert suspended.suspended_at
    rich.gateway.resume(instance_id)
    assert rich.recorded(instance_id, Status.RUNNING).suspended_at is None
    rich.raise_event(instance_id, EVENT, "1")
    assert true_run(rich, instance_id).status is Status.COMPLETED


def test_an_instance_is_terminated_with_its_child(rich: Rich) -> None:
    """Both are TERMINATED, and the attempts of the child are cut off."""
    parent_id = rich.start("parent", "60")

    def child() -> str | None:
        created = [e.instance_id for e in rich.gateway.history(parent_id) if e.kind == CREATED]
        return created[0] if created else None

    child_id = eventually(child, 10, "the child is created")
    rich.recorded(child_id, Status.RUNNING)
    eventually(lambda: len(scheduled_in(rich, child_id)) == 2, 10, "the child has two attempts")
    rich.gateway.terminate(parent_id)
    for instance_id in (parent_id, child_id):
        rich.ended(instance_id)
        summary = rich.recorded(instance_id, Status.TERMINATED)
        history = rich.gateway.history(instance_id)
        details = details_of(rich.ledger, summary)
        assert details.history == history
        attempts = rich.ledger.runs.attempts(summary.run_id)
        scheduled = [event.event_id for event in history if event.kind == "taskScheduled"]
        assert {span.event_id: span.ending for span in attempts} == dict.fromkeys(
            scheduled, Ending.CUT_OFF
        )
        assert len(attempts) == (2 if instance_id == child_id else 0)
    assert rich.recorded(child_id, Status.TERMINATED).parent_id == parent_id


CREATED = "childWorkflowInstanceCreated"


def scheduled_in(rich: Rich, instance_id: str) -> list[HistoryEvent]:
    """Return the events that schedule the attempts of an instance."""
    return [e for e in rich.gateway.history(instance_id) if e.kind == "taskScheduled"]


def test_a_run_that_another_program_purged_stays_in_the_ledger(rich: Rich) -> None:
    """The run keeps its history and gets `purged_at`; if the id is used again, it has two runs."""
    instance_id = rich.start("parallel", "0.1")
    first = true_run(rich, instance_id)
    rich.purge(instance_id)

    def is_purged() -> bool:
        summary = rich.ledger.runs.latest(instance_id)
        return bool(summary and summary.purged_at)

    eventually(is_purged, 10, "the run is marked as purged")
    details = details_of(rich.ledger, first)
    assert details.history
    rich.gateway.start("failing", instance_id, json.dumps("no paper"))
    rich.ended(instance_id)
    failed = rich.recorded(instance_id, Status.FAILED)
    before, after = rich.ledger.runs.adjacent_runs(failed)
    assert before
    assert (before.run_id, before.workflow, before.status) == (
        first.run_id,
        "parallel",
        Status.COMPLETED,
    )
    assert (failed.workflow, after) == ("failing", None)


def test_an_id_that_breaks_the_list_hides_no_known_run(rich: Rich) -> None:
    """Known runs are still followed; once the id is purged, new runs are found again."""
    known = rich.start("waiting")
    rich.recorded(known, Status.RUNNING)
    broken = f"{known}||broken"
    rich.gateway.start("no_such_workflow", broken, "{}")
    try:
        rich.raise_event(known, EVENT, "1")
        assert true_run(rich, known).status is Status.COMPLETED
        rich.ended(broken)
    finally:
        rich.purge(broken)
    true_run(rich, rich.start("parallel", "0.1"))
