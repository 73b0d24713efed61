"""What every live page has: the banner of what is away, and the bell that keeps it live."""

from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st

from dashboard.bell import PATH, stamped
from dashboard.parts import part
from dashboard.rows import INSTANCE
from dashboard.session import watch
from dashboard.snapshot import Look
from dashboard.texts import plain
from operations.model import Service
from operations.records import Outage

LIST, NEW = "", "new"  # the pages' addresses, as they end

_bell, _revival = part("bell"), part("revival")
_TOLD = {
    Service.SIDECAR: (
        "The Dapr sidecar is away",
        "Nothing can be started or acted on; you see what was known before.",
    ),
    Service.PLACEMENT: (
        "Dapr's placement service is away",
        "Workflows may stand still. You can still look.",
    ),
    Service.SCHEDULER: (
        "Dapr's scheduler is away",
        "Nothing begins, and timers wait. You can still look.",
    ),
    Service.WORKER: (
        "No worker is connected",
        "Workflows stand still, and take no action from you. You can still look.",
    ),
    Service.RECORDER: (
        "The recorder is away",
        "The list stands still. You can still look, start and act.",
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
    """Return the viewer's time zone, or UTC if the browser does not tell."""
    try:
        return ZoneInfo(st.context.timezone or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return UTC


def banner(look: Look) -> None:
    """Say in one place what is away, since when, and what works nevertheless."""
    if look.outages:
        lines = [_words(outage) for outage in look.outages]
        st.warning("\n\n".join(lines), icon=":material/cloud_off:")


def _words(outage: Outage) -> str:
    title, consequence = _TOLD[outage.service]
    since = outage.since.astimezone(zone())
    today = since.date() == datetime.now(zone()).date()
    when = f"{since:%H:%M:%S}" if today else f"{since:%d %b %H:%M:%S}"
    healing = plain(outage.reason)
    if outage.service is not Service.LISTING:
        healing = f"It heals by itself. {plain(f'({outage.reason})')}"
    return f"**{title} since {when}.** {consequence} {healing}"


def catching_up(look: Look) -> None:
    """Say how much of what the engine has is not here yet."""
    if look.backlog:
        st.caption(
            f"Catching up with the engine: {look.backlog:,} instances are still to be read.",
        )


def no_action(look: Look) -> str | None:
    """Return why nothing can be acted on now, None if it can."""
    away = [needed for needed in (Service.SIDECAR, Service.WORKER) if look.is_away(needed)]
    return f"{_TOLD[away[0]][0]}: nothing can be acted on until it is back." if away else None


def bell(look: Look, page: str) -> None:
    """Have this fragment of a page run again whenever there is something new."""
    _bell(
        key="bell",
        data={
            "path": PATH.removeprefix("/"),
            "version": stamped(look.version),
            "elsewhere": [each for each in (NEW, INSTANCE) if each != page],
            "here": page,
            "unhurried": page == NEW,  # its button leads to another page, which takes its time
        },
        on_rang_change=_rang,
    )


def revival() -> None:
    """Have the whole page run again when the dashboard's process is another one than before.

    Streamlit connects again by itself, but asks for nothing, and the new process knows no fragment.
    """
    _revival(key="revival", on_revived_change=lambda: None)


def _rang() -> None:
    """Look anew: the bell has just heard that something changed."""
    watch().refresh()
