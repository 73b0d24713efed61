"""Entries of the ledger as the `table` and `header` parts want them: pure functions."""

from datetime import datetime
from typing import Any
from urllib.parse import quote

from dashboard.durations import milliseconds
from operations.model import STEERING, Action, Status, allowed_actions
from operations.records import Entry

INSTANCE = "instance"  # the path of an instance's page


def address(clicked_on: dict[str, Any]) -> dict[str, str]:
    """Return the query that leads to what was clicked on: an id, and a life unless it is None."""
    return {name: str(value) for name, value in clicked_on.items() if value is not None}


def row(entry: Entry) -> dict[str, Any]:
    """Return an entry as a row of the table.

    `life` is the key of a life that its id alone does not lead to.
    """
    life = None if entry.is_latest else entry.key
    href = f"{INSTANCE}?id={quote(entry.instance_id, safe='')}"
    return {
        "key": entry.key,
        "id": entry.instance_id,
        "life": life,
        "href": href if life is None else f"{href}&life={life}",
        "workflow": entry.workflow,
        "status": entry.status.value,
        "failure": failure_of(entry),
        "actions": [action.value for action in offered(entry)],
        **_times(entry),
    }


def header(
    entry: Entry,
    custom_status: str | None,
    *,
    earlier: int | None = None,
    later: int | None = None,
) -> dict[str, Any]:
    """Return an entry as the head of its page, with the keys of the lives beside it."""
    return {
        "id": entry.instance_id,
        "href": f"{INSTANCE}?id=",
        "workflow": entry.workflow,
        "status": entry.status.value,
        "custom": custom_status,
        "parent": entry.parent_id,
        "rerunOf": entry.rerun_of,
        "scheduled": _ms(entry.scheduled_for),
        "purged": _ms(entry.purged_at),
        "isEarlier": not entry.is_latest,
        "earlier": earlier,
        "later": later,
        **_times(entry),
    }


def offered(entry: Entry) -> tuple[Action, ...]:
    """Return the actions of one click that the entry's status allows, in the order of the buttons.

    An earlier life has none: an action on its id would be one on the latest.
    """
    if entry.purged_at or not entry.is_latest:
        return ()
    allowed = allowed_actions(entry.status)
    return tuple(action for action in STEERING if action in allowed)


def failure_of(entry: Entry) -> str | None:
    """Return why the instance failed, in one line, without its own id, which the SDK repeats."""
    if entry.failure_type is None:
        return None
    message = entry.failure_message or ""
    return f"{entry.failure_type}: {message.removeprefix(f'{entry.instance_id}: ')}"


def _times(entry: Entry) -> dict[str, Any]:
    waits, until = _waits(entry)
    begins = entry.started_at or entry.scheduled_for or entry.created_at
    return {
        "created": milliseconds(begins),
        "started": _ms(entry.started_at),
        "ended": _ms(entry.ended_at),
        "waits": waits,
        "until": _ms(until),
    }


def _waits(entry: Entry) -> tuple[str | None, datetime | None]:
    """Return what the instance is at, where its status does not say so already."""
    if entry.status is Status.SUSPENDED:
        return None, None
    if entry.status is Status.PENDING and entry.scheduled_for:
        return "start", entry.scheduled_for
    return entry.waits_for, entry.waits_until


def _ms(time: datetime | None) -> int | None:
    return milliseconds(time) if time else None
