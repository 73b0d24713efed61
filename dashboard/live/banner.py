"""The banner that names the parts of the system that are away, and what still works."""

from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st

from dashboard.live.system_state import SystemState
from dashboard.markdown import plain
from operations.model import Service
from operations.records import Outage

_MESSAGES = {
    Service.SIDECAR: (
        "The Dapr sidecar is away",
        "Nothing can be started or acted on; you see what was known before.",
    ),
    Service.PLACEMENT: (
        "Dapr's placement service is away",
        "Workflows may stand still. You can still state.",
    ),
    Service.SCHEDULER: (
        "Dapr's scheduler is away",
        "Nothing begins, and timers wait. You can still state.",
    ),
    Service.WORKER: (
        "No worker is connected",
        "Workflows stand still, and take no action from you. You can still state.",
    ),
    Service.RECORDER: (
        "The recorder is away",
        "The list stands still. You can still state, start and act.",
    ),
    Service.LEDGER: (
        "The ledger cannot be read",
        "Nothing can be started; you see what was known before.",
    ),
    Service.LISTING: (
        "Dapr cannot list its instances",
        "You see what is known, started here, or told of by a trace; others are hidden.",
    ),
}


def zone() -> tzinfo:
    """Return the viewer's time zone, or UTC if the browser does not send a known one."""
    try:
        return ZoneInfo(st.context.timezone or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return UTC


def banner(state: SystemState) -> None:
    """Show which parts are away, since when, and what still works."""
    if state.outages:
        lines = [_message(outage) for outage in state.outages]
        st.warning("\n\n".join(lines), icon=":material/cloud_off:")


def _message(outage: Outage) -> str:
    title, consequence = _MESSAGES[outage.service]
    since = outage.since.astimezone(zone())
    today = since.date() == datetime.now(zone()).date()
    when = f"{since:%H:%M:%S}" if today else f"{since:%d %b %H:%M:%S}"
    remedy = plain(outage.reason)
    if outage.service is not Service.LISTING:
        remedy = f"It heals by itself. {plain(f'({outage.reason})')}"
    return f"**{title} since {when}.** {consequence} {remedy}"


def catching_up(state: SystemState) -> None:
    """Show how many instances the recorder has yet to read."""
    if state.backlog:
        st.caption(
            f"Catching up with the engine: {state.backlog:,} instances are still to be read.",
        )


def why_no_actions(state: SystemState) -> str | None:
    """Return why no action is possible now; None if actions are possible."""
    away = [needed for needed in (Service.SIDECAR, Service.WORKER) if state.is_away(needed)]
    return f"{_MESSAGES[away[0]][0]}: nothing can be acted on until it is back." if away else None
