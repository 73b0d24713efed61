"""What a snapshot makes of a life: pure functions that never lose what is known."""

from dataclasses import dataclass, replace
from datetime import datetime

from operations.ledger.reservations import Reservation
from operations.ledger.runs.identity import Run, created_at, is_final
from operations.ledger.tables import MESSAGE, NAME
from operations.model import Instance, Status, parse_payload
from operations.records import RunSummary, Snapshot
from operations.timeline import Timeline


@dataclass(frozen=True)
class Seen:
    """What a snapshot makes of a life, which is `before` in the ledger, None if it is new."""

    run_id: int
    before: Run | None
    after: Run
    snapshot: Snapshot

    @property
    def tells_more(self) -> bool:
        """Whether lists show something else than before."""
        return self.before is None or self.before != replace(
            self.after, read_at=self.before.read_at
        )

    @property
    def is_new_generation(self) -> bool:
        """Whether the workflow has continued as new since it was last seen."""
        return bool(self.before and self.before.summary.generation < self.after.summary.generation)


def opened(snapshot: Snapshot, after: RunSummary | None, start: Reservation | None) -> Run:
    """Return a new life, without a key as yet; `after` is the latest one before it.

    While it is pending the engine tells nothing of it: then the id's latest start does, unless that
    was of a life before.
    """
    start = start if start and _is_start_of_next(start, after) else None
    summary = RunSummary(
        run_id=0,
        app_id=snapshot.app_id,
        instance_id=snapshot.instance.instance_id,
        execution_id=None,
        workflow=start.workflow if start else "",
        status=snapshot.instance.status,
        created_at=_created_at(snapshot, start),
        started_at=None,
        ended_at=None,
        last_updated_at=None,
        scheduled_for=start.scheduled_for if start else None,
        waits_for=None,
        waits_until=None,
        failure_type=None,
        failure_message=None,
        parent_id=None,
        rerun_of=None,
        purged_at=None,
        revision=0,
    )
    return grown(Run(summary, snapshot.read_at), snapshot)


def grown(run: Run, snapshot: Snapshot) -> Run:
    """Return a life with what a snapshot adds to it."""
    summary = _grown(run.summary, snapshot)
    purged_at = run.summary.purged_at
    if purged_at and not (run.summary.is_latest and snapshot.read_at > purged_at):
        summary = gone(summary, purged_at)
    return replace(
        run,
        summary=summary,
        read_at=max(run.read_at, snapshot.read_at),
        is_archived=run.is_archived or is_final(snapshot),
    )


def gone(summary: RunSummary, at: datetime) -> RunSummary:
    """Return an entry that the engine has no more: how it ended is unknown if that was not seen."""
    if summary.status.is_finished:
        return replace(summary, purged_at=at)
    return replace(summary, status=Status.UNKNOWN, waits_for=None, waits_until=None, purged_at=at)


def stage_in(custom_status: str | None) -> str | None:
    """Return what a custom status says, as one reads it, where it is not empty."""
    said = parse_payload(custom_status)
    return (said if isinstance(said, str) else custom_status or "")[:NAME] or None


def _grown(summary: RunSummary, snapshot: Snapshot) -> RunSummary:
    instance, timeline, failure = snapshot.instance, snapshot.timeline, snapshot.instance.failure
    return replace(
        _waiting(summary, snapshot),
        execution_id=timeline.execution_id or summary.execution_id,
        generation=summary.generation + _continued(summary, timeline),
        workflow=instance.workflow[:NAME] or summary.workflow,
        status=instance.status,
        # A workflow that continues as new starts again, but its life began with the first start.
        started_at=_earliest(summary.started_at, timeline.started_at),
        first_turn_at=_earliest(summary.first_turn_at, timeline.first_turn_at),
        ended_at=timeline.ended_at or summary.ended_at or _last_changed(instance),
        last_updated_at=instance.last_updated_at or summary.last_updated_at,
        scheduled_for=snapshot.scheduled_for or summary.scheduled_for,
        failure_type=failure.error_type[:NAME] if failure else summary.failure_type,
        failure_message=failure.message[:MESSAGE] if failure else summary.failure_message,
        parent_id=timeline.parent_id or summary.parent_id,
        parent_app_id=_foreign(timeline.parent_app_id, summary) or summary.parent_app_id,
        rerun_of=timeline.rerun_of or summary.rerun_of,
        custom_status=stage_in(instance.custom_status) or summary.custom_status,
        purged_at=None,
    )


def _waiting(summary: RunSummary, snapshot: Snapshot) -> RunSummary:
    """Return an entry with what it waits for, which a look without the history does not tell."""
    if snapshot.instance.status.is_finished:
        return replace(summary, waits_for=None, waits_until=None)
    if snapshot.timeline == Timeline():
        return summary
    waiting = snapshot.timeline.waiting
    what, until = (waiting.what[:NAME], waiting.until) if waiting else (None, None)
    return replace(summary, waits_for=what, waits_until=until)


def _continued(summary: RunSummary, timeline: Timeline) -> bool:
    """Whether a later generation was seen than is known: it has an execution of its own."""
    known, seen = summary.execution_id, timeline.execution_id
    return known is not None and seen is not None and known != seen


def _foreign(app_id: str | None, summary: RunSummary) -> str | None:
    """Return the application of a parent if it is another one than that of the run."""
    return None if app_id == summary.app_id else app_id


def _last_changed(instance: Instance) -> datetime | None:
    """Return when a finished instance ended as far as its state tells: its history may be lost."""
    return instance.last_updated_at if instance.status.is_finished else None


def _earliest(*times: datetime | None) -> datetime | None:
    return min(filter(None, times), default=None)


def _created_at(snapshot: Snapshot, start: Reservation | None) -> datetime:
    return created_at(snapshot) or (start and start.accepted_at) or snapshot.read_at


def _is_start_of_next(start: Reservation, before: RunSummary | None) -> bool:
    """Whether a start was claimed after the life before had begun: its own came before that."""
    return before is None or start.reserved_at > before.created_at
