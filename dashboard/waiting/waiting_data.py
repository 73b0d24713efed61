"""Makes the data of the widget that shows runs that wait. Pure functions."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from dashboard.listing.table_data import address
from dashboard.times import milliseconds
from operations.ledger.search.waiting import WaitingRun
from operations.timeline import SpanKind

KINDS = {
    "event": SpanKind.WAIT,
    "retry": SpanKind.BACKOFF,
    "timer": SpanKind.TIMER,
    "child": SpanKind.CHILD,
    "activity": SpanKind.ACTIVITY,
}
"""The kinds of waits by their names in the address and on the page."""
_LABELS = {
    "event": "Events",
    "retry": "Retries",
    "timer": "Timers",
    "child": "Children",
    "activity": "Activities",
}


def label(kind: str, counts: Mapping[SpanKind, int]) -> str:
    """Return the label of a kind with its number of runs."""
    return f"{_LABELS[kind]} {counts.get(KINDS[kind], 0):,}"


def waiting_data(waiting: Sequence[WaitingRun], kind: str, now: datetime) -> dict[str, Any]:
    """Return the data of the widget."""
    return {
        "now": milliseconds(now),
        "kind": kind,
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
