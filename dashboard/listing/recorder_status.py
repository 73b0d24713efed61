"""The metrics of the recorder in words: lag, backlog, reads and traces."""

import streamlit as st

from dashboard.live.system_state import SystemState
from dashboard.times import in_words
from operations.recorder_report import RecorderMetrics


def show_recorder_metrics(state: SystemState) -> None:
    """Show whether the list is up to date, as a button that opens the metrics of the recorder.

    Show nothing before the recorder has measured any.
    """
    if state.metrics is None:
        return
    label = in_one_line(state.metrics, state.backlog)
    with st.popover(label, type="tertiary", key="recorder", help="Metrics of the recorder"):
        for line in describe(state.metrics):
            st.caption(line)


def describe(metrics: RecorderMetrics) -> list[str]:
    """Return metrics as sentences."""
    return [*_lag(metrics), _reads(metrics), _traces(metrics)]


def in_one_line(metrics: RecorderMetrics, backlog: int | None) -> str:
    """Return whether the list is up to date; `backlog` is the number of runs left to read."""
    if backlog is None:
        return "The backlog is not known yet"
    if backlog:
        return f"Catching up, {_runs(backlog)} left to read{_time_left(metrics, backlog)}"
    if metrics.lag_p95 is None:
        return "Up to date, no events in the last minute"
    return f"Up to date, lag {metrics.lag_p95:.1f} s"


def _lag(metrics: RecorderMetrics) -> list[str]:
    """Return the lag of the last minute, if events were read in it."""
    if metrics.lag_p50 is None or metrics.lag_p95 is None:
        return []
    p50, p95 = in_words(metrics.lag_p50), in_words(metrics.lag_p95)
    return [f"From an event to its row, in the last minute: p50 {p50}, p95 {p95}."]


def _runs(number: int) -> str:
    return "1 run" if number == 1 else f"{number:,} runs"


def _time_left(metrics: RecorderMetrics, backlog: int) -> str:
    """Return how long the backlog takes at the current rate: each run is one read of a state."""
    return f", about {in_words(backlog / metrics.states)} more" if metrics.states else ""


def _reads(metrics: RecorderMetrics) -> str:
    reads = metrics.states + metrics.histories + metrics.lists
    parts = f"{metrics.states:.1f} states, {metrics.histories:.1f} histories"
    return f"{reads:.1f} reads per second: {parts}, {metrics.lists:.1f} lists."


def _traces(metrics: RecorderMetrics) -> str:
    if not metrics.traces:
        return "No traces arrive: queue time and execution time cannot be separated."
    dropped = f", {metrics.dropped:,} dropped" if metrics.dropped else ""
    return f"Traces arrive: {metrics.hints:.1f} hints per second{dropped}."
