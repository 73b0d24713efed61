"""The history of an instance as a table of events or of steps, with a search."""

from collections.abc import Callable, Sequence
from datetime import tzinfo
from typing import TypeVar

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.elements.lib.column_types import ColumnConfig

from dashboard.details.history_rows import (
    Same,
    found_rows,
    name_of,
    names_of,
    page_count,
    page_of,
)
from dashboard.details.history_steps import Step, found_steps
from dashboard.details.payloads import show_failure, show_tree
from dashboard.details.selected_bar import bar_of, select_bar
from dashboard.live.banner import zone
from dashboard.markdown import plain
from dashboard.times import in_words
from operations.history import HistoryEvent
from operations.run_view import View

CHILD = "childWorkflowInstanceCreated"
PREVIEW = 120  # characters
MAX_SEARCH = 200  # characters
MAX_SHOWN = 20  # events of a selected step that are shown
EVENTS, STEPS = "Events", "Steps"  # the two views
_TIME = "datetime64[ms, UTC]"

_Row = TypeVar("_Row", HistoryEvent, Step)


def history_table(shown: View) -> None:
    """Show a page of the events or the steps, and all fields of the selected one."""
    history = shown.details.history
    if history is None:
        st.caption("The history cannot be read now. It appears when the engine is reachable again.")
        return
    controls = st.container(horizontal=True, vertical_alignment="center")
    with controls:
        key = shown.key
        view = st.segmented_control(
            "View",
            [EVENTS, STEPS],
            default=EVENTS,
            key=f"history-view-{key}",
            required=True,
            label_visibility="collapsed",
        )
        text = _search(key)
    with st.container():  # always present: the other view must not reuse the table of this one
        if view == STEPS:
            _show_steps(controls, shown, history, text)
        else:
            _show_events(controls, shown, history, text)


def _search(key: str) -> str:
    return st.text_input(
        "Search the history",
        key=f"history-search-{key}",
        placeholder="Search name, kind, payload",
        label_visibility="collapsed",
        icon=":material/search:",
        type="search",
        max_chars=MAX_SEARCH,
        width=270,
    ).strip()


def _show_events(
    controls: DeltaGenerator,
    shown: View,
    history: tuple[HistoryEvent, ...],
    text: str,
) -> None:
    all_kinds = controls.toggle(
        "Engine events",
        key=f"all-events-{shown.key}",
        help="Also show the events that Dapr writes for each turn of the workflow.",
    )
    found = found_rows(Same(history), text, all_kinds=all_kinds)
    events, key = _page(controls, found, f"history-{shown.key}-{all_kinds}", text)
    selected = _table(key, _frame(events, history), events, _time_column(history), bar_of)
    for event in selected:
        _show_event(event, key)


def _show_steps(
    controls: DeltaGenerator,
    shown: View,
    history: tuple[HistoryEvent, ...],
    text: str,
) -> None:
    found = found_steps(Same(history), Same(shown.timeline.spans), text)
    steps, key = _page(controls, found, f"steps-{shown.key}", text)
    selected = _table(
        key, _frame_of_steps(steps), steps, _time_column(history), lambda step: step.bar
    )
    for step in selected:
        for number, event in enumerate(step.events[:MAX_SHOWN]):
            _show_event(event, f"{key}-{number}")
        if len(step.events) > MAX_SHOWN:
            st.caption(f"The first {MAX_SHOWN} of {len(step.events):,} events.")


def _page(
    controls: DeltaGenerator, found: Sequence[_Row], key: str, text: str
) -> tuple[Sequence[_Row], str]:
    """Show the pager and the number of hits; return the rows of the page, and a key for it.

    A selection is the number of a row, so each page and each search has its own table.
    """
    page, key = 1, f"{key}-{text}"
    with controls:
        if page_count(found) > 1:
            page = st.pagination(page_count(found), key=f"page-of-{key}")
        if text:
            st.caption(f"{len(found):,} found")
    return page_of(found, page), f"{key}-{page}"


def _table(
    key: str,
    frame: pd.DataFrame,
    rows: Sequence[_Row],
    time: ColumnConfig,
    bar: Callable[[_Row], int | None],
) -> list[_Row]:
    """Show rows as a table; return the selected row. A selection selects its bar too."""

    def at(numbers: Sequence[int]) -> list[_Row]:
        return [rows[each] for each in numbers if each < len(rows)]  # the history may restart

    def select() -> None:
        for row in at(st.session_state[key].selection.rows):
            select_bar(bar(row))

    table = st.dataframe(
        frame,
        key=key,
        hide_index=True,
        on_select=select,
        selection_mode="single-row",
        column_config={"time": time, **_COLUMNS},
    )
    return at(table.selection.rows)


_COLUMNS: dict[str, ColumnConfig] = {
    "event": st.column_config.TextColumn("Event"),
    "name": st.column_config.TextColumn("Name"),
    "payload": st.column_config.TextColumn("Payload", width="large"),
    "step": st.column_config.TextColumn("Step"),
    "kind": st.column_config.TextColumn("Kind"),
    "outcome": st.column_config.TextColumn("Outcome"),
    "duration": st.column_config.TextColumn("Duration"),
    "attempts": st.column_config.TextColumn("Attempts", alignment="right"),
    "events": st.column_config.NumberColumn("Events"),
}


def _time_column(history: tuple[HistoryEvent, ...]) -> ColumnConfig:
    viewer_zone = zone()
    return st.column_config.DatetimeColumn(
        "Time", format=_format(history, viewer_zone), timezone=str(viewer_zone)
    )


def _format(history: tuple[HistoryEvent, ...], viewer_zone: tzinfo) -> str:
    """Return the format of times; it has no date if all events are on one day in that zone."""
    times = [event.timestamp for event in history]
    days = {at(times).astimezone(viewer_zone).date() for at in (min, max) if times}
    return "HH:mm:ss.SSS" if len(days) == 1 else "YYYY-MM-DD HH:mm:ss.SSS"


def _frame(events: Sequence[HistoryEvent], history: Sequence[HistoryEvent]) -> pd.DataFrame:
    """Return events as a table; an answer has the name of its call, which is in `history`."""
    names = names_of(history)
    return pd.DataFrame(
        {
            "time": pd.Series([e.timestamp for e in events], dtype=_TIME),
            "event": pd.Series([e.kind for e in events], dtype="str"),
            "name": pd.Series([name_of(e, names) for e in events], dtype="str"),
            "payload": pd.Series([_preview(e) for e in events], dtype="str"),
        }
    )


def _frame_of_steps(steps: Sequence[Step]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "time": pd.Series([each.started_at for each in steps], dtype=_TIME),
            "step": pd.Series([each.name for each in steps], dtype="str"),
            "kind": pd.Series([each.kind for each in steps], dtype="str"),
            "outcome": pd.Series([each.outcome for each in steps], dtype="str"),
            "duration": pd.Series([_duration(each) for each in steps], dtype="str"),
            "attempts": pd.Series([str(each.attempts or "") for each in steps], dtype="str"),
            "events": pd.Series([len(each.events) for each in steps], dtype="int64"),
        }
    )


def _duration(step: Step) -> str:
    if step.ended_at is None:
        return ""
    return in_words((step.ended_at - step.started_at).total_seconds())


def _preview(event: HistoryEvent) -> str:
    if event.failure:
        return f"{event.failure.error_type}: {event.failure.message}"[:PREVIEW]
    return (event.payload or "")[:PREVIEW]


def _show_event(event: HistoryEvent, key: str) -> None:
    place = st.container(border=True)
    with place:
        if event.kind == CHILD and event.instance_id:
            _show_child(event.instance_id, event.app_id)
        show_failure(event.failure, f"{key}-{event.event_id}-{event.answers}")
        show_tree(place, event.kind, event.payload)
        if event.raw:
            show_tree(place, "Raw event (protobuf, base64)", event.raw)


def _show_child(instance_id: str, app_id: str | None) -> None:
    """Show a link to a child, or the application that has it: no page here can show it."""
    if app_id:
        st.markdown(
            f"The child {plain(instance_id)} is an instance of the application {plain(app_id)}."
        )
    else:
        st.page_link(
            "app_pages/instance.py", label=plain(instance_id), query_params={"id": instance_id}
        )
