"""Performs the operator's actions and shows their results.

Each result is a toast, which is visible wherever the page is scrolled. A failure also stays.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import streamlit as st

from dashboard.failed_actions import (
    MAX_HANDLED_SINGLY,
    Failures,
    failed_action,
    session_failures,
    show_failures,
)
from dashboard.markdown import plain
from dashboard.services import services, state_reader, viewer
from dashboard.terminate_question import (
    Runs,
    ask_to_terminate,
    asks_before_terminate,
    forget_question,
    show_question,
)
from operations.actions import ActionContext, PurgeOptions
from operations.errors import FlowdeckError
from operations.model import Action

AT_ONCE = 8  # concurrent actions
SUCCESS, _WARNING = ":material/check:", ":material/warning:"  # icons of messages
_MESSAGES = "action-messages"  # in the session state: shown by the next rerun
_RESULTS = {Action.PAUSE: "paused", Action.RESUME: "resumed", Action.TERMINATE: "terminated"}


@dataclass(frozen=True)
class PerformedAction:
    """An action on an instance and its result; `error` is None if it succeeded."""

    action: Action
    instance_id: str
    text: str
    error: FlowdeckError | None = None


@dataclass(frozen=True)
class SessionResults:
    """What a session shows of its actions: messages with their icons, and failures.

    A later click may replace a rerun. Streamlit then ends the rerun at its next access to the
    session state. Therefore this object is read before an action, and changed after it.
    """

    messages: list[tuple[str, str]]
    failures: Failures

    def add(self, *results: PerformedAction) -> None:
        """Add results, and make the next rerun read the state again."""
        failed = []
        for each in results:
            key = each.action, each.instance_id
            self.failures.pop(key, None)  # the newest is the last
            if each.error:
                self.failures[key] = failure = failed_action(*key, each.error)
                failed.append(failure.title)
            else:
                self.messages.append((each.text, SUCCESS))
        if len(failed) > MAX_HANDLED_SINGLY:  # more toasts would cover the failures and buttons
            failed = [f"{len(failed)} actions failed."]
        self.messages.extend((text, _WARNING) for text in failed)
        state_reader().refresh()


def session_results() -> SessionResults:
    """Return the messages and the failures of this session."""
    return SessionResults(messages(), session_failures())


def act_or_ask(action: Action, instance_id: str) -> None:
    """Perform the action, or ask whether to terminate the instance if a setting wants it."""
    if action is Action.TERMINATE and asks_before_terminate():
        ask_to_terminate([instance_id])
    else:
        act(action, instance_id)


def act(action: Action, instance_id: str) -> None:
    """Perform the action; the next rerun shows its result and reads the state again."""
    results = session_results()
    results.add(perform(action, instance_id))


def terminate(runs: Runs, reason: str) -> None:
    """Terminate runs; the next rerun shows the results and reads the state again."""
    results = session_results()
    forget_question()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        performed = pool.map(lambda each: perform(Action.TERMINATE, each, reason, runs[each]), runs)
        results.add(*performed)


def perform(
    action: Action, instance_id: str, reason: str = "", run_id: int | None = None
) -> PerformedAction:
    """Perform the action and return its result; may run in a thread without a session."""
    try:
        context = ActionContext(viewer(), reason, run_id=run_id)
        result = services().actions.change_status(action, instance_id, context)
    except FlowdeckError as error:
        return PerformedAction(action, instance_id, str(error), error)
    already = "" if result.changed else "already "
    return PerformedAction(action, instance_id, f"{instance_id} is {already}{_RESULTS[action]}.")


def purge_by_force(instance_id: str, run_id: int | None) -> None:
    """Purge a run by force; the next rerun shows the result and reads the state again."""
    results, context = session_results(), ActionContext(viewer(), run_id=run_id)
    try:
        services().actions.purge(instance_id, context, PurgeOptions(force=True))
    except FlowdeckError as error:
        result = PerformedAction(Action.PURGE, instance_id, str(error), error)
    else:
        text = f"{instance_id} is archived and purged."
        result = PerformedAction(Action.PURGE, instance_id, text)
    results.add(result)


def messages() -> list[tuple[str, str]]:
    """Return the list of this session's messages, with their icons; callers add to it."""
    found: list[tuple[str, str]] = st.session_state.setdefault(_MESSAGES, [])
    return found


def show_messages() -> None:
    """Show the messages that were added since the last rerun.

    Call this function last in the live fragment of a page. A message is shown once: if another page
    replaced the rerun after it, the browser would drop the message.
    """
    waiting = messages()
    while waiting:
        text, icon = waiting[0]
        st.toast(plain(text), icon=icon)  # a later click may end the rerun here
        del waiting[0]


def show_failed_actions() -> None:
    """Show the failed actions of this session, and the question before Terminate."""
    with st.container():  # always present, because an element that appears resets the tabs
        show_failures(retry=act_or_ask)
    show_question(terminate)
