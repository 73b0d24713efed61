"""Makes the data of the widget that shows failure groups. Pure functions."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from dashboard.bulk.bulk_address import ACTION
from dashboard.bulk.jobs_data import BULK
from dashboard.listing.table_data import address, list_address
from dashboard.overview.overview_data import PeriodLength, is_new, runs_of
from dashboard.times import milliseconds
from operations.ledger.statistics.results import FailureGroup, FailureSample
from operations.model import Action


def failures_data(
    groups: Sequence[FailureGroup],
    samples: Mapping[str, FailureSample],
    length: PeriodLength,
    now: datetime,
) -> dict[str, Any]:
    """Return the data of the widget: groups that are not marked as known come first.

    `samples` are the newest runs, by the id of their group.
    """
    in_order = sorted(groups, key=lambda each: each.known is not None)
    return {
        "now": milliseconds(now),
        "period": f"last {length}",
        "groups": [_group(each, samples.get(each.group_id), length, now) for each in in_order],
    }


def _group(
    group: FailureGroup, sample: FailureSample | None, length: PeriodLength, now: datetime
) -> dict[str, Any]:
    known, wanted = group.known, runs_of(group, length)
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
        "href": list_address(wanted) if group.runs else None,
        "rerunHref": _rerun_address(wanted) if group.runs else None,
        "known": known and {"by": known.by, "at": milliseconds(known.at), "note": known.note},
        "sample": _sample(sample) if sample else None,
    }


def _sample(sample: FailureSample) -> dict[str, Any]:
    return {
        "id": sample.instance_id,
        "href": address(sample.instance_id, None if sample.is_latest else sample.run_id),
        "at": milliseconds(sample.at),
        "message": sample.message,
        "stack": sample.stack_trace,
        "hidden": sample.hidden_frames,
    }


def _rerun_address(wanted: dict[str, str]) -> str:
    """Return the address of the preview of a rerun of all runs of a filter."""
    return f"{BULK}?{urlencode({ACTION: Action.RERUN.value, **wanted})}"
