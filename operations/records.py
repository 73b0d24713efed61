"""What the ledger keeps, and what is written into it."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

from operations.history import HistoryEvent
from operations.model import Actor, Failure, Instance, Service, Status
from operations.timeline import Timeline


@dataclass(frozen=True)
class Snapshot:
    """What one read of the engine returned: an instance of an application, and its timeline.

    `read_at` and `scheduled_for`, when a start in the future is due, are aware UTC. `history` is
    None if it was not read.
    """

    app_id: str
    instance: Instance
    timeline: Timeline
    read_at: datetime
    history: tuple[HistoryEvent, ...] | None = None
    scheduled_for: datetime | None = None


@dataclass(frozen=True)
class RunSummary:
    """What a list shows of a run; times are aware UTC.

    `run_id` is the ledger's number of the run. `created_at` never changes: lists sort by it.
    `started_at` and `ended_at` come from one clock; their difference is the duration.
    `first_turn_at` is when the first turn of the workflow began, None if that is unknown.
    `revision` is that of the ledger when the run was last written. `custom_status` is one line of
    limited length. `generation` counts, from 1, the generations that were read of a workflow that
    continues as new; it may have had more. Dapr has at most the latest run of an instance id:
    actions apply to that one.
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
    failure_type: str | None
    failure_message: str | None
    parent_id: str | None
    rerun_of: str | None
    purged_at: datetime | None
    revision: int
    is_latest: bool = True
    custom_status: str | None = None
    first_turn_at: datetime | None = None
    generation: int = 1
    parent_app_id: str | None = None
    """The application of the parent; None if it is that of the run."""


@dataclass(frozen=True)
class RunDetails:
    """The rest of an entry; `history` is None until the instance has ended."""

    input: str | None
    output: str | None
    custom_status: str | None
    failure: Failure | None
    history: tuple[HistoryEvent, ...] | None


@dataclass(frozen=True)
class Generation:
    """An earlier generation of a workflow that continued as new, as far as it was seen.

    `first_turn_at` is when its first attempt was scheduled.
    """

    number: int
    attempts: int
    first_turn_at: datetime


@dataclass(frozen=True)
class EarlierGenerations:
    """How many earlier generations and attempts of a life are kept, and which those are.

    Generations without an attempt do not count. `newest` are not all, if there are many.
    """

    generations: int = 0
    attempts: int = 0
    newest: tuple[Generation, ...] = ()


@dataclass(frozen=True)
class Filter:
    """Which entries a list shows: those that all of it is true of; nothing set shows all.

    Times are aware UTC, and those of creation: from `since` until right before `until`. `text` is a
    part of the id; `anywhere` is one of the id, a payload, the custom status or the failure, as
    they read or as JSON writes them. Of both, capitals from A to Z do not matter. The other texts
    are the whole of what they name. What waits for something `waits_for` it by its name, among
    other things or alone: an event, activity, child, or timer, in whichever case.
    """

    statuses: frozenset[Status] = frozenset()
    text: str = ""
    workflows: frozenset[str] = frozenset()
    since: datetime | None = None
    until: datetime | None = None
    anywhere: str = ""
    custom_status: str = ""
    waits_for: str = ""
    parent_id: str = ""
    rerun_of: str = ""
    failure_type: str = ""


class Sort(StrEnum):
    """In which order a list stands; what has not ended yet comes last in the latter two."""

    NEWEST = "newest"
    """What was created last comes first."""
    OLDEST = "oldest"
    ENDED = "ended"
    """What ended last comes first."""
    LONGEST = "longest"
    """What took longest from its start to its end comes first."""


@dataclass(frozen=True, order=True)
class Count:
    """How many there are; a capped one is how many there are at least."""

    number: int
    is_capped: bool = False

    def __add__(self, other: "Count") -> "Count":
        return Count(self.number + other.number, self.is_capped or other.is_capped)

    def __str__(self) -> str:
        return f"{self.number:,}{'+' if self.is_capped else ''}"


@dataclass(frozen=True)
class Page:
    """A page of a sorted list, with the cursors of the pages beside it.

    `newer` and `older` are the cursors of the pages before and after it, None where there is none;
    they are named after the usual order. `before` is how many runs come before the page, None if
    they were not counted.
    """

    runs: tuple[RunSummary, ...]
    newer: str | None
    older: str | None
    before: Count | None = None


@dataclass(frozen=True)
class Baseline:
    """How long an activity took in its latest `runs`, queue and run together, in seconds."""

    median: float
    p95: float
    runs: int


@dataclass(frozen=True)
class StartTime:
    """When an attempt of an activity began to run, by a trace: a hint, which may be false.

    `event_id` is that of the event that scheduled it.
    """

    instance_id: str
    event_id: int
    at: datetime


class Outcome(StrEnum):
    """What came of an operator's action."""

    DONE = "done"
    UNCHANGED = "unchanged"
    REFUSED = "refused"
    UNKNOWN = "unknown"


START = "start"
"""The action of an audit entry that is no `Action`: a start."""

OUTCOME_NOT_RECORDED = "started; outcome not recorded"
"""The message of an action from before it is carried out until its outcome is recorded."""


@dataclass(frozen=True)
class AuditEntry:
    """One action of an operator: who did what to which instance, and what came of it."""

    at: datetime
    actor: Actor
    action: str
    """An `Action`, or `start`."""
    instance_id: str
    outcome: Outcome
    before: Status | None = None
    after: Status | None = None
    message: str | None = None
    """Why it was refused, why nobody knows, or what else there is to say."""
    reason: str | None = None
    """The operator's own reason."""
    bulk: str | None = None
    """What the entries of one bulk job have in common."""
    app_id: str | None = None
    """The application of the instance; None until the audit log has written it."""


@dataclass(frozen=True)
class Period:
    """From `since` until right before `until`, aware UTC."""

    since: datetime
    until: datetime


ALL_TIME = Period(datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))


@dataclass(frozen=True)
class Outage:
    """A part that is away, since when (aware UTC), and why."""

    service: Service
    since: datetime
    reason: str


@dataclass(frozen=True)
class RecorderMetrics:
    """What the recorder costs and how far it is behind, by its own measure.

    `lag_p50` and `lag_p95` are the seconds from when something happened until it was readable, over
    the last minute, None if nothing happened. Reads of the engine and `hints` are those a second;
    `dropped` hints are counted since the recorder began. `traces` says whether any arrive.
    """

    lag_p50: float | None = None
    lag_p95: float | None = None
    states: float = 0.0
    histories: float = 0.0
    lists: float = 0.0
    hints: float = 0.0
    dropped: int = 0
    traces: bool = False


@dataclass(frozen=True)
class Heartbeat:
    """The ledger's revision, which grows with every change, and the recorder's last sign of life.

    `heartbeat_at` (aware UTC) is None before the recorder's first heartbeat; `outages` are those of
    that moment. `backlog` is the number of runs that the recorder has yet to read since it started:
    None while it is unknown, 0 once it has caught up. `metrics` are None until they are measured.
    """

    revision: int
    heartbeat_at: datetime | None = None
    outages: tuple[Outage, ...] = field(default=())
    backlog: int | None = None
    metrics: RecorderMetrics | None = None
    app_id: str | None = None
    """The application that the recorder follows; None before its first heartbeat."""
