"""How far the recorder is behind, what it costs, and whether traces arrive: in words."""

import streamlit as st

from dashboard.charts import in_words
from dashboard.watch import Look
from operations.records import Measures


def lag(look: Look) -> None:
    """Offer what the recorder measured of itself when the page was last drawn."""
    if look.measures is None:
        return
    with st.popover("", icon=":material/speed:", help="The recorder", type="tertiary"):
        for line in told(look.measures):
            st.caption(line)


def told(measures: Measures) -> list[str]:
    """Return measures as sentences."""
    return [f"Recorder: {_behind(measures)}.", _reads(measures), _traces(measures)]


def _reads(measures: Measures) -> str:
    reads = measures.states + measures.histories + measures.lists
    parts = f"{measures.states:.1f} states, {measures.histories:.1f} histories"
    return f"{reads:.1f} reads a second: {parts}, {measures.lists:.1f} lists."


def _traces(measures: Measures) -> str:
    if not measures.traces:
        return "No traces arrive: queue and run are not told apart."
    dropped = f"; {measures.dropped:,} were dropped" if measures.dropped else ""
    return f"Traces arrive, with {measures.hints:.1f} hints a second{dropped}."


def _behind(measures: Measures) -> str:
    if measures.lag_p50 is None or measures.lag_p95 is None:
        return "nothing happened within the last minute"
    return f"{in_words(measures.lag_p50)} behind, 95 % within {in_words(measures.lag_p95)}"
