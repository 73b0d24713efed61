"""The query and the body of the runs that wait."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from api.schemas.list_query import number
from operations.ledger.search.waiting import WaitingRun, WaitKind
from operations.time_texts import utc_text
from operations.timeline import SpanKind

MAX_WAITING = 1000  # runs in a response


class WaitingQuery(BaseModel):
    """Which runs, and how many."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: WaitKind = Field(WaitKind.EVENT, description=f"one of {', '.join(WaitKind)}")
    limit: Annotated[int, BeforeValidator(number)] = Field(
        200, ge=1, le=MAX_WAITING, description=f"a whole number from 1 to {MAX_WAITING}"
    )


class WaitingSchema(BaseModel):
    """A run that waits; `event` is the event to raise, null unless it waits for that alone."""

    instance_id: str
    workflow: str
    waits_for: str | None = None
    event: str | None = None
    since: datetime | None = None
    until: datetime | None = None


class WaitingResponse(BaseModel):
    """The number of waiting runs of each kind, and runs of the wanted kind."""

    counts: dict[WaitKind, int]
    waiting: list[WaitingSchema]


def waiting_body(counts: Mapping[SpanKind, int], waiting: Sequence[WaitingRun]) -> dict[str, Any]:
    """Return the body for runs that wait."""
    return {
        "counts": {kind.value: counts.get(kind.span_kind, 0) for kind in WaitKind},
        "waiting": [_run(each) for each in waiting],
    }


def _run(waiting: WaitingRun) -> dict[str, Any]:
    summary = waiting.summary
    return {
        "instance_id": summary.instance_id,
        "workflow": summary.workflow,
        "waits_for": summary.waits_for,
        "event": waiting.event,
        "since": summary.waits_since and utc_text(summary.waits_since),
        "until": summary.waits_until and utc_text(summary.waits_until),
    }
