"""The filter of the list, which is kept in the address of the page."""

import streamlit as st

from dashboard.live.fragment_reruns import keep_texts
from operations.model import Status
from operations.records import Filter

MAX_SEARCH_LENGTH = 256  # characters; no id is longer
_SEARCH = "q"  # in the address and in the session state: a part of an id
_FILTERS = frozenset({"status", _SEARCH, "at"})
_LIST_QUERY, _LIST_LEFT = "list-query", "list-left"  # in the session state


def mark_list_left() -> None:
    """Record that a page other than the list is shown."""
    st.session_state[_LIST_LEFT] = True


def restore_filter() -> None:
    """Restore the last filter of the list after another page, unless the address has a filter.

    The link in the menu has no query.
    """
    if st.session_state.pop(_LIST_LEFT, False) and not _FILTERS.intersection(st.query_params):
        st.query_params.from_dict(list_query())
        if _SEARCH in st.query_params:
            st.rerun()  # the search field reads the address only when a rerun starts


def remember_filter() -> None:
    """Store the list's query in the session state."""
    query = {each: st.query_params.get_all(each) for each in st.query_params if each != _SEARCH}
    if text := _search_text():
        query[_SEARCH] = [text]
    st.session_state[_LIST_QUERY] = query


def _search_text() -> str:
    """Return the text of the search field; during a fragment rerun the address is out of date."""
    return str(st.session_state.get(_SEARCH, st.query_params.get(_SEARCH, "")) or "")


def list_query() -> dict[str, list[str]]:
    """Return the last query of the list."""
    return dict(st.session_state.get(_LIST_QUERY, {}))


def current_filter() -> Filter:
    """Return the filter in the address; unknown statuses are ignored."""
    names = {name.upper() for name in st.query_params.get_all("status")}
    statuses = frozenset(Status(name) for name in names & set(Status))
    text = _search_text().strip()[:MAX_SEARCH_LENGTH].replace("\0", "\ufffd")  # in no id
    return Filter(statuses=statuses, id_part=text)


def current_cursor() -> str | None:
    """Return the cursor of the page of the list in the address; None for the newest page."""
    return st.query_params.get("at")


def toggle_status() -> None:
    """Add the clicked status to the filter or remove it; "All" removes all statuses."""
    message = st.session_state["chips"].get("toggle") or {}
    status = message.get("status")
    selected = current_filter().statuses ^ {Status(status)} if status else frozenset()
    st.query_params["status"] = sorted(each.lower() for each in selected)
    show_newest_page()


def show_newest_page() -> None:
    """Remove the cursor from the address."""
    st.query_params.pop("at", None)


def show_page(cursor: str | None) -> None:
    """Put the cursor of a page of the list into the address; None for the newest page."""
    if cursor is None:
        show_newest_page()
    else:
        st.query_params["at"] = cursor


def search_field() -> None:
    """Show the field that searches by a part of an id; the first field of the page."""
    keep_texts()
    st.text_input(
        "Search by id",
        key=_SEARCH,
        bind="query-params",
        placeholder="Search by id",
        label_visibility="collapsed",
        icon=":material/search:",
        on_change=show_newest_page,
        type="search",
        live=True,
        width=270,  # leaves space on a phone for the indicator of live updates
    )
