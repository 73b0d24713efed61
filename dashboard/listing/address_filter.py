"""The filter of the list, which is kept in the address of the page."""

from collections.abc import Callable, Collection

import streamlit as st

from dashboard.live.fragment_reruns import keep_texts
from dashboard.markdown import plain
from operations.errors import InvalidInput
from operations.ledger.search.cursors import Cursor
from operations.model import Status
from operations.records import Filter, Sort

MAX_SEARCH_LENGTH = 256  # characters; no id is longer
_SHOWN = 60  # characters of an ignored value that its message shows
_SEARCH = "q"  # in the address and in the session state: a part of an id
_FILTERS = ("status", _SEARCH, "at")
_INSTANCE = ("id", "run_id")  # in the address of an instance
_STATUSES = ", ".join(status.lower() for status in Status)
_LIST_QUERY, _LIST_LEFT = "list-query", "list-left"  # in the session state


def remove_parameters_of_other_pages() -> None:
    """Remove the parameters that a page left which a quick first click had opened."""
    _remove_parameters((*_FILTERS, *_INSTANCE))


def mark_list_left() -> None:
    """Record that a page other than the list is shown."""
    st.session_state[_LIST_LEFT] = True


def restore_filter() -> None:
    """Restore the last filter of the list after another page, unless the address has a filter.

    The link in the menu has no query. After a quick second click, the address may still have the id
    and the run of the instance that the first click opened: they are removed.
    """
    _remove_parameters(_INSTANCE)
    has_filter = any(name in st.query_params for name in _FILTERS)
    if st.session_state.pop(_LIST_LEFT, False) and not has_filter:
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
    """Return the filter in the address; `show_ignored_values` names the unknown statuses."""
    names = {name.upper() for name in st.query_params.get_all("status")}
    statuses = frozenset(Status(name) for name in names & set(Status))
    text = _search_text().strip()[:MAX_SEARCH_LENGTH].replace("\0", "\ufffd")  # in no id
    return Filter(statuses=statuses, id_part=text)


def current_cursor() -> str | None:
    """Return the cursor of the page of the list in the address; None for the newest page."""
    cursor = st.query_params.get("at")
    return cursor if cursor and _is_cursor(cursor) else None


def show_ignored_values() -> None:
    """Name the values in the address of the list that are ignored, and what is expected instead."""
    if ignored := [*_ignored_values(), *_unknown_parameters(_FILTERS)]:
        _show_ignored(ignored, _remove_ignored_values)


def show_unknown_parameters(known: tuple[str, ...]) -> None:
    """Name the parameters in the address that a page does not know."""
    if ignored := _unknown_parameters(known):
        _show_ignored(ignored, lambda: _remove_unknown_parameters(known))


def _show_ignored(ignored: list[str], remove: Callable[[], None]) -> None:
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(
            f":orange[:material/link_off:] Ignored in the address: {'; '.join(ignored)}.",
            width="stretch",
        )
        st.button("Remove", key="remove-ignored", on_click=remove)


def _unknown_parameters(known: tuple[str, ...]) -> list[str]:
    unknown = [name for name in st.query_params if name not in known]
    return [_ignored(repr(name), ", ".join(known) or "no parameter") for name in unknown]


def _remove_unknown_parameters(known: tuple[str, ...]) -> None:
    _remove_parameters([name for name in st.query_params if name not in known])


def _remove_parameters(names: Collection[str]) -> None:
    for name in [name for name in st.query_params if name in names]:
        del st.query_params[name]


def _ignored_values() -> list[str]:
    ignored = [_ignored(f"status {name!r}", f"one of {_STATUSES}") for name in _unknown_statuses()]
    if (cursor := st.query_params.get("at")) and not _is_cursor(cursor):
        ignored.append(_ignored(f"at {cursor!r}", "the cursor of a page of the list"))
    if (length := len(_search_text().strip())) > MAX_SEARCH_LENGTH:
        found = f"the end of {_SEARCH}, which has {length} characters"
        ignored.append(_ignored(found, f"at most {MAX_SEARCH_LENGTH}"))
    return ignored


def _ignored(found: str, expected: str) -> str:
    if len(found) > _SHOWN:
        found = f"{found[:_SHOWN]}…"
    return plain(f"{found} (expected {expected})")


def _unknown_statuses() -> list[str]:
    names = dict.fromkeys(st.query_params.get_all("status"))
    return [name for name in names if name and name.upper() not in set(Status)]


def _is_cursor(text: str) -> bool:
    try:
        Cursor.read(text, Sort.NEWEST)
    except InvalidInput:
        return False
    return True


def _remove_ignored_values() -> None:
    """Remove the ignored values from the address; the others stay."""
    _remove_unknown_parameters(_FILTERS)
    if current_cursor() is None:
        show_newest_page()
    unknown = _unknown_statuses()
    known = [name for name in st.query_params.get_all("status") if name not in unknown]
    st.query_params["status"] = known
    st.session_state[_SEARCH] = _search_text().strip()[:MAX_SEARCH_LENGTH]


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
