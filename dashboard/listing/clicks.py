"""Clicks on the table's buttons: each is carried out once, on the instance whose id it carries.

Streamlit hands on only the latest of several messages that come while a page is busy. So each
message carries all clicks that the page has not seen acknowledged yet.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import streamlit as st

from dashboard.action_results import perform, show_outcomes
from operations.model import STATUS_ACTIONS, Action

AT_ONCE = 8  # actions that are under way at a time
REMEMBERED = 200  # clicks of a session that were dealt with
_HANDLED = "handled"  # in the session: their numbers


def clicked() -> None:
    """Do what the clicks ask for that are new."""
    new = [click for click in _asked() if click["click"] not in handled()]
    st.session_state[_HANDLED] = [*handled(), *(click["click"] for click in new)][-REMEMBERED:]
    wanted = [(Action(click["action"]), str(click["id"])) for click in new if _is_offered(click)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        told = list(pool.map(lambda each: perform(*each), wanted))
    show_outcomes(*told)


def handled() -> list[int]:
    """Return the numbers of the clicks that were dealt with, whatever came of them."""
    return list(st.session_state.get(_HANDLED, []))


def _is_offered(click: dict[str, Any]) -> bool:
    """Whether the table has a button for it: a purge, say, is never done by one click."""
    return click["action"] in STATUS_ACTIONS


def _asked() -> list[dict[str, Any]]:
    message = st.session_state["table"].get("act") or {}
    return list(message.get("clicks", []))
