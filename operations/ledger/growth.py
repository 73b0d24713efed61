"""What a sighting makes of a life: pure functions that never lose what is known."""

from dataclasses import dataclass, replace
from datetime import datetime

from operations.ledger.lives import Life, created_at, is_final
from operations.ledger.starts import Start
from operations.ledger.tables import MESSAGE, NAME
from operations.model import Instance, Status, parsed
from operations.records import Entry, Sighting
from operations.timeline import Timeline


@dataclass(frozen=True)
class Seen:
    """What a sighting makes of a life, which is `before` in the ledger, None if it is new."""

    key: int
    before: Life | None
    after: Life
    sighting: Sighting

    @property
    def tells_more(self) -> bool:
        """Whether lists show something else than before."""
        return self.before is None or self.before != replace(
            self.after, seen_at=self.before.seen_at
        )

    @property
    def is_new_generation(self) -> bool:
        """Whether the workflow has continued as new since it was last seen."""
        return bool(self.before and self.before.entry.generation < self.after.entry.generation)


def opened(sighting: Sighting, after: Entry | None, start: Start | None) -> Life:
    """Return a new life, without a key as yet; `after` is the latest one before it.

    While it is pending the engine tells nothing of it: then the id's latest start does, unless that
    was of a life before.
    """
    start = start if start and _is_start_of_next(start, after) else None
    entry = Entry(
        key=0,
        instance_id=sighting.instance.instance_id,
        execution_id=None,
        workflow=start.workflow if start else "",
        status=sighting.instance.status,
        created_at=_created_at(sighting, start),
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
    return grown(Life(entry, sighting.seen_at), sighting)


def grown(life: Life, sighting: Sighting) -> Life:
    """Return a life with what a sighting adds to it."""
    entry = _grown(life.entry, sighting)
    purged_at = life.entry.purged_at
    if purged_at and not (life.entry.is_latest and sighting.seen_at > purged_at):
        entry = gone(entry, purged_at)
    return replace(
        life,
        entry=entry,
        seen_at=max(life.seen_at, sighting.seen_at),
        is_archived=life.is_archived or is_final(sighting),
    )


def gone(entry: Entry, at: datetime) -> Entry:
    """Return an entry that the engine has no more: how it ended is unknown if that was not seen."""
    if entry.status.is_finished:
        return replace(entry, purged_at=at)
    return replace(entry, status=Status.UNKNOWN, waits_for=None, waits_until=None, purged_at=at)


def stage_in(custom_status: str | None) -> str | None:
    """Return what a custom status says, as one reads it, where it is not empty."""
    said = parsed(custom_status)
    return (said if isinstance(said, str) else custom_status or "")[:NAME] or None


def _grown(entry: Entry, sighting: Sighting) -> Entry:
    instance, timeline, failure = sighting.instance, sighting.timeline, sighting.instance.failure
    return replace(
        _waiting(entry, sighting),
        execution_id=timeline.execution_id or entry.execution_id,
        generation=entry.generation + _continued(entry, timeline),
        workflow=instance.workflow[:NAME] or entry.workflow,
        status=instance.status,
        # A workflow that continues as new starts again, but its life began with the first start.
        started_at=_earliest(entry.started_at, timeline.started_at),
        began_at=_earliest(entry.began_at, timeline.began_at),
        ended_at=timeline.ended_at or entry.ended_at or _last_changed(instance),
        last_updated_at=instance.last_updated_at or entry.last_updated_at,
        scheduled_for=sighting.scheduled_for or entry.scheduled_for,
        failure_type=failure.error_type[:NAME] if failure else entry.failure_type,
        failure_message=failure.message[:MESSAGE] if failure else entry.failure_message,
        parent_id=timeline.parent_id or entry.parent_id,
        rerun_of=timeline.rerun_of or entry.rerun_of,
        custom_status=stage_in(instance.custom_status) or entry.custom_status,
        purged_at=None,
    )


def _waiting(entry: Entry, sighting: Sighting) -> Entry:
    """Return an entry with what it waits for, which a look without the history does not tell."""
    if sighting.instance.status.is_finished:
        return replace(entry, waits_for=None, waits_until=None)
    if sighting.timeline == Timeline():
        return entry
    waiting = sighting.timeline.waiting
    what, until = (waiting.what[:NAME], waiting.until) if waiting else (None, None)
    return replace(entry, waits_for=what, waits_until=until)


def _continued(entry: Entry, timeline: Timeline) -> bool:
    """Whether a later generation was seen than is known: it has an execution of its own."""
    known, seen = entry.execution_id, timeline.execution_id
    return known is not None and seen is not None and known != seen


def _last_changed(instance: Instance) -> datetime | None:
    """Return when a finished instance ended as far as its state tells: its history may be lost."""
    return instance.last_updated_at if instance.status.is_finished else None


def _earliest(*times: datetime | None) -> datetime | None:
    return min(filter(None, times), default=None)


def _created_at(sighting: Sighting, start: Start | None) -> datetime:
    return created_at(sighting) or (start and start.accepted_at) or sighting.seen_at


def _is_start_of_next(start: Start, before: Entry | None) -> bool:
    """Whether a start was claimed after the life before had begun: its own came before that."""
    return before is None or start.claimed_at > before.created_at
