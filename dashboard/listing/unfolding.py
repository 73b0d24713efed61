"""Which runs of the list show their children, in this session."""

from functools import partial

import streamlit as st

from dashboard.listing.list_data import Children, Listed, read_children
from dashboard.services import services, state_reader
from operations.errors import LedgerUnavailable, QueryTimeout
from operations.records import RunSummary

MAX_UNFOLDED = 20  # runs at once
_UNFOLDED = "unfolded"  # in the session state: the list, and `run_id`s of runs


def unfold() -> None:
    """Remember which runs of the table are unfolded, as its widget says."""
    message = st.session_state["table"].get("unfold") or {}
    run_ids = [each for each in message.get("runs", ()) if isinstance(each, int)]
    st.session_state[_UNFOLDED] = (str(message.get("list")), run_ids[-MAX_UNFOLDED:])


def unfolded_children(listed: Listed, shown_list: str) -> dict[int, Children]:
    """Return the children of the runs that are unfolded in a list, by the `run_id` of the run."""
    of_list, run_ids = st.session_state.get(_UNFOLDED, ("", []))
    if of_list != shown_list:
        return {}
    runs = {each.run_id: each for each in listed.page.runs}
    found = {}
    for run_id in run_ids:
        if run_id not in listed.parents or run_id not in runs:
            continue
        try:
            read = partial(_read, runs[run_id])
            found[run_id] = state_reader().query(("children", run_id), read)
        except (LedgerUnavailable, QueryTimeout):
            continue  # the run stays folded
    return found


def _read(parent: RunSummary) -> Children:
    return read_children(services().ledger, parent)
