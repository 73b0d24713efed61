"""The queries and the bodies of statistics and failure groups."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from api.schemas.list_query import Time
from operations.actions.context import MAX_REASON_LENGTH
from operations.errors import InvalidInput
from operations.failure_groups import FailedKind
from operations.ledger.search.attention import AttentionCount, UnfinishedRuns
from operations.ledger.statistics.buckets import Bucket
from operations.ledger.statistics.results import (
    FailureGroup,
    FailureSample,
    Outcomes,
    PeriodStatistics,
    SeriesBucket,
)
from operations.records import Attention, Period
from operations.time_texts import TIME_TEXT, utc_text

DAY = timedelta(days=1)


class PeriodQuery(BaseModel):
    """A period, by default the last 24 hours."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    since: Time = Field(None, description=f"{TIME_TEXT}; by default 24 hours before `until`")
    until: Time = Field(None, description=f"{TIME_TEXT}; by default now")

    @property
    def default_length(self) -> timedelta:
        """The length of a period without `since`."""
        return DAY

    @property
    def period(self) -> Period:
        """The period; raises `InvalidInput` if `since` is not before `until`."""
        until = self.until or datetime.now(UTC)
        earliest = datetime.min.replace(tzinfo=UTC)
        since = self.since or max(until, earliest + self.default_length) - self.default_length
        if since >= until:
            raise InvalidInput("since", utc_text(since), f"a time before {utc_text(until)}")
        return Period(since, until)


class SeriesQuery(PeriodQuery):
    """A period, and the length of its buckets."""

    since: Time = Field(
        None,
        description=f"{TIME_TEXT}; by default 24 hours before `until`, one hour for minutes, "
        "30 days for days",
    )
    bucket: Bucket = Field(Bucket.HOUR, description=f"one of {', '.join(Bucket)}")

    @property
    def default_length(self) -> timedelta:
        """The length of a period without `since`."""
        lengths = {Bucket.MINUTE: timedelta(hours=1), Bucket.HOUR: DAY, Bucket.DAY: 30 * DAY}
        return lengths[self.bucket]


class DurationSchema(BaseModel):
    """The percentiles of `count` durations, in seconds."""

    count: int
    p50: float
    p95: float
    p99: float
    longest: float


class OutcomesSchema(BaseModel):
    """How many completed, failed or ended otherwise; the durations cover the first two."""

    completed: int
    failed: int
    other: int
    start_unknown: int
    duration: DurationSchema | None = None
    queue_time: DurationSchema | None = None
    execution_time: DurationSchema | None = None


class WorkflowSchema(OutcomesSchema):
    """The runs of a workflow that were created or ended in the period."""

    workflow: str
    created: int


class ActivitySchema(OutcomesSchema):
    """The attempts of an activity that ended in the period."""

    activity: str


class StatisticsResponse(BaseModel):
    """The statistics of a period, which is widened to whole hours or minutes."""

    since: datetime
    until: datetime
    workflows: list[WorkflowSchema]
    activities: list[ActivitySchema]


class BucketSchema(BaseModel):
    """The runs of a minute, hour or day, and percentiles of its attempts, in seconds."""

    at: datetime
    created: int
    completed: int
    failed: int
    other: int
    queue_p95: float | None = None
    execution_p95: float | None = None


class SeriesResponse(BaseModel):
    """Each bucket of a period, which is widened to whole buckets."""

    since: datetime
    until: datetime
    buckets: list[BucketSchema]


class KnownSchema(BaseModel):
    """Who has marked a group as known, when, and with which note."""

    at: datetime
    by: str
    note: str


class FailureSampleSchema(BaseModel):
    """The run of a group that failed last in the period.

    `stack_trace` has the application's own frames, in at most 4,000 characters; `hidden_frames` is
    the number of the others. The status of the run has the whole trace.
    """

    instance_id: str
    run_id: int
    at: datetime
    message: str
    stack_trace: str | None = None
    hidden_frames: int


class FailureGroupSchema(BaseModel):
    """Failures of one step, with one error type and similar messages."""

    group: str
    kind: FailedKind
    name: str
    error_type: str
    fingerprint: str
    runs: int
    attempts: int
    first_at: datetime
    last_at: datetime
    workflows: list[str]
    trend: list[int]
    known: KnownSchema | None = None
    sample: FailureSampleSchema | None = None


class FailuresResponse(BaseModel):
    """The groups with the most failed runs in a period."""

    since: datetime
    until: datetime
    groups: list[FailureGroupSchema]


class KnownBody(BaseModel):
    """Whether a failure group is known, and a note about it."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    known: bool = True
    note: str = Field("", max_length=MAX_REASON_LENGTH, examples=["INC-1234: the bank is down"])


class KnownResponse(BaseModel):
    """Whether a failure group is known now."""

    group: str
    known: bool


class AttentionSchema(BaseModel):
    """How many runs need a person for a reason, and since when the first of them does."""

    attention: Attention
    count: int
    since: datetime


class UnfinishedSchema(BaseModel):
    """How many runs of a workflow have not ended, and when the oldest of them was created."""

    workflow: str
    count: int
    oldest: datetime


class OverviewResponse(BaseModel):
    """The runs that need a person, the most urgent reason first, and the unfinished runs."""

    attention: list[AttentionSchema]
    unfinished: list[UnfinishedSchema]


def overview_body(
    attention: Sequence[AttentionCount], unfinished: Sequence[UnfinishedRuns]
) -> dict[str, Any]:
    """Return the body for the runs that need a person, and the unfinished runs."""
    return {
        "attention": [vars(each) | {"since": utc_text(each.since)} for each in attention],
        "unfinished": [vars(each) | {"oldest": utc_text(each.oldest)} for each in unfinished],
    }


def statistics_body(
    workflows: PeriodStatistics[Outcomes], activities: PeriodStatistics[Outcomes]
) -> dict[str, Any]:
    """Return the body for the statistics of a period."""
    return _period(workflows.within) | {
        "workflows": [
            {"workflow": each.name, "created": each.created, **_outcomes(each)}
            for each in workflows.of
        ],
        "activities": [{"activity": each.name, **_outcomes(each)} for each in activities.of],
    }


def _outcomes(of: Outcomes) -> dict[str, Any]:
    durations = {name: getattr(of, name) for name in ("duration", "queue_time", "execution_time")}
    return {
        "completed": of.completed,
        "failed": of.failed,
        "other": of.other,
        "start_unknown": of.start_unknown,
        **{name: asdict(found) if found else None for name, found in durations.items()},
    }


def series_body(series: PeriodStatistics[SeriesBucket]) -> dict[str, Any]:
    """Return the body for a series."""
    buckets = [vars(bucket) | {"at": utc_text(bucket.at)} for bucket in series.of]
    return _period(series.within) | {"buckets": buckets}


def failures_body(
    within: Period, groups: Sequence[FailureGroup], samples: Mapping[str, FailureSample]
) -> dict[str, Any]:
    """Return the body for failure groups, and for the newest run of each of them."""
    found = [_group(each, samples.get(each.group_id)) for each in groups]
    return _period(within) | {"groups": found}


def _group(group: FailureGroup, sample: FailureSample | None) -> dict[str, Any]:
    known = group.known
    return {
        "group": group.group_id,
        "kind": group.key.kind,
        "name": group.key.name,
        "error_type": group.key.error_type,
        "fingerprint": group.key.fingerprint,
        "runs": group.runs,
        "attempts": group.attempts,
        "first_at": utc_text(group.first_at),
        "last_at": utc_text(group.last_at),
        "workflows": list(group.workflows),
        "trend": list(group.trend),
        "known": vars(known) | {"at": utc_text(known.at)} if known else None,
        "sample": _sample(sample) if sample else None,
    }


def _sample(sample: FailureSample) -> dict[str, Any]:
    body = vars(sample) | {"at": utc_text(sample.at)}
    return {name: body[name] for name in FailureSampleSchema.model_fields}


def _period(within: Period) -> dict[str, Any]:
    return {"since": utc_text(within.since), "until": utc_text(within.until)}
