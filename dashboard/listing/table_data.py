"""The data of the `table` and `header` widgets, from run summaries. Pure functions."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode

from dashboard.times import milliseconds
from operations.failure_groups import original_message
from operations.model import STATUS_ACTIONS, Action, Status, allowed_actions
from operations.records import RunSummary
from operations.timeline import EVENT, REPETITION_REMEDY, Timeline, cause_of_repetition

LIST, INSTANCE = "instances", "instance"  # the paths of the pages
RUN_ID = re.compile("[0-9]{1,18}")  # a `run_id` in an address
CONTINUES_WHEN_RESUMED = "continues when resumed"  # the step if nothing else is awaited
MAX_CUSTOM_STATUS = 1000  # characters in the header


def address(instance_id: str, run_id: int | None = None) -> str:
    """Return the address of the page of a run; by default, of the latest run of an instance."""
    query = {"id": instance_id} if run_id is None else {"id": instance_id, "run_id": run_id}
    return f"{INSTANCE}?{urlencode(query, quote_via=quote)}"


def link(instance_id: str, app_id: str | None, own_app_id: str | None) -> dict[str, str | None]:
    """Return an instance's `id` and `href` for a widget.

    One of another application that shares the ledger has no address here, but its `app`. An
    application that is None is taken for these pages' own.
    """
    other = app_id if app_id and own_app_id and app_id != own_app_id else None
    href = None if other else address(instance_id)
    return {"id": instance_id, "href": href, "app": other}


def list_address(parameters: Mapping[str, str | Sequence[str]]) -> str:
    """Return the address of the list with parameters of its filter."""
    query = urlencode(parameters, doseq=True, quote_via=quote)
    return f"{LIST}?{query}" if query else LIST


def row(summary: RunSummary, paused_by: str | None = None) -> dict[str, Any]:
    """Return a run as a row of the table; `paused_by` says who suspended it, if that is known."""
    return {
        "key": summary.run_id,
        "id": summary.instance_id,
        "href": address(summary.instance_id, None if summary.is_latest else summary.run_id),
        "workflow": summary.workflow,
        "status": summary.status.value,
        "failure": failure_of(summary),
        "selectable": summary.is_latest and summary.purged_at is None,
        "actions": [action.value for action in offered_actions(summary)],
        **_suspension(summary, paused_by),
        **_times(summary),
    }


def header(
    summary: RunSummary,
    custom_status: str | None,
    *,
    earlier: int | None = None,
    later: int | None = None,
    paused_by: str | None = None,
) -> dict[str, Any]:
    """Return the header of a run; `earlier` and `later` are the `run_id`s of the adjacent runs.

    `paused_by` says who suspended it, if that is known.
    """
    return {
        "id": summary.instance_id,
        "workflow": summary.workflow,
        "status": summary.status.value,
        "custom": custom_status and custom_status[:MAX_CUSTOM_STATUS],
        "stalled": failure_of(summary) if summary.status is Status.STALLED else None,
        "parent": _link(summary.parent_id, summary.parent_app_id),
        "rerunOf": _link(summary.rerun_of),
        "scheduled": _ms(summary.scheduled_for),
        "purged": _ms(summary.purged_at),
        "isEarlier": not summary.is_latest,
        "earlier": earlier and address(summary.instance_id, earlier),
        "later": later and address(summary.instance_id, later),
        **_suspension(summary, paused_by),
        **_times(summary),
    }


def workflow_code(timeline: Timeline) -> dict[str, str | None]:
    """Return the version and the patches of the workflow's code, for the header."""
    return {"version": timeline.version, "patches": ", ".join(timeline.patches) or None}


def offered_actions(summary: RunSummary) -> tuple[Action, ...]:
    """Return the one-click actions that the status of a run allows, in the order of the buttons.

    An earlier run has none: an action on its id would act on the latest run.
    """
    if summary.purged_at or not summary.is_latest:
        return ()
    allowed = allowed_actions(summary.status)
    return tuple(action for action in STATUS_ACTIONS if action in allowed)


def offers_forced_purge(summary: RunSummary) -> bool:
    """Return True if a forced purge is the only action that the status of a run allows."""
    is_there = summary.is_latest and not summary.purged_at
    return is_there and summary.status is Status.STALLED


def failure_of(summary: RunSummary) -> str | None:
    """Return the failure in one line: the step that failed, if it is known, and its error.

    What the SDK puts before the error, such as the id of the instance, is left out.
    """
    if summary.error_type is None:
        return None
    step = f"{summary.failed_step} failed: " if summary.failed_step else ""
    message = (summary.error_message or "").removeprefix(f"{summary.instance_id}: ")
    message = original_message(message)
    return f"{step}{summary.error_type}: {message}"


def _link(instance_id: str | None, app_id: str | None = None) -> dict[str, str | None] | None:
    """Return a link to an instance; without an address if it is of another application."""
    if not instance_id:
        return None
    return {"id": instance_id, "app": app_id, "href": None if app_id else address(instance_id)}


def _times(summary: RunSummary) -> dict[str, Any]:
    waits, until = _waits(summary)
    start = summary.started_at or summary.scheduled_for or summary.created_at
    return {
        "start": milliseconds(start),
        "started": _ms(summary.started_at),
        "ended": _ms(summary.over_at),
        "waits": waits,
        "until": _ms(until),
        "givesUp": bool(waits and waits.startswith(EVENT)),
    }


def _suspension(summary: RunSummary, paused_by: str | None) -> dict[str, Any]:
    """Return since when and by whom a run is suspended, and what it repeated meanwhile."""
    is_suspended = summary.status is Status.SUSPENDED
    cause = cause_of_repetition(summary.repeats) if summary.repeats else None
    return {
        "suspended": _ms(summary.suspended_at) if is_suspended else None,
        "pausedBy": paused_by if is_suspended else None,
        "repeats": summary.repeats if is_suspended else None,
        "fault": f"{cause} {REPETITION_REMEDY}" if cause and is_suspended else cause,
    }


def _waits(summary: RunSummary) -> tuple[str | None, datetime | None]:
    """Return what the run waits for, and until when; a suspended one, once it is resumed.

    A suspended run whose history was read (`suspended_at` is known) and has no open call continues
    when it is resumed.
    """
    if summary.status is Status.PENDING and summary.scheduled_for:
        return "start", summary.scheduled_for
    if summary.status is Status.SUSPENDED and summary.suspended_at and not summary.repeats:
        return summary.waits_for or CONTINUES_WHEN_RESUMED, summary.waits_until
    return summary.waits_for, summary.waits_until


def _ms(time: datetime | None) -> int | None:
    return milliseconds(time) if time else None
