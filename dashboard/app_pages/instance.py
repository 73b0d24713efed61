"""The page of one instance: status, actions, Gantt, history, payloads and audit log."""

from contextlib import suppress
from datetime import UTC, datetime

import streamlit as st

from dashboard.action_results import show_failed_actions, show_messages
from dashboard.audit.audit_table import audit_table
from dashboard.details.action_bar import action_bar
from dashboard.details.earlier_generations import earlier_generations
from dashboard.details.header_links import header_links
from dashboard.details.history_table import history_table
from dashboard.details.payloads import show_failure, show_input_and_output
from dashboard.details.unconsumed import show_unconsumed
from dashboard.gantt.chart import show_gantt
from dashboard.gantt.selection import SPAN, read_address
from dashboard.listing.address_filter import list_query, show_unknown_parameters
from dashboard.listing.table_data import RUN_ID, header, list_address, workflow_code
from dashboard.live.banner import banner, why_no_actions
from dashboard.live.widget import live_updates
from dashboard.markdown import plain
from dashboard.services import gateway, services, state_reader
from dashboard.times import milliseconds
from dashboard.widgets import widget
from operations.errors import DaprRefused, Unavailable, UnknownInstance
from operations.json_bodies import render
from operations.model import Service, Status
from operations.run_document import run_document
from operations.run_view import View, view
from operations.timeline import failed_step

PARAMETERS = ("id", "run_id", SPAN)  # of the address
back, header_widget = widget("back"), widget("header")


@st.fragment
def live(instance_id: str, run_id: int | None) -> None:
    """Show the latest run of an instance, or the run with this `run_id`."""
    state = state_reader().state()
    with st.container(horizontal=True, vertical_alignment="center"):
        back(key="back", data={"href": list_address(list_query())})
        live_updates(state)
    with st.container():  # always present, because an element that appears would reset the tabs
        banner(state)
        show_unknown_parameters(PARAMETERS)
    show_failed_actions()
    away = state.is_away(Service.SIDECAR)
    try:
        shown = state_reader().query(
            ("instance", instance_id, run_id, away),
            lambda: view(
                gateway(),
                services().ledger,
                instance_id,
                dapr_unavailable=away,
                run_id=run_id,
                snapshots=services().snapshots,
            ),
            size=lambda shown: shown.size,
        )
    except UnknownInstance as error:
        st.info(plain(unknown_message(error)), icon=":material/search_off:")
    except (Unavailable, DaprRefused) as error:
        st.info(f"The instance cannot be shown now. {plain(str(error))}")
    else:
        show_view(shown, why_no_actions(state))
    show_messages()


def unknown_message(error: UnknownInstance) -> str:
    """Return the message of an unknown instance, with its application if the ledger knows it."""
    with suppress(Unavailable):
        if child := services().ledger.runs.remote_child(error.instance_id):
            return str(child)
    return str(error)


def show_view(shown: View, blocked: str | None) -> None:
    """Show a view; `blocked` says why no action is possible now, None if actions are possible."""
    time = datetime.now(UTC)
    now = milliseconds(time)
    header_widget(
        key="header",
        data={
            **header(
                shown.summary,
                shown.details.custom_status,
                earlier=shown.earlier,
                later=shown.later,
                paused_by=shown.paused_by,
            ),
            **workflow_code(shown.timeline),
            **header_links(shown, time),
            "now": now,
        },
    )
    action_bar(shown, blocked)
    with st.container():
        metrics = state_reader().state().metrics
        workers = metrics.workers if metrics else None
        if shown.summary.status is not Status.STALLED:  # the header has the reason
            failure = shown.details.failure
            step = failed_step(shown.timeline.spans, failure) if failure else None
            show_failure(failure, shown.key, workers, step)
        show_unconsumed(shown)
    with st.container():
        show_gantt(shown, now)
        earlier_generations(shown, now)
    with st.container():
        show_input_and_output(shown.details, shown.key)
    history, audit_entries = st.tabs(["History", "Audit log"])
    with history:
        if shown.summary.repeats:
            st.caption("Of each repeated action only the first two events are shown.")
        history_table(shown)
    with audit_entries:
        audit_table(
            shown.audit_entries,
            key=f"audit-log-{shown.key}",
            empty=("No entries", "No operator has acted on this instance."),
            with_instance=False,
        )
    st.download_button(
        "Download the run",
        data=lambda: render(run_document(shown)),
        file_name=f"{shown.summary.instance_id}.json",
        mime="application/json",
        icon=":material/download:",
        help="Summary, payloads, attempts, history and audit log as JSON",
        on_click="ignore",
    )


read_address()
instance_id, run_id = st.query_params.get("id", ""), st.query_params.get("run_id")
if instance_id and (run_id is None or RUN_ID.fullmatch(run_id)):
    live(instance_id, int(run_id) if run_id else None)
else:
    st.info(
        f"The run_id {plain(repr(run_id))} in the address is not a number."
        if instance_id
        else "Choose an instance from the list."
    )
    st.page_link("app_pages/instances.py", label="Instances")
