"""The bodies of `GET /workflows`."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from operations.model import Status
from operations.records import Count, Page, RunSummary
from worker.answers import Answer, runtime_status, zulu

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
            "failure": None,
            "parent": None,
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


class CountAnswer(Answer):
    """How many there are; `capped`: at least as many."""

    number: int
    capped: bool


class ListedFailure(Answer):
    """Why an instance failed, in short."""

    error_type: str
    message: str


class Listed(Answer):
    """One life of an instance id, as the ledger knows it; what is not known is null."""

    instance_id: str
    workflow: str
    runtime_status: str
    status: Status
    created_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None
    last_updated: datetime | None = None
    custom_status: str | None = None
    waits_for: str | None = None
    failure: ListedFailure | None = None
    parent: str | None = None
    rerun_of: str | None = None
    purged_at: datetime | None = Field(None, description="When the engine had no more of it.")
    is_latest: bool = Field(description="Whether no other life of this id came after it.")


class ListAnswer(Answer):
    """A page of instances, and how many of each status there are, whichever are shown.

    `next` and `previous` are the cursors of the pages beside it, null where there is none.
    """

    model_config = ConfigDict(json_schema_extra={"example": _LIST})

    workflows: list[Listed]
    counts: dict[Status, CountAnswer]
    next: str | None = None
    previous: str | None = None


def list_answer(page: Page, counts: Mapping[Status, Count]) -> dict[str, Any]:
    """Return the body for a page of the list."""
    return {
        "workflows": [_listed(summary) for summary in page.runs],
        "counts": {
            status: {"number": count.number, "capped": count.is_capped}
            for status, count in counts.items()
        },
        "next": page.older,
        "previous": page.newer,
    }


def _listed(summary: RunSummary) -> dict[str, Any]:
    failure = None
    if summary.failure_type is not None:
        failure = {"error_type": summary.failure_type, "message": summary.failure_message or ""}
    return {
        "instance_id": summary.instance_id,
        "workflow": summary.workflow,
        "runtime_status": runtime_status(summary),
        "status": summary.status,
        "created_at": zulu(summary.created_at),
        "started_at": zulu(summary.started_at),
        "ended_at": zulu(summary.ended_at),
        "last_updated": zulu(summary.last_updated_at),
        "custom_status": summary.custom_status,
        "waits_for": summary.waits_for,
        "failure": failure,
        "parent": summary.parent_id,
        "rerun_of": summary.rerun_of,
        "purged_at": zulu(summary.purged_at),
        "is_latest": summary.is_latest,
    }
