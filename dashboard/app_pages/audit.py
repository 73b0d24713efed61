"""The page of the audit log: who did what to which instance, when, why, with which outcome."""

from datetime import UTC, datetime

import streamlit as st

from dashboard.action_results import show_messages
from dashboard.audit.audit_fields import (
    PARAMETERS,
    current_cursor,
    filter_fields,
    ignored_cursor,
    show_newest_page,
    show_page,
)
from dashboard.audit.audit_table import audit_table
from dashboard.exports import export_menu
from dashboard.live.page_head import page_head
from dashboard.markdown import plain
from dashboard.pager import pager_buttons
from dashboard.services import services, state_reader
from operations.audit_filter import AuditFilter, AuditPage
from operations.errors import LedgerUnavailable, QueryTimeout

PER_PAGE = 200
LONG = 15  # entries: a longer page also has a pager at its end
NOTHING_YET = (
    "No operator has acted yet",
    "Each start, pause, resume, terminate, purge, rerun and raised event appears here.",
)
NOTHING_MATCHES = "Nothing matches", "No entry matches all filters. Clear one."


@st.fragment
def live() -> None:
    """Show the audit log."""
    page_head("Audit log", state_reader().state(), PARAMETERS)
    with st.container():  # always present: it must not shift the fields
        if ignored := ignored_cursor():
            found = plain(f"before {ignored[:60]!r} (expected the cursor of a page)")
            st.caption(f"Ignored in the address: {found}.")
    wanted, cursor = filter_fields(datetime.now(UTC)), current_cursor()
    try:
        page = state_reader().query(
            ("audit log", wanted, cursor),
            lambda: services().ledger.audit_search.page(wanted, limit=PER_PAGE, cursor=cursor),
        )
    except LedgerUnavailable:
        st.info("The audit log appears as soon as the ledger can be read.")
    except QueryTimeout as error:
        st.warning(str(error))
    else:
        show_log(page, wanted)
    show_messages()


def show_log(page: AuditPage, wanted: AuditFilter) -> None:
    """Show a page of the log with its pager."""
    if page.newer is None and current_cursor():  # with a cursor the page would not follow the log
        show_newest_page()
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(words(page), width="stretch")
        pager(page, "top")
        export_menu(wanted)
    audit_table(
        page.entries,
        key="audit-log",
        empty=NOTHING_YET if wanted == AuditFilter() else NOTHING_MATCHES,
        with_instance=True,
    )
    if len(page.entries) > LONG:
        with st.container(horizontal=True, horizontal_alignment="right"):
            pager(page, "end")


def words(page: AuditPage) -> str:
    """Return how many entries the page has, and whether there are others."""
    number = len(page.entries)
    count = "1 entry" if number == 1 else f"{number:,} entries"
    if page.newer:
        return f"{count} on this page"
    return f"The newest {count}" if page.older else count


def pager(page: AuditPage, place: str) -> None:
    """Show the buttons for the newer and the older page, unless there is neither."""
    if page.newer or page.older:
        pager_buttons(page.newer, page.older, place, show_page)


live()
