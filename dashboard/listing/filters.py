"""The filter of the list of instances: it is kept in the page's address."""

import streamlit as st

from operations.model import Status
from operations.records import Filter

MAX_SEARCH_LENGTH = 256  # characters; no id is longer
_SEARCH = "q"  # in the address and in the session state: the searched part of an id
_FILTERS = frozenset({"status", _SEARCH, "at"})
_INSTANCE_ID = "id"  # only the address of an instance's page has it
_LIST_QUERY, _LIST_LEFT = "list-query", "list-left"  # in the session state


def mark_list_left() -> None:
    """Record that another page than the list is shown."""
    st.session_state[_LIST_LEFT] = True


def restore_filter() -> None:
    """Restore the filter that the list had when it was left, unless the address has a filter.

    The link in the menu has no query, and the browser's Back button leaves the query of the other
    page in the address.
    """
    if st.session_state.pop(_LIST_LEFT, False) and not _FILTERS.intersection(st.query_params):
        st.query_params.from_dict(list_query())
        if _SEARCH in st.query_params:
            st.rerun()  # the search field reads the address with which a run starts
    elif _INSTANCE_ID in st.query_params:  # a busy browser sends the other page's query twice
        for name, values in list_query().items():
            if name != _SEARCH:  # the search field keeps its text by itself
                st.query_params[name] = values
        del st.query_params[_INSTANCE_ID]


def remember_filter() -> None:
    """Store the list's query in the session state."""
    query = {each: st.query_params.get_all(each) for each in st.query_params if each != _SEARCH}
    if text := _search_text():
        query[_SEARCH] = [text]
    st.session_state[_LIST_QUERY] = query


def _search_text() -> str:
    """Return the text of the search field; in a fragment's run the address has the previous one."""
    return str(st.session_state.get(_SEARCH, st.query_params.get(_SEARCH, "")) or "")


def list_query() -> dict[str, list[str]]:
    """Return the query that the list had last."""
    return dict(st.session_state.get(_LIST_QUERY, {}))


def current_filter() -> Filter:
    """Return the filter in the address; unknown statuses are ignored."""
    words = {word.upper() for word in st.query_params.get_all("status")}
    statuses = frozenset(Status(word) for word in words & set(Status))
    text = _search_text().strip()[:MAX_SEARCH_LENGTH].replace("\0", "\ufffd")  # no id has either
    return Filter(statuses=statuses, text=text)


def current_cursor() -> str | None:
    """Return the cursor of the page of the list in the address; None for the newest page."""
    return st.query_params.get("at")


def toggle_status() -> None:
    """Add the clicked status to the filter or remove it; "All" removes all statuses."""
    message = st.session_state["chips"].get("toggle") or {}
    status = message.get("status")
    chosen = current_filter().statuses ^ {Status(status)} if status else frozenset()
    st.query_params["status"] = sorted(each.lower() for each in chosen)
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
    """Show the field that searches by a part of an id."""
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
