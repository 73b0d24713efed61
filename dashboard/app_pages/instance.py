"""The page of one instance: status, actions, Gantt, history, payloads and audit log."""

import re
from contextlib import suppress
from datetime import UTC, datetime

import streamlit as st

from dashboard.action_results import act, purge_by_force, show_failed_actions, show_messages
from dashboard.bulk.bulk_address import ACTION, INSTANCE
from dashboard.details.audit_table import audit_table
from dashboard.details.earlier_generations import earlier_generations
from dashboard.details.history_table import history_table
from dashboard.details.payloads import show_failure, show_payload
from dashboard.gantt.chart import show_gantt
from dashboard.listing.address_filter import list_query, show_unknown_parameters
from dashboard.listing.table_data import (
    header,
    list_address,
    offered_actions,
    offers_forced_purge,
    workflow_code,
)
from dashboard.live.banner import banner, why_no_actions
from dashboard.live.widget import live_updates
from dashboard.markdown import plain
from dashboard.services import gateway, services, state_reader
from dashboard.times import milliseconds
from dashboard.widgets import widget
from operations.errors import DaprRefused, Unavailable, UnknownInstance
from operations.model import Action, Service, Status, allowed_actions
from operations.records import RunSummary
from operations.run_view import View, view
from operations.timeline import failed_step

ICONS = {
    Action.PAUSE: ":material/pause:",
    Action.RESUME: ":material/play_arrow:",
    Action.TERMINATE: ":material/stop:",
}
MORE = {
    Action.RERUN: ("Rerun…", ":material/replay:"),
    Action.RAISE: ("Raise event…", ":material/bolt:"),
    Action.PURGE: ("Purge…", ":material/delete:"),
}  # each opens a page that shows the effects first
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
            failure = shown.details.failure
            step = failed_step(shown.timeline.spans, failure) if failure else None
            show_failure(failure, shown.key, workers, step)
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
    """Show the actions; a button whose action is not possible now is disabled, and says why.

    A stalled instance allows only a forced purge, a finished one no pause, resume or terminate.
    """
    summary = shown.summary
    if offers_forced_purge(summary):
        forced_purge(summary, shown.key, blocked)
        return
    allowed = offered_actions(summary)
    is_there = summary.is_latest and summary.purged_at is None
    with st.container(horizontal=True, vertical_alignment="center"):
        if not (is_there and summary.status.is_finished):
            for action, icon in ICONS.items():
                st.button(
                    action.value.capitalize(),
                    key=f"do-{action}-{shown.key}",  # another run of the id gets new buttons
                    icon=icon,
                    disabled=action not in allowed or blocked is not None,
                    help=why_disabled(summary) if action not in allowed else blocked,
                    on_click=act,
                    args=(action, summary.instance_id),
                )
        for action in MORE if is_there else ():
            if action in allowed_actions(summary.status):
                label, icon = MORE[action]
                st.page_link(
                    "app_pages/bulk.py",
                    label=label,
                    icon=icon,
                    query_params={ACTION: action.value, INSTANCE: summary.instance_id},
                )


def why_disabled(summary: RunSummary) -> str:
    """Return why the state of a run forbids an action."""
    if not summary.is_latest:
        return "This is an earlier run: actions apply only to the latest one."
    if summary.purged_at:
        return "The engine no longer has this instance."
    return f"The status of the instance is {summary.status.lower()}."


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
