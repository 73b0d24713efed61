"""Merges snapshots into runs. The functions are pure, and never replace a known value by None."""

from dataclasses import dataclass, replace
from datetime import datetime

from operations.ledger.reservations import Reservation
from operations.ledger.runs.identity import Run, created_at, may_continue
from operations.ledger.tables import MAX_MESSAGE_LENGTH, MAX_NAME_LENGTH
from operations.model import Instance, Status, parse_payload
from operations.records import RunSummary, Snapshot
from operations.timeline import Timeline


@dataclass(frozen=True)
class RunChange:
    """A run before and after a snapshot is merged into it; `before` is None for a new run."""

    run_id: int
    before: Run | None
    after: Run
    snapshot: Snapshot

    @property
    def changes_run(self) -> bool:
        """True if the run has changed in more than `read_at`."""
        if self.before is None:
            return True
        return self.before != replace(self.after, read_at=self.before.read_at)

    @property
    def summaries(self) -> tuple[RunSummary | None, RunSummary]:
        """The run before and after."""
        return self.before.summary if self.before else None, self.after.summary

    @property
    def is_new_generation(self) -> bool:
        """True if the workflow has continued as new since its last snapshot."""
        return bool(self.before and self.before.summary.generation < self.after.summary.generation)


def new_run(snapshot: Snapshot, previous: RunSummary | None, start: Reservation | None) -> Run:
    """Return a new run, whose `run_id` is still 0; `previous` is the run of the id before it.

    `start` is the latest reservation of the id. It is used unless it belongs to an earlier run,
    because the engine reports neither workflow nor times of a pending instance.
    """
    start = start if start and is_start_after(start, previous) else None
    summary = RunSummary(
        run_id=0,
        app_id=snapshot.app_id,
        instance_id=snapshot.instance.instance_id,
        execution_id=None,
        workflow=start.workflow if start else "",
        status=snapshot.instance.status,
        created_at=created_at(snapshot) or (start and start.accepted_at) or snapshot.read_at,
        started_at=None,
        ended_at=None,
        last_updated_at=None,
        scheduled_for=start.scheduled_for if start else None,
        waits_for=None,
        waits_until=None,
        error_type=None,
        error_message=None,
        parent_id=None,
        rerun_of=None,
        purged_at=None,
        revision=0,
    )
    return merged(Run(summary, snapshot.read_at), snapshot)


def merged(run: Run, snapshot: Snapshot) -> Run:
    """Return a run with the values of a snapshot."""
    summary = _merged(run.summary, snapshot)
    purged_at = run.summary.purged_at
    if purged_at and not (run.summary.is_latest and snapshot.read_at > purged_at):
        summary = as_purged(summary, purged_at)
    return replace(
        run,
        summary=summary,
        read_at=max(run.read_at, snapshot.read_at),
        is_archived=run.is_archived or snapshot.is_final,
    )


def as_purged(summary: RunSummary, at: datetime) -> RunSummary:
    """Return a run as purged; its status becomes UNKNOWN if its end was not read."""
    if summary.status.is_finished:
        return replace(summary, purged_at=at)
    return replace(_without_wait(summary), status=Status.UNKNOWN, purged_at=at)


def _status_line(custom_status: str | None) -> str | None:
    """Return a custom status as a list shows it: a JSON string as plain text; None if empty."""
    value = parse_payload(custom_status)
    return (value if isinstance(value, str) else custom_status or "")[:MAX_NAME_LENGTH] or None


def _merged(summary: RunSummary, snapshot: Snapshot) -> RunSummary:
    instance, timeline = snapshot.instance, snapshot.timeline
    step, group = snapshot.failed_step, snapshot.failure_group
    failure = step.failure if step and step.failure else snapshot.failure
    if goes_on(summary, snapshot):
        summary = replace(summary, error_type=None, error_message=None)
    return replace(
        _with_wait(summary, snapshot),
        execution_id=timeline.execution_id or summary.execution_id,
        generation=summary.generation + _is_next_generation(summary, timeline),
        workflow=instance.workflow[:MAX_NAME_LENGTH] or summary.workflow,
        status=instance.status,
        created_at=_created_at(summary, snapshot),
        # Each generation has a start of its own; the run started with the first one.
        started_at=_earliest(summary.started_at, timeline.started_at),
        first_turn_at=_earliest(summary.first_turn_at, timeline.first_turn_at),
        ended_at=timeline.ended_at or summary.ended_at or _last_update(instance),
        last_updated_at=instance.last_updated_at or summary.last_updated_at,
        scheduled_for=snapshot.scheduled_for or summary.scheduled_for,
        error_type=failure.error_type[:MAX_NAME_LENGTH] if failure else summary.error_type,
        error_message=failure.message[:MAX_MESSAGE_LENGTH] if failure else summary.error_message,
        parent_id=timeline.parent_id or summary.parent_id,
        parent_app_id=_other_app_id(timeline.parent_app_id, summary) or summary.parent_app_id,
        rerun_of=timeline.rerun_of or summary.rerun_of,
        custom_status=_status_line(instance.custom_status) or summary.custom_status,
        failed_step=step.name[:MAX_NAME_LENGTH] if step else summary.failed_step,
        failure_group=group.group_id if group else summary.failure_group,
        purged_at=None,
    )


def goes_on(before: RunSummary, snapshot: Snapshot) -> bool:
    """True if a run was stalled or could not be read, and its status has changed since."""
    had_reason = before.status in (Status.STALLED, Status.UNKNOWN)
    return had_reason and snapshot.instance.status is not before.status


def _with_wait(summary: RunSummary, snapshot: Snapshot) -> RunSummary:
    """Return a run with what it waits for; a snapshot without a history does not change that."""
    timeline = snapshot.timeline
    repeats = timeline.repeats[:MAX_NAME_LENGTH] if timeline.repeats else summary.repeats
    summary = replace(summary, repeats=repeats)
    if snapshot.instance.status.is_finished:
        return _without_wait(summary)
    if timeline == Timeline():
        is_suspended = snapshot.instance.status is Status.SUSPENDED
        return replace(summary, suspended_at=summary.suspended_at if is_suspended else None)
    waiting = timeline.waiting
    return replace(
        summary,
        waits_for=waiting.what[:MAX_NAME_LENGTH] if waiting else None,
        waits_until=waiting.until if waiting else None,
        waits_kind=waiting.kind if waiting else None,
        waits_since=waiting.since if waiting else None,
        suspended_at=timeline.suspended_at,
    )


def _without_wait(summary: RunSummary) -> RunSummary:
    return replace(
        summary,
        waits_for=None,
        waits_until=None,
        waits_kind=None,
        waits_since=None,
        suspended_at=None,
    )


def _is_next_generation(summary: RunSummary, timeline: Timeline) -> bool:
    """True if a timeline is of a later generation: each generation has its own execution id."""
    known, read = summary.execution_id, timeline.execution_id
    return known is not None and read is not None and known != read


def _other_app_id(app_id: str | None, summary: RunSummary) -> str | None:
    """Return the application of a parent, None if it is the run's own application."""
    return None if app_id == summary.app_id else app_id


def _last_update(instance: Instance) -> datetime | None:
    """Return when a finished instance ended by its state alone: the history may be lost."""
    return instance.last_updated_at if instance.status.is_finished else None


def _earliest(*times: datetime | None) -> datetime | None:
    return min(filter(None, times), default=None)


def _created_at(summary: RunSummary, snapshot: Snapshot) -> datetime:
    """Return the engine's time of creation of a run, else the known time.

    The engine reports no time while the run is pending. For a later generation it reports the
    creation of that generation. For a rerun, a snapshot without a history has the creation of the
    source.
    """
    created, timeline = created_at(snapshot), snapshot.timeline
    if created is None or (timeline.execution_id is None and summary.execution_id is not None):
        return summary.created_at
    is_of_run = timeline.rerun_of is not None or not may_continue(snapshot)
    return created if is_of_run else min(created, summary.created_at)


def is_start_after(start: Reservation, previous: RunSummary | None) -> bool:
    """True if a start was reserved after the previous run was created: it is of a later run."""
    return previous is None or start.reserved_at > previous.created_at
