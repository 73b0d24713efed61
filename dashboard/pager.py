"""The buttons that turn the pages of a list."""

from collections.abc import Callable

import streamlit as st


def pager_buttons(
    newer: str | None, older: str | None, place: str, show_page: Callable[[str], None]
) -> None:
    """Show the buttons for the newer and the older page; one without a cursor is disabled.

    `place` differs for each pager of a page. `show_page` puts a cursor into the address.
    """
    for label, cursor in (("← Newer", newer), ("Older →", older)):
        st.button(
            label,
            key=f"{label}-{place}",
            on_click=show_page,
            args=(cursor,),
            disabled=cursor is None,
        )
