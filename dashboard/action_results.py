"""What the pages have done for the operator, and how they say what came of it."""

from dataclasses import dataclass

import streamlit as st

from dashboard.markdown import plain
from dashboard.services import house, viewer, watch
from operations.errors import FlowdeckError
from operations.model import Action

_SAID = "said"  # in the session: what the next run tells
_DONE = {Action.PAUSE: "is paused", Action.RESUME: "goes on", Action.TERMINATE: "is terminated"}


@dataclass(frozen=True)
class PeriodStatistics:
    """What is told of an action."""

    message: str
    icon: str = ":material/check:"


def act(action: Action, instance_id: str) -> None:
    """Do it, and have the outcome told, and shown at once."""
    tell_outcomes(act_on(action, instance_id))


def act_on(action: Action, instance_id: str) -> PeriodStatistics:
    """Do it, and return what came of it. Also from threads that have no session."""
    try:
        acted = house().actions.act(action, instance_id, viewer())
    except FlowdeckError as error:
        return PeriodStatistics(str(error), ":material/warning:")
    already = "" if acted.changed else " already"
    return PeriodStatistics(f"{instance_id} {_DONE[action]}{already}.")


def tell_outcomes(*told: PeriodStatistics) -> None:
    """Have what came of actions told, and shown at once."""
    watch().refresh()
    tell(*told)


def tell(*told: PeriodStatistics) -> None:
    """Have it told by the next run, whichever page that is."""
    st.session_state.setdefault(_SAID, []).extend(told)


def tell_all() -> None:
    """Tell what there is to tell."""
    for told in st.session_state.pop(_SAID, []):
        st.toast(plain(told.message), icon=told.icon)
