"""Performs the operator's actions and shows their results as toasts."""

from dataclasses import dataclass

import streamlit as st

from dashboard.markdown import plain
from dashboard.services import services, state_reader, viewer
from operations.actions import ActionContext
from operations.errors import FlowdeckError
from operations.model import Action

_MESSAGES = "action-messages"  # in the session state: shown by the next rerun
_RESULTS = {Action.PAUSE: "paused", Action.RESUME: "resumed", Action.TERMINATE: "terminated"}


@dataclass(frozen=True)
class ActionMessage:
    """The result of an action as a toast: its text and its icon."""

    text: str
    icon: str = ":material/check:"


def act(action: Action, instance_id: str) -> None:
    """Perform the action; the next rerun shows its result and reads the state again."""
    add_results(perform(action, instance_id))


def perform(action: Action, instance_id: str) -> ActionMessage:
    """Perform the action and return its result; may run in a thread without a session."""
    try:
        result = services().actions.change_status(action, instance_id, ActionContext(viewer()))
    except FlowdeckError as error:
        return ActionMessage(str(error), ":material/warning:")
    already = "" if result.changed else "already "
    return ActionMessage(f"{instance_id} is {already}{_RESULTS[action]}.")


def add_results(*messages: ActionMessage) -> None:
    """Add messages, and make the next rerun read the state again."""
    state_reader().refresh()
    add_messages(*messages)


def add_messages(*messages: ActionMessage) -> None:
    """Keep messages for the next rerun of the session, whichever page it shows."""
    st.session_state.setdefault(_MESSAGES, []).extend(messages)


def show_messages() -> None:
    """Show the messages that were added since the last rerun."""
    for message in st.session_state.pop(_MESSAGES, []):
        st.toast(plain(message.text), icon=message.icon)
