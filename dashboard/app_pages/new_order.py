"""The form that submits orders, and what happens when it is submitted."""

from concurrent.futures import ThreadPoolExecutor

import streamlit as st

from dashboard.action_results import add_messages, show_messages
from dashboard.live.banner import banner
from dashboard.live.widget import live_updates
from dashboard.markdown import plain
from dashboard.orders.order_form import order_form, suggest_new_id
from dashboard.server import PLOTLY_PATH
from dashboard.services import services, state_reader, viewer
from dashboard.widgets import widget
from operations.actions import ActionContext, StartRequest, StartResult
from operations.errors import FlowdeckError

AT_ONCE = 8  # concurrent starts
NAMED = 5  # instances that an error message names


def start(request: StartRequest) -> StartResult | FlowdeckError:
    """Start one instance; return the result, or the error that refused it."""
    try:
        return services().actions.start(request, ActionContext(viewer()))
    except FlowdeckError as error:
        return error


def start_all(requests: list[StartRequest]) -> None:
    """Start all requests, and switch to the page that shows the started instances.

    A double click submits the form twice with the same ids: the second start finds the instances
    of the first.
    """
    with st.spinner("Submitting…"), ThreadPoolExecutor(AT_ONCE) as pool:
        outcomes = list(pool.map(start, requests))
    state_reader().refresh()
    failed = {
        request.instance_id: outcome
        for request, outcome in zip(requests, outcomes, strict=True)
        if isinstance(outcome, FlowdeckError)
    }
    if failed:
        show_failures(requests, failed)
        return
    suggest_new_id()
    # No message if a repeated submit of a typed id only found the instances of the first.
    if any(request.is_new_id for request in requests) or any(
        isinstance(outcome, StartResult) and outcome.created for outcome in outcomes
    ):
        one = len(requests) == 1
        started = requests[0].instance_id if one else f"{len(requests)} orders"
        add_messages(f"{started} submitted.")
    page, query = destination(requests)
    # Unlike the link of a widget, this adds two addresses to the browser's history.
    st.switch_page(page, query_params=query)


def show_failures(requests: list[StartRequest], failed: dict[str, FlowdeckError]) -> None:
    """Show which instances were not started, and why; link to the started ones."""
    reason = plain(str(next(iter(failed.values()))))
    if len(requests) == 1:
        st.error(reason, icon=":material/error:")
        return
    named = ", ".join(plain(each) for each in list(failed)[:NAMED])
    more = f" and {len(failed) - NAMED} more" if len(failed) > NAMED else ""
    started = len(requests) - len(failed)
    st.error(
        f"{started} of {len(requests)} submitted. Not submitted: {named}{more}. {reason}",
        icon=":material/error:",
    )
    if started:
        page, query = destination(requests)
        st.page_link(page, label="Show the submitted orders", query_params=query)


@st.fragment
def head() -> None:
    """Show the title, and the banner during an outage."""
    state = state_reader().state()
    with st.container(horizontal=True, vertical_alignment="center"):
        st.header("New order", anchor=False)
        live_updates(state)
    banner(state)


def destination(requests: list[StartRequest]) -> tuple[str, dict[str, str]]:
    """Return the page, and its query, that shows the submitted instances."""
    first = requests[0].instance_id
    if len(requests) == 1:
        return "app_pages/instance.py", {"id": first}
    return "app_pages/instances.py", {"q": first.removesuffix("1")}


preload = widget("preload")
head()
show_messages()
requests = order_form()
if requests:
    start_all(requests)
preload(key="preload", data={"plotly": PLOTLY_PATH})
