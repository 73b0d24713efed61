"""The children whose rows a viewer has unfolded, and the spans in them."""

from collections.abc import Iterable

import streamlit as st

from dashboard.gantt.baselines import Baselines, read_baselines
from dashboard.gantt.rows import RUN, Unfolded, parents_of, span_with
from dashboard.gantt.sections import section_of
from dashboard.services import gateway, services, state_reader
from operations.errors import FlowdeckError
from operations.model import Service
from operations.run_view import View, view
from operations.timeline import Span, SpanKind, Timeline

MAX_UNFOLDED = 8  # children of one chart: each one is read again when the ledger changes


def find(shown: View, key: str) -> tuple[View, Span | None] | None:
    """Return the span with a key, and the view of its instance; the span is None for a whole run.

    Returns None if no instance has the span; raises the errors of `child_of`.
    """
    if key == RUN:
        return shown, None
    for parent in parents_of(key):
        child = child_of(shown, span_with(shown.timeline.spans, parent))
        if child is None:
            return None
        shown = child
    span = span_with(shown.timeline.spans, key)
    return (shown, span) if span else None


def child_of(parent: View, span: Span | None) -> View | None:
    """Return the view of a child, None if the span is no child, or of another application.

    Raises `UnknownInstance`, `Unavailable` and `DaprRefused`.
    """
    if span is None or span.kind is not SpanKind.CHILD or span.app_id or not span.instance_id:
        return None
    instance_id, away = span.instance_id, state_reader().state().is_away(Service.SIDECAR)
    found = state_reader().query(
        ("child", instance_id, away),
        lambda: view(
            gateway(),
            services().ledger,
            instance_id,
            dapr_unavailable=away,
            snapshots=services().snapshots,
        ),
        size=lambda found: found.size,
    )
    is_other = found.summary.parent_id not in {None, parent.summary.instance_id}
    return None if is_other else found


def read_unfolded(shown: View, keys: Iterable[str]) -> Unfolded:
    """Return the unfolded children, and why the others cannot be shown."""
    timelines: dict[str, Timeline] = {}
    problems: dict[str, str] = {}
    baselines: dict[str, Baselines] = {}
    for key in keys:
        try:
            found = find(shown, key)
            child = child_of(*found) if found else None
        except FlowdeckError as error:
            problems[key] = str(error)
        else:
            if child:
                timelines[key] = child.timeline
                section = section_of(child.timeline.spans)
                baselines[key] = read_baselines(child.summary, section.single_calls)
            elif found:
                problems[key] = "Another run has taken the id of the child since."
    return Unfolded(timelines, problems, baselines)


def unfolded_keys(key: str, chart_id: str) -> tuple[str, ...]:
    """Return the keys of the children that are unfolded in a chart."""
    of, keys = st.session_state.get(_name(key), ("", ()))
    return tuple(keys) if of == chart_id else ()


def unfold(key: str, chart_id: str, *children: str) -> None:
    """Unfold children of a chart; if there are too many, fold the one that was unfolded first."""
    keys = dict.fromkeys((*unfolded_keys(key, chart_id), *children))
    st.session_state[_name(key)] = chart_id, tuple(keys)[-MAX_UNFOLDED:]


def fold(key: str, chart_id: str, child: str) -> None:
    """Fold a child, and the children in it."""
    kept = (
        each
        for each in unfolded_keys(key, chart_id)
        if child != each and child not in parents_of(each)
    )
    st.session_state[_name(key)] = chart_id, tuple(kept)


def _name(key: str) -> str:
    return f"{key}-unfolded"
