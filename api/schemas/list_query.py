"""The query of `GET /workflows`: filters, sort order and page."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from operations.model import Status
from operations.records import Filter, Sort

MAX_PAGE = 200  # runs in a response
MAX_WORKFLOWS = 20  # names in one query: the ledger searches for each of them separately
MAX_TEXT = 255  # characters: the ledger keeps no more of an id or a name
_TIME = "a time with its zone, such as 2026-01-11T12:00:00Z"
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")
_INTEGER = re.compile(r"[0-9]{1,9}")


def _time(value: object) -> object:
    if not isinstance(value, str) or not _RFC3339.fullmatch(value):
        raise ValueError(_TIME)
    time = datetime.fromisoformat(value.upper())
    try:
        return time.astimezone(UTC)
    except OverflowError:  # in UTC it would be before year 1 or after year 9999
        return time.replace(tzinfo=UTC)


def _number(value: object) -> object:
    """Refuse texts that only Python reads as a number, such as 1_0."""
    if isinstance(value, str) and not _INTEGER.fullmatch(value):
        raise ValueError("not a number")
    return value


def _text(description: str, example: str) -> Any:  # noqa: ANN401 - the type of pydantic's `Field`
    limited = f"{description}, at most {MAX_TEXT} characters"
    return Field("", max_length=MAX_TEXT, description=limited, examples=[example])


Time = Annotated[datetime | None, BeforeValidator(_time, json_schema_input_type=datetime | None)]


class ListQuery(BaseModel):
    """The filters, the sort order and the page; a missing filter matches every run."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    status: list[Status] = Field([], description=f"one or more of {', '.join(Status)}")
    workflow: list[Annotated[str, Field(max_length=MAX_TEXT)]] = Field(
        [],
        max_length=MAX_WORKFLOWS,
        description=f"the names of 1 to {MAX_WORKFLOWS} workflows",
        examples=[["order_workflow"]],
    )
    since: Time = Field(None, description=f"{_TIME}: created then or later")
    until: Time = Field(None, description=f"{_TIME}: created before")
    id: str = _text("a part of the id", "ORDER001")
    text: str = _text("a part of the id, a payload, the custom status or the failure", "laptop")
    custom_status: str = _text("the custom status", "confirmed")
    waits_for: str = _text("the name of an event, activity, child or timer", "approval")
    parent: str = _text("the id of the parent", "order_ORDER001")
    rerun_of: str = _text("the id of the instance that was rerun", "order_ORDER001")
    failure: str = _text("the type of the failure", "TaskFailedError")
    sort: Sort = Field(Sort.NEWEST, description=f"one of {', '.join(Sort)}")
    limit: Annotated[int, BeforeValidator(_number)] = Field(
        50, ge=1, le=MAX_PAGE, description=f"a whole number from 1 to {MAX_PAGE}"
    )
    cursor: str | None = Field(
        None,
        description="`next` or `previous` of a response to the same query",
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
        )
