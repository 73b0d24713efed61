"""Clicks on the buttons of the table: each click acts once, on the instance whose id it carries.

Streamlit delivers only the latest of several messages that arrive while a page is busy. Therefore
each message carries all clicks that the page has not acknowledged yet.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import streamlit as st

from dashboard.action_results import AT_ONCE, perform, session_results
from dashboard.terminate_question import ask_to_terminate, asks_before_terminate
from operations.model import STATUS_ACTIONS, Action

REMEMBERED = 200  # handled clicks that a session remembers
_HANDLED = "handled"  # in the session state: numbers of clicks


def handle_clicks() -> None:
    """Perform the actions of the new clicks."""
    results = session_results()
    new = [click for click in _clicks() if click["click"] not in handled()]
    wanted = [(Action(click["action"]), str(click["id"])) for click in new if _is_offered(click)]
    if asks_before_terminate():
        ends = [instance_id for action, instance_id in wanted if action is Action.TERMINATE]
        ask_to_terminate(ends)
        wanted = [each for each in wanted if each[0] is not Action.TERMINATE]
    # Streamlit may end this function at an access to the session state: this must be the last one.
    st.session_state[_HANDLED] = [*handled(), *(click["click"] for click in new)][-REMEMBERED:]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        performed = list(pool.map(lambda each: perform(*each), wanted))
    results.add(*performed)


def handled() -> list[int]:
    """Return the numbers of the handled clicks, whatever their outcome."""
    return list(st.session_state.get(_HANDLED, []))


def _is_offered(click: dict[str, Any]) -> bool:
    """Return True if the table has a button for the action; a purge, for example, has none."""
    return click["action"] in STATUS_ACTIONS


def _clicks() -> list[dict[str, Any]]:
    message = st.session_state["table"].get("act") or {}
    return list(message.get("clicks", []))
