"""The queries that select runs: filters, and for `GET /workflows` a sort order and a page."""

import re
from datetime import datetime, timedelta
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from operations.export.export import ExportFormat
from operations.model import Status
from operations.records import Attention, Filter, Sort
from operations.time_texts import (
    DURATION_TEXT,
    TIME_TEXT,
    parse_duration,
    parse_time,
)

MAX_PAGE = 200  # runs in a response
MAX_WORKFLOWS = 20  # names in one query: the ledger searches for each of them separately
MAX_TEXT = 255  # characters: the ledger keeps no more of an id or a name
_INTEGER = re.compile(r"[0-9]{1,9}")


def _time(value: object) -> datetime | None:
    return None if value is None else parse_time(value if isinstance(value, str) else "")


def _duration(value: object) -> timedelta:
    return parse_duration(value if isinstance(value, str) else "")


def number(value: object) -> object:
    """Refuse texts that only Python reads as a number, such as 1_0."""
    if isinstance(value, str) and not _INTEGER.fullmatch(value):
        raise ValueError("not a number")
    return value


def _text(description: str, example: str) -> Any:  # noqa: ANN401 - the type of pydantic's `Field`
    limited = f"{description}, at most {MAX_TEXT} characters"
    return Field("", max_length=MAX_TEXT, description=limited, examples=[example])


Time = Annotated[datetime | None, BeforeValidator(_time, json_schema_input_type=datetime | None)]
_DurationText = Annotated[str, Field(pattern="^([0-9]{1,6}(ms|s|m)|[0-9]{1,4}(h|d))$")]
Duration = Annotated[
    timedelta | None, BeforeValidator(_duration, json_schema_input_type=_DurationText)
]


class FilterQuery(BaseModel):
    """The filters of runs; a missing filter matches every run."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    status: list[Status] = Field([], description=f"one or more of {', '.join(Status)}")
    workflow: list[Annotated[str, Field(max_length=MAX_TEXT)]] = Field(
        [],
        max_length=MAX_WORKFLOWS,
        description=f"the names of 1 to {MAX_WORKFLOWS} workflows",
        examples=[["order_workflow"]],
    )
    since: Time = Field(None, description=f"{TIME_TEXT}: created then or later")
    until: Time = Field(None, description=f"{TIME_TEXT}: created before")
    id: str = _text("a part of the id", "ORDER001")
    text: str = _text("a part of the id, a payload, the custom status or the failure", "laptop")
    custom_status: str = _text("the custom status", "confirmed")
    waits_for: str = _text("the name of an event, activity, child or timer", "approval")
    parent: str = _text("the id of the parent", "order_ORDER001")
    rerun_of: str = _text("the id of the instance that was rerun", "order_ORDER001")
    failure: str = _text("the type of the failure", "ValueError")
    failure_group: str = _text("the id of a failure group", "0f3c9d2e51ab7788")
    attention: Attention | None = Field(
        None, description=f"why the runs need a person: one of {', '.join(Attention)}"
    )
    last: Duration = Field(None, description=f"{DURATION_TEXT}: created at most this long ago")
    ended_since: Time = Field(None, description=f"{TIME_TEXT}: ended then or later")
    ended_until: Time = Field(None, description=f"{TIME_TEXT}: ended before")
    ended_last: Duration = Field(None, description=f"{DURATION_TEXT}: ended at most this long ago")
    min_duration: Duration = Field(None, description=f"{DURATION_TEXT}: took at least this long")
    max_duration: Duration = Field(None, description=f"{DURATION_TEXT}: took at most this long")
    top_level: bool = Field(
        default=False, description="true or false; true excludes the children of other runs"
    )

    @property
    def filter(self) -> Filter:
        """The ledger's filter."""
        return Filter(
            statuses=frozenset(self.status),
            id_part=self.id,
            workflows=frozenset(filter(None, self.workflow)),
            since=self.since,
            until=self.until,
            text=self.text,
            custom_status=self.custom_status,
            waits_for=self.waits_for,
            parent_id=self.parent,
            rerun_of=self.rerun_of,
            error_type=self.failure,
            failure_group=self.failure_group,
            attention=self.attention,
            ended_since=self.ended_since,
            ended_until=self.ended_until,
            last=self.last,
            ended_last=self.ended_last,
            min_duration=self.min_duration,
            max_duration=self.max_duration,
            top_level=self.top_level,
        )


class ListQuery(FilterQuery):
    """The filters, the sort order and the page."""

    sort: Sort = Field(Sort.NEWEST, description=f"one of {', '.join(Sort)}")
    limit: Annotated[int, BeforeValidator(number)] = Field(
        50, ge=1, le=MAX_PAGE, description=f"a whole number from 1 to {MAX_PAGE}"
    )
    cursor: str | None = Field(
        None,
        description="`next` or `previous` of a response to the same query",
    )


class ExportQuery(FilterQuery):
    """The filters, the format of the file, and whether it has payloads."""

    format: ExportFormat = Field(ExportFormat.CSV, description=f"one of {', '.join(ExportFormat)}")
    payloads: bool = Field(
        default=False, description="true or false: with the input and the output of each run"
    )
