"""An audit entry as an object of JSON, and as a row of CSV."""

from typing import Any

from operations.export.csv_lines import Cell
from operations.records import AuditEntry
from operations.time_texts import utc_text

COLUMNS = (
    "at",
    "actor",
    "role",
    "action",
    "app_id",
    "instance_id",
    "before",
    "after",
    "outcome",
    "reason",
    "message",
    "bulk_id",
)


def audit_object(entry: AuditEntry) -> dict[str, Any]:
    """Return an entry as the REST API lists it; its members are `COLUMNS`."""
    return {
        "at": utc_text(entry.at),
        "actor": entry.actor.name,
        "role": entry.actor.role,
        "action": entry.action,
        "app_id": entry.app_id,
        "instance_id": entry.instance_id,
        "before": entry.before,
        "after": entry.after,
        "outcome": entry.outcome,
        "reason": entry.reason,
        "message": entry.message,
        "bulk_id": entry.bulk_id,
    }


def audit_cells(entry: AuditEntry) -> list[Cell]:
    """Return an entry as the cells of `COLUMNS`."""
    return list(audit_object(entry).values())
