"""The form that submits orders, and what happens when it is submitted."""

import time
from concurrent.futures import ThreadPoolExecutor

import streamlit as st

from dashboard.acting import tell, tell_all
from dashboard.launchers import Request, order_form, renew
from dashboard.live import banner, bell
from dashboard.parts import part
from dashboard.server import PLOTLY_PATH
from dashboard.session import house, viewer, watch
from dashboard.texts import plain
from operations.errors import FlowdeckError

AT_ONCE = 8  # starts that are under way at a time
ECHO = 1.5  # seconds within which another click on the same button is none of its own


def start(request: Request) -> FlowdeckError | None:
    """Start one instance; return why it could not be."""
    try:
        house().actions.start(
            request.workflow,
            request.instance_id,
            request.payload,
            viewer(),
            finished_counts=request.is_new_id,
            scheduled_for=request.scheduled_for,
        )
    except FlowdeckError as error:
        return error
    return None


def start_all(requests: list[Request]) -> None:
    """Start what the form asks for, and go where it can be watched."""
    with st.spinner("Submitting…"), ThreadPoolExecutor(AT_ONCE) as pool:
        outcomes = list(pool.map(start, requests))
    watch().refresh()
    errors = [error for error in outcomes if error]
    if errors:
        started = len(requests) - len(errors)
        told = f"{started} of {len(requests)} were submitted. " if len(requests) > 1 else ""
        st.error(f"{told}{plain(str(errors[0]))}", icon=":material/error:")
        return
    renew()
    tell(f"{requests[0].instance_id if len(requests) == 1 else len(requests)} submitted.")
    st.session_state["left_for"] = (time.monotonic(), destination(requests))
    go_on()


@st.fragment
def health() -> None:
    """Say what is away, while it is."""
    look = watch().look()
    bell(look)
    banner(look)


def destination(requests: list[Request]) -> tuple[str, dict[str, str]]:
    """Return the page on which what was submitted can be watched."""
    first = requests[0].instance_id
    if len(requests) == 1:
        return "app_pages/instance.py", {"id": first}
    return "app_pages/instances.py", {"q": first.removesuffix("1")}


def go_on() -> None:
    """Go where the last submission led, if this run is but the echo of a double click on it."""
    left_at, (page, query) = st.session_state.get("left_for", (0.0, ("", {})))
    if left_at and time.monotonic() - left_at < ECHO:
        st.switch_page(page, query_params=query)


preload = part("preload")
go_on()
st.header("New order", anchor=False)
health()
tell_all()
requests = order_form()
if requests:
    start_all(requests)
preload(key="preload", data={"plotly": PLOTLY_PATH.removeprefix("/")})
