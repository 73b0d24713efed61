"""Shows payloads and failures as plain text, never as markup."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard.markdown import plain
from operations.json_texts import indented
from operations.mixed_workers import explain
from operations.model import Failure

MAX_LENGTH = 100_000  # characters of a payload
MAX_MESSAGE, MAX_MESSAGE_LINES = 600, 8  # of a failure: more would push the Gantt out of view
MAX_STACK_TRACE = 20_000  # characters
MAX_UNSCROLLED, MAX_LINES = 3000, 24  # characters and lines of a text that is shown at its height
BOX_HEIGHT = 480  # pixels


def show_payload(place: DeltaGenerator, title: str, text: str | None) -> None:
    """Show a payload: indented if it is a JSON object or list, else as it is."""
    place.markdown(f"**{title}**")
    if text is None:
        place.caption("None.")
        return
    lines = indented(text) if len(text) <= MAX_LENGTH else None
    _code(place, lines or text[:MAX_LENGTH], language="json" if lines else None)
    if len(text) > MAX_LENGTH:
        place.caption(f"The first {MAX_LENGTH:,} of {len(text):,} characters.")


def show_failure(reason: Failure | None, key: str, workers: int | None = None) -> None:
    """Show a failure with its stack trace; a long text is cut until someone asks for all of it.

    `key` identifies the failure on the page. `workers` is the number of connected workers, None if
    it is unknown: a mix of workers is named as the cause.
    """
    if reason is None:
        return
    title = plain(_with_ellipsis(reason.error_type or "Failed"))
    st.error(f"**{title}**  \n{plain(_with_ellipsis(reason.message))}", icon=":material/error:")
    if cause := explain(reason, workers):
        st.warning(cause, icon=":material/call_split:")
    _offer_all(st.container(), reason.message, len(_beginning(reason.message)), f"message-{key}")
    if reason.stack_trace:
        place = st.expander("Stack trace")
        _code(place, reason.stack_trace[:MAX_STACK_TRACE], language=None)
        _offer_all(place, reason.stack_trace, MAX_STACK_TRACE, f"stack-trace-{key}")


def _beginning(text: str) -> str:
    """Return the lines and characters of a text that fit in a panel."""
    return "\n".join(text[:MAX_MESSAGE].split("\n")[:MAX_MESSAGE_LINES])


def _with_ellipsis(text: str) -> str:
    """Return the beginning of a text, with an ellipsis if the text is longer."""
    first = _beginning(text)
    return first if len(first) == len(text) else f"{first}…"


def _offer_all(place: DeltaGenerator, text: str, shown: int, key: str) -> None:
    """Offer the whole text, in a box of limited height, if not all characters are shown."""
    if len(text) > shown and place.toggle(f"Show all {len(text):,} characters", key=f"all-{key}"):
        _code(place, text, language=None)


def _code(place: DeltaGenerator, text: str, language: str | None) -> None:
    """Show a text as it is; the box of a long text has a limited height, and scrolls."""
    is_long = len(text) > MAX_UNSCROLLED or text.count("\n") > MAX_LINES
    place.code(
        text, language=language, wrap_lines=True, height=BOX_HEIGHT if is_long else "content"
    )
