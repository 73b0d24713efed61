"""The bodies of bulk jobs."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from api.schemas.bodies import ActionBody, Boolean, EventName, Json
from api.schemas.list_query import MAX_TEXT, FilterQuery
from operations.actions import PurgeOptions, RerunFrom
from operations.actions.bulk import BulkJobs, BulkPreview, BulkTask, Selection
from operations.actions.bulk.jobs import DEFAULT_RATE, MAX_RATE, MAX_STOP_OF, MIN_RATE
from operations.bulk_job import BulkItem, BulkJob, JobStatus, StopRule
from operations.errors import InvalidInput
from operations.model import Action, Status
from operations.records import Filter, Outcome
from operations.time_texts import utc_text

MAX_INSTANCES = 1000  # ids in one request; a filter selects more
MAX_ITEMS = 1000  # instances in one response

_ACTIONS = ", ".join(Action)
_BULK_ID = r"^[A-Za-z0-9_.-]{1,64}$"


def _member(kind: type[Action] | type[RerunFrom]) -> BeforeValidator:
    """Accept the text of a member: a strict model accepts only the member itself."""
    return BeforeValidator(
        lambda value: kind(value) if isinstance(value, str) and value in set(kind) else value
    )


class TaskBody(ActionBody):
    """What to do to each instance; the parameters of the list, or `instances`, select them."""

    action: Annotated[Action, _member(Action)] = Field(description=f"one of {_ACTIONS}")
    instances: list[Annotated[str, Field(max_length=MAX_TEXT)]] = Field(
        [], max_length=MAX_INSTANCES, description=f"0 to {MAX_INSTANCES} instance ids"
    )
    rest_of: Annotated[str, Field(pattern=_BULK_ID)] | None = Field(
        None, description="the id of a job that is over: selects its instances without a result"
    )
    force: Boolean = False
    recursive: Boolean = True
    rerun_from: Annotated[RerunFrom, _member(RerunFrom)] = Field(
        RerunFrom.FAILED, description="`failed` or `first`: the call from which reruns start"
    )
    event: EventName | None = None
    payload: Json = None

    @property
    def task(self) -> BulkTask:
        """The task; raises `InvalidInput` for an event without a name."""
        if self.action is Action.RAISE and self.event is None:
            raise InvalidInput("event", None, "the name of the event")
        return BulkTask(
            action=self.action,
            options=PurgeOptions(force=self.force, recursive=self.recursive),
            start=self.rerun_from,
            event=(self.event or "") if self.action is Action.RAISE else "",
            payload=self.json_text("payload") if self.action is Action.RAISE else None,
        )

    def selection(self, query: FilterQuery, jobs: BulkJobs) -> Selection:
        """Return the selected runs.

        Raise `InvalidInput` unless exactly one of a filter, `instances` and `rest_of` is given,
        `UnknownBulkJob` and `LedgerUnavailable`.
        """
        by_filter = query.filter != Filter()
        if by_filter + bool(self.instances) + (self.rest_of is not None) != 1:
            found = len(self.instances)
            expected = "ids, or parameters of the list, or `rest_of`, and only one of these"
            raise InvalidInput("instances", found, expected)
        if self.rest_of is not None:
            return tuple(each.instance_id for each in jobs.rest_of(self.rest_of))
        return query.filter if by_filter else self.instances


class StopBody(BaseModel):
    """A job of reruns stops by itself when `failed` of its last `of` reruns have failed again."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    failed: int = Field(ge=1, le=MAX_STOP_OF, examples=[5])
    of: int = Field(ge=1, le=MAX_STOP_OF, examples=[10])

    @property
    def rule(self) -> StopRule:
        """The rule of a job."""
        return StopRule(self.failed, self.of)


class BulkBody(TaskBody):
    """A bulk job."""

    bulk_id: Annotated[str, Field(pattern=_BULK_ID)] | None = Field(
        None, description="an id for the job: the same request with it returns the same job"
    )
    rate: float = Field(
        DEFAULT_RATE,
        ge=MIN_RATE,
        le=MAX_RATE,
        description=f"instances a second, {MIN_RATE:.3g} (one a minute) to {MAX_RATE:g}",
    )
    stop_when: StopBody | None = Field(
        None,
        description="for reruns: how many (`failed`) of the last reruns (`of`, at most "
        f"{MAX_STOP_OF}) must fail again before the job stops by itself, or null",
    )

    @property
    def stop_rule(self) -> StopRule | None:
        """The rule of the job, None if it does not stop by itself."""
        return self.stop_when.rule if self.stop_when else None


class SkippedSchema(BaseModel):
    """How many instances are skipped for a reason, and the first of their ids."""

    reason: str
    count: int
    ids: list[str]


class PreviewResponse(BaseModel):
    """What a bulk job would do; `capped` if more instances match than were read."""

    action: Action
    eligible: int
    skipped: list[SkippedSchema]
    descendants: int
    capped: bool
    message: str


class JobSchema(BaseModel):
    """A bulk job: `results` counts the instances by outcome, `left` those without one.

    `stopped_because` is why it has stopped by itself, null if it has not. `capped` is only in the
    response to a start: true if more instances match than the job has.
    """

    bulk_id: str
    action: Action
    status: JobStatus
    actor: str
    reason: str
    rate: float
    created_at: datetime
    ended_at: datetime | None = None
    waits_for: str | None = None
    stop_when: StopBody | None = None
    stopped_because: str | None = None
    total: int
    left: int
    results: dict[Outcome, int]
    capped: bool | None = None


class JobsResponse(BaseModel):
    """The newest bulk jobs."""

    jobs: list[JobSchema]


class ItemSchema(BaseModel):
    """An instance of a bulk job; `outcome` is null until the action on it has ended."""

    position: int
    instance_id: str
    status: Status
    outcome: Outcome | None = None
    message: str | None = None
    new_instance_id: str | None = None


class ItemsResponse(BaseModel):
    """Instances of a bulk job in their order; `next` is the next page's `after`, else null."""

    instances: list[ItemSchema]
    next: int | None = None


class ItemsQuery(BaseModel):
    """Which instances of a bulk job."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    outcome: Outcome | None = Field(None, description=f"one of {', '.join(Outcome)}")
    after: int = Field(-1, ge=-1, le=2**31 - 1, description="the position before the first one")
    limit: int = Field(200, ge=1, le=MAX_ITEMS, description=f"1 to {MAX_ITEMS}")


def preview_body(preview: BulkPreview) -> dict[str, Any]:
    """Return the body for a preview."""
    return {
        "action": preview.task.action,
        "eligible": len(preview.eligible),
        "skipped": [vars(each) | {"ids": list(each.ids)} for each in preview.skipped],
        "descendants": preview.descendants,
        "capped": preview.is_capped,
        "message": preview.message,
    }


def job_body(job: BulkJob) -> dict[str, Any]:
    """Return the body for a bulk job."""
    return {
        "bulk_id": job.bulk_id,
        "action": job.action,
        "status": job.status,
        "actor": job.actor.name,
        "reason": job.reason,
        "rate": job.rate,
        "created_at": utc_text(job.created_at),
        "ended_at": job.ended_at and utc_text(job.ended_at),
        "waits_for": job.waits_for,
        "stop_when": job.stop_rule and vars(job.stop_rule),
        "stopped_because": job.stopped_because,
        "total": job.total,
        "left": job.left,
        "results": {outcome.value: number for outcome, number in job.counts.items()},
    }


def items_body(items: Sequence[BulkItem], limit: int) -> dict[str, Any]:
    """Return the body for instances of a bulk job."""
    has_next = len(items) == limit
    return {
        "instances": [_item(each) for each in items],
        "next": items[-1].position if has_next else None,
    }


def _item(item: BulkItem) -> dict[str, Any]:
    result = item.result
    return {
        "position": item.position,
        "instance_id": item.target.instance_id,
        "status": item.target.status,
        "outcome": result and result.outcome,
        "message": result and result.message,
        "new_instance_id": result and result.new_id,
    }
