"""The head of a live page: its title, the indicator of live updates, banners, failed actions."""

import streamlit as st

from dashboard.action_results import show_failed_actions
from dashboard.listing.address_filter import show_unknown_parameters
from dashboard.live.banner import banner, catching_up
from dashboard.live.system_state import SystemState
from dashboard.live.widget import live_updates


def page_head(title: str, state: SystemState, parameters: tuple[str, ...]) -> None:
    """Show the head of a page whose address has these parameters."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.header(title, anchor=False, width="stretch")
        live_updates(state)
    with st.container():  # always present: a new banner must not shift the page
        banner(state)
        catching_up(state)
        show_unknown_parameters(parameters)
    show_failed_actions()
