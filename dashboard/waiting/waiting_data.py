"""Makes the data of the widget that shows runs that wait. Pure functions."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from dashboard.listing.table_data import link
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


def waiting_data(
    waiting: Sequence[WaitingRun], kind: WaitKind, now: datetime, app_id: str | None
) -> dict[str, Any]:
    """Return the data of the widget; `app_id` is the application of these pages, if known."""
    return {
        "now": milliseconds(now),
        "kind": kind.value,
        "rows": [_row(each, kind, app_id) for each in waiting],
    }


def _row(waiting: WaitingRun, kind: WaitKind, app_id: str | None) -> dict[str, Any]:
    summary = waiting.summary
    shown = link(summary.instance_id, summary.app_id, app_id)
    return {
        "key": summary.run_id,
        **shown,
        "workflow": summary.workflow,
        "what": summary.waits_for,
        "event": waiting.event,
        "canBeRaised": kind is WaitKind.EVENT and shown["app"] is None,
        "since": milliseconds(summary.waits_since) if summary.waits_since else None,
        "until": milliseconds(summary.waits_until) if summary.waits_until else None,
    }
