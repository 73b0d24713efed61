"""The question before Terminate, which a setting switches on: a confirmation and a reason."""

from collections.abc import Iterable

import streamlit as st

from dashboard.action_results import perform, session_results
from dashboard.markdown import plain
from dashboard.services import page_settings
from operations.actions.context import MAX_REASON_LENGTH
from operations.model import Action

NAMED = 5  # instances that the question names; the others are counted
_ASKED = "terminate-question"  # in the session state: the ids of the instances
_REASON = "terminate-reason"  # the key of the field


def asks_before_terminate() -> bool:
    """Return whether Terminate asks for a confirmation and a reason."""
    return page_settings().confirm_terminate


def ask_to_terminate(ids: Iterable[str]) -> None:
    """Let the next rerun ask whether to terminate the instances, and those it asks for already."""
    if asked := tuple(dict.fromkeys((*asked_to_terminate(), *ids))):
        st.session_state[_ASKED] = asked


def asked_to_terminate() -> tuple[str, ...]:
    """Return the ids of the instances that the question is about; empty without a question."""
    ids: tuple[str, ...] = st.session_state.get(_ASKED, ())
    return ids


def show_question() -> None:
    """Show the question if there is one; it stays until it is answered or closed."""
    if ids := asked_to_terminate():
        _question(ids)


def _forget() -> None:
    st.session_state.pop(_ASKED, None)


@st.dialog("Terminate?", icon=":material/stop:", on_dismiss=_forget)
def _question(ids: tuple[str, ...]) -> None:
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
            _forget()
            st.rerun()
    if is_confirmed and not reason:
        st.error("Give a reason.")
    elif is_confirmed:
        _terminate(ids, reason)
        st.rerun()


def _terminate(ids: Iterable[str], reason: str) -> None:
    results = session_results()
    _forget()
    results.add(*(perform(Action.TERMINATE, each, reason) for each in ids))
