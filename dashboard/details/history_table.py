"""The history of an instance as a table, with the payload of the selected event."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import tzinfo

import pandas as pd
import streamlit as st

from dashboard.details.history_rows import page_count, page_of, rows_of
from dashboard.details.payloads import show_failure, show_payload
from dashboard.live.banner import zone
from dashboard.markdown import plain
from operations.history import HistoryEvent
from operations.run_view import View

CHILD = "childWorkflowInstanceCreated"
PREVIEW = 120  # characters


def history_table(shown: View) -> None:
    """Show a page of the events, and all fields of the selected one."""
    history = shown.details.history
    if history is None:
        st.caption("The history cannot be read now. It appears when the engine is reachable again.")
        return
    events, page_key = _page(history, shown.key)
    table = st.dataframe(
        _frame(events, history),
        key=page_key,  # a selection is the number of a row, so each page has its own
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        column_config={
            "time": st.column_config.DatetimeColumn(
                "Time", format=_format(history, zone()), timezone=str(zone())
            ),
            "event": st.column_config.TextColumn("Event"),
            "name": st.column_config.TextColumn("Name"),
            "payload": st.column_config.TextColumn("Payload", width="large"),
        },
    )
    for row in table.selection.rows:
        if row < len(events):  # continue-as-new restarts the history
            _show_event(events[row], f"{page_key}-{row}")
    st.download_button(
        "Download the history",
        data=lambda: _as_json(history),
        file_name=f"{shown.summary.instance_id}.json",
        mime="application/json",
        icon=":material/download:",
        on_click="ignore",
    )


def _page(history: tuple[HistoryEvent, ...], key: str) -> tuple[Sequence[HistoryEvent], str]:
    """Show the controls; return the events of the selected page, and a key for this page."""
    with st.container(horizontal=True, vertical_alignment="center"):
        all_kinds = st.toggle(
            "Engine events",
            key=f"all-events-{key}",
            help="Also show the events that Dapr writes for each turn of the workflow.",
        )
        events = rows_of(history, all_kinds=all_kinds)
        page = 1
        if page_count(events) > 1:
            page = st.pagination(page_count(events), key=f"history-page-{key}")
    return page_of(events, page), f"history-{key}-{all_kinds}-{page}"


def _format(history: tuple[HistoryEvent, ...], viewer_zone: tzinfo) -> str:
    """Return the format of times; it has no date if all events are on one day in that zone."""
    days = {event.timestamp.astimezone(viewer_zone).date() for event in history}
    return "HH:mm:ss.SSS" if len(days) == 1 else "YYYY-MM-DD HH:mm:ss.SSS"


def _frame(events: Sequence[HistoryEvent], history: Iterable[HistoryEvent]) -> pd.DataFrame:
    """Return events as a table; an answer has the name of its call, which is in `history`."""
    names = {event.event_id: event.name for event in history if event.name}
    return pd.DataFrame(
        {
            "time": pd.Series([e.timestamp for e in events], dtype="datetime64[ms, UTC]"),
            "event": pd.Series([e.kind for e in events], dtype="str"),
            "name": pd.Series([_name(e, names) for e in events], dtype="str"),
            "payload": pd.Series([_preview(e) for e in events], dtype="str"),
        }
    )


def _name(event: HistoryEvent, names: Mapping[int, str]) -> str:
    if event.name or event.answers is None:
        return event.name or ""
    return names.get(event.answers, "")


def _preview(event: HistoryEvent) -> str:
    if event.failure:
        return f"{event.failure.error_type}: {event.failure.message}"[:PREVIEW]
    return (event.payload or "")[:PREVIEW]


def _show_event(event: HistoryEvent, key: str) -> None:
    place = st.container(border=True)
    with place:
        if event.kind == CHILD and event.instance_id:
            _show_child(event.instance_id, event.app_id)
        show_failure(event.failure, key)
        show_payload(place, event.kind, event.payload)
        if event.raw:
            show_payload(place, "Raw event (protobuf, base64)", event.raw)


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


def _as_json(history: tuple[HistoryEvent, ...]) -> str:
    return json.dumps([asdict(event) for event in history], default=str, indent=1)
