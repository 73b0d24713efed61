"""Shows payloads and failures as plain text, never as markup."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard.markdown import plain
from operations.json_texts import indented
from operations.model import Failure

MAX_LENGTH = 100_000  # characters


def show_payload(place: DeltaGenerator, title: str, text: str | None) -> None:
    """Show a payload: indented if it is a JSON object or list, else as it is."""
    place.markdown(f"**{title}**")
    if text is None:
        place.caption("None.")
        return
    lines = indented(text) if len(text) <= MAX_LENGTH else None
    place.code(lines or text[:MAX_LENGTH], language="json" if lines else None, wrap_lines=True)
    if len(text) > MAX_LENGTH:
        place.caption(f"The first {MAX_LENGTH:,} of {len(text):,} characters.")


def show_failure(reason: Failure | None) -> None:
    """Show a failure with its stack trace."""
    if reason is None:
        return
    st.error(
        f"**{plain(reason.error_type or 'Failed')}**  \n{plain(reason.message)}",
        icon=":material/error:",
    )
    if reason.stack_trace:
        with st.expander("Stack trace"):
            st.code(reason.stack_trace, language=None)
