"""`GET /workflows`: what may be asked of the list of instances, and what comes of it."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import FastAPI, Query
from fastapi.responses import JSONResponse
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from operations.ledger import Ledger
from operations.model import Status
from operations.records import Filter, Sort
from worker.bodies import AsciiResponse
from worker.listed import ListAnswer, list_answer
from worker.openapi import errors
from worker.questions import once

MOST = 200  # instances in an answer
WORKFLOWS = 20  # that one may ask for together: each is looked for by itself
LONGEST = 255  # characters of a text: the ledger keeps no more of an id or a name
_TIME = "a time with its zone, such as 2026-01-11T12:00:00Z"
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")
_WHOLE = re.compile(r"[0-9]{1,9}")


def _time(value: object) -> object:
    if not isinstance(value, str) or not _RFC3339.fullmatch(value):
        raise ValueError(_TIME)
    time = datetime.fromisoformat(value.upper())
    try:
        return time.astimezone(UTC)
    except OverflowError:  # it is beside the first or the last moment that there is
        return time.replace(tzinfo=UTC)


def _number(value: object) -> object:
    """Refuse what Python would take for a number but a URL does not."""
    if isinstance(value, str) and not _WHOLE.fullmatch(value):
        raise ValueError("not a number")
    return value


def _text(description: str, example: str) -> Any:  # noqa: ANN401 - what a field is declared by
    words = f"{description}, at most {LONGEST} characters"
    return Field("", max_length=LONGEST, description=words, examples=[example])


Time = Annotated[datetime | None, BeforeValidator(_time, json_schema_input_type=datetime | None)]


class Question(BaseModel):
    """What the list is asked for; what is not given shows all."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    status: list[Status] = Field([], description=f"one or more of {', '.join(Status)}")
    workflow: list[Annotated[str, Field(max_length=LONGEST)]] = Field(
        [],
        max_length=WORKFLOWS,
        description=f"the names of 1 to {WORKFLOWS} workflows",
        examples=[["order_workflow"]],
    )
    since: Time = Field(None, description=f"{_TIME}: created then or later")
    until: Time = Field(None, description=f"{_TIME}: created before")
    id: str = _text("a part of the id", "ORDER001")
    text: str = _text("a part of the id, a payload, the custom status or the failure", "laptop")
    custom_status: str = _text("the custom status", "confirmed")
    waits_for: str = _text("the name of an event, activity, child or timer", "approval")
    parent: str = _text("the id of the parent", "order_ORDER001")
    rerun_of: str = _text("the id of the instance that was run again", "order_ORDER001")
    failure: str = _text("the type of the failure", "TaskFailedError")
    sort: Sort = Field(Sort.NEWEST, description=f"one of {', '.join(Sort)}")
    limit: Annotated[int, BeforeValidator(_number)] = Field(
        50, ge=1, le=MOST, description=f"a whole number from 1 to {MOST}"
    )
    cursor: str | None = Field(
        None,
        description="`next` or `previous` of an answer to the same question",
    )

    @property
    def filter(self) -> Filter:
        """The same in the ledger's words."""
        return Filter(
            statuses=frozenset(self.status),
            text=self.id,
            workflows=frozenset(filter(None, self.workflow)),
            since=self.since,
            until=self.until,
            anywhere=self.text,
            custom_status=self.custom_status,
            waits_for=self.waits_for,
            parent_id=self.parent,
            rerun_of=self.rerun_of,
            failure_type=self.failure,
        )


def add_list(api: FastAPI, ledger: Ledger) -> None:
    """Add the endpoint, which asks the ledger alone."""

    @api.get(
        "/workflows",
        summary="List workflows",
        operation_id="workflows",
        tags=["workflow"],
        response_model=ListAnswer,
        responses=errors(400, 413, 422, 500, 503),
        dependencies=[once(Question)],
    )
    def workflows(question: Annotated[Question, Query()]) -> JSONResponse:
        instances, wanted = ledger.runs, question.filter
        page = instances.page(
            wanted, limit=question.limit, cursor=question.cursor, sort=question.sort
        )
        return AsciiResponse(list_answer(page, instances.counts(wanted)))
