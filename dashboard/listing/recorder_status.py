"""The metrics of the recorder in words: lag, backlog, reads and traces."""

import streamlit as st

from dashboard.live.system_state import SystemState
from dashboard.times import in_words
from operations.recorder_report import RecorderMetrics


def show_recorder_metrics(state: SystemState) -> None:
    """Show a button that opens the metrics of the recorder; nothing before it has measured any."""
    if state.metrics is None:
        return
    with st.popover("", icon=":material/speed:", help="The recorder", type="tertiary"):
        for line in describe(state.metrics, state.backlog):
            st.caption(line)


def describe(metrics: RecorderMetrics, backlog: int | None) -> list[str]:
    """Return metrics as sentences; `backlog` is the runs left to read, None if unknown."""
    return [f"Recorder: {_state(metrics, backlog)}.", _reads(metrics), _traces(metrics)]


def _state(metrics: RecorderMetrics, backlog: int | None) -> str:
    """Return the backlog, or without a backlog the lag of the last minute."""
    if backlog is None:
        return "the backlog is not known yet"
    if backlog:
        return f"catching up, {_runs(backlog)} left to read{_time_left(metrics, backlog)}"
    if metrics.lag_p50 is None or metrics.lag_p95 is None:
        return "no backlog, and no events in the last minute"
    p50, p95 = in_words(metrics.lag_p50), in_words(metrics.lag_p95)
    return f"lag in the last minute p50 {p50}, p95 {p95}"


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
