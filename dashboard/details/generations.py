"""The earlier generations of a workflow that continued as new."""

import streamlit as st

from dashboard.gantt.chart import draw
from dashboard.live.banner import zone
from dashboard.services import house, watch
from operations.errors import Unavailable
from operations.records import EarlierGenerations, Generation
from operations.run_view import View
from operations.timeline import Span, Timeline


def earlier_generations(shown: View, now: int) -> None:
    """Say how many are kept, and show the attempts of the one that is chosen."""
    if shown.summary.generation == 1:
        return
    st.caption(_told(shown.summary.generation, shown.kept))
    if not shown.kept.newest:
        return
    chosen = st.selectbox(
        "Earlier generation",
        shown.kept.newest,
        format_func=_named,
        index=None,
        placeholder="Look at an earlier generation",
        label_visibility="collapsed",
        key=f"generation-{shown.summary.run_id}",
    )
    if chosen:
        _attempts(shown, chosen.number, now)


def _told(generation: int, kept: EarlierGenerations) -> str:
    return (
        f"It continued as new: this is generation {generation:,} of those that were seen. "
        f"Of the earlier ones {_many(kept.attempts, 'attempt')} "
        f"in {_many(kept.generations, 'generation')} are kept."
    )


def _named(generation: Generation) -> str:
    began = generation.first_turn_at.astimezone(zone())
    attempts = _many(generation.attempts, "attempt")
    return f"Generation {generation.number:,}, {began:%d %b %H:%M:%S}: {attempts}"


def _many(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def _attempts(shown: View, number: int, now: int) -> None:
    key = shown.summary.run_id
    try:
        spans = watch().ask(
            ("generation", key, number), lambda: house().ledger.runs.attempts(key, number)
        )
    except Unavailable:
        st.caption("It cannot be read now.")
        return
    if spans:
        draw("generation", f"{key}-{number}", shown, (_timeline(spans), spans[0].scheduled_at), now)


def _timeline(spans: tuple[Span, ...]) -> Timeline:
    """Return the stretch of time in which the attempts were."""
    ends = [span.ended_at for span in spans if span.ended_at]
    return Timeline(spans[0].scheduled_at, max(ends, default=None), spans)
