"""Which span of a chart is selected: kept in the session, and in the address to share it."""

import streamlit as st

SPAN = "span"  # in the address
FROM_HISTORY = (
    "gantt-select"  # in the session state: the id of an event whose bar is to be selected
)
_FROM_ADDRESS, _SELECTED = "gantt-address", "gantt-selected"  # in the session state


def read_address() -> None:
    """Store the span that the address has. Call this function in each run of the whole page.

    A live update reruns only the fragment, with an address that may be out of date: then the
    selection of the session counts.
    """
    st.session_state[_FROM_ADDRESS] = st.query_params.get(SPAN)


def selected(chart_id: str) -> tuple[str | None, bool]:
    """Return the key of the selected span, and whether its row must be brought into view."""
    if (event_id := st.session_state.pop(FROM_HISTORY, None)) is not None:
        select(chart_id, str(event_id))
        return str(event_id), True
    current = _current(chart_id)
    wanted = st.session_state.pop(_FROM_ADDRESS, current)
    if wanted != current:
        st.session_state[_SELECTED] = chart_id, wanted
    return wanted, wanted is not None and wanted != current


def select(chart_id: str, key: str | None) -> None:
    """Select the span with this key, or none."""
    st.session_state.pop(_FROM_ADDRESS, None)  # it is out of date now
    st.session_state[_SELECTED] = chart_id, key
    if key is None:
        st.query_params.pop(SPAN, None)
    else:
        st.query_params[SPAN] = key


def _current(chart_id: str) -> str | None:
    of, key = st.session_state.get(_SELECTED, ("", None))
    return key if of == chart_id else None
