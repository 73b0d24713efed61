"""The page of runs that wait: for what, since when, until when; events can be raised."""

from datetime import UTC, datetime

import streamlit as st

from dashboard.action_results import show_messages
from dashboard.live.page_head import page_head
from dashboard.services import services, state_reader
from dashboard.waiting.waiting_data import label, waiting_data
from dashboard.widgets import widget
from operations.errors import LedgerUnavailable, QueryTimeout
from operations.ledger.search.waiting import WaitKind
from operations.timeline import SpanKind

KIND = "kind"  # in the address
MAX_ROWS = 200

waiting_widget = widget("waiting")


def kind_choice(counts: dict[SpanKind, int]) -> WaitKind:
    """Show the kinds, and how many runs wait for each; return the chosen one."""
    chosen = st.segmented_control(
        "Runs that wait for",
        [each.value for each in WaitKind],
        default=WaitKind.EVENT.value,
        key=KIND,
        bind="query-params",
        required=True,
    )
    st.caption(" · ".join(label(kind, counts) for kind in WaitKind))
    return WaitKind(chosen) if chosen in set(WaitKind) else WaitKind.EVENT


def read_counts() -> dict[SpanKind, int]:
    """Read how many runs wait, by kind."""
    return services().ledger.search.waiting_counts()


@st.fragment
def live() -> None:
    """Show the runs that wait."""
    state = state_reader().state()
    page_head("Waiting", state, (KIND,))
    try:
        counts = state_reader().query(("waiting counts",), read_counts)
        kind = kind_choice(counts)
        waiting = state_reader().query(
            ("waiting", kind),
            lambda: services().ledger.search.waiting(kind.span_kind, limit=MAX_ROWS),
        )
    except LedgerUnavailable:
        st.info("The waiting runs appear as soon as the ledger can be read.")
    except QueryTimeout as error:
        st.warning(str(error))
    else:
        data = waiting_data(waiting, kind, datetime.now(UTC), state.app_id)
        waiting_widget(key="waiting", data=data)
        if len(waiting) == MAX_ROWS:
            st.caption(f"The {MAX_ROWS} longest waits are shown.")
    show_messages()


live()
