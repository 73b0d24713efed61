"""The filter, the order and the page of the list, which are kept in the address of the page."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from urllib.parse import quote, urlencode

import streamlit as st

from dashboard.listing.filter_parameters import (
    MAX_SEARCH_LENGTH,
    PAGE,
    PARAMETERS,
    SEARCH,
    SORT,
    Parsed,
    Query,
    cursor_of,
    ignored_values,
    parse,
    without,
)
from dashboard.live.banner import zone
from dashboard.live.fragment_reruns import keep_texts
from dashboard.markdown import plain, shortened
from operations.model import Status
from operations.records import Filter, Sort

_SHOWN = 60  # characters of an ignored value that its message shows
_INSTANCE = ("id", "run_id", "span")  # in the address of an instance
_LIST_QUERY, _LIST_LEFT = "list-query", "list-left"  # in the session state


def remove_parameters_of_other_pages() -> None:
    """Remove the parameters that a page left which a quick first click had opened."""
    _remove_parameters((*PARAMETERS, *_INSTANCE))


def mark_list_left() -> None:
    """Record that a page other than the list is shown."""
    st.session_state[_LIST_LEFT] = True


def restore_filter() -> None:
    """Restore the last filter of the list after another page, unless the address has a filter.

    The link in the menu has no query. After a quick second click, the address may still have the id
    and the run of the instance that the first click opened: they are removed.
    """
    _remove_parameters(_INSTANCE)
    has_filter = any(name in st.query_params for name in PARAMETERS)
    if st.session_state.pop(_LIST_LEFT, False) and not has_filter:
        st.query_params.from_dict(list_query())
        if SEARCH in st.query_params:
            st.rerun()  # the search field reads the address only when a rerun starts


def remember_filter() -> None:
    """Store the list's query in the session state."""
    st.session_state[_LIST_QUERY] = current_query()


def list_query() -> dict[str, list[str]]:
    """Return the last query of the list."""
    return dict(st.session_state.get(_LIST_QUERY, {}))


def query_text(query: Query, *left_out: str) -> str:
    """Return a query as a part of an address, without some of its parameters."""
    kept = {name: values for name, values in query.items() if name not in left_out}
    return urlencode(kept, doseq=True, quote_via=quote)


def address_query() -> dict[str, list[str]]:
    """Return the parameters in the address that have a value."""
    query = {name: st.query_params.get_all(name) for name in st.query_params}
    return {name: values for name, values in query.items() if values}


def current_query() -> dict[str, list[str]]:
    """Return the parameters of the list; during a fragment rerun the address has an old text."""
    query = address_query()
    query.pop(SEARCH, None)
    if text := _search_text():
        query[SEARCH] = [text]
    return query


def _search_text() -> str:
    return str(st.session_state.get(SEARCH, st.query_params.get(SEARCH, "")) or "")


def parsed(query: Query) -> Parsed:
    """Return the filter of a query at this moment, in the time zone of the viewer."""
    return parse(query, datetime.now(UTC), zone())


def current_filter() -> Filter:
    """Return the filter in the address; `show_ignored_values` names the unknown values."""
    return parsed(current_query()).filter


def current_cursor() -> str | None:
    """Return the cursor of the page of the list in the address; None for the first page."""
    return cursor_of(address_query())


def show_ignored_values() -> None:
    """Name the values in the address of the list that are ignored, and what is expected instead."""
    query = current_query()
    ignored = [
        _ignored(f"{each.name} {each.value!r}", each.expected)
        for each in ignored_values(query, parsed(query))
    ]
    if (length := len(_search_text().strip())) > MAX_SEARCH_LENGTH:
        found = f"the end of {SEARCH}, which has {length} characters"
        ignored.append(_ignored(found, f"at most {MAX_SEARCH_LENGTH}"))
    if ignored := [*ignored, *_unknown_parameters(PARAMETERS)]:
        _show_ignored(ignored, _remove_ignored_values)


def ignored_filters(query: Query) -> list[str]:
    """Name the values of filters in a query that are ignored."""
    found = parsed(query).ignored
    return [_ignored(f"{each.name} {each.value!r}", each.expected) for each in found]


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
    unknown = [name for name in address_query() if name not in known]
    return [_ignored(repr(name), ", ".join(known) or "no parameter") for name in unknown]


def _remove_unknown_parameters(known: tuple[str, ...]) -> None:
    _remove_parameters([name for name in st.query_params if name not in known])


def _remove_parameters(names: Collection[str]) -> None:
    for name in [name for name in st.query_params if name in names]:
        del st.query_params[name]


def _ignored(found: str, expected: str) -> str:
    return plain(f"{shortened(found, _SHOWN)} (expected {expected})")


def _remove_ignored_values() -> None:
    """Remove the ignored values from the address; the others stay."""
    query = current_query()
    kept = without(query, ignored_values(query, parsed(query)))
    _remove_unknown_parameters(PARAMETERS)
    st.query_params.update(kept)
    st.session_state[SEARCH] = _search_text().strip()[:MAX_SEARCH_LENGTH]


def change_list(changes: Mapping[str, Sequence[str]]) -> None:
    """Change parameters of the list, and show its first page; an empty one is removed.

    All changes are one step in the history of the browser.
    """
    st.query_params.update({**{name: list(changes[name]) for name in changes}, PAGE: []})


def toggle_status() -> None:
    """Add the clicked status to the filter or remove it; "All" removes all statuses."""
    message = st.session_state["chips"].get("toggle") or {}
    status = message.get("status")
    selected = current_filter().statuses ^ {Status(status)} if status else frozenset()
    change_list({"status": sorted(each.lower() for each in selected)})


def change_sort() -> None:
    """Sort the list as the head of the clicked column says."""
    message = st.session_state["table"].get("sort") or {}
    sort = Sort(str(message.get("sort")))
    change_list({SORT: [] if sort is Sort.NEWEST else [sort.value]})


def remove_filter(name: str) -> None:
    """Remove a parameter of the filter from the address."""
    change_list({name: []})


def show_first_page() -> None:
    """Remove the cursor from the address."""
    st.query_params.pop(PAGE, None)


def show_page(cursor: str | None) -> None:
    """Put the cursor of a page of the list into the address; None for the first page."""
    if cursor is None:
        show_first_page()
    else:
        st.query_params[PAGE] = cursor


def search_field() -> None:
    """Show the field that searches by a part of an id; the first field of the page."""
    keep_texts()
    st.text_input(
        "Search by id",
        key=SEARCH,
        bind="query-params",
        placeholder="Search by id",
        label_visibility="collapsed",
        icon=":material/search:",
        on_change=show_first_page,
        type="search",
        live=True,
        width=270,  # leaves space on a phone for the indicator of live updates
    )
