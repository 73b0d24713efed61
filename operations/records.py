"""The records that are written into the ledger and read from it."""

import statistics
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cached_property

from operations.failure_groups import FailedKind, GroupKey, group_of
from operations.history import HistoryEvent
from operations.model import HISTORY_LOST, Actor, Failure, Instance, Status
from operations.timeline import Ending, Span, SpanKind, Timeline, failed_step


@dataclass(frozen=True)
class Snapshot:
    """What one read of the engine returned: an instance of an application, and its timeline.

    Times are aware UTC. `history` is None if it was not read. `scheduled_for` is when a start
    in the future is due, else None.
    """

    app_id: str
    instance: Instance
    timeline: Timeline
    read_at: datetime
    history: tuple[HistoryEvent, ...] | None = None
    scheduled_for: datetime | None = None

    @property
    def failure(self) -> Failure | None:
        """Why the instance failed, or why the engine stopped it: it is stalled."""
        stall = self.timeline.stall
        is_stalled = stall and self.instance.status is Status.STALLED
        return stall.reason if stall and is_stalled else self.instance.failure

    @cached_property
    def failed_step(self) -> Span | None:
        """The attempt of an activity or child whose failure ended the instance, else None."""
        failure = self.instance.failure
        is_failed = failure and self.instance.status is Status.FAILED
        return failed_step(self.timeline.spans, failure) if failure and is_failed else None

    @property
    def failure_group(self) -> GroupKey | None:
        """The group of the failure that ended the instance; None until its history is read."""
        instance = self.instance
        if instance.failure is None or instance.status is not Status.FAILED:
            return None
        if self.timeline.ended_at is None:
            return None
        step = self.failed_step
        if step and step.failure:
            return self._group_of_step(step, step.failure)
        kind, name = FailedKind.WORKFLOW, instance.workflow
        return group_of(self.app_id, kind, name, instance.failure, instance.instance_id)

    def failure_group_of(self, span: Span) -> GroupKey | None:
        """Return the group of a failed attempt, None if it did not fail in this run."""
        if span.failure is None or span.ending is not Ending.FAILED or span.copied:
            return None
        return self._group_of_step(span, span.failure)

    def _group_of_step(self, span: Span, failure: Failure) -> GroupKey:
        kind = FailedKind(span.kind.value)
        return group_of(self.app_id, kind, span.name, failure, self.instance.instance_id)

    @property
    def is_final(self) -> bool:
        """True if it has the end and the history of the run: nothing more can follow."""
        return self.instance.status.is_finished and bool(self.history)


@dataclass(frozen=True)
class RunSummary:
    """What a list row shows of a run; times are aware UTC.

    `run_id` is the ledger's number of the run, 0 if the ledger does not have the run yet.
    Lists sort by `created_at`, the engine's time of creation. While the run is pending the engine
    reports none: then it is when the start was accepted, or when the run was first read. It may
    change until the first history is read.
    `started_at` and `ended_at` come from one clock; their difference is the duration.
    `first_turn_at` is when the first turn of the workflow started, None if it is unknown.
    `revision` is the ledger's revision at the last write of the run. `custom_status` is one line of
    limited length. `waits_for` says in words what the run waits for, until `waits_until` if known;
    a suspended run waits for it once it is resumed.
    `scheduled_for` is set if the run was started for a later time, `purged_at` if Dapr no longer
    has it. `generation` counts from 1 the generations that were read of a workflow that
    continues as new; the workflow may have had more. Dapr has at most the latest run of an instance
    id, so actions apply to that run.
    """

    run_id: int
    app_id: str
    instance_id: str
    execution_id: str | None
    workflow: str
    status: Status
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    last_updated_at: datetime | None
    scheduled_for: datetime | None
    waits_for: str | None
    waits_until: datetime | None
    error_type: str | None
    error_message: str | None
    parent_id: str | None
    rerun_of: str | None
    purged_at: datetime | None
    revision: int
    is_latest: bool = True
    custom_status: str | None = None
    first_turn_at: datetime | None = None
    generation: int = 1
    parent_app_id: str | None = None
    """The application of the parent; None if it is the run's own application."""
    suspended_at: datetime | None = None
    """Since when the run is suspended, whoever paused it; None if it is not."""
    repeats: str | None = None
    """An action that the application repeated while the run was suspended, a fault of its SDK."""
    failed_step: str | None = None
    """The activity or child whose failure ended the run, and whose error `error_type` and
    `error_message` describe. None for a failure of the workflow's own code."""
    failure_group: str | None = None
    """The `group_id` of the failure that ended the run."""
    waits_kind: SpanKind | None = None
    """The kind of the first wait in `waits_for`; None if the run waits for nothing or its start."""
    waits_since: datetime | None = None
    """When the earliest wait of this kind that `waits_for` names began."""

    @property
    def over_at(self) -> datetime | None:
        """When the run ended, or was purged before its end was read; None until then."""
        return self.ended_at or self.purged_at

    @property
    def has_lost_history(self) -> bool:
        """True if the engine has the instance, but cannot read it: its history is lost."""
        is_unknown = self.status is Status.UNKNOWN and self.purged_at is None
        return is_unknown and self.error_type == HISTORY_LOST


@dataclass(frozen=True)
class RunDetails:
    """What only the page of a run shows; `history` is None until the history is archived.

    Payloads and custom status are JSON text.
    """

    input: str | None
    output: str | None
    custom_status: str | None
    failure: Failure | None
    history: tuple[HistoryEvent, ...] | None


@dataclass(frozen=True)
class Generation:
    """An earlier generation of a workflow that continued as new, and how many attempts were read.

    `first_scheduled_at` is when the first of these attempts was scheduled, aware UTC.
    """

    number: int
    attempts: int
    first_scheduled_at: datetime


@dataclass(frozen=True)
class EarlierGenerations:
    """How many earlier generations of a run, and how many of their attempts, the ledger has.

    Generations without an attempt do not count. `newest` lists the newest 50 generations.
    """

    generations: int = 0
    attempts: int = 0
    newest: tuple[Generation, ...] = ()


@dataclass(frozen=True)
class RemoteChild:
    """A child in another application: `app_id` is the child's, `parent_id` the id of its parent."""

    instance_id: str
    app_id: str
    parent_id: str

    def __str__(self) -> str:
        return (
            f"The instance {self.instance_id!r} belongs to the application {self.app_id!r}: "
            f"it is a child of {self.parent_id!r}. Open it in the Flowdeck of that application."
        )


class Attention(StrEnum):
    """Why a run needs a person, the most urgent reason first."""

    OVERDUE = "overdue"
    """A timer, a time-out, a retry or a start is more than a minute late."""
    STUCK = "stuck"
    """An attempt of an activity has not ended for ten minutes."""
    EVENT = "event"
    """The run waits for an external event, which a person may have to raise."""
    STALLED = "stalled"
    """The engine refuses to continue the run."""


@dataclass(frozen=True)
class Filter:
    """Selects the runs of a list: a run must match every field that is set.

    `since` (inclusive) and `until` (exclusive) limit the time of creation, `ended_since` and
    `ended_until` the time of the end, aware UTC; `last` and `ended_last` limit them to at most this
    long before the query. `min_duration` and `max_duration` (both inclusive) limit the duration.
    A run that has not ended, or whose start or end is unknown, matches no limit of its end or of
    its duration. `top_level` excludes children of other runs of their application.

    `id_part` is a substring of the instance id. `text` is a substring of the id, a payload, the
    custom status or the failure, as plain text or as JSON escapes it. Both ignore the case of the
    letters A to Z; a text of one or two characters matches ids that start with exactly these.
    `waits_for` is the name of an event, activity, child or timer, in any case; it matches a run
    that waits for several things if one of them has this name. The other texts match whole values.
    """

    statuses: frozenset[Status] = frozenset()
    id_part: str = ""
    workflows: frozenset[str] = frozenset()
    since: datetime | None = None
    until: datetime | None = None
    text: str = ""
    custom_status: str = ""
    waits_for: str = ""
    parent_id: str = ""
    rerun_of: str = ""
    error_type: str = ""
    failure_group: str = ""
    attention: Attention | None = None
    ended_since: datetime | None = None
    ended_until: datetime | None = None
    last: timedelta | None = None
    ended_last: timedelta | None = None
    min_duration: timedelta | None = None
    max_duration: timedelta | None = None
    top_level: bool = False

    @property
    def depends_on_time(self) -> bool:
        """True if a later query may find other runs although none has changed."""
        return not (self.attention is None and self.last is None and self.ended_last is None)


class Sort(StrEnum):
    """The order of a list.

    Under `ENDED` and `LONGEST` unfinished runs come last, under `SHORTEST` first. Ids are compared
    character by character, so that capitals come before small letters.
    """

    NEWEST = "newest"
    """The run that was created last comes first."""
    OLDEST = "oldest"
    ENDED = "ended"
    """The run that ended last comes first."""
    LONGEST = "longest"
    """The run with the longest duration comes first."""
    SHORTEST = "shortest"
    """`LONGEST` in reverse."""
    ID = "id"
    """The instance ids from A to Z."""
    ID_DESCENDING = "id_descending"
    STATUS = "status"
    """The statuses from Z to A; in each, the run that was created last comes first."""
    STATUS_ASCENDING = "status_ascending"
    """`STATUS` in reverse."""


@dataclass(frozen=True)
class Count:
    """A number of runs; if it is capped, there are at least so many."""

    number: int
    is_capped: bool = False

    def __add__(self, other: "Count") -> "Count":
        return Count(self.number + other.number, self.is_capped or other.is_capped)

    def __str__(self) -> str:
        return f"{self.number:,}{'+' if self.is_capped else ''}"


@dataclass(frozen=True)
class Page:
    """A page of a sorted list, with the cursors of the pages beside it.

    `newer` and `older` are the cursors of the pages before and after this one, None if there is no
    such page; they are named after the default order. `before` is the number of runs before the
    page, None if it was not counted.
    """

    runs: tuple[RunSummary, ...]
    newer: str | None
    older: str | None
    before: Count | None = None


@dataclass(frozen=True)
class Baseline:
    """How long the latest attempts of an activity, or the latest runs of a workflow, took.

    Only completed runs count. `durations` are in seconds, the shortest first, at least two. Queue
    time and execution time count together.
    """

    durations: tuple[float, ...]

    @property
    def count(self) -> int:
        """The number of attempts or runs."""
        return len(self.durations)

    @cached_property
    def p50(self) -> float:
        """The duration that half of them do not exceed, in seconds."""
        return self._cuts[9]

    @cached_property
    def p95(self) -> float:
        """The duration that 95 % of them do not exceed, in seconds."""
        return self._cuts[18]

    @cached_property
    def _cuts(self) -> list[float]:
        return statistics.quantiles(self.durations, n=20, method="inclusive")

    def share_shorter(self, seconds: float) -> float:
        """Return the share that took less time, from 0 to 1."""
        return bisect_left(self.durations, seconds) / len(self.durations)

    def share_longer(self, seconds: float) -> float:
        """Return the share that took more time, from 0 to 1."""
        return 1 - bisect_right(self.durations, seconds) / len(self.durations)


class Outcome(StrEnum):
    """The outcome of an operator's action."""

    DONE = "done"
    UNCHANGED = "unchanged"
    REFUSED = "refused"
    UNKNOWN = "unknown"


START = "start"
"""The action of an audit entry for a start, which is not an `Action`."""

OUTCOME_NOT_RECORDED = "started; outcome not recorded"
"""The message of an audit entry until the outcome of its action is recorded."""


@dataclass(frozen=True)
class AuditEntry:
    """One action of an operator: who did what to which instance, and with which outcome."""

    at: datetime
    actor: Actor
    action: str
    """One of `AUDITED_ACTIONS`."""
    instance_id: str
    outcome: Outcome
    before: Status | None = None
    after: Status | None = None
    message: str | None = None
    """Why the action was refused, why its outcome is unknown, or a remark."""
    reason: str | None = None
    """The reason that the operator gave."""
    bulk_id: str | None = None
    """The id of the bulk job that the action was part of."""
    app_id: str | None = None
    """The application of the instance; None until the audit log has written it."""


@dataclass(frozen=True)
class Period:
    """A period from `since` (inclusive) to `until` (exclusive), aware UTC."""

    since: datetime
    until: datetime


ALL_TIME = Period(datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))
