"""The history of an instance as a table, with the payload of the selected event."""

import json
from dataclasses import asdict
from datetime import tzinfo

import pandas as pd
import streamlit as st

from dashboard.details.payloads import show_failure, show_payload
from dashboard.live.banner import zone
from operations.history import HistoryEvent
from operations.run_view import View

PREVIEW = 120  # characters


def history_table(shown: View) -> None:
    """Show the events, and all fields of the selected one."""
    history = shown.details.history
    if history is None:
        st.caption("The history cannot be read now. It appears when the engine is reachable again.")
        return
    table = st.dataframe(
        _frame(history),
        key=f"history-{shown.key}",
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
        if row < len(history):  # continue-as-new restarts the history
            _show_event(history[row], f"{shown.key}-{row}")
    st.download_button(
        "Download the history",
        data=lambda: _as_json(history),
        file_name=f"{shown.summary.instance_id}.json",
        mime="application/json",
        icon=":material/download:",
        on_click="ignore",
    )


def _format(history: tuple[HistoryEvent, ...], viewer_zone: tzinfo) -> str:
    """Return the format of times; it has no date if all events are on one day in that zone."""
    days = {event.timestamp.astimezone(viewer_zone).date() for event in history}
    return "HH:mm:ss.SSS" if len(days) == 1 else "YYYY-MM-DD HH:mm:ss.SSS"


def _frame(history: tuple[HistoryEvent, ...]) -> pd.DataFrame:
    names: dict[int | None, str] = {e.event_id: e.name for e in history if e.name}
    return pd.DataFrame(
        {
            "time": pd.Series([e.timestamp for e in history], dtype="datetime64[ms, UTC]"),
            "event": pd.Series([e.kind for e in history], dtype="str"),
            "name": pd.Series([e.name or names.get(e.answers, "") for e in history], dtype="str"),
            "payload": pd.Series([_preview(e) for e in history], dtype="str"),
        }
    )


def _preview(event: HistoryEvent) -> str:
    if event.failure:
        return f"{event.failure.error_type}: {event.failure.message}"[:PREVIEW]
    return (event.payload or "")[:PREVIEW]


def _show_event(event: HistoryEvent, key: str) -> None:
    place = st.container(border=True)
    with place:
        show_failure(event.failure, key)
        show_payload(place, event.kind, event.payload)
        if event.raw:
            show_payload(place, "Raw event (protobuf, base64)", event.raw)


def _as_json(history: tuple[HistoryEvent, ...]) -> str:
    return json.dumps([asdict(event) for event in history], default=str, indent=1)
