"""The form that submits orders, and what happens when it is submitted."""

from urllib.parse import quote, urlencode

import streamlit as st

from dashboard.action_results import SUCCESS, messages, show_messages
from dashboard.listing.table_data import address
from dashboard.live.banner import banner
from dashboard.live.widget import live_updates
from dashboard.orders.batch import can_be_retried, describe, start_batch
from dashboard.orders.order_form import SubmissionResult, form_state, order_form
from dashboard.server import PLOTLY_PATH
from dashboard.services import services, state_reader, viewer
from dashboard.widgets import widget
from operations.actions import ActionContext, StartRequest, StartResult

_LEAVES = "leaves-form"  # in the session state: the browser opens the page of the order next


def start_all(requests: list[StartRequest]) -> SubmissionResult:
    """Start all requests; the next page shows a message if something was started.

    A double click submits the form twice with the same ids: the second start finds the instances
    of the first.
    """
    # The session state is read before the starts: see `FormState`.
    context, waiting = ActionContext(viewer()), messages()
    results = start_batch(requests, lambda each: services().actions.start(each, context))
    state_reader().refresh()
    started = [result for result in results if isinstance(result, StartResult)]
    if len(started) < len(requests):
        return SubmissionResult(
            error=describe(requests, results),
            link=destination(requests) if started else None,
            retry=[
                request.instance_id
                for request, result in zip(requests, results, strict=True)
                if can_be_retried(result)
            ],
        )
    # No message if a repeated submit of a typed id only found the instances of the first.
    if any(request.is_new_id for request in requests) or any(each.created for each in started):
        one = len(requests) == 1
        name = requests[0].instance_id if one else f"{len(requests)} orders"
        waiting.append((f"{name} submitted.", SUCCESS))
    return SubmissionResult(href=destination(requests))


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
    return f"./?{urlencode({'q': first.rstrip('0123456789')}, quote_via=quote)}"


preload = widget("preload")
# Live updates rerun only the fragment: they must not show the message before the browser leaves.
form = form_state()
st.session_state[_LEAVES], form.is_accepted = form.is_accepted and bool(messages()), False
if st.query_params:  # of a page that was opened right before: see `restore_filter`
    st.query_params.clear()
head()
order_form(start_all)
preload(key="preload", data={"plotly": PLOTLY_PATH})
