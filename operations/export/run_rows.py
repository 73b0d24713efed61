"""A run as an object of JSON, and as a row of CSV."""

from collections.abc import Mapping
from typing import Any

from operations.export.csv_lines import Cell
from operations.ledger.micros import UNKNOWN, duration_micros
from operations.model import Status
from operations.records import RunDetails, RunSummary
from operations.time_texts import utc_text

COLUMNS = (
    "instance_id",
    "workflow",
    "status",
    "created_at",
    "started_at",
    "ended_at",
    "duration_seconds",
    "last_updated",
    "custom_status",
    "waits_for",
    "suspended_at",
    "repeats",
    "failed_step",
    "error_type",
    "error_message",
    "failure_group",
    "parent",
    "parent_app_id",
    "rerun_of",
    "purged_at",
    "is_latest",
)
PAYLOAD_COLUMNS = ("input", "output")


def runtime_status(status: Status) -> str:
    """Return a status as the specification writes it: "WorkflowStatus.RUNNING"."""
    return f"WorkflowStatus.{status}"


def run_object(summary: RunSummary) -> dict[str, Any]:
    """Return a run as the REST API lists it; unknown values are None."""
    failure = None
    if summary.error_type is not None:
        failure = {
            "error_type": summary.error_type,
            "message": summary.error_message or "",
            "step": summary.failed_step,
            "group": summary.failure_group,
        }
    return {
        "instance_id": summary.instance_id,
        "workflow": summary.workflow,
        "runtime_status": runtime_status(summary.status),
        "status": summary.status,
        "created_at": utc_text(summary.created_at),
        "started_at": utc_text(summary.started_at),
        "ended_at": utc_text(summary.over_at),
        "last_updated": utc_text(summary.last_updated_at),
        "custom_status": summary.custom_status,
        "waits_for": summary.waits_for,
        "suspended_at": utc_text(summary.suspended_at),
        "repeats": summary.repeats,
        "failure": failure,
        "parent": summary.parent_id,
        "parent_app_id": summary.parent_app_id,
        "rerun_of": summary.rerun_of,
        "purged_at": utc_text(summary.purged_at),
        "is_latest": summary.is_latest,
    }


def run_payloads(details: RunDetails | None) -> dict[str, str | None]:
    """Return the payloads of a run by their names; all are None if the details are unknown."""
    return {
        "input": details.input if details else None,
        "output": details.output if details else None,
    }


def own_failure(details: RunDetails | None) -> dict[str, Any]:
    """Return why the workflow itself failed, with the whole message and stack trace."""
    failure = details.failure if details else None
    return {"workflow_failure": dict(vars(failure)) if failure else None}


def run_cells(summary: RunSummary, payloads: Mapping[str, str | None]) -> list[Cell]:
    """Return a run as the cells of `COLUMNS`, and then of its payloads.

    Times are ISO 8601 in UTC; the duration is in seconds, and empty until the run has ended.
    """
    return [
        summary.instance_id,
        summary.workflow,
        summary.status.value,
        utc_text(summary.created_at),
        utc_text(summary.started_at),
        utc_text(summary.over_at),
        _seconds(duration_micros(summary)),
        utc_text(summary.last_updated_at),
        summary.custom_status,
        summary.waits_for,
        utc_text(summary.suspended_at),
        summary.repeats,
        summary.failed_step,
        summary.error_type,
        summary.error_message,
        summary.failure_group,
        summary.parent_id,
        summary.parent_app_id,
        summary.rerun_of,
        utc_text(summary.purged_at),
        str(summary.is_latest).lower(),
        *payloads.values(),
    ]


def _seconds(micros: int) -> str | None:
    """Return microseconds as seconds without needless zeros: 1500000 gives "1.5"."""
    if micros == UNKNOWN:
        return None
    return f"{micros / 1_000_000:.6f}".rstrip("0").rstrip(".")
