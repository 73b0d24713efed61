"""The form that reruns an instance from a bar: what is kept, what runs again, and the new input."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import streamlit as st

from dashboard.action_results import PerformedAction, session_results
from dashboard.gantt.figure import MAX_NAME
from dashboard.listing.table_data import address
from dashboard.live.banner import why_no_actions
from dashboard.markdown import plain
from dashboard.services import services, state_reader, viewer
from dashboard.widgets import widget
from operations.actions import ActionContext, RerunFrom, RerunRequest
from operations.actions.context import MAX_REASON_LENGTH
from operations.actions.rerun import suggested_id
from operations.errors import FlowdeckError
from operations.history import HistoryEvent, TimerOrigin
from operations.json_texts import find_mistake, indented
from operations.model import INSTANCE_ID, Action, allowed_actions, is_startable_id
from operations.records import RunSummary
from operations.run_view import View
from operations.timeline.rerun_plan import RerunPlan

_page_link = widget("page_link")
MAX_INPUT = 100_000  # characters of an input that can be edited
MAX_NAMES = 12  # of steps, in each list
MAX_ID_LENGTH = 64
_FORM = "rerun-form"  # in the session state
_INPUT, _ID, _REASON = "rerun-input-", "rerun-id-", "rerun-reason-"  # keys of the fields


@dataclass
class RerunForm:
    """An open form: its run, the event to start from, and the suggested id.

    `made` is the id of the created instance, None until then.
    """

    view_key: str
    start: int | RerunFrom
    new_id: str
    made: str | None = None


def offer_rerun(shown: View, start: int | RerunFrom) -> None:
    """Offer a rerun from an event, or say why it is impossible; show the form while it is open."""
    words = "Rerun from the start…" if isinstance(start, RerunFrom) else "Rerun from here…"
    reason = why_not(shown.summary) or why_no_actions(state_reader().state())
    form = _open_form(shown, start)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            words,
            key=f"rerun-{shown.key}-{start}",
            icon=":material/replay:",
            disabled=reason is not None or form is not None,
            on_click=_open,
            args=(shown.key, shown.summary.instance_id, start),
        )
        if reason:
            st.caption(plain(reason))
    with st.container():  # always present, because an element that appears would move the others
        if form and form.made:
            _show_made(form, form.made)
        elif form and reason is None:
            _show_form(shown, form)


def why_not(summary: RunSummary) -> str | None:
    """Return why a run cannot be run again, None if it can."""
    if not summary.is_latest:
        return "An earlier run cannot run again: the engine has only the latest run of an id."
    if summary.purged_at:
        return "The engine no longer has this instance."
    if Action.RERUN not in allowed_actions(summary.status):
        status, remedy = summary.status, "Wait for its end, or terminate it."
        words = f"Only a finished run can run again; this one is {status.lower()}."
        return f"{words} {remedy}" if Action.TERMINATE in allowed_actions(status) else words
    if summary.parent_id:
        return f"A child cannot run again by itself: rerun its parent {summary.parent_id}."
    return None


def _open_form(shown: View, start: int | RerunFrom) -> RerunForm | None:
    form: RerunForm | None = st.session_state.get(_FORM)
    is_this = form and (form.view_key, form.start) == (shown.key, start)
    return form if is_this else None


def _open(view_key: str, instance_id: str, start: int | RerunFrom) -> None:
    st.session_state[_FORM] = RerunForm(view_key, start, suggested_id(instance_id))


def _close() -> None:
    st.session_state.pop(_FORM, None)


def _show_made(form: RerunForm, new_id: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f":green[:material/check:] Runs again as **{plain(new_id)}**.")
        link = {"href": address(new_id), "label": "Open the new instance"}
        _page_link(key=f"open-rerun-{new_id}", data=link)
        st.button("Done", key=f"rerun-done-{form.new_id}", type="tertiary", on_click=_close)


def _show_form(shown: View, form: RerunForm) -> None:
    instance_id, start = shown.summary.instance_id, form.start
    try:
        plan = state_reader().query(
            ("rerun plan", instance_id, shown.summary.run_id, start),
            lambda: services().actions.rerun_plan(RerunRequest(instance_id, start)),
        )
    except FlowdeckError as error:
        st.warning(plain(str(error)))
        st.button("Cancel", key=f"rerun-cancel-{form.new_id}", on_click=_close)
        return
    _show_plan(plan)
    before = _show_input(plan, form)
    left, right = st.columns(2)
    left.text_input(
        "Id of the new instance", form.new_id, key=f"{_ID}{form.new_id}", max_chars=MAX_ID_LENGTH
    )
    right.text_input(
        "Reason (for the audit log)", key=f"{_REASON}{form.new_id}", max_chars=MAX_REASON_LENGTH
    )
    mistake = _mistake(form, before)
    if mistake:
        st.error(plain(mistake))
    with st.container(horizontal=True):
        st.button(
            "Rerun",
            key=f"rerun-submit-{form.new_id}",
            type="primary",
            disabled=mistake is not None,
            on_click=_submit,
            args=(form, shown.summary, before),
        )
        st.button("Cancel", key=f"rerun-cancel-{form.new_id}", on_click=_close)


def _show_plan(plan: RerunPlan) -> None:
    """Show which steps keep their results, which run again, and which events are lost."""
    kept, again, later = st.columns(3)
    for place, title, events, nothing in (
        (kept, "Kept, with the results", plan.kept, "Nothing: everything runs again."),
        (again, "Runs again at once", plan.again, "Nothing."),
        (later, "Runs again when the workflow gets there", plan.later, "Nothing."),
    ):
        place.markdown(f"**{title}**")
        if names := step_names(events):
            place.markdown("\n".join(f"- {plain(name)}" for name in names))
        else:
            place.caption(nothing)
    if plan.raised_after:
        raised = dict.fromkeys((event.name or "")[:MAX_NAME] for event in plan.raised_after)
        lost = ", ".join([*raised][:MAX_NAMES])
        st.warning(
            f"The workflow waits again for the events that came later: {plain(lost)}.",
            icon=":material/bolt:",
        )


def step_names(events: Iterable[HistoryEvent]) -> list[str]:
    """Return each step once, with the number of its calls; a bounded number of steps."""
    counts = Counter(_step(event) for event in events)
    names = [f"{name} × {count}" if count > 1 else name for name, count in counts.items()]  # noqa: RUF001 - a multiplication sign
    more = len(names) - MAX_NAMES
    return names if more <= 0 else [*names[:MAX_NAMES], f"{more:,} more"]


def _step(event: HistoryEvent) -> str:
    name = (event.name or "")[:MAX_NAME]
    if event.kind != "timerCreated":
        return name or event.kind
    if event.origin is TimerOrigin.EXTERNAL_EVENT:
        return f"wait for the event {name}"
    is_retry = event.origin in {TimerOrigin.ACTIVITY_RETRY, TimerOrigin.CHILD_RETRY}
    return "back-off before a retry" if is_retry else f"timer {name}".strip()


def _show_input(plan: RerunPlan, form: RerunForm) -> str | None:
    """Show the input of the step; return its text, None if it cannot be edited."""
    name, text = (plan.event.name or "the step")[:MAX_NAME], plan.event.payload or ""
    if not plan.takes_input:
        return None
    if len(text) > MAX_INPUT:
        st.caption(f"The input of {plain(name)} has {len(text):,} characters: it stays as it is.")
        return None
    before = indented(text) or text
    st.text_area(
        f"Input of {plain(name)} (JSON)", before, key=f"{_INPUT}{form.new_id}", height="content"
    )
    return before


def _new_input(form: RerunForm, before: str | None) -> str | None:
    """Return the input that the viewer has typed, None if it is as before."""
    typed = str(st.session_state.get(f"{_INPUT}{form.new_id}") or "")
    return None if before is None or typed.strip() == before.strip() else typed


def _mistake(form: RerunForm, before: str | None) -> str | None:
    """Return the mistake in the fields, None without one."""
    if not is_startable_id(st.session_state[f"{_ID}{form.new_id}"].strip()):
        return f"The id must be {INSTANCE_ID}."
    payload = _new_input(form, before)
    if payload is None:
        return None
    if not payload.strip():
        return "The input is empty. Type null for a step without an input."
    mistake = find_mistake(payload)
    return str(mistake) if mistake else None


def _submit(form: RerunForm, summary: RunSummary, before: str | None) -> None:
    """Start the rerun; a second click starts no other one, because the id is the same.

    The fields are read here: a click right after typing comes before the next run of the script.
    """
    if form.made or _mistake(form, before):
        return
    results, instance_id = session_results(), summary.instance_id
    new_id = st.session_state[f"{_ID}{form.new_id}"].strip()
    reason = st.session_state[f"{_REASON}{form.new_id}"].strip()
    request = RerunRequest(instance_id, form.start, new_id, _new_input(form, before))
    try:
        context = ActionContext(viewer(), reason, run_id=summary.run_id or None)
        made = services().actions.rerun(request, context)
    except FlowdeckError as error:
        results.add(PerformedAction(Action.RERUN, instance_id, str(error), error))
    else:
        form.made = made.instance_id
        text = f"{instance_id} runs again as {made.instance_id}."
        results.add(PerformedAction(Action.RERUN, instance_id, text))
