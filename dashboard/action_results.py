"""Performs the operator's actions and shows their results as toasts."""

from dataclasses import dataclass

import streamlit as st

from dashboard.markdown import plain
from dashboard.services import services, state_watcher, viewer
from operations.actions import ActionContext
from operations.errors import FlowdeckError
from operations.model import Action

_MESSAGES = "action-messages"  # in the session state: shown by the next run
_RESULTS = {Action.PAUSE: "is paused", Action.RESUME: "goes on", Action.TERMINATE: "is terminated"}


@dataclass(frozen=True)
class ActionMessage:
    """The result of an action, as the operator reads it."""

    message: str
    icon: str = ":material/check:"


def act(action: Action, instance_id: str) -> None:
    """Perform the action; the next run shows its result and reads the state again."""
    show_outcomes(perform(action, instance_id))


def perform(action: Action, instance_id: str) -> ActionMessage:
    """Perform the action and return its result; may run in a thread without a session."""
    try:
        acted = services().actions.change_status(action, instance_id, ActionContext(viewer()))
    except FlowdeckError as error:
        return ActionMessage(str(error), ":material/warning:")
    already = "" if acted.changed else " already"
    return ActionMessage(f"{instance_id} {_RESULTS[action]}{already}.")


def show_outcomes(*messages: ActionMessage) -> None:
    """Add messages, and make the next run read the state again."""
    state_watcher().refresh()
    add_message(*messages)


def add_message(*messages: ActionMessage) -> None:
    """Keep messages for the session's next run, whichever page it shows."""
    st.session_state.setdefault(_MESSAGES, []).extend(messages)


def show_messages() -> None:
    """Show the messages that were added since the last run."""
    for each in st.session_state.pop(_MESSAGES, []):
        st.toast(plain(each.message), icon=each.icon)
