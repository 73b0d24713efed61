"""The page of all runs: a live table with filters, counts and action buttons."""

from dataclasses import dataclass
from datetime import UTC, datetime

import streamlit as st

from dashboard.action_results import show_failed_actions, show_messages
from dashboard.listing.address_filter import (
    current_cursor,
    current_filter,
    remember_filter,
    restore_filter,
    search_field,
    show_ignored_values,
    show_newest_page,
    show_page,
    toggle_status,
)
from dashboard.listing.clicks import handle_clicks, handled
from dashboard.listing.recorder_status import show_recorder_metrics
from dashboard.listing.table_data import row
from dashboard.live.banner import banner, catching_up, why_no_actions
from dashboard.live.system_state import SystemState
from dashboard.live.widget import live_updates
from dashboard.services import offers_orders, services, state_reader
from dashboard.times import milliseconds
from dashboard.widgets import widget
from operations.errors import LedgerUnavailable, QueryTimeout
from operations.ledger.search.text_index import MIN_SEARCH_LENGTH
from operations.model import Service, Status
from operations.records import Count, Filter, Page

PER_PAGE = 50
STATUSES = (
    Status.RUNNING,
    Status.SUSPENDED,
    Status.PENDING,
    Status.FAILED,
    Status.COMPLETED,
    Status.TERMINATED,
)  # any other status is shown only if a run has it

Counts = dict[Status, Count]
NONE = Count(0)
chips, table = widget("chips"), widget("table")


@dataclass(frozen=True)
class Listed:
    """A page of runs, the number of runs of each status, and who suspended runs, by `run_id`."""

    page: Page
    counts: Counts
    paused_by: dict[int, str]


def read(wanted: Filter, cursor: str | None) -> Listed:
    """Read a page of the list."""
    ledger = services().ledger
    page = ledger.search.page(wanted, limit=PER_PAGE, cursor=cursor, with_position=True)
    pauses = ledger.audit_log.pauses_of(page.runs)
    paused_by = {run_id: pause.actor.name for run_id, pause in pauses.items()}
    return Listed(page, ledger.search.counts(wanted), paused_by)


@st.fragment
def live() -> None:
    """Show the current page of the list."""
    restore_filter()
    state = state_reader().state()
    with st.container(horizontal=True, vertical_alignment="center"):
        search_field()
        live_updates(state)
        show_recorder_metrics(state)
    remember_filter()  # after the search field, which has the typed text
    with st.container():  # always present: a new banner must not shift the list
        banner(state)
        catching_up(state)
        show_ignored_values()
    show_failed_actions()
    wanted, cursor = current_filter(), current_cursor()
    try:
        listed = state_reader().query(("list", wanted, cursor), lambda: read(wanted, cursor))
    except LedgerUnavailable:
        st.info("The list appears as soon as the ledger can be read.")
    except QueryTimeout as error:
        st.warning(str(error))
    else:
        show_list(listed, wanted, state)
    show_messages()


def show_list(listed: Listed, wanted: Filter, state: SystemState) -> None:
    """Show a page of the list with its status filter and its pager."""
    page, counts, paused_by = listed.page, listed.counts, listed.paused_by
    if page.newer is None and current_cursor():  # with a cursor the page would not follow new runs
        show_newest_page()
    chips(
        key="chips",
        data={
            "all": str(sum(counts.values(), NONE)),
            "counts": [(each, str(counts.get(each, NONE))) for each in statuses(counts, wanted)],
            "selected": sorted(wanted.statuses),
        },
        on_toggle_change=toggle_status,
    )
    table(
        key="table",
        data={
            "rows": [row(summary, paused_by.get(summary.run_id)) for summary in page.runs],
            "view": repr((sorted(wanted.statuses), wanted.id_part, current_cursor())),
            "now": milliseconds(datetime.now(UTC)),
            "handled": handled(),
            "empty": empty_text(wanted, state),
            "away": why_no_actions(state),
        },
        on_act_change=handle_clicks,
    )
    pager(page, wanted, counts)


def statuses(counts: Counts, wanted: Filter) -> list[Status]:
    """Return the statuses of the filter: `STATUSES`, then others that a run has or that are set."""
    others = (status for status in Status if status not in STATUSES)
    existing = {status for status, count in counts.items() if count.number}
    return [*STATUSES, *(each for each in others if each in existing | wanted.statuses)]


def empty_text(wanted: Filter, state: SystemState) -> tuple[str, str]:
    """Return the title and the text that replace a list without rows."""
    if state.backlog != 0 and state.is_away(Service.SIDECAR, Service.LISTING, Service.RECORDER):
        return "No instances are known yet", "The banner says why the engine's list cannot be read."
    if state.backlog != 0:
        return "The ledger is being filled", "The engine's instances appear here in a moment."
    if 0 < len(wanted.id_part) < MIN_SEARCH_LENGTH:
        return "Nothing matches", "Fewer than three characters find only ids that start with them."
    if wanted.statuses or wanted.id_part:
        filters = {"this status": wanted.statuses, "this text in its id": wanted.id_part}
        named = " and ".join(name for name, value in filters.items() if value)
        return "Nothing matches", f"No instance has {named}. Remove a filter."
    if offers_orders():
        return "No instances yet", "Submit an order with “New order”. It appears here at once."
    return "No instances yet", "An instance appears here as soon as the application starts it."


def pager(page: Page, wanted: Filter, counts: Counts) -> None:
    """Show the position of this page, and buttons for the newer and the older page."""
    if not (page.newer or page.older or current_cursor()):
        return
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="right"):
        st.caption(f"{position(page)} of {total(wanted, counts)}")
        for label, cursor in (("← Newer", page.newer), ("Older →", page.older)):
            st.button(label, on_click=show_page, args=(cursor,), disabled=cursor is None)


def position(page: Page) -> str:
    """Return the positions of a page's runs in the list; only their number if it is unknown."""
    if page.before is None or page.before.is_capped or not page.runs:
        return f"{len(page.runs):,}"
    before = page.before.number
    return f"{before + 1:,}–{before + len(page.runs):,}"  # noqa: RUF001 - from one to another


def total(wanted: Filter, counts: Counts) -> Count:
    """Return how many runs the whole list has."""
    included = wanted.statuses or counts.keys()
    return sum((count for status, count in counts.items() if status in included), NONE)


live()
