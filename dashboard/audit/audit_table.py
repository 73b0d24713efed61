"""The table of audit entries, on the page of the audit log and on the page of an instance."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote, urlencode

from dashboard.bulk.bulk_address import JOB
from dashboard.bulk.jobs_data import BULK
from dashboard.listing.table_data import link
from dashboard.services import state_reader
from dashboard.times import milliseconds
from dashboard.widgets import widget
from operations.records import AuditEntry

MAX_MESSAGE = 1000  # characters

_audit_log = widget("audit_log")


def audit_table(
    entries: Sequence[AuditEntry], *, key: str, empty: tuple[str, str], with_instance: bool
) -> None:
    """Show entries, the newest first; without any, show `empty`, a title and a text."""
    app_id = state_reader().state().app_id
    rows = [audit_row(entry, app_id) for entry in entries]
    _audit_log(key=key, data={"rows": rows, "empty": empty, "withInstance": with_instance})


def audit_row(entry: AuditEntry, app_id: str | None) -> dict[str, Any]:
    """Return an entry as a row of the widget; `app_id` is the application of these pages."""
    shown = link(entry.instance_id, entry.app_id, app_id)
    is_of_instance = bool(entry.app_id)  # a damaged ledger was acknowledged for no application
    return {
        "at": milliseconds(entry.at),
        "who": entry.actor.name,
        "action": entry.action,
        **(shown if is_of_instance else shown | {"href": None}),
        "before": entry.before,
        "after": entry.after,
        "outcome": entry.outcome.value,
        "reason": entry.reason,
        "message": entry.message and entry.message[:MAX_MESSAGE],
        "job": entry.bulk_id and f"{BULK}?{urlencode({JOB: entry.bulk_id}, quote_via=quote)}",
    }
