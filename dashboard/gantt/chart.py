"""The Gantt chart of an instance, or of one of its earlier generations."""

from collections.abc import Collection

import streamlit as st

from dashboard.gantt.figure import gantt
from dashboard.server import PLOTLY_PATH
from dashboard.services import services, state_reader
from dashboard.widgets import widget
from operations.errors import Unavailable
from operations.records import Baseline
from operations.run_view import View
from operations.timeline import SpanKind, Timeline

_chart = widget("gantt", isolated=False)


def show_gantt(shown: View, now: int) -> None:
    """Show the Gantt chart of an instance; `now` is in milliseconds since 1970 (UTC)."""
    if shown.timeline.spans:
        draw_chart("gantt", shown.key, shown, shown.timeline, now)
    elif shown.summary.over_at:
        st.caption("The run ended without an activity.")
    else:
        st.caption("No activity yet.")


def draw_chart(key: str, chart_id: str, shown: View, timeline: Timeline, now: int) -> None:
    """Draw a timeline that has spans; the zoom is kept while `chart_id` stays the same."""
    first = timeline.spans[0].scheduled_at
    started_at = timeline.started_at or shown.summary.started_at or first
    names = frozenset(span.name for span in timeline.spans if span.kind is SpanKind.ACTIVITY)
    figure = gantt(timeline, started_at, _baselines(shown.summary.workflow, names))
    _chart(
        key=key,
        data={
            "id": chart_id,
            "figure": vars(figure),
            "plotly": PLOTLY_PATH,
            "now": now,
            "alt": f"Gantt of {shown.summary.instance_id}: {len(figure.names)} rows",
        },
    )


def _baselines(workflow: str, names: Collection[str]) -> dict[str, Baseline]:
    """Return the baselines of activities by name; none while the ledger is away."""
    try:
        return state_reader().query(
            ("baselines", workflow, names),
            lambda: services().ledger.statistics.baselines(workflow, names),
        )
    except Unavailable:
        return {}
