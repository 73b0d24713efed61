"""The page of failure groups: failures that are alike, with their runs."""

import time
from datetime import UTC, datetime

import streamlit as st

from dashboard.action_results import show_messages
from dashboard.live.page_head import page_head
from dashboard.markdown import plain
from dashboard.overview.failures_data import failures_data
from dashboard.overview.overview_data import PeriodLength
from dashboard.overview.period_choice import PERIOD, period_choice
from dashboard.services import services, state_reader, viewer
from dashboard.widgets import widget
from operations.actions.context import MAX_REASON_LENGTH
from operations.errors import LedgerUnavailable, QueryTimeout, UnknownFailureGroup
from operations.ledger.statistics.results import FailureGroup, FailureSample

failures_widget = widget("failures", scripts=("sparkline",))


def mark() -> None:
    """Mark the group of a click as known with a note, or as not known."""
    message = st.session_state["failures"].get("mark") or {}
    group, note = str(message.get("group", "")), message.get("note")
    try:
        if note is None:
            services().ledger.statistics.unmark_known(group, viewer())
        else:
            note = str(note)[:MAX_REASON_LENGTH].replace("\0", "\ufffd")
            services().ledger.statistics.mark_known(group, viewer(), note)
    except (LedgerUnavailable, UnknownFailureGroup) as error:
        st.toast(plain(str(error)), icon=":material/error:", duration="long")
    state_reader().refresh()


def read(length: PeriodLength) -> tuple[tuple[FailureGroup, ...], dict[str, FailureSample]]:
    """Read the failure groups of a period that ends now, and the newest run of each group."""
    within, statistics = length.ending_at(datetime.now(UTC)), services().ledger.statistics
    groups = statistics.failures(within)
    return groups, statistics.failure_samples(groups, within)


@st.fragment(run_every=60)
def live() -> None:
    """Show the failure groups."""
    state = state_reader().state()
    page_head("Failures", state, (PERIOD,))
    length = period_choice()
    minute = int(time.time() // 60)  # a group leaves the period although nothing has changed
    try:
        found = state_reader().query(("failures", length, minute), lambda: read(length))
    except LedgerUnavailable:
        st.info("The failures appear as soon as the ledger can be read.")
    except QueryTimeout as error:
        st.warning(str(error))
    else:
        data = failures_data(*found, length, datetime.now(UTC))
        failures_widget(key="failures", data=data, on_mark_change=mark)
    show_messages()


live()
