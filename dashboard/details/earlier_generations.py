"""The earlier generations of a workflow that continued as new."""

import streamlit as st

from dashboard.gantt.chart import draw_chart
from dashboard.live.banner import zone
from dashboard.services import services, state_reader
from operations.errors import Unavailable
from operations.records import EarlierGenerations, Generation
from operations.run_view import View
from operations.timeline import Span, Timeline


def earlier_generations(shown: View, now: int) -> None:
    """Show how many earlier generations are kept, and the attempts of the selected one."""
    if shown.summary.generation == 1:
        return
    st.caption(_summary(shown.summary.generation, shown.earlier_generations))
    if not shown.earlier_generations.newest:
        return
    selected = st.selectbox(
        "Earlier generation",
        shown.earlier_generations.newest,
        format_func=_label,
        index=None,
        placeholder="Select an earlier generation",
        label_visibility="collapsed",
        key=f"generation-{shown.key}",
    )
    if selected:
        _show_attempts(shown, selected.number, now)


def _summary(generation: int, earlier: EarlierGenerations) -> str:
    found = (
        f"The workflow continued as new. This is generation {generation:,} of the generations that "
        "the recorder has read."
    )
    if not earlier.attempts:
        return f"{found} No attempts of earlier generations are kept."
    return (
        f"{found} Kept from earlier generations: {_count(earlier.attempts, 'attempt')} "
        f"in {_count(earlier.generations, 'generation')}."
    )


def _label(generation: Generation) -> str:
    started = generation.first_scheduled_at.astimezone(zone())
    attempts = _count(generation.attempts, "attempt")
    return f"Generation {generation.number:,}, {started:%Y-%m-%d %H:%M:%S}: {attempts}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _show_attempts(shown: View, number: int, now: int) -> None:
    run_id = shown.summary.run_id
    try:
        spans = state_reader().query(
            ("generation", run_id, number),
            lambda: services().ledger.runs.attempts(run_id, number),
        )
    except Unavailable:
        st.caption("This generation cannot be read now.")
        return
    if spans:
        draw_chart("generation", f"{shown.key}-{number}", shown, _timeline(spans), now)


def _timeline(spans: tuple[Span, ...]) -> Timeline:
    """Return a timeline from the first attempt to the end of the last."""
    ends = [span.ended_at for span in spans if span.ended_at]
    return Timeline(spans[0].scheduled_at, max(ends, default=None), spans)
