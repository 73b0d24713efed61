"""The Gantt chart of an instance, or of one of its earlier generations."""

from collections.abc import Collection, Mapping
from typing import Any

import streamlit as st

from dashboard.gantt.figure import gantt
from dashboard.gantt.sections import MAX_ROWS, Choice, RowOutcome, Section, section_of
from dashboard.server import PLOTLY_PATH
from dashboard.services import services, state_reader
from dashboard.widgets import widget
from operations.errors import Unavailable
from operations.records import Baseline, RunSummary
from operations.run_view import View
from operations.timeline import SpanKind, Timeline

_chart, _sections = widget("gantt", isolated=False), widget("sections")


def show_gantt(shown: View, now: int) -> None:
    """Show the Gantt chart of an instance; `now` is in milliseconds since 1970 (UTC)."""
    if shown.timeline.spans:
        draw_chart("gantt", shown.key, shown, shown.timeline, now)
    elif shown.summary.over_at:
        st.caption("The run ended without an activity.")
    else:
        st.caption("No activity yet.")


def draw_chart(key: str, chart_id: str, shown: View, timeline: Timeline, now: int) -> None:
    """Draw a section of a timeline that has spans.

    The zoom is kept while `chart_id` and the section stay the same.
    """
    section = section_of(timeline.spans, _choice(key, chart_id))
    with st.container():  # always present, because an element that appears would move the others
        if section.is_folded:
            _show_sections(key, chart_id, section)
    started_at = timeline.started_at or shown.summary.started_at or timeline.spans[0].scheduled_at
    names = {row[0].name for row in section.rows if row[0].kind is SpanKind.ACTIVITY}
    baselines = _baselines(shown.summary, frozenset(names))
    figure = gantt(section, started_at, timeline.stopped_at, baselines)
    _chart(
        key=key,
        data={
            "id": _zoom_key(chart_id, section.choice),
            "figure": vars(figure),
            "plotly": PLOTLY_PATH,
            "now": now,
            "alt": f"Gantt of {shown.summary.instance_id}: {_alternative(section)}",
        },
    )


def _zoom_key(chart_id: str, choice: Choice) -> str:
    """Return a text that differs for each section, because each has an axis of its own."""
    return chart_id if choice == Choice() else f"{chart_id}-{choice.outcome}-{choice.first}"


def _alternative(section: Section) -> str:
    if not section.is_folded:
        return f"{len(section.drawn)} rows"
    first = section.choice.first
    return f"rows {first + 1:,} to {first + len(section.rows):,} of {section.matching:,}"


def _show_sections(key: str, chart_id: str, section: Section) -> None:
    """Show the number of rows by outcome, and what can be drawn instead of this section."""
    events = f"{key}-sections"

    def choose() -> None:
        message = st.session_state[events].get("choose") or {}
        st.session_state[_key_of_choice(key)] = chart_id, message

    _sections(
        key=events,
        data={
            "outcome": section.choice.outcome,
            "first": section.choice.first,
            "size": MAX_ROWS,
            "matching": section.matching,
            "counts": list(section.counts.items()),
            "folded": list(section.folded.items()),
        },
        on_choose_change=choose,
    )


def _choice(key: str, chart_id: str) -> Choice | None:
    """Return what the viewer chose for this chart, None before the first choice."""
    of, message = st.session_state.get(_key_of_choice(key), (None, {}))
    return _choice_in(message) if of == chart_id else None


def _choice_in(message: Mapping[str, Any]) -> Choice:
    """Return the choice in a message of the widget."""
    outcome = message.get("outcome")
    return Choice(RowOutcome(outcome) if outcome else None, int(message.get("first") or 0))


def _key_of_choice(key: str) -> str:
    return f"{key}-choice"


def _baselines(summary: RunSummary, names: Collection[str]) -> dict[str, Baseline]:
    """Return the baselines of activities from other runs; none while the ledger is away."""
    workflow, run_id = summary.workflow, summary.run_id
    try:
        return state_reader().query(
            ("baselines", workflow, names, run_id),
            lambda: services().ledger.statistics.baselines(workflow, names, run_id),
        )
    except Unavailable:
        return {}
