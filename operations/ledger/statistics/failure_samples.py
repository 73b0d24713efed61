"""Reads the newest failed run of failure groups, with its message and its stack trace."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, case, func, select

from operations.failure_groups import original_message
from operations.ledger.db.batches import in_batches
from operations.ledger.micros import micros_of, time_of
from operations.ledger.runs.history_codec import decode
from operations.ledger.statistics.results import FailureSample
from operations.ledger.tables import details, failure_groups, runs
from operations.model import Failure, Status
from operations.records import Period
from operations.stack_traces import OwnFrames, own_frames

MAX_STACK = 4000
"""The most characters of the stack trace of a sample."""
_MAX_READ = 20_000  # characters of a stack trace in which own frames are looked for
_MAX_HISTORY = 32_768  # bytes; a larger history is not read: one query reads many


def read_samples(
    connection: Connection, group_ids: Sequence[str], within: Period
) -> dict[str, FailureSample]:
    """Return the run of each group that failed last in a period; some groups have none."""
    return {
        row["failure_group"]: _sample(row)
        for batch in in_batches(group_ids)
        for row in connection.execute(_newest(batch, within)).mappings()
    }


def _newest(group_ids: list[str], within: Period) -> Select[Any]:
    """Read the newest run of each group; a short history too if an activity or a child failed."""
    other, group_id = runs.alias(), failure_groups.c.group_id
    newest = (
        select(other.c.run_id)
        .where(other.c.failure_group == group_id, other.c.status == Status.FAILED.value)
        .where(other.c.ended_micros >= max(0, micros_of(within.since)))
        .where(other.c.ended_micros < micros_of(within.until))
        .order_by(other.c.ended_micros.desc(), other.c.run_id.desc())
        .limit(1)
        .correlate(failure_groups)
        .scalar_subquery()
    )
    is_short = func.length(details.c.history) <= _MAX_HISTORY
    names = ("failure_group", "run_id", "instance_id", "is_latest", "ended_micros")
    return (
        select(
            *(runs.c[name] for name in (*names, "error_type", "error_message")),
            func.substr(details.c.stack_trace, 1, _MAX_READ).label("stack_trace"),
            case((runs.c.failed_step.is_not(None) & is_short, details.c.history)).label("history"),
        )
        .select_from(failure_groups)
        .join(runs, runs.c.run_id == newest)
        .outerjoin(details, details.c.run_id == runs.c.run_id)
        .where(group_id.in_(group_ids))
    )


def _sample(row: RowMapping) -> FailureSample:
    message = row["error_message"] or ""
    trace = _own_trace(row["history"], row["error_type"] or "", message) if row["history"] else None
    own = _own_frames(trace or row["stack_trace"] or "")
    return FailureSample(
        run_id=row["run_id"],
        instance_id=row["instance_id"],
        is_latest=row["is_latest"],
        at=time_of(row["ended_micros"]),
        message=original_message(message),
        stack_trace=own.text[:MAX_STACK] or None,
        hidden_frames=own.hidden,
    )


@lru_cache(maxsize=256)  # a page reads the same samples again after each change
def _own_trace(history: bytes, error_type: str, message: str) -> str | None:
    """Return the stack trace of the step whose failure the row of its run has."""
    failures = (
        each.failure
        for each in reversed(decode(history))
        if each.failure and each.answers is not None
    )
    return next((each.stack_trace for each in failures if _is(each, error_type, message)), None)


def _is(failure: Failure, error_type: str, message: str) -> bool:
    return failure.error_type.startswith(error_type) and failure.message.startswith(message)


@lru_cache(maxsize=256)
def _own_frames(trace: str) -> OwnFrames:
    return own_frames(trace[:_MAX_READ])
