"""What the pages have done for the operator, and how they say what came of it."""

import streamlit as st

from dashboard.session import house, viewer, watch
from dashboard.texts import plain
from operations.errors import FlowdeckError
from operations.model import Action

_SAID = "said"  # in the session: what the next run tells
_DONE = {Action.PAUSE: "is paused", Action.RESUME: "goes on", Action.TERMINATE: "is terminated"}


def act(action: Action, instance_id: str) -> None:
    """Do it, and have the outcome told."""
    try:
        acted = house().actions.act(action, instance_id, viewer())
    except FlowdeckError as error:
        tell(str(error), icon=":material/warning:")
    else:
        already = "" if acted.changed else " already"
        tell(f"{instance_id} {_DONE[action]}{already}.")
    watch().refresh()


def tell(message: str, *, icon: str = ":material/check:") -> None:
    """Have a message told by the next run, whichever page that is."""
    st.session_state.setdefault(_SAID, []).append((message, icon))


def tell_all() -> None:
    """Tell what there is to tell."""
    for message, icon in st.session_state.pop(_SAID, []):
        st.toast(plain(message), icon=icon)
