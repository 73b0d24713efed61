"""Failed actions, which stay on all pages of a tab until they are dismissed or succeed.

The browser keeps them too, because a reload and a restart of the dashboard start a new session. A
failed action is never retried by itself.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

import streamlit as st
from pydantic import BaseModel, Field, TypeAdapter, ValidationError
from streamlit.runtime.scriptrunner import get_script_run_ctx

from dashboard.live.banner import zone
from dashboard.markdown import plain
from dashboard.widgets import widget
from operations.errors import (
    ActionInProgress,
    DaprRefused,
    FlowdeckError,
    OutcomeUnknown,
    Unavailable,
)
from operations.model import STATUS_ACTIONS, Action

MAX_SHOWN = 5  # failures; the others are counted
MAX_HANDLED_SINGLY = 2  # failures up to which each has a toast, and no button dismisses all
_FAILURES = "action-failures"  # in the session state, by action and instance
_RESTORED = "action-failures-restored"  # in the session state
_KEY = "failed-actions"  # of the widget

_keeper = widget("failed_actions", isolated=False)


class FailedAction(BaseModel):
    """An action on an instance that failed: what is known, and why."""

    action: Action
    instance_id: str
    outcome: str
    text: str
    may_succeed: bool
    at: datetime = Field(default_factory=lambda: datetime.now(UTC))

    @property
    def title(self) -> str:
        """The action, the instance, and what is known about the failure."""
        return f"{self.action.capitalize()} {self.instance_id}: {self.outcome}"

    @property
    def can_be_retried(self) -> bool:
        """True if the same action may succeed later; the others are asked for again on the page."""
        return self.may_succeed and self.action in STATUS_ACTIONS


Failures = dict[tuple[Action, str], FailedAction]
_LIST = TypeAdapter(list[FailedAction])


def session_failures() -> Failures:
    """Return the failures of this session, the newest last; callers change this dictionary."""
    failures: Failures = st.session_state.setdefault(_FAILURES, {})
    return failures


def failed_action(action: Action, instance_id: str, error: FlowdeckError) -> FailedAction:
    """Return an action that failed with an error."""
    outcome = "not carried out" if isinstance(error, Unavailable) else "refused"
    if isinstance(error, OutcomeUnknown):
        outcome = "outcome unknown"
    return FailedAction(
        action=action,
        instance_id=instance_id,
        outcome=outcome,
        text=str(error),
        may_succeed=isinstance(error, Unavailable | ActionInProgress | DaprRefused),
    )


def dismiss(action: Action, instance_id: str) -> None:
    """Forget the failure of an action on an instance."""
    session_failures().pop((action, instance_id), None)


def dismiss_all() -> None:
    """Forget all failures."""
    session_failures().clear()


def show_failures(retry: Callable[[Action, str], None]) -> None:
    """Show the failures with their buttons; `retry` performs an action again."""
    context = get_script_run_ctx()
    _keeper(
        key=_KEY,
        data={
            "session": context.session_id if context else "",
            "isNew": _RESTORED not in st.session_state,
            "failures": _LIST.dump_python(list(session_failures().values()), mode="json"),
        },
        on_restore_change=_restore,
    )
    if newest := list(session_failures().values())[::-1]:
        with st.container(border=True, gap="small"):
            for failure in newest[:MAX_SHOWN]:
                _show(failure, retry)
            if len(newest) > MAX_HANDLED_SINGLY:
                _offer_to_dismiss_all(len(newest) - MAX_SHOWN)


def _show(failure: FailedAction, retry: Callable[[Action, str], None]) -> None:
    key = failure.action, failure.instance_id
    time = plain(f"(at {failure.at.astimezone(zone()):%H:%M:%S}).")
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        st.markdown(
            f":red[:material/error:] **{plain(failure.title)}** {time} {plain(failure.text)}",
            width="stretch",
        )
        with st.container(horizontal=True, width="content", gap="small"):
            if failure.can_be_retried:
                st.button("Retry", key=f"retry-{'-'.join(key)}", on_click=retry, args=key)
            st.button(
                "Dismiss",
                key=f"dismiss-{'-'.join(key)}",
                type="tertiary",
                on_click=dismiss,
                args=key,
            )


def _offer_to_dismiss_all(older: int) -> None:
    label = f"Dismiss all, with {older} older" if older > 0 else "Dismiss all"
    with st.container(horizontal=True, horizontal_alignment="right"):
        st.button(label, key="dismiss-all", type="tertiary", on_click=dismiss_all)


def _restore() -> None:
    """Add the failures that the browser has kept from an earlier session of the tab."""
    sent: dict[str, Any] = st.session_state.get(_KEY) or {}
    try:
        kept: Iterable[FailedAction] = _LIST.validate_python(sent.get("restore"))
    except ValidationError:  # of another version of the dashboard
        kept = []
    st.session_state[_FAILURES] = {(each.action, each.instance_id): each for each in kept} | (
        session_failures()
    )
    st.session_state[_RESTORED] = True
