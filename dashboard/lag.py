"""How far the recorder is behind, what it costs, and whether traces arrive: in words."""

import streamlit as st

from dashboard.durations import in_words
from dashboard.snapshot import Look
from operations.records import Measures


def lag(look: Look) -> None:
    """Offer what the recorder measured of itself when the page was last drawn."""
    if look.measures is None:
        return
    with st.popover("", icon=":material/speed:", help="The recorder", type="tertiary"):
        for line in told(look.measures, look.behind):
            st.caption(line)


def told(measures: Measures, behind: int | None) -> list[str]:
    """Return measures as sentences; `behind` is how many instances are still to be read."""
    return [f"Recorder: {_state(measures, behind)}.", _reads(measures), _traces(measures)]


def _state(measures: Measures, behind: int | None) -> str:
    """Return which it is: not known yet, catching up, nothing to do, or a lag that was measured."""
    if behind is None:
        return "how much the engine has is not known yet"
    if behind:
        return f"catching up, {_instances(behind)} still to be read{_left(measures, behind)}"
    if measures.lag_p50 is None or measures.lag_p95 is None:
        return "it has read everything, and nothing has happened for a minute"
    median, p95 = in_words(measures.lag_p50), in_words(measures.lag_p95)
    return f"{median} behind in the middle, 95 % within {p95}, over the last minute"


def _instances(number: int) -> str:
    return "1 instance is" if number == 1 else f"{number:,} instances are"


def _left(measures: Measures, behind: int) -> str:
    """Return how long that takes at the present pace: each instance is one state that is read."""
    return f", about {in_words(behind / measures.states)} more" if measures.states else ""


def _reads(measures: Measures) -> str:
    reads = measures.states + measures.histories + measures.lists
    parts = f"{measures.states:.1f} states, {measures.histories:.1f} histories"
    return f"{reads:.1f} reads a second: {parts}, {measures.lists:.1f} lists."


def _traces(measures: Measures) -> str:
    if not measures.traces:
        return "No traces arrive: queue and run are not told apart."
    dropped = f"; {measures.dropped:,} were dropped" if measures.dropped else ""
    return f"Traces arrive, with {measures.hints:.1f} hints a second{dropped}."
