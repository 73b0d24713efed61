"""How far the recorder is behind, what it costs, and whether traces arrive: in words."""

import streamlit as st

from dashboard.durations import in_words
from dashboard.live.system_state import SystemState
from operations.records import RecorderMetrics


def lag(state: SystemState) -> None:
    """Offer what the recorder measured of itself when the page was last drawn."""
    if state.metrics is None:
        return
    with st.popover("", icon=":material/speed:", help="The recorder", type="tertiary"):
        for line in describe(state.metrics, state.backlog):
            st.caption(line)


def describe(metrics: RecorderMetrics, backlog: int | None) -> list[str]:
    """Return metrics as sentences; `backlog` is the number of instances still to be read."""
    return [f"Recorder: {_state(metrics, backlog)}.", _reads(metrics), _traces(metrics)]


def _state(metrics: RecorderMetrics, backlog: int | None) -> str:
    """Return which it is: not known yet, catching up, nothing to do, or a lag that was measured."""
    if backlog is None:
        return "how much the engine has is not known yet"
    if backlog:
        return f"catching up, {_instances(backlog)} still to be read{_left(metrics, backlog)}"
    if metrics.lag_p50 is None or metrics.lag_p95 is None:
        return "it has read everything, and nothing has happened for a minute"
    median, p95 = in_words(metrics.lag_p50), in_words(metrics.lag_p95)
    return f"{median} behind in the middle, 95 % within {p95}, over the last minute"


def _instances(number: int) -> str:
    return "1 instance is" if number == 1 else f"{number:,} instances are"


def _left(metrics: RecorderMetrics, backlog: int) -> str:
    """Return how long that takes at the present pace: each instance is one state that is read."""
    return f", about {in_words(backlog / metrics.states)} more" if metrics.states else ""


def _reads(metrics: RecorderMetrics) -> str:
    reads = metrics.states + metrics.histories + metrics.lists
    parts = f"{metrics.states:.1f} states, {metrics.histories:.1f} histories"
    return f"{reads:.1f} reads a second: {parts}, {metrics.lists:.1f} lists."


def _traces(metrics: RecorderMetrics) -> str:
    if not metrics.traces:
        return "No traces arrive: queue and run are not told apart."
    dropped = f"; {metrics.dropped:,} were dropped" if metrics.dropped else ""
    return f"Traces arrive, with {metrics.hints:.1f} hints a second{dropped}."
