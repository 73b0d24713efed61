"""Makes the data of the widget that shows failure groups. Pure functions."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from dashboard.bulk.bulk_address import ACTION
from dashboard.bulk.jobs_data import BULK
from dashboard.listing.table_data import list_address
from dashboard.overview.overview_data import PeriodLength, is_new
from dashboard.times import milliseconds
from operations.ledger.statistics.results import FailureGroup
from operations.model import Action


def failures_data(
    groups: Sequence[FailureGroup], length: PeriodLength, now: datetime
) -> dict[str, Any]:
    """Return the data of the widget: groups that are not marked as known come first."""
    in_order = sorted(groups, key=lambda each: each.known is not None)
    return {
        "now": milliseconds(now),
        "period": f"last {length}",
        "groups": [_group(each, now) for each in in_order],
    }


def _group(group: FailureGroup, now: datetime) -> dict[str, Any]:
    known = group.known
    return {
        "id": group.group_id,
        "step": group.key.name,
        "kind": group.key.kind.value,
        "errorType": group.key.error_type,
        "message": group.key.fingerprint,
        "runs": group.runs,
        "attempts": group.attempts,
        "workflows": list(group.workflows),
        "first": milliseconds(group.first_at),
        "last": milliseconds(group.last_at),
        "isNew": is_new(group, now),
        "trend": list(group.trend),
        "href": list_address({"failure_group": group.group_id}) if group.runs else None,
        "rerunHref": _rerun_address(group.group_id) if group.runs else None,
        "known": known and {"by": known.by, "at": milliseconds(known.at), "note": known.note},
    }


def _rerun_address(group_id: str) -> str:
    """Return the address of the preview of a rerun of all runs of a group."""
    return f"{BULK}?{urlencode({ACTION: Action.RERUN.value, 'failure_group': group_id})}"
