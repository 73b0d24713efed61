"""The page of all runs: a live table with filters, counts and action buttons."""

import time
from datetime import UTC, datetime

import streamlit as st

from dashboard.action_results import show_failed_actions, show_messages
from dashboard.bulk.bulk_address import ALL, MATCH
from dashboard.exports import export_menu
from dashboard.listing.address_filter import (
    change_sort,
    current_cursor,
    current_query,
    list_query,
    parsed,
    query_text,
    remember_filter,
    remove_filter,
    restore_filter,
    search_field,
    show_first_page,
    show_ignored_values,
    show_page,
    toggle_status,
)
from dashboard.listing.clicks import handle_clicks, handled
from dashboard.listing.filter_labels import filter_labels
from dashboard.listing.filter_panel import filter_panel
from dashboard.listing.filter_parameters import (
    MORE_FILTERS,
    PAGE,
    SEARCH,
    SORT,
    Parsed,
    is_filtered,
    sort_of,
)
from dashboard.listing.list_data import (
    NONE,
    Counts,
    Listed,
    position,
    read_list,
    rows,
    statuses,
    total,
    view_text,
    views,
)
from dashboard.listing.recorder_status import show_recorder_metrics
from dashboard.listing.unfolding import unfold, unfolded_children
from dashboard.live.banner import banner, catching_up, why_no_actions, zone
from dashboard.live.system_state import SystemState
from dashboard.live.widget import live_updates
from dashboard.markdown import plain
from dashboard.pager import pager_buttons
from dashboard.services import offers_orders, services, state_reader
from dashboard.terminate_question import asks_before_terminate
from dashboard.times import milliseconds
from dashboard.widgets import widget
from operations.errors import LedgerUnavailable, QueryTimeout
from operations.ledger.search.text_index import MIN_SEARCH_LENGTH
from operations.model import Service
from operations.records import Filter, Page

MAX_FILTER_TEXT = 120  # characters

chips, views_widget = widget("chips"), widget("views")
table = widget("table", scripts=("shortcuts",))


@st.fragment(run_every=60)  # some filters depend on the time
def live() -> None:
    """Show the current page of the list."""
    restore_filter()
    state = state_reader().state()
    with st.container(horizontal=True, vertical_alignment="center"):
        search_field()
        remember_filter()  # after the search field, which has the typed text
        found = parsed(current_query())
        labels = filter_labels(current_query(), found, None, zone())
        filter_panel(len(labels.keys() & set(MORE_FILTERS)))
        views_widget(key="views", data={"views": views(current_query())})
        live_updates(state)
        show_recorder_metrics(state)
        export_menu(found.filter)
    with st.container():  # always present: a new banner must not shift the list
        banner(state)
        catching_up(state)
        show_ignored_values()
    show_failed_actions()
    wanted, sort, cursor = found.filter, sort_of(current_query()), current_cursor()
    try:
        minute = int(time.time() // 60) if wanted.depends_on_time else 0
        key = ("list", wanted, sort, cursor, minute)
        listed = state_reader().query(
            key, lambda: read_list(services().ledger, wanted, sort, cursor)
        )
    except LedgerUnavailable:
        st.info("The list appears as soon as the ledger can be read.")
    except QueryTimeout as error:
        st.warning(str(error))
    else:
        show_list(listed, found, state)
    show_messages()


def show_list(listed: Listed, found: Parsed, state: SystemState) -> None:
    """Show a page of the list with its status filter and its pagers."""
    page, counts, wanted = listed.page, listed.counts, found.filter
    if page.newer is None and current_cursor():  # with a cursor the page would not follow new runs
        show_first_page()
    query = current_query()
    with st.container(horizontal=True, vertical_alignment="center"):
        chips(
            key="chips",
            data={
                "all": str(sum(counts.values(), NONE)),
                "counts": [
                    (each, str(counts.get(each, NONE))) for each in statuses(counts, wanted)
                ],
                "selected": sorted(wanted.statuses),
            },
            on_toggle_change=toggle_status,
        )
        pager("above", page, wanted, counts)
    other_filters(listed, found)
    shown_list = view_text(query)
    unfolded = unfolded_children(listed, shown_list)
    table(
        key="table",
        data={
            "rows": rows(listed, unfolded),
            "list": shown_list,
            "page": current_cursor() or "",
            "sort": sort_of(query).value,
            "unfolded": sorted(unfolded),
            "query": query_text(query, PAGE, "workflow"),
            "now": milliseconds(datetime.now(UTC)),
            "handled": handled(),
            "empty": empty_text(wanted, state),
            "bulk": {"query": bulk_query(), "total": str(total(wanted, counts))},
            "away": why_no_actions(state),
            "asks": asks_before_terminate(),
        },
        on_act_change=handle_clicks,
        on_sort_change=change_sort,
        on_unfold_change=unfold,
    )
    pager("below", page, wanted, counts)


def other_filters(listed: Listed, found: Parsed) -> None:
    """Show the filters that are set, except statuses, each with a button to remove it."""
    labels = filter_labels(current_query(), found, listed.group, zone())
    with st.container(horizontal=True):  # always present: it must not shift the list
        for name, text in labels.items():
            st.button(
                plain(text[:MAX_FILTER_TEXT]),
                key=f"remove-{name}",
                icon=":material/close:",
                help="Remove this filter",
                on_click=remove_filter,
                args=(name,),
            )


def bulk_query() -> str:
    """Return the parameters that select all runs of the list on the page of bulk jobs."""
    query = {
        MATCH if name == SEARCH else name: values
        for name, values in list_query().items()
        if name not in {PAGE, SORT}
    }
    if not is_filtered(parsed(list_query()).filter):
        query[ALL] = ["1"]
    return query_text(query)


def empty_text(wanted: Filter, state: SystemState) -> tuple[str, str]:
    """Return the title and the text that replace a list without rows."""
    if state.backlog != 0 and state.is_away(Service.SIDECAR, Service.LISTING, Service.RECORDER):
        return "No instances are known yet", "The banner says why the engine's list cannot be read."
    if state.backlog != 0:
        return "The ledger is being filled", "The engine's instances appear here in a moment."
    texts = (wanted.id_part, wanted.text)
    if any(0 < len(each) < MIN_SEARCH_LENGTH for each in texts):
        return "Nothing matches", "Fewer than three characters find only ids that start with them."
    if is_filtered(wanted):
        return "Nothing matches", "No run matches all filters. Remove one."
    if offers_orders():
        return "No instances yet", "Submit an order with “New order”. It appears here at once."
    return "No instances yet", "An instance appears here as soon as the application starts it."


def pager(place: str, page: Page, wanted: Filter, counts: Counts) -> None:
    """Show the position of this page, once, and buttons for the pages before and after it."""
    if not (page.newer or page.older or current_cursor()):
        return
    with st.container(
        horizontal=True,
        vertical_alignment="center",
        horizontal_alignment="right",
        key=f"pager-{place}",
    ):
        if place == "above":
            st.caption(f"{position(page)} of {total(wanted, counts)}", width="content")
        pager_buttons(page.newer, page.older, place, show_page)


live()
