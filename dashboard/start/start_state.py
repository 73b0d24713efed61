"""What the page "Start" keeps in a session: the values of its fields, and what filled them."""

from dataclasses import dataclass, field

import streamlit as st

from dashboard.start.prefill import Prefill, last_input, read_prefill
from dashboard.start.typed_start import TypedStart, suggested_id

LIKE, RUN, WORKFLOW = "like", "run_id", "workflow"  # in the address
PARAMETERS = (LIKE, RUN, WORKFLOW)
NAME, TEXT, ID, AT, REASON = (f"start-{name}" for name in ("name", "text", "id", "at", "reason"))
_STATE = "start-state"

_Address = tuple[str, str, str]


@dataclass
class StartState:
    """The address that has filled the fields, the suggestions, and the last submission.

    `workflow` is the one for which the fields were filled. `filled` is the input that was filled
    in, so that what someone has typed is never replaced.
    `error` is why the last start failed. `opens` is the instance whose page opens next.
    `started` is the last started instance. `unread` is the version of the system's state in which
    the ledger could not be read, empty if it could.

    A later click may replace a rerun. Streamlit then ends the rerun at its next access to the
    session state. Therefore this object is read before a start, and changed after it.
    """

    address: _Address | None = None
    prefill: Prefill = field(default_factory=Prefill)
    workflow: str = ""
    suggested: str = ""
    filled: str = ""
    error: str = ""
    opens: str = ""
    started: str = ""
    unread: str = ""


def start_state() -> StartState:
    """Return the state of the page in this session."""
    state: StartState = st.session_state.setdefault(_STATE, StartState())
    return state


def typed_start() -> TypedStart:
    """Return the values of the fields."""
    values = st.session_state
    return TypedStart(
        workflow=(values.get(NAME) or "").strip(),
        text=values.get(TEXT) or "",
        instance_id=(values.get(ID) or "").strip(),
        at=values.get(AT),
        reason=(values.get(REASON) or "").strip(),
    )


def fill_fields() -> None:
    """Fill the fields at the first run of the page, and when its address has changed."""
    state, query = start_state(), st.query_params
    address = query.get(LIKE, ""), query.get(RUN, ""), query.get(WORKFLOW, "")
    if state.address == address and ID in st.session_state:
        return
    state.address, state.error = address, ""
    prefill = read_prefill(*address)
    state.workflow = prefill.workflow
    st.session_state[NAME] = prefill.workflow or None
    _fill(state, prefill)
    _suggest(state, prefill.workflow)


def choose_workflow() -> None:
    """Fill in the last input of the chosen workflow, and an id, unless someone has typed others.

    A click that arrives after the browser has left the page comes with the workflow as if it had
    just been chosen: the id must stay, because a second id would start a second instance.
    """
    state, typed = start_state(), typed_start()
    if typed.workflow == state.workflow:
        return
    state.workflow, state.error = typed.workflow, ""
    if typed.instance_id in {"", state.suggested}:
        _suggest(state, typed.workflow)
    if typed.text.strip() in {"", state.filled.strip()}:
        fill_last_input()


def fill_last_input() -> None:
    """Fill in the last input of the chosen workflow."""
    workflow = typed_start().workflow
    _fill(start_state(), last_input(workflow) if workflow else Prefill())


def _fill(state: StartState, prefill: Prefill) -> None:
    state.prefill, state.filled = prefill, prefill.text
    st.session_state[TEXT] = prefill.text


def _suggest(state: StartState, workflow: str) -> None:
    state.suggested = st.session_state[ID] = suggested_id(workflow)
