"""The panel of the selected bar: times, payloads, error and events of one attempt."""

from collections.abc import Iterable, Sequence
from datetime import datetime

import streamlit as st

from dashboard.attempt.rerun_form import offer_rerun
from dashboard.details.payloads import show_failure, show_payload
from dashboard.gantt.bars_table import times_of
from dashboard.gantt.baselines import read_baselines
from dashboard.gantt.children import find
from dashboard.gantt.durations import comparison
from dashboard.gantt.frame import frame_of
from dashboard.gantt.hover import status_words
from dashboard.gantt.selection import select
from dashboard.listing.table_data import address
from dashboard.live.banner import zone
from dashboard.markdown import plain
from dashboard.times import clock_time, in_words
from dashboard.widgets import widget
from operations.actions import RerunFrom
from operations.errors import FlowdeckError
from operations.history import NO_END, HistoryEvent
from operations.run_view import View
from operations.timeline import CALLS, Span, SpanKind, event_key

MAX_TITLE = 300  # characters
_page_link = widget("page_link")
_SUSPENSION_EVENTS = frozenset({"executionSuspended", "executionResumed"})


def show_selected(shown: View, key: str) -> None:
    """Show the span with this key, or the whole run; say so if it cannot be shown."""
    with st.container(border=True, gap="small"):
        try:
            found = find(shown, key)
        except FlowdeckError as error:
            _head(shown, "The bar cannot be shown now.")
            st.caption(plain(str(error)))
            return
        if found is None:
            _head(shown, "This run has no such bar.")
            st.caption("The address may belong to another run, or the workflow continued as new.")
        elif found[1] is None:
            _show_run(shown)
        else:
            _show_span(shown, found[0], found[1])


def _head(shown: View, title: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{plain(title[:MAX_TITLE])}**", width="stretch")
        st.button(
            "Close",
            key="gantt-close",
            icon=":material/close:",
            type="tertiary",
            on_click=select,
            args=(shown.key, None),
        )


def _show_run(shown: View) -> None:
    _head(shown, f"{shown.summary.workflow or 'workflow'}, the whole run")
    facts = [f"run {shown.summary.status.lower()}"]
    if frame := frame_of(shown):
        if frame.seconds is not None:
            facts.append(f"duration {in_words(frame.seconds)}")
        if frame.first_turn_at:
            queue = (frame.first_turn_at - frame.started_at).total_seconds()
            facts.append(f"queue time {in_words(queue)}")
        facts.append(f"started {_clock(frame.started_at)}")
        if frame.comparison:
            facts.append(frame.comparison)
    st.markdown(" · ".join(map(plain, facts)))
    offer_rerun(shown, RerunFrom.FIRST)


def _show_span(shown: View, of: View, span: Span) -> None:
    """Show a span; `of` is the view of its instance: `shown`, or a descendant."""
    name = span.name or span.kind.value
    is_in_child = of is not shown
    _head(shown, f"{name} in the child {of.summary.instance_id}" if is_in_child else name)
    st.markdown(" · ".join(map(plain, _facts(of, span))))
    if span.instance_id and span.kind is SpanKind.CHILD:
        _link_child(span.instance_id, span.app_id)
    show_failure(span.failure, f"bar-{of.key}-{span.event_id}")
    _show_payloads(of, span)
    if events := events_of(span, of.details.history or ()):
        st.caption("  \n".join(map(_event_words, events)))
    if span.kind is not SpanKind.SUSPENSION:
        offer_rerun(of, span.event_id)


def _facts(of: View, span: Span) -> Iterable[str]:
    """Yield status, attempt, times and comparison of a span."""
    yield status_words(span)
    if span.kind in CALLS and span.attempt_count > 1:
        yield f"attempt {span.attempt_number} of {span.attempt_count}"
    if span.copied:
        yield "copied from the source of the rerun"
    queue, execution = times_of(span)
    if queue:
        yield f"queue time {queue}"
    if execution:
        is_call = span.kind is SpanKind.ACTIVITY
        yield f"execution time {execution}" if is_call else f"duration {execution}"
    yield f"scheduled {_clock(span.scheduled_at)}"
    if span.due:
        yield f"due {_clock(span.due)}"
    if words := comparison(span, read_baselines(of.summary, [span]).get((span.kind, span.name))):
        yield words


def _show_payloads(of: View, span: Span) -> None:
    if span.kind is SpanKind.WAIT:
        if span.output is not None:
            show_payload(st.container(), "Payload of the event", span.output)
    elif span.kind in CALLS:
        if of.details.history is None:
            st.caption("Input and output can be shown as soon as the history can be read.")
            return
        left, right = st.columns(2)
        show_payload(left, "Input", span.input)
        show_payload(right, "Output", span.output)


def events_of(span: Span, history: Sequence[HistoryEvent]) -> list[HistoryEvent]:
    """Return the events of a span: the one that scheduled it, and its answer."""
    if span.kind is SpanKind.SUSPENSION:
        ends = {span.scheduled_at, span.ended_at}
        return [e for e in history if e.kind in _SUSPENSION_EVENTS and e.timestamp in ends]
    return [event for event in history if _is_of(event, span)]


def _is_of(event: HistoryEvent, span: Span) -> bool:
    if event.kind == "eventRaised":
        is_its_name = event_key(event.name) == event_key(span.name)
        return span.kind is SpanKind.WAIT and is_its_name and event.timestamp == span.ended_at
    if event.answers is not None:
        return event.answers == span.event_id
    return event.event_id == span.event_id >= 0 and event.kind != "executionCompleted"


def _event_words(event: HistoryEvent) -> str:
    number = f" #{event.event_id}" if event.event_id >= 0 else ""
    due = f", due {_clock(event.fire_at)}" if event.fire_at and event.fire_at.year < NO_END else ""
    return plain(f"{_clock(event.timestamp)} {event.kind}{number}{due}")


def _link_child(instance_id: str, app_id: str | None) -> None:
    if app_id:
        st.markdown(
            f"The child {plain(instance_id)} is an instance of the application {plain(app_id)}."
        )
    else:
        link = {"href": address(instance_id), "label": f"Open {instance_id}"}
        _page_link(key=f"open-child-{instance_id}", data=link)


def _clock(time: datetime) -> str:
    """Return a time in the viewer's zone, to the millisecond; with the date if it is not today."""
    return f"{clock_time(time, zone())}.{time.microsecond // 1000:03}"
