"""The bar of an event or of a failed step, which the chart selects."""

import streamlit as st

from dashboard.gantt.selection import FROM_HISTORY
from operations.history import HistoryEvent


def select_bar(event_id: int | None) -> None:
    """Select the bar of a call by the id of its event; None changes nothing."""
    if event_id is not None:
        st.session_state[FROM_HISTORY] = event_id


def bar_of(event: HistoryEvent) -> int | None:
    """Return the id of the event that created the bar of an event, None if it has no bar."""
    if event.answers is not None:
        return event.answers
    return event.event_id if event.event_id >= 0 and event.kind != "executionCompleted" else None
