"""Performs the operator's actions and shows their results.

Each result is a toast, which is seen wherever the page is scrolled. A failure also stays on all
pages of the session until it is dismissed, or until the same action on the same instance succeeds.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime

import streamlit as st

from dashboard.live.banner import zone
from dashboard.markdown import plain
from dashboard.services import services, state_reader, viewer
from operations.actions import ActionContext, PurgeOptions
from operations.errors import (
    ActionInProgress,
    DaprRefused,
    FlowdeckError,
    OutcomeUnknown,
    Unavailable,
)
from operations.model import Action

MAX_SHOWN = 5  # failures; the others are counted
FEW = 2  # failures that are dismissed one by one
_MESSAGES = "action-messages"  # in the session state: shown by the next rerun
_FAILURES = "action-failures"  # in the session state, by action and instance
_RESULTS = {Action.PAUSE: "paused", Action.RESUME: "resumed", Action.TERMINATE: "terminated"}


@dataclass(frozen=True)
class PerformedAction:
    """An action on an instance and its result; `error` is None if it succeeded."""

    action: Action
    instance_id: str
    text: str
    error: FlowdeckError | None = None
    at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def title(self) -> str:
        """The action, the instance, and what is known about the failure."""
        known = "not carried out" if isinstance(self.error, Unavailable) else "refused"
        if isinstance(self.error, OutcomeUnknown):
            known = "outcome unknown"
        return f"{self.action.capitalize()} {self.instance_id}: {known}"

    @property
    def can_be_retried(self) -> bool:
        """True if the same action may succeed later; a purge is asked for again on the page."""
        if self.action is Action.PURGE:
            return False
        return isinstance(self.error, Unavailable | ActionInProgress | DaprRefused)


Failures = dict[tuple[Action, str], PerformedAction]


def act(action: Action, instance_id: str) -> None:
    """Perform the action; the next rerun shows its result and reads the state again."""
    add_results(perform(action, instance_id))


def perform(action: Action, instance_id: str) -> PerformedAction:
    """Perform the action and return its result; may run in a thread without a session."""
    try:
        result = services().actions.change_status(action, instance_id, ActionContext(viewer()))
    except FlowdeckError as error:
        return PerformedAction(action, instance_id, str(error), error)
    already = "" if result.changed else "already "
    return PerformedAction(action, instance_id, f"{instance_id} is {already}{_RESULTS[action]}.")


def purge_by_force(instance_id: str, run_id: int | None) -> None:
    """Purge a run by force; the next rerun shows the result and reads the state again."""
    context = ActionContext(viewer(), run_id=run_id)
    try:
        services().actions.purge(instance_id, context, PurgeOptions(force=True))
    except FlowdeckError as error:
        result = PerformedAction(Action.PURGE, instance_id, str(error), error)
    else:
        text = f"{instance_id} is archived and purged."
        result = PerformedAction(Action.PURGE, instance_id, text)
    add_results(result)


def add_results(*results: PerformedAction) -> None:
    """Add results, and make the next rerun read the state again."""
    state_reader().refresh()
    for result in results:
        dismiss(result.action, result.instance_id)
        if result.error:
            _failures()[result.action, result.instance_id] = result
            add_messages(result.title, icon=":material/warning:")
        else:
            add_messages(result.text)


def add_messages(*texts: str, icon: str = ":material/check:") -> None:
    """Keep messages for the next rerun of the session, whichever page it shows."""
    st.session_state.setdefault(_MESSAGES, []).extend((text, icon) for text in texts)


def dismiss(action: Action, instance_id: str) -> None:
    """Forget the failure of an action on an instance."""
    _failures().pop((action, instance_id), None)


def dismiss_all() -> None:
    """Forget all failures."""
    _failures().clear()


def show_messages() -> None:
    """Show the messages that were added since the last rerun, and all failures."""
    for text, icon in st.session_state.pop(_MESSAGES, []):
        st.toast(plain(text), icon=icon)
    with st.container():  # always present, because an element that appears resets the tabs
        if newest := list(_failures().values())[::-1]:
            _show_failures(newest)


def _show_failures(newest: list[PerformedAction]) -> None:
    """Show failures with their buttons."""
    with st.container(border=True, gap="xsmall"):
        for failure in newest[:MAX_SHOWN]:
            _show_failure(failure)
        if len(newest) > FEW:
            older = len(newest) - MAX_SHOWN
            label = f"Dismiss all, with {older} older" if older > 0 else "Dismiss all"
            with st.container(horizontal=True, horizontal_alignment="right"):
                st.button(label, key="dismiss-all", type="tertiary", on_click=dismiss_all)


def _show_failure(failure: PerformedAction) -> None:
    key = failure.action, failure.instance_id
    time = plain(f"(at {failure.at.astimezone(zone()):%H:%M:%S}).")
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        st.markdown(
            f":red[:material/error:] **{plain(failure.title)}** {time} {plain(failure.text)}",
            width="stretch",
        )
        if failure.can_be_retried:
            st.button("Retry", key=f"retry-{'-'.join(key)}", on_click=act, args=key)
        st.button(
            "Dismiss", key=f"dismiss-{'-'.join(key)}", type="tertiary", on_click=dismiss, args=key
        )


def _failures() -> Failures:
    """Return the failures of this session, the newest last."""
    failures: Failures = st.session_state.setdefault(_FAILURES, {})
    return failures
