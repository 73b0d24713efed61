"""The queries and the bodies of statistics and failure groups."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from api.schemas.instance_status import utc_text
from api.schemas.list_query import TIME_TEXT, Time
from operations.errors import InvalidInput
from operations.failure_groups import FailedKind
from operations.ledger.statistics.buckets import HOUR, MINUTE
from operations.ledger.statistics.results import (
    ActivityStatistics,
    FailureGroup,
    PeriodStatistics,
    SeriesStep,
    WorkflowStatistics,
)
from operations.records import Period

DAY = timedelta(days=1)


class PeriodQuery(BaseModel):
    """A period, by default the last 24 hours."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    since: Time = Field(None, description=f"{TIME_TEXT}; by default 24 hours before `until`")
    until: Time = Field(None, description=f"{TIME_TEXT}; by default now")

    @property
    def period(self) -> Period:
        """The period; raises `InvalidInput` if it has no length."""
        until = self.until or datetime.now(UTC)
        since = self.since or until - DAY
        if since >= until:
            raise InvalidInput("since", utc_text(since), f"a time before {utc_text(until)}")
        return Period(since, until)


class Step(StrEnum):
    """The length of the steps of a series."""

    MINUTE = "minute"
    HOUR = "hour"

    @property
    def seconds(self) -> int:
        """The length in seconds."""
        return MINUTE if self is Step.MINUTE else HOUR


class SeriesQuery(PeriodQuery):
    """A period, and the length of its steps."""

    step: Step = Field(Step.HOUR, description=f"one of {', '.join(Step)}")


class DurationSchema(BaseModel):
    """The percentiles of `count` durations, in seconds."""

    count: int
    p50: float
    p95: float
    p99: float
    longest: float


class WorkflowSchema(BaseModel):
    """The runs of a workflow that started or ended in the period."""

    workflow: str
    started: int
    ended: int
    failed: int
    unknown: int
    duration: DurationSchema | None = None
    queue_time: DurationSchema | None = None
    execution_time: DurationSchema | None = None


class ActivitySchema(BaseModel):
    """The attempts of an activity that ended in the period."""

    activity: str
    ended: int
    failed: int
    unknown: int
    duration: DurationSchema | None = None
    queue_time: DurationSchema | None = None
    execution_time: DurationSchema | None = None


class StatisticsResponse(BaseModel):
    """The statistics of a period, or of the latest part of it."""

    since: datetime
    until: datetime
    workflows: list[WorkflowSchema]
    activities: list[ActivitySchema]


class StepSchema(BaseModel):
    """One minute or hour. `other` runs neither completed nor failed; p95 are of attempts."""

    at: datetime
    started: int
    completed: int
    failed: int
    other: int
    queue_p95: float | None = None
    execution_p95: float | None = None


class SeriesResponse(BaseModel):
    """Each step of a period, or of the latest part of it."""

    since: datetime
    until: datetime
    steps: list[StepSchema]


class KnownSchema(BaseModel):
    """Who has marked a group as known, when, and with which note."""

    at: datetime
    by: str
    note: str


class FailureGroupSchema(BaseModel):
    """Failures of one step, with one error type and similar messages."""

    group: str
    kind: FailedKind
    step: str
    error_type: str
    fingerprint: str
    runs: int
    attempts: int
    first_at: datetime
    last_at: datetime
    workflows: list[str]
    trend: list[int]
    known: KnownSchema | None = None


class FailuresResponse(BaseModel):
    """The groups with the most failed runs in a period."""

    since: datetime
    until: datetime
    groups: list[FailureGroupSchema]


def statistics_body(
    workflows: PeriodStatistics[WorkflowStatistics],
    activities: PeriodStatistics[ActivityStatistics],
) -> dict[str, Any]:
    """Return the body for the statistics of a period; both have the part that both cover."""
    since = max(workflows.within.since, activities.within.since)
    return _period(Period(since, workflows.within.until)) | {
        "workflows": [
            {"workflow": each.workflow, "started": each.started, **_ended(each)}
            for each in workflows.of
        ],
        "activities": [{"activity": each.activity, **_ended(each)} for each in activities.of],
    }


def _ended(of: WorkflowStatistics | ActivityStatistics) -> dict[str, Any]:
    durations = {name: getattr(of, name) for name in ("duration", "queue_time", "execution_time")}
    return {
        "ended": of.count,
        "failed": of.failures,
        "unknown": of.unknown,
        **{name: asdict(found) if found else None for name, found in durations.items()},
    }


def series_body(series: PeriodStatistics[SeriesStep]) -> dict[str, Any]:
    """Return the body for a series."""
    steps = [vars(step) | {"at": utc_text(step.at)} for step in series.of]
    return _period(series.within) | {"steps": steps}


def failures_body(within: Period, groups: Sequence[FailureGroup]) -> dict[str, Any]:
    """Return the body for failure groups."""
    return _period(within) | {"groups": [_group(each) for each in groups]}


def _group(group: FailureGroup) -> dict[str, Any]:
    known = group.known
    return {
        "group": group.group_id,
        "kind": group.key.kind,
        "step": group.key.name,
        "error_type": group.key.error_type,
        "fingerprint": group.key.fingerprint,
        "runs": group.runs,
        "attempts": group.attempts,
        "first_at": utc_text(group.first_at),
        "last_at": utc_text(group.last_at),
        "workflows": list(group.workflows),
        "trend": list(group.trend),
        "known": vars(known) | {"at": utc_text(known.at)} if known else None,
    }


def _period(within: Period) -> dict[str, Any]:
    return {"since": utc_text(within.since), "until": utc_text(within.until)}
