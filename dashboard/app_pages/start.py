"""The page that starts any workflow of the application, now or at a time."""

from datetime import UTC, datetime, timedelta

import streamlit as st

from dashboard.action_results import SUCCESS, messages, show_messages
from dashboard.live.banner import zone
from dashboard.live.page_head import page_head
from dashboard.markdown import plain
from dashboard.orders.start_time import RequestedStart, read_start
from dashboard.services import services, state_reader, viewer
from dashboard.start.prefill import last_input
from dashboard.start.start_state import (
    AT,
    ID,
    NAME,
    PARAMETERS,
    REASON,
    TEXT,
    choose_workflow,
    fill_fields,
    fill_last_input,
    start_state,
    typed_start,
)
from dashboard.start.typed_start import (
    TypedStart,
    excerpt,
    has_mistake,
    input_mistake,
    why_no_id,
    why_no_workflow,
)
from dashboard.workflow_names import workflow_names
from operations.actions import ActionContext
from operations.actions.context import MAX_REASON_LENGTH
from operations.errors import FlowdeckError

WIDTH = 860  # pixels
UNKNOWN_WORKFLOW = (
    "Flowdeck knows no run of this workflow. If the application does not have it, its worker fails "
    "the instance at once; in Python the error is OrchestratorNotRegisteredError."
)
STYLE = f".st-key-{TEXT} textarea {{font-family: var(--st-code-font, monospace)}}"


@st.fragment
def head() -> None:
    """Show the head of the page; rerun the page once the ledger can be read again."""
    state = state_reader().state()
    # After a start the address keeps the id of the instance for a moment, and so does Back.
    page_head("Start", state, (*PARAMETERS, "id"))
    show_messages()
    unread = start_state().unread
    if unread and unread != state.version:
        start_state().unread = ""
        st.rerun()


def fields() -> None:
    """Show the fields, each with its mistake below it."""
    state, typed, known = start_state(), typed_start(), workflow_names()
    state.unread = state_reader().state().version if known is None else ""
    st.selectbox(
        "Workflow",
        sorted({*(known or ()), *filter(None, [typed.workflow])}),
        index=None,
        key=NAME,
        accept_new_options=True,
        placeholder="Choose a workflow, or type its name",
        on_change=choose_workflow,
    )
    with st.container():
        about_workflow(typed.workflow, known)
    st.text_area(
        "Input (JSON; empty: null)", key=TEXT, height=240, placeholder='{"order_id": "ORDER001"}'
    )
    with st.container():
        about_input(typed)
    left, right = st.columns(2)
    with left:
        st.text_input("Instance id", key=ID, max_chars=200)
        with st.container():
            mistake(why_no_id(typed.instance_id))
    with right:
        st.datetime_input(
            f"Start at, in {zone()} (empty: now)",
            None,
            key=AT,
            format="YYYY-MM-DD",
            step=timedelta(minutes=1),
        )
        with st.container():
            start = requested_start(typed)
            mistake(start.mistake)
            if start.note:
                st.caption(plain(start.note))
    st.text_input("Reason (for the audit log)", key=REASON, max_chars=MAX_REASON_LENGTH)
    with st.container():
        mistake(state.error)
    st.button(
        "Start workflow",
        key="start-submit",
        type="primary",
        icon=":material/play_arrow:",
        on_click=submit,
    )


def about_workflow(workflow: str, known: tuple[str, ...] | None) -> None:
    """Warn about an invalid name, and about a name that is not in `known`, the names of runs."""
    if workflow and (words := why_no_workflow(workflow)):
        mistake(words)
    elif known is None:
        st.info("The names and the inputs of earlier runs appear once the ledger can be read.")
    elif workflow and workflow not in known:
        st.warning(UNKNOWN_WORKFLOW)
    if missing := start_state().prefill.missing:
        st.warning(plain(missing))


def about_input(typed: TypedStart) -> None:
    """Show the mistake in the input, the run that it is from, and a button for the last input."""
    state = start_state()
    if found := input_mistake(typed.text):
        mistake(str(found))
        st.code(excerpt(typed.text, found), None)
    elif state.prefill.source and typed.text == state.filled:
        st.caption(plain(f"{state.prefill.source}."))
    last = last_input(typed.workflow) if typed.workflow else None
    if last and last.text not in {"", typed.text}:
        st.button(
            "Use the last input of this workflow",
            key="start-use-last",
            type="tertiary",
            icon=":material/history:",
            on_click=fill_last_input,
        )


def mistake(words: str) -> None:
    """Show a mistake, if there is one."""
    if words:
        st.error(plain(words))


def requested_start(typed: TypedStart) -> RequestedStart:
    """Return the time to start, or the mistake in it."""
    return read_start(typed.at_text, zone(), datetime.now(UTC))


def submit() -> None:
    """Start the instance; if that succeeds, its page opens next.

    A second click may arrive before this one is answered. Its start then finds the instance of the
    first, and adds no second message.
    """
    # The session state is read before the start: see `StartState`.
    state, waiting, typed = start_state(), messages(), typed_start()
    start = requested_start(typed)
    if has_mistake(typed, start):
        state.error = "" if typed.workflow else why_no_workflow("")
        return
    is_new_id = typed.instance_id in {state.suggested, state.started}
    try:
        request = typed.request(start, is_new_id=is_new_id)
        result = services().actions.start(request, ActionContext(viewer(), typed.reason))
    except FlowdeckError as error:
        state.error = str(error)
    else:
        if result.created or state.started != result.instance_id:
            already = "" if result.created else " already"
            waiting.append((f"{result.instance_id} was{already} started.", SUCCESS))
        state.error, state.started, state.opens = "", result.instance_id, result.instance_id
    state_reader().refresh()


def open_started() -> None:
    """Open the page of the instance that was started."""
    state = start_state()
    if instance_id := state.opens:
        state.opens = ""
        st.switch_page("app_pages/instance.py", query_params={"id": instance_id})


open_started()
fill_fields()
head()
st.html(f"<style>{STYLE}</style>")
with st.container(width=WIDTH):
    fields()
