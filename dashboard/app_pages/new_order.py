"""The form that submits orders, and what happens when it is submitted."""

import streamlit as st

from dashboard.action_results import SUCCESS, messages, show_failed_actions, show_messages
from dashboard.listing.address_filter import (
    remove_parameters_of_other_pages,
    show_unknown_parameters,
)
from dashboard.listing.table_data import address, list_address
from dashboard.live.banner import banner
from dashboard.live.widget import live_updates
from dashboard.orders.batch import can_be_retried, describe, start_batch
from dashboard.orders.order_form import SubmissionResult, form_state, order_form
from dashboard.services import services, state_reader, viewer
from dashboard.static_files import PLOTLY_PATH
from dashboard.widgets import widget
from operations.actions import ActionContext, StartRequest, StartResult


def start_all(requests: list[StartRequest]) -> SubmissionResult:
    """Start all requests; if all are accepted, the next page shows a message.

    The browser may send a submission again while its starts are in progress. The second start then
    finds the instances of the first, and adds no second message.
    """
    # The session state is read before the starts: see `FormState`.
    context, waiting, form = ActionContext(viewer()), messages(), form_state()
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
    ids = [each.instance_id for each in requests]
    if any(each.created for each in started) or ids != form.accepted_ids:
        waiting.append((_message(started), SUCCESS))
    form.accepted_ids = ids
    return SubmissionResult(href=destination(requests))


def _message(started: list[StartResult]) -> str:
    """Return the message of accepted starts; another tab may have made the same starts before."""
    is_one = len(started) == 1
    name = started[0].instance_id if is_one else f"{len(started)} orders"
    if any(each.created for each in started):
        return f"{name} submitted."
    return f"{name} {'was' if is_one else 'were'} already submitted."


@st.fragment
def head() -> None:
    """Show the title, the banner during an outage, failed actions, and messages."""
    state = state_reader().state()
    with st.container(horizontal=True, vertical_alignment="center"):
        st.header("New order", anchor=False)
        live_updates(state)
    with st.container():
        banner(state)
        show_unknown_parameters(())
    show_failed_actions()
    if not form_state().is_leaving:  # else the next page shows the message
        show_messages()


def destination(requests: list[StartRequest]) -> str:
    """Return the address of the page that shows the submitted instances."""
    first = requests[0].instance_id
    if len(requests) == 1:
        return address(first)
    return list_address({"q": first.rstrip("0123456789")})


preload = widget("preload")
# Live updates rerun only the fragment: they must not show the message before the browser leaves.
form = form_state()
form.is_leaving, form.is_accepted = form.is_accepted and bool(messages()), False
remove_parameters_of_other_pages()
head()
order_form(start_all)
preload(key="preload", data={"plotly": PLOTLY_PATH})
