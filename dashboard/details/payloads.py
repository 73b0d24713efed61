"""Payloads and failures as they are: never as markup."""

import json

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard.markdown import plain
from operations.model import Failure, parse_payload

MOST_SHOWN = 100_000  # characters


def payload(place: DeltaGenerator, title: str, text: str | None) -> None:
    """Show a payload: JSON as JSON, anything else as the text it is."""
    place.markdown(f"**{title}**")
    if text is None:
        place.caption("None.")
        return
    lines = _in_lines(text) if len(text) <= MOST_SHOWN else None
    place.code(lines or text[:MOST_SHOWN], language="json" if lines else None, wrap_lines=True)
    if len(text) > MOST_SHOWN:
        place.caption(f"The first {MOST_SHOWN:,} of {len(text):,} characters.")


def _in_lines(text: str) -> str | None:
    """Return a JSON object or list laid out in lines; not by `st.json`, which rounds numbers."""
    value = parse_payload(text)
    try:
        return (
            json.dumps(value, indent=2, ensure_ascii=False)
            if isinstance(value, dict | list)
            else None
        )
    except RecursionError:
        return None


def failure(reason: Failure | None) -> None:
    """Show why an instance failed, with its stack."""
    if reason is None:
        return
    st.error(
        f"**{plain(reason.error_type or 'Failed')}**  \n{plain(reason.message)}",
        icon=":material/error:",
    )
    if reason.stack_trace:
        with st.expander("Stack trace"):
            st.code(reason.stack_trace, language=None)
