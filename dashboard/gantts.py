"""The Gantt of an instance, or of a part of its life."""

from collections.abc import Collection
from datetime import datetime

import streamlit as st

from dashboard.charts import gantt
from dashboard.parts import part
from dashboard.server import PLOTLY_PATH
from dashboard.session import house, watch
from operations.errors import Unavailable
from operations.records import Baseline
from operations.run_view import View
from operations.timeline import SpanKind, Timeline

_chart = part("gantt", isolated=False)


def bars(shown: View, now: int) -> None:
    """Show the instance's Gantt; `now` is in milliseconds since 1970 (UTC)."""
    started_at = shown.timeline.started_at or shown.summary.started_at
    if started_at is None or not shown.timeline.spans:
        ended = shown.summary.status.is_finished
        st.caption("It ended without an activity." if ended else "No activity yet: bars grow here.")
        return
    draw("gantt", shown.summary.run_id, shown, (shown.timeline, started_at), now)


def draw(key: str, of: int | str, shown: View, drawn: tuple[Timeline, datetime], now: int) -> None:
    """Draw a timeline of the instance, and when it began; another `of` has a zoom of its own."""
    timeline, started_at = drawn
    names = frozenset(span.name for span in timeline.spans if span.kind is SpanKind.ACTIVITY)
    figure = gantt(timeline, started_at, _usual(shown.summary.workflow, names))
    _chart(
        key=key,
        data={
            "id": of,
            "figure": vars(figure),
            "plotly": PLOTLY_PATH.removeprefix("/"),
            "now": now,
            "alt": f"Gantt of {shown.summary.instance_id}: {len(figure.names)} rows",
        },
    )


def _usual(workflow: str, names: Collection[str]) -> dict[str, Baseline]:
    """Return how long activities usually take; without the ledger, nothing."""
    try:
        return watch().ask(
            ("usual", workflow, names), lambda: house().ledger.statistics.baselines(workflow, names)
        )
    except Unavailable:
        return {}
