"""The records that are written into the ledger and read from it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from operations.history import HistoryEvent
from operations.model import HISTORY_LOST, Actor, Failure, Instance, Status
from operations.timeline import Timeline


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


@dataclass(frozen=True)
class Filter:
    """Selects the runs of a list: a run must match every field that is set.

    `since` (inclusive) and `until` (exclusive) limit the time of creation, aware UTC. `id_part`
    is a substring of the instance id. `text` is a substring of the id, a payload, the custom status
    or the failure, as plain text or as JSON escapes it. Both ignore the case of the letters A to Z;
    but if they have one or two characters, they match ids that start with exactly these.
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


class Sort(StrEnum):
    """The order of a list; under `ENDED` and `LONGEST` unfinished runs come last."""

    NEWEST = "newest"
    """The run that was created last comes first."""
    OLDEST = "oldest"
    ENDED = "ended"
    """The run that ended last comes first."""
    LONGEST = "longest"
    """The run with the longest duration comes first."""


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
    """How long the latest `attempts` of an activity took in completed runs, in seconds.

    Queue time and execution time count together.
    """

    p50: float
    p95: float
    attempts: int


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
    """An `Action`, or `start`."""
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
