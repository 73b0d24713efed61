"""The first page: what needs a person, figures of a period, and one row per workflow."""

import time
from datetime import UTC, datetime

import streamlit as st

from dashboard.action_results import show_messages
from dashboard.live.page_head import page_head
from dashboard.overview.overview_data import overview_data, read_overview
from dashboard.overview.period_choice import PERIOD, period_choice
from dashboard.services import services, state_reader
from dashboard.widgets import widget
from operations.errors import LedgerUnavailable, QueryTimeout

overview_widget = widget("overview", scripts=("sparkline",))


@st.fragment(run_every=60)
def live() -> None:
    """Show the overview."""
    state = state_reader().state()
    page_head("Overview", state, (PERIOD,))
    length = period_choice()
    minute = int(time.time() // 60)  # some runs need a person although nothing has changed
    try:
        overview = state_reader().query(
            ("overview", length, minute), lambda: read_overview(services().ledger, length)
        )
    except LedgerUnavailable:
        st.info("The overview appears as soon as the ledger can be read.")
    except QueryTimeout as error:
        st.warning(str(error))
    else:
        overview_widget(
            key="overview", data=overview_data(overview, state.outages, length, datetime.now(UTC))
        )
    show_messages()


live()
