"""The page of one instance: status, actions, Gantt, history, payloads and audit log."""

import re
from contextlib import suppress
from datetime import UTC, datetime
from urllib.parse import urlencode

import streamlit as st

from dashboard.action_results import act, purge_by_force, show_failed_actions, show_messages
from dashboard.details.audit_table import audit_table
from dashboard.details.earlier_generations import earlier_generations
from dashboard.details.history_table import history_table
from dashboard.details.payloads import show_failure, show_payload
from dashboard.gantt.chart import show_gantt
from dashboard.listing.address_filter import list_query, show_unknown_parameters
from dashboard.listing.table_data import header, offered_actions, offers_forced_purge, workflow_code
from dashboard.live.banner import banner, why_no_actions
from dashboard.live.widget import live_updates
from dashboard.markdown import plain
from dashboard.services import gateway, services, state_reader
from dashboard.times import milliseconds
from dashboard.widgets import widget
from operations.errors import DaprRefused, Unavailable, UnknownInstance
from operations.model import Action, Service, Status
from operations.records import RunSummary
from operations.run_view import View, view

ICONS = {
    Action.PAUSE: ":material/pause:",
    Action.RESUME: ":material/play_arrow:",
    Action.TERMINATE: ":material/stop:",
}
PARAMETERS = ("id", "run_id")  # of the address
RUN_ID = re.compile("[0-9]{1,18}")
PURGE_EFFECTS = (
    "The engine refuses every other action. If you remove the cause of the stall, it continues the "
    "instance by itself. A forced purge archives the history in the ledger first, and then deletes "
    "the instance and its descendants in the engine. Nothing brings them back, and a parent that "
    "waits for the instance waits forever. The id can be used again after a restart of daprd."
)

back, header_widget = widget("back"), widget("header")


@st.fragment
def live(instance_id: str, run_id: int | None) -> None:
    """Show the latest run of an instance, or the run with this `run_id`."""
    state = state_reader().state()
    with st.container(horizontal=True, vertical_alignment="center"):
        query = urlencode(list_query(), doseq=True)
        back(key="back", data={"href": f"./?{query}" if query else "./"})
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
    now = milliseconds(datetime.now(UTC))
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
            "now": now,
        },
    )
    buttons(shown, blocked)
    with st.container():
        metrics = state_reader().state().metrics
        workers = metrics.workers if metrics else None
        if shown.summary.status is not Status.STALLED:  # the header has the reason
            show_failure(shown.details.failure, shown.key, workers)
    with st.container():
        show_gantt(shown, now)
        earlier_generations(shown, now)
    history, data, audit_entries = st.tabs(["History", "Input and output", "Audit log"])
    with history:
        if shown.summary.repeats:
            st.caption("Of each repeated action only the first two events are shown.")
        history_table(shown)
    with data:
        left, right = st.columns(2)
        show_payload(left, "Input", shown.details.input)
        show_payload(right, "Output", shown.details.output)
    with audit_entries:
        audit_table(shown)


def buttons(shown: View, blocked: str | None) -> None:
    """Show a button for each action; a button whose action is not possible now is disabled.

    A stalled instance allows a forced purge alone.
    """
    if offers_forced_purge(shown.summary):
        forced_purge(shown.summary, shown.key, blocked)
        return
    allowed = offered_actions(shown.summary)
    with st.container(horizontal=True):
        for action, icon in ICONS.items():
            st.button(
                action.value.capitalize(),
                key=f"do-{action}-{shown.key}",  # another run of the id gets new buttons
                icon=icon,
                disabled=action not in allowed or blocked is not None,
                help=blocked if action in allowed else None,
                on_click=act,
                args=(action, shown.summary.instance_id),
            )


def forced_purge(summary: RunSummary, key: str, blocked: str | None) -> None:
    """Show the button that opens the question; `blocked` says why no action is possible now."""
    with st.popover(
        "Purge by force",
        icon=":material/delete_forever:",
        disabled=blocked is not None,
        help=blocked,
        key=f"ask-purge-{key}",
    ):
        st.markdown(f"**Purge {plain(summary.instance_id)} by force?**  \n{PURGE_EFFECTS}")
        st.button(
            "Archive and purge",
            key=f"do-purge-{key}",
            type="primary",
            on_click=purge_by_force,
            args=(summary.instance_id, summary.run_id or None),
        )


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
