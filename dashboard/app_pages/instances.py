"""The live table of instances: what there is, in which state, and one click to act on it."""

from datetime import UTC, datetime

import streamlit as st

from dashboard.action_results import show_messages
from dashboard.durations import milliseconds
from dashboard.listing.clicks import clicked, handled
from dashboard.listing.filters import (
    current_cursor,
    current_filter,
    remember_filter,
    restore_filter,
    search_field,
    show_newest_page,
    show_page,
    toggle_status,
)
from dashboard.listing.recorder_status import lag
from dashboard.listing.rows import address, row
from dashboard.live.banner import banner, catching_up, why_no_actions
from dashboard.live.system_state import SystemState
from dashboard.live.widget import live_updates
from dashboard.services import services, state_watcher
from dashboard.widgets import widget
from operations.errors import InvalidInput, LedgerUnavailable, QueryTimeout
from operations.model import Service, Status
from operations.records import Count, Filter, Page

PER_PAGE = 50
ORDER = (
    Status.RUNNING,
    Status.SUSPENDED,
    Status.PENDING,
    Status.FAILED,
    Status.COMPLETED,
    Status.TERMINATED,
)  # the others are shown when there are any

Counts = dict[Status, Count]
NONE = Count(0)
chips, table = widget("chips"), widget("table")


def opened() -> None:
    """Note which instance's page is wanted."""
    st.session_state["opened-from-list"] = st.session_state["table"].get("open")


def read(shown: Filter, at: str | None) -> tuple[Page, Counts]:
    """Return a page of entries and the counts by status."""
    search = services().ledger.search
    page = search.page(shown, limit=PER_PAGE, cursor=at, with_position=True)
    return page, search.counts(shown)


@st.fragment
def live() -> None:
    """Show the list as it is now."""
    if clicked_on := st.session_state.pop("opened-from-list", None):
        st.switch_page("app_pages/instance.py", query_params=address(clicked_on))
    restore_filter()
    state = state_watcher().state()
    with st.container(horizontal=True, vertical_alignment="center"):
        search_field()
        live_updates(state)
        lag(state)
    remember_filter()  # after the search field, which knows what was typed
    with st.container():  # always there: what comes and goes must not move the list's place
        banner(state)
        catching_up(state)
    show_messages()
    shown, at = current_filter(), current_cursor()
    try:
        page, counts = state_watcher().query(("list", shown, at), lambda: read(shown, at))
    except InvalidInput:
        show_newest_page()
        st.rerun()
    except LedgerUnavailable:
        st.info("The list will be here as soon as the ledger can be read.")
    except QueryTimeout as error:
        st.warning(str(error))
    else:
        listed(page, counts, shown, state)


def listed(page: Page, counts: Counts, shown: Filter, state: SystemState) -> None:
    """Show a page of the list."""
    if page.newer is None:  # the newest page has no cursor, or it would not stay the newest
        show_newest_page()
    chips(
        key="chips",
        data={
            "all": str(sum(counts.values(), NONE)),
            "counts": [(each, str(counts.get(each, NONE))) for each in in_order(counts, shown)],
            "selected": sorted(shown.statuses),
        },
        on_toggle_change=toggle_status,
    )
    table(
        key="table",
        data={
            "rows": [row(summary) for summary in page.runs],
            "view": repr((sorted(shown.statuses), shown.text, current_cursor())),
            "now": milliseconds(datetime.now(UTC)),
            "handled": handled(),
            "empty": empty(shown, state),
            "away": why_no_actions(state),
        },
        on_act_change=clicked,
        on_open_change=opened,
    )
    pager(page, shown, counts)


def in_order(counts: Counts, shown: Filter) -> list[Status]:
    """Return the statuses that can be filtered by: the usual ones, and others that there are."""
    others = (status for status in Status if status not in ORDER)
    there = {status for status, count in counts.items() if count.number}
    return [*ORDER, *(each for each in others if each in there | shown.statuses)]


def empty(shown: Filter, state: SystemState) -> tuple[str, str]:
    """Return what is said of a list without rows."""
    if state.backlog != 0 and state.is_away(Service.SIDECAR, Service.LISTING, Service.RECORDER):
        return "Nothing is here yet", "Why it is not known what the engine has is said above."
    if state.backlog != 0:
        return "The ledger is being filled", "What the engine has will be here in a moment."
    if shown.statuses or shown.text:
        return "Nothing matches", "No instance has this status and this id. Loosen the filter."
    return "No instances yet", "Submit one with “New order”; it will be here at once."


def pager(page: Page, shown: Filter, counts: Counts) -> None:
    """Lead to the pages beside this one."""
    if not (page.newer or page.older or current_cursor()):
        return
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="right"):
        st.caption(f"{place(page)} of {total(shown, counts)}")
        for label, to in (("← Newer", page.newer), ("Older →", page.older)):
            st.button(label, on_click=show_page, args=(to,), disabled=to is None)


def place(page: Page) -> str:
    """Return which entries of the list a page shows, or how many, where that is not known."""
    if page.before is None or page.before.is_capped or not page.runs:
        return f"{len(page.runs):,}"
    before = page.before.number
    return f"{before + 1:,}–{before + len(page.runs):,}"  # noqa: RUF001 - from one to another


def total(shown: Filter, counts: Counts) -> Count:
    """Return how many entries the whole list has."""
    wanted = shown.statuses or counts.keys()
    return sum((count for status, count in counts.items() if status in wanted), NONE)


live()
