"""One instance: its status, its Gantt, its history and its payloads, and what can be done to it."""

import re
from datetime import UTC, datetime

import streamlit as st

from dashboard.action_results import act, tell_all
from dashboard.details.audit_table import audit_table
from dashboard.details.back_link import back_link
from dashboard.details.generations import earlier_generations
from dashboard.details.history_table import history_table
from dashboard.details.payloads import failure, payload
from dashboard.details.view_size import view_size
from dashboard.durations import milliseconds
from dashboard.gantt.chart import bars
from dashboard.listing.rows import address, header, offered
from dashboard.live.banner import banner, no_action
from dashboard.live.widget import live_updates
from dashboard.markdown import plain
from dashboard.services import gateway, house, watch
from dashboard.widgets import part
from operations.errors import DaprRefused, Unavailable, UnknownInstance
from operations.model import Action, Service
from operations.run_view import View, view

ICONS = {
    Action.PAUSE: ":material/pause:",
    Action.RESUME: ":material/play_arrow:",
    Action.TERMINATE: ":material/stop:",
}
KEY = re.compile("[0-9]{1,18}")

head = part("header")


@st.fragment
def live(instance_id: str, run_id: int | None) -> None:
    """Show the instance as it is now, or one of its earlier lives."""
    if clicked_on := st.session_state.pop("opened-from-head", None):
        st.query_params.from_dict(address(clicked_on))
        st.rerun()
    look = watch().look()
    with st.container(horizontal=True, vertical_alignment="center"):
        back_link()
        live_updates(look)
    with st.container():  # always there: what comes and goes must not move the tabs' place
        banner(look)
    tell_all()
    away = look.is_away(Service.SIDECAR)
    try:
        shown = watch().ask(
            ("instance", instance_id, run_id, away),
            lambda: view(
                gateway(), house().ledger, instance_id, dapr_unavailable=away, run_id=run_id
            ),
            size=view_size,
        )
    except UnknownInstance as error:
        st.info(plain(str(error)), icon=":material/search_off:")
    except (Unavailable, DaprRefused) as error:
        st.info(f"It cannot be shown now. {plain(str(error))}")
    else:
        everything(shown, no_action(look))


def everything(shown: View, away: str | None) -> None:
    """Show all there is to know."""
    now = milliseconds(datetime.now(UTC))
    head(
        key="head",
        data={
            **header(shown.summary, shown.custom_status, earlier=shown.earlier, later=shown.later),
            "now": now,
        },
        on_open_change=opened,
    )
    buttons(shown, away)
    with st.container():
        failure(shown.failure)
    with st.container():
        bars(shown, now)
        earlier_generations(shown, now)
    history, data, audit_entries = st.tabs(["History", "Input and output", "Who did what"])
    with history:
        history_table(shown)
    with data:
        left, right = st.columns(2)
        payload(left, "Input", shown.input)
        payload(right, "Output", shown.output)
    with audit_entries:
        audit_table(shown)


def opened() -> None:
    """Note which other instance's page is wanted."""
    st.session_state["opened-from-head"] = st.session_state["head"].get("open")


def buttons(shown: View, away: str | None) -> None:
    """Offer what the status allows; the rest is there too, and says why it is not offered."""
    allowed = offered(shown.summary)
    with st.container(horizontal=True):
        for action, icon in ICONS.items():
            st.button(
                action.value.capitalize(),
                key=f"do-{action}-{shown.summary.run_id}",  # a click on another life is none on this one
                icon=icon,
                disabled=action not in allowed or away is not None,
                help=away if action in allowed else None,
                on_click=act,
                args=(action, shown.summary.instance_id),
            )


def wanted_life() -> int | None:
    """Return the key of the life that the address asks for; 0, which is none, if it is no key."""
    text = st.query_params.get("run_id")
    if text is None:
        return None
    return int(text) if KEY.fullmatch(text) else 0


wanted = st.query_params.get("id", "")
if wanted:
    live(wanted, wanted_life())
else:
    st.info("Choose an instance from the list.")
    st.page_link("app_pages/instances.py", label="Runs")
