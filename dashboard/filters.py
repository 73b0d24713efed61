"""What the list of instances shows, as its address says."""

import streamlit as st

from operations.model import Status
from operations.records import Filter

MOST_SOUGHT = 256  # characters of a search: no id is longer
_SEARCH = "q"  # in the address and in the session: the part of an id that is sought
_ASKS = frozenset({"status", _SEARCH, "at"})
_ANOTHERS = "id"  # which only the address of an instance's page has
_SHOWN, _LEFT = "list", "list-left"  # in the session: the list's last address, and the way from it


def left() -> None:
    """Note that another page than the list is shown."""
    st.session_state[_LEFT] = True


def come_back() -> None:
    """Show what the list showed when it was left, unless the address says what to show.

    Whichever way leads back: the menu has no query, and the browser's own way has the query of the
    page that was left.
    """
    if st.session_state.pop(_LEFT, False) and not _ASKS.intersection(st.query_params):
        st.query_params.from_dict(way_back())
        if _SEARCH in st.query_params:
            st.rerun()  # the search takes its text from the address with which a run begins
    elif _ANOTHERS in st.query_params:  # a busy browser says it once more
        for name, values in way_back().items():
            if name != _SEARCH:  # which keeps its text by itself
                st.query_params[name] = values
        del st.query_params[_ANOTHERS]


def note() -> None:
    """Note what the list shows."""
    asked = {each: st.query_params.get_all(each) for each in st.query_params if each != _SEARCH}
    if text := _sought():
        asked[_SEARCH] = [text]
    st.session_state[_SHOWN] = asked


def _sought() -> str:
    """Return what is typed: in a fragment's run the address still has what was typed before."""
    return str(st.session_state.get(_SEARCH, st.query_params.get(_SEARCH, "")) or "")


def way_back() -> dict[str, list[str]]:
    """Return the query that shows again what the list showed last."""
    return dict(st.session_state.get(_SHOWN, {}))


def wanted() -> Filter:
    """Return the filter that the address asks for."""
    asked = {word.upper() for word in st.query_params.get_all("status")}
    statuses = frozenset(Status(word) for word in asked & set(Status))
    text = _sought().strip()[:MOST_SOUGHT].replace("\0", "\ufffd")  # which no id has
    return Filter(statuses=statuses, text=text)


def cursor() -> str | None:
    """Return the page that the address asks for, None for the newest."""
    return st.query_params.get("at")


def toggle() -> None:
    """Show a status, or show it no longer; all of them, if none is named."""
    message = st.session_state["chips"].get("toggle") or {}
    status = message.get("status")
    chosen = wanted().statuses ^ {Status(status)} if status else frozenset()
    st.query_params["status"] = sorted(each.lower() for each in chosen)
    to_newest()


def to_newest() -> None:
    """Show the first page."""
    st.query_params.pop("at", None)


def turn(to: str | None) -> None:
    """Turn to the page of a cursor."""
    if to is None:
        to_newest()
    else:
        st.query_params["at"] = to


def search() -> None:
    """Ask for a part of the id."""
    st.text_input(
        "Search by id",
        key=_SEARCH,
        bind="query-params",
        placeholder="Search by id",
        label_visibility="collapsed",
        icon=":material/search:",
        on_change=to_newest,
        type="search",
        live=True,
        width=270,  # so that, on a phone, what says whether it is live fits beside it
    )
