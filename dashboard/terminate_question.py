"""The question before Terminate, which a setting switches on: a confirmation and a reason."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress

import streamlit as st

from dashboard.markdown import plain
from dashboard.services import page_settings, services
from operations.actions.context import MAX_REASON_LENGTH
from operations.errors import FlowdeckError

Runs = Mapping[str, int | None]
"""The `run_id` of each instance id; None for whatever run has the id, without the ledger."""
Terminate = Callable[[Runs, str], None]
"""Terminates runs for a reason."""

NAMED = 5  # instances that the question names; the others are counted
_ASKED = "terminate-question"  # in the session state: `Runs`
_REASON = "terminate-reason"  # the key of the field


def asks_before_terminate() -> bool:
    """Return whether Terminate asks for a confirmation and a reason."""
    return page_settings().confirm_terminate


def ask_to_terminate(ids: Iterable[str]) -> None:
    """Let the next rerun ask whether to terminate the instances, and those it asks for already.

    The question is about the runs that the ids have now: it may stay open for a long time.
    """
    if runs := _current_runs(ids):
        st.session_state[_ASKED] = {**st.session_state.get(_ASKED, {}), **runs}


def _current_runs(ids: Iterable[str]) -> Runs:
    runs: dict[str, int | None] = dict.fromkeys(ids)
    with suppress(FlowdeckError):
        found = services().ledger.runs.latest_by_id(runs)
        runs |= {each: run.run_id for each, run in found.items()}
    return runs


def show_question(terminate: Terminate) -> None:
    """Show the question if there is one; it stays until it is answered or closed."""
    if runs := st.session_state.get(_ASKED):
        _question(runs, terminate)


def forget_question() -> None:
    """Close the question."""
    st.session_state.pop(_ASKED, None)


@st.dialog("Terminate?", icon=":material/stop:", on_dismiss=forget_question)
def _question(runs: Runs, terminate: Terminate) -> None:
    ids = list(runs)
    more = f" and {len(ids) - NAMED:,} more" if len(ids) > NAMED else ""
    what = "This instance" if len(ids) == 1 else f"These {len(ids):,} instances"
    st.markdown(f"**{plain(', '.join(ids[:NAMED]))}**{more}")
    st.markdown(
        f"{what} will end without a result, with all children that are still running. Activities "
        "in progress run to their end. Nothing resumes a terminated instance."
    )
    reason = st.text_input(
        "Reason (for the audit log)", key=_REASON, max_chars=MAX_REASON_LENGTH
    ).strip()
    with st.container(horizontal=True):
        is_confirmed = st.button("Terminate", type="primary", key="terminate-confirmed")
        if st.button("Cancel", key="terminate-cancelled"):
            forget_question()
            st.rerun()
    if is_confirmed and not reason:
        st.error("Give a reason.")
    elif is_confirmed:
        terminate(runs, reason)
        st.rerun()
