"""Shows payloads and failures as plain text, never as markup."""

from functools import lru_cache

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard.details.selected_bar import select_bar
from dashboard.markdown import plain
from operations.failure_groups import original_message
from operations.json_texts import indented, survives_javascript
from operations.mixed_workers import explain
from operations.model import Failure
from operations.records import RunDetails
from operations.stack_traces import own_frames
from operations.timeline import Span

MAX_LENGTH = 100_000  # characters of a payload
MAX_TREE = 20_000  # characters of a payload that is shown as a tree
TREE_DEPTH = 2  # levels of a tree that are unfolded
MAX_MESSAGE, MAX_MESSAGE_LINES = 600, 8  # of a failure: more would push the Gantt out of view
MAX_STACK_TRACE = 20_000  # characters
MAX_NAME = 60  # characters of the name of a step on a button
MAX_UNSCROLLED, MAX_LINES = 3000, 24  # characters and lines of a text that is shown at its height
BOX_HEIGHT = 480  # pixels
LOW_HEIGHT, LOW_LINES, LOW_LENGTH = 160, 5, 240  # pixels; lines and characters that fit in them


def show_input_and_output(details: RunDetails, key: str) -> None:
    """Show input and output side by side, each in a low box; nothing if the run has neither.

    `key` identifies the run on the page.
    """
    if details.input is None and details.output is None:
        return
    for place, title, text in zip(
        st.columns(2), ("Input", "Output"), (details.input, details.output), strict=True
    ):
        with place:
            _show_low(title, text, f"{title.lower()}-{key}")


def _show_low(title: str, text: str | None, key: str) -> None:
    """Show a payload in a low box, and offer all of it if the box hides a part."""
    head = st.container(horizontal=True, vertical_alignment="center")
    lines = (_formatted(text)[0] if text else "").splitlines()
    is_low = len(lines) <= LOW_LINES and len(text or "") <= LOW_LENGTH
    with head:
        st.markdown(f"**{title}**", width="stretch")
        is_whole = is_low or st.toggle(f"Show the whole {title.lower()}", key=f"whole-{key}")
    _show_text(st.container(), text, None if is_whole else LOW_HEIGHT)


def show_payload(place: DeltaGenerator, title: str, text: str | None) -> None:
    """Show a payload: indented if it is a JSON object or list, else as it is."""
    place.markdown(f"**{title}**")
    _show_text(place, text)


def show_tree(place: DeltaGenerator, title: str, text: str | None) -> None:
    """Show a JSON object or list as a tree that can be folded and copied.

    A large one, one that a browser would change (it rounds numbers), and any other payload are
    shown as text.
    """
    if text is None or len(text) > MAX_TREE or not survives_javascript(text):
        show_payload(place, title, text)
        return
    place.markdown(f"**{title}**")
    place.json(text, expanded=TREE_DEPTH)


def _show_text(place: DeltaGenerator, text: str | None, height: int | None = None) -> None:
    """Show a text; `height` limits its box, in pixels."""
    if text is None:
        place.caption("None.")
        return
    lines, language = _formatted(text)
    _code(place, lines, language=language, height=height)
    if len(text) > MAX_LENGTH:
        place.caption(f"The first {MAX_LENGTH:,} of {len(text):,} characters.")


@lru_cache(maxsize=32)  # a page shows the same payloads again after each change
def _formatted(text: str) -> tuple[str, str | None]:
    """Return the text to show, and its language if that is JSON."""
    lines = indented(text) if len(text) <= MAX_LENGTH else None
    return (lines, "json") if lines else (text[:MAX_LENGTH], None)


def show_failure(
    reason: Failure | None, key: str, workers: int | None = None, step: Span | None = None
) -> None:
    """Show a failure with its stack trace; a long text is cut until someone asks for all of it.

    `key` identifies the failure on the page. `workers` is the number of connected workers, None if
    it is unknown: a mix of workers is named as the cause. `step` is the activity or child whose
    failure ended the instance: its own error is shown.
    """
    if reason is None:
        return
    error_type = reason.error_type or "Failed"
    if step and step.failure:
        reason = step.failure
        error_type = f"{_failed(step)}: {reason.error_type}"
    title = plain(_with_ellipsis(error_type))
    message = original_message(reason.message)
    st.error(f"**{title}**  \n{plain(_with_ellipsis(message))}", icon=":material/error:")
    if step:
        st.button(
            f"Show {_cut(step.name)} in the chart",
            key=f"bar-{key}",
            type="tertiary",
            icon=":material/bar_chart:",
            on_click=select_bar,
            args=(step.event_id,),
        )
    if cause := explain(reason, workers):
        st.warning(cause, icon=":material/call_split:")
    _offer_all(st.container(), message, len(_beginning(message)), f"message-{key}")
    if reason.stack_trace:
        _show_stack_trace(st.expander("Stack trace"), reason.stack_trace, key)


def _show_stack_trace(place: DeltaGenerator, trace: str, key: str) -> None:
    """Show the application's own frames; all frames if someone asks, or if none is its own."""
    own = own_frames(trace)
    frames = f"{own.hidden:,} frame{'s' * (own.hidden != 1)} of libraries"
    label = f"Whole stack trace ({frames})"
    if own.hidden and not place.toggle(label, key=f"whole-trace-{key}"):
        trace = own.text
    _code(place, trace[:MAX_STACK_TRACE], language=None)
    _offer_all(place, trace, MAX_STACK_TRACE, f"stack-trace-{key}")


def _cut(name: str) -> str:
    return plain(f"{name[:MAX_NAME]}…" if len(name) > MAX_NAME else name)


def _failed(step: Span) -> str:
    """Return the name and the attempts of a failed step: "charge failed 4 of 4 attempts"."""
    attempts = f" {step.attempt_number} of {step.attempt_count} attempts"
    return f"{step.name} failed{attempts if step.attempt_count > 1 else ''}"


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


def _code(
    place: DeltaGenerator, text: str, language: str | None, height: int | None = None
) -> None:
    """Show a text as it is, in a box of this height; the box of a long text scrolls."""
    is_long = len(text) > MAX_UNSCROLLED or text.count("\n") > MAX_LINES
    place.code(
        text,
        language=language,
        wrap_lines=True,
        height=height or (BOX_HEIGHT if is_long else "content"),
    )
