"""The form that submits orders, and what happens when it is submitted."""

from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote, urlencode

import streamlit as st

from dashboard.action_results import add_messages, show_messages
from dashboard.listing.table_data import address
from dashboard.live.banner import banner
from dashboard.live.widget import live_updates
from dashboard.orders.order_form import Outcome, order_form
from dashboard.server import PLOTLY_PATH
from dashboard.services import services, state_reader, viewer
from dashboard.widgets import widget
from operations.actions import ActionContext, StartRequest, StartResult
from operations.errors import FlowdeckError, OutcomeUnknown

AT_ONCE = 8  # concurrent starts
NAMED = 5  # instances that an error message names
# In the session state: an order was accepted in this run, and the browser opens its page next.
_ACCEPTED, _LEAVES = "order-accepted", "leaves-form"


def start(request: StartRequest) -> StartResult | FlowdeckError:
    """Start one instance; return the result, or the error that refused it."""
    try:
        return services().actions.start(request, ActionContext(viewer()))
    except FlowdeckError as error:
        return error


def start_all(requests: list[StartRequest]) -> Outcome:
    """Start all requests; the next page shows a message if something was started.

    A double click submits the form twice with the same ids: the second start finds the instances
    of the first.
    """
    with ThreadPoolExecutor(AT_ONCE) as pool:
        results = list(pool.map(start, requests))
    state_reader().refresh()
    failed = {
        request.instance_id: result
        for request, result in zip(requests, results, strict=True)
        if isinstance(result, FlowdeckError)
    }
    if failed:
        return failure(requests, failed)
    st.session_state[_ACCEPTED] = True
    # No message if a repeated submit of a typed id only found the instances of the first.
    if any(request.is_new_id for request in requests) or any(
        isinstance(result, StartResult) and result.created for result in results
    ):
        one = len(requests) == 1
        started = requests[0].instance_id if one else f"{len(requests)} orders"
        add_messages(f"{started} submitted.")
    return Outcome(href=destination(requests))


def failure(requests: list[StartRequest], failed: dict[str, FlowdeckError]) -> Outcome:
    """Return which instances were not started, and why; link to the started ones."""
    error = next(iter(failed.values()))
    known = "Not known to be submitted" if isinstance(error, OutcomeUnknown) else "Not submitted"
    named = ", ".join(list(failed)[:NAMED])
    more = f" and {len(failed) - NAMED} more" if len(failed) > NAMED else ""
    text = f"{known}: {named}{more}. {error}"
    started = len(requests) - len(failed)
    if len(requests) > 1:
        text = f"{started} of {len(requests)} submitted. {text}"
    return Outcome(error=text, link=destination(requests) if started else None)


@st.fragment
def head() -> None:
    """Show the title, the banner during an outage, and failed actions."""
    state = state_reader().state()
    with st.container(horizontal=True, vertical_alignment="center"):
        st.header("New order", anchor=False)
        live_updates(state)
    with st.container():
        banner(state)
    if not st.session_state[_LEAVES]:  # else the next page shows the message
        show_messages()


def destination(requests: list[StartRequest]) -> str:
    """Return the address of the page that shows the submitted instances."""
    first = requests[0].instance_id
    if len(requests) == 1:
        return address(first)
    return f"./?{urlencode({'q': first.removesuffix('1')}, quote_via=quote)}"


preload = widget("preload")
# Live updates rerun only the fragment: they must not show the message before the browser leaves.
st.session_state[_LEAVES] = st.session_state.pop(_ACCEPTED, False)
head()
order_form(start_all)
preload(key="preload", data={"plotly": PLOTLY_PATH})
