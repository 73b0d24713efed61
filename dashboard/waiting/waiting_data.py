"""Makes the data of the widget that shows runs that wait. Pure functions."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from dashboard.listing.table_data import address
from dashboard.times import milliseconds
from operations.ledger.search.waiting import WaitingRun, WaitKind
from operations.timeline import SpanKind

_LABELS = {
    WaitKind.EVENT: "Events",
    WaitKind.RETRY: "Retries",
    WaitKind.TIMER: "Timers",
    WaitKind.CHILD: "Children",
    WaitKind.ACTIVITY: "Activities",
}


def label(kind: WaitKind, counts: Mapping[SpanKind, int]) -> str:
    """Return the label of a kind with its number of runs."""
    return f"{_LABELS[kind]} {counts.get(kind.span_kind, 0):,}"


def waiting_data(waiting: Sequence[WaitingRun], kind: WaitKind, now: datetime) -> dict[str, Any]:
    """Return the data of the widget."""
    return {
        "now": milliseconds(now),
        "kind": kind.value,
        "rows": [_row(each) for each in waiting],
    }


def _row(waiting: WaitingRun) -> dict[str, Any]:
    summary = waiting.summary
    return {
        "key": summary.run_id,
        "id": summary.instance_id,
        "href": address(summary.instance_id),
        "workflow": summary.workflow,
        "what": summary.waits_for,
        "event": waiting.event,
        "since": milliseconds(summary.waits_since) if summary.waits_since else None,
        "until": milliseconds(summary.waits_until) if summary.waits_until else None,
    }
