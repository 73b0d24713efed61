"""The banner that names the services that are away, and one that reports damaged ledgers."""

from datetime import UTC, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st

from dashboard.live.system_state import SystemState
from dashboard.markdown import plain
from dashboard.services import services, state_reader, viewer
from dashboard.times import clock_time
from operations.errors import Unavailable
from operations.model import Service
from operations.recorder_report import DamagedLedger, Outage

_MESSAGES = {
    Service.SIDECAR: (
        "Dapr sidecar unavailable",
        "Nothing can be started or acted on. The pages show the last known state.",
    ),
    Service.PLACEMENT: (
        "Dapr placement service unavailable",
        "Workflows may make no progress. You can still view instances.",
    ),
    Service.SCHEDULER: (
        "Dapr scheduler unavailable",
        "No workflow and no activity starts, and no timer fires. You can still view instances.",
    ),
    Service.WORKER: (
        "No worker connected",
        "Workflows make no progress, and no action is possible. You can still view instances.",
    ),
    Service.RECORDER: (
        "Recorder unavailable",
        "The list is not updated; bulk jobs wait. You can still view, start and act on instances.",
    ),
    Service.LEDGER: (
        "Ledger unavailable",
        "Nothing can be started. The pages show the last known state.",
    ),
    Service.STATE_STORE: (
        "Dapr's state store lost",
        "Do not start anything now. You can still view instances.",
    ),
    Service.LISTING: (
        "Dapr's list of instances unavailable",
        "Only instances that were known before, started here or named by a trace are shown.",
    ),
}

_STALE = (Service.LEDGER, Service.RECORDER, Service.SIDECAR)  # without them pages show an old state


_NEEDS_A_PERSON = (Service.LISTING, Service.STATE_STORE)
"""The services that do not recover by themselves: the reason says what to do."""


def zone() -> tzinfo:
    """Return the time zone of the viewer; UTC if the browser sends none or an unknown one."""
    try:
        return ZoneInfo(st.context.timezone or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return UTC


def why_not_live(state: SystemState) -> str | None:
    """Return why pages are not live although the browser is connected, None if they are live."""
    if state.outages:
        worst = min(state.outages, key=lambda outage: outage.service not in _STALE)
        more = f" (+{len(state.outages) - 1})" if len(state.outages) > 1 else ""
        return f"{_MESSAGES[worst.service][0]}{more}"
    return "Catching up" if state.backlog else None


def banner(state: SystemState) -> None:
    """Show which services are away, since when, what still works, and damaged ledgers."""
    _damage_banner(state.damaged)
    if state.outages:
        lines = [_message(outage) for outage in state.outages]
        st.warning("\n\n".join(lines), icon=":material/cloud_off:")


def outage_title(outage: Outage) -> tuple[str, str]:
    """Return the name of an outage, and its consequence."""
    return _MESSAGES[outage.service]


def _message(outage: Outage) -> str:
    title, consequence = outage_title(outage)
    when = clock_time(outage.since, zone())
    remedy = plain(outage.reason)
    if outage.service not in _NEEDS_A_PERSON:
        remedy = f"Recovery is automatic. {plain(f'({outage.reason})')}"
    return f"**{title} since {when}.** {consequence} {remedy}"


def catching_up(state: SystemState) -> None:
    """Show the backlog of the recorder while there is one."""
    if state.backlog:
        st.caption(
            f"The recorder is catching up with the engine. Runs left to read: {state.backlog:,}.",
        )


def why_no_actions(state: SystemState) -> str | None:
    """Return why no action is possible now; None if actions are possible."""
    away = [needed for needed in (Service.SIDECAR, Service.WORKER) if state.is_away(needed)]
    return f"{_MESSAGES[away[0]][0]}: no action is possible until this ends." if away else None


def _damage_banner(damaged: tuple[DamagedLedger, ...]) -> None:
    """Show which damaged ledgers the recorder keeps, and how to recover their content."""
    if not damaged:
        return
    with st.container(border=True, gap="small"):
        st.error("\n\n".join(map(_damage_message, damaged)), icon=":material/database_off:")
        st.code("\n".join(each.recovery_command for each in damaged), None, wrap_lines=True)
        st.button("Acknowledge", key="acknowledge-damage", on_click=_acknowledge)


def _damage_message(damaged: DamagedLedger) -> str:
    moved_at = f"{damaged.moved_at:%Y-%m-%d %H:%M:%S} UTC"
    return (
        f"**The ledger was damaged, and was replaced at {moved_at}.** "
        "The new ledger has every instance that Dapr still has. Purged runs and the earlier audit "
        f"log are only in {plain(damaged.path)}. This command copies the readable rows into a new "
        "database:"
    )


def _acknowledge() -> None:
    """Record that the viewer knows of the damaged ledgers; the files stay."""
    try:
        services().ledger.damage.acknowledge(viewer())
    except Unavailable as error:
        st.error(plain(str(error)))
    state_reader().refresh()
