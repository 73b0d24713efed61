"""The Gantt chart of an instance, or of one of its earlier generations."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from dashboard.attempt.attempt_panel import show_selected
from dashboard.gantt.bars_table import table_rows
from dashboard.gantt.baselines import read_baselines
from dashboard.gantt.children import find, fold, read_unfolded, unfold, unfolded_keys
from dashboard.gantt.figure import MAX_NAME, OPEN, SELECT, gantt
from dashboard.gantt.frame import frame_of
from dashboard.gantt.rows import RUN, Unfolded, parents_of
from dashboard.gantt.sections import (
    MAX_ROWS,
    Choice,
    RowOutcome,
    Section,
    calls_of,
    choice_with,
    section_of,
)
from dashboard.gantt.selection import select, selected
from dashboard.static_files import PLOTLY_PATH
from dashboard.widgets import widget
from operations.errors import FlowdeckError
from operations.run_view import View
from operations.timeline import Timeline

MAIN = "gantt"  # the key of the chart of the instance itself

_chart, _sections = widget("gantt", isolated=False), widget("sections")
_table = widget("bars_table")


def show_gantt(shown: View, now: int) -> None:
    """Show the Gantt chart of an instance, and the span that a viewer has selected in it.

    `now` is in milliseconds since 1970 (UTC).
    """
    if shown.timeline.spans:
        key, is_new = selected(shown.key)
        if key and is_new:
            _reveal(shown, key)
        draw_chart(MAIN, shown.key, shown, shown.timeline, now, selected_key=key)
        with st.container():  # always present, because an element that appears would move others
            if key:
                show_selected(shown, key)
    elif shown.summary.over_at:
        st.caption("The run ended without an activity.")
    else:
        st.caption("No activity yet.")


def draw_chart(  # noqa: PLR0913 - one is optional and named
    key: str,
    chart_id: str,
    shown: View,
    timeline: Timeline,
    now: int,
    *,
    selected_key: str | None = None,
) -> None:
    """Draw a section of a timeline that has spans.

    The zoom is kept while `chart_id` and the section stay the same. Only the chart of the instance
    itself, with the key `MAIN`, has a bar of the whole run, children and a selection.
    """
    section = section_of(timeline.spans, _choice(key, chart_id))
    with st.container():  # always present, because an element that appears would move the others
        if section.has_choices:
            _show_sections(key, chart_id, section)
    started_at = timeline.started_at or shown.summary.started_at or timeline.spans[0].scheduled_at
    frame, unfolded, is_main = None, Unfolded(), key == MAIN
    if is_main:
        unfolded = read_unfolded(shown, unfolded_keys(key, chart_id))
        frame = frame_of(shown)
    baselines = read_baselines(shown.summary, section.single_calls)
    figure = gantt(
        section, started_at, timeline.stopped_at, baselines, frame=frame, unfolded=unfolded
    )
    marked = f"{SELECT}{selected_key or ''}"
    _chart(
        key=key,
        data={
            "id": _zoom_key(chart_id, section.choice),
            "figure": vars(figure),
            "plotly": PLOTLY_PATH,
            "now": now,
            "alt": f"Gantt of {shown.summary.instance_id}: {_alternative(section)}",
            "selected": marked,
            "isMain": is_main,
        },
        on_act_change=lambda: _act(key, chart_id, _message(key, "act")),
        on_unfold_change=lambda: _unfold(key, chart_id, _message(key, "unfold")),
    )
    if is_main and st.toggle("Show as table", key=f"{key}-as-table"):
        table = f"{key}-table"
        _table(
            key=table,
            data={"rows": table_rows(section, unfolded, frame), "now": now, "selected": marked},
            on_act_change=lambda: _act(key, chart_id, _message(table, "act")),
        )


def _zoom_key(chart_id: str, choice: Choice) -> str:
    """Return a text that differs for each section, because each has an axis of its own."""
    if choice == Choice():
        return chart_id
    return f"{chart_id}-{choice.fan_out}-{choice.outcome}-{choice.first}"


def _alternative(section: Section) -> str:
    if not section.folded:
        return f"{len(section.drawn)} rows"
    first = section.choice.first
    return f"rows {first + 1:,} to {first + len(section.rows):,} of {section.matching:,}"


def _show_sections(key: str, chart_id: str, section: Section) -> None:
    """Show the number of calls by outcome, and what can be drawn instead of this section."""
    events, opened = f"{key}-sections", section.opened
    _sections(
        key=events,
        data={
            "opened": f"{opened.first.name[:MAX_NAME]}: {len(opened.rows):,} calls"
            if opened
            else None,
            "fanOut": section.choice.fan_out,
            "outcome": section.choice.outcome,
            "first": section.choice.first,
            "size": MAX_ROWS,
            "matching": section.matching,
            "counts": list(section.counts.items()),
            "folded": list(section.folded.items()),
        },
        on_choose_change=lambda: _choose(key, chart_id, _choice_in(_message(events, "choose"))),
    )


def _message(key: str, event: str) -> Mapping[str, Any]:
    """Return what a widget has sent with an event."""
    return st.session_state[key].get(event) or {}


def _act(key: str, chart_id: str, message: Mapping[str, Any]) -> None:
    """Select the span that was clicked, or show the calls of the fan-out."""
    action = str(message.get("action") or SELECT)
    if action.startswith(OPEN):
        _choose(key, chart_id, Choice(fan_out=int(action.removeprefix(OPEN))))
    else:
        select(chart_id, action.removeprefix(SELECT) or None)


def _unfold(key: str, chart_id: str, message: Mapping[str, Any]) -> None:
    child = str(message.get("key") or "")
    if message.get("isUnfolded"):
        unfold(key, chart_id, child)
    else:
        fold(key, chart_id, child)


def _reveal(shown: View, key: str) -> None:
    """Choose the section with the row of a span, and unfold the children around the span."""
    parents = parents_of(key)
    unfold(MAIN, shown.key, *parents)
    try:
        found = find(shown, [*parents, key][0])
    except FlowdeckError:
        return
    if key != RUN and found and found[1]:
        spans, lane = shown.timeline.spans, found[1].lane
        drawn = section_of(spans, _choice(MAIN, shown.key)).rows
        if all(call[0].lane != lane for entry in drawn for call in calls_of(entry)):
            _choose(MAIN, shown.key, choice_with(spans, lane))


def _choose(key: str, chart_id: str, choice: Choice) -> None:
    st.session_state[_key_of_choice(key)] = chart_id, choice


def _choice(key: str, chart_id: str) -> Choice | None:
    """Return what the viewer chose for this chart, None before the first choice."""
    of, choice = st.session_state.get(_key_of_choice(key), (None, None))
    return choice if of == chart_id else None


def _choice_in(message: Mapping[str, Any]) -> Choice:
    """Return the choice in a message of the widget."""
    outcome, fan_out = message.get("outcome"), message.get("fanOut")
    return Choice(
        RowOutcome(outcome) if outcome else None,
        int(message.get("first") or 0),
        None if fan_out is None else int(fan_out),
    )


def _key_of_choice(key: str) -> str:
    return f"{key}-choice"
