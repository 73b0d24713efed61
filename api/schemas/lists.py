"""The bodies of `GET /workflows`."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from operations.export.run_rows import run_object
from operations.model import Status
from operations.records import Count, Page

_LIST: JsonDict = {
    "workflows": [
        {
            "instance_id": "order_ORDER001",
            "workflow": "order_workflow",
            "runtime_status": "WorkflowStatus.COMPLETED",
            "status": "COMPLETED",
            "created_at": "2026-01-11T12:00:00Z",
            "started_at": "2026-01-11T12:00:00Z",
            "ended_at": "2026-01-11T12:00:03Z",
            "last_updated": "2026-01-11T12:00:03Z",
            "custom_status": "confirmed",
            "waits_for": None,
            "suspended_at": None,
            "repeats": None,
            "failure": None,
            "parent": None,
            "parent_app_id": None,
            "rerun_of": None,
            "purged_at": None,
            "is_latest": True,
        }
    ],
    "counts": {
        status: {
            "number": 10_000 if status is Status.COMPLETED else 0,
            "capped": status is Status.COMPLETED,
        }
        for status in Status
    },
    "next": "bm8ABkvrJHiHIQAAAAAAABOH",
    "previous": None,
}


class CountSchema(BaseModel):
    """The number of instances; if `capped`, there are at least that many."""

    number: int
    capped: bool


class FailureSummary(BaseModel):
    """The error that ended the run: its type, and the first characters of its message.

    `step` is the activity or child whose error it is, null if the workflow's own code failed, or
    until the history is read. `group` is the id of the failure group, null until the history is
    read, for stalled runs, and for runs that ended before there were groups.
    """

    error_type: str
    message: str
    step: str | None = None
    group: str | None = None


class RunSchema(BaseModel):
    """One run of an instance id, as the ledger knows it; unknown fields are null."""

    instance_id: str
    workflow: str
    runtime_status: str
    status: Status
    created_at: datetime = Field(
        description="When the engine created the run, or its first generation if the workflow "
        "continues as new. While the engine reports no time (PENDING): when the start was "
        "accepted, or when the run was first read."
    )
    started_at: datetime | None = None
    ended_at: datetime | None = Field(
        None, description="When it ended, or was purged before its end was known."
    )
    last_updated: datetime | None = None
    custom_status: str | None = None
    waits_for: str | None = None
    suspended_at: datetime | None = None
    repeats: str | None = Field(
        None, description="An action that the application repeated while it was suspended."
    )
    failure: FailureSummary | None = None
    parent: str | None = None
    parent_app_id: str | None = Field(
        None, description="The application of the parent, if it is another one."
    )
    rerun_of: str | None = None
    purged_at: datetime | None = Field(
        None, description="When the engine no longer had the instance."
    )
    is_latest: bool = Field(description="Whether it is the last run of this id.")


class ListResponse(BaseModel):
    """A page of runs, and the number of runs of each status that match the other filters.

    `next` and `previous` are the cursors of the neighbouring pages, null if there is none.
    """

    model_config = ConfigDict(json_schema_extra={"example": _LIST})

    workflows: list[RunSchema]
    counts: dict[Status, CountSchema]
    next: str | None = None
    previous: str | None = None


def list_body(page: Page, counts: Mapping[Status, Count]) -> dict[str, Any]:
    """Return the body for a page of the list."""
    return {
        "workflows": [run_object(summary) for summary in page.runs],
        "counts": {
            status: {"number": count.number, "capped": count.is_capped}
            for status, count in counts.items()
        },
        "next": page.older,
        "previous": page.newer,
    }
