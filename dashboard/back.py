"""The link from an instance's page back to the list as it was left."""

from urllib.parse import urlencode

import streamlit as st

from dashboard.filters import way_back
from dashboard.parts import part

_CLICKED = "went-back"  # in the session

_back = part("back")


def back_link() -> None:
    """Show the link; once it was clicked, go there."""
    if st.session_state.pop(_CLICKED, False):
        st.switch_page("app_pages/instances.py", query_params=way_back())
    query = urlencode(way_back(), doseq=True)
    # Not `st.page_link`, whose address in another tab is that of the page it stands on.
    _back(key="back", data={"href": f"./?{query}"}, on_back_change=_clicked)


def _clicked() -> None:
    st.session_state[_CLICKED] = True
