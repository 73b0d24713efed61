"""The link from an instance page back to the list, with the last filter of the list."""

from urllib.parse import urlencode

import streamlit as st

from dashboard.listing.filters import list_query
from dashboard.widgets import widget

_CLICKED = "back-clicked"  # in the session state

_back = widget("back")


def back_link() -> None:
    """Show the link, and switch to the list after a click."""
    if st.session_state.pop(_CLICKED, False):
        st.switch_page("app_pages/instances.py", query_params=list_query())
    query = urlencode(list_query(), doseq=True)
    # The link of `st.page_link` has the address of this page, so it cannot open in another tab.
    _back(key="back", data={"href": f"./?{query}"}, on_back_change=_remember_click)


def _remember_click() -> None:
    st.session_state[_CLICKED] = True
