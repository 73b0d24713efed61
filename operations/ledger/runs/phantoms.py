"""Phantoms: instances that Dapr writes back after it has purged them by force.

While events are raised to an instance, a forced purge may leave a record that has the id alone. The
engine then reports a pending instance, without an execution id or a history, until it notices that
there is none. Such a record is no run of the id, and must not hide the real one. A start for a
later time by another program looks the same, so a pending instance counts as a run of its own after
`DOUBT`, or at once if Flowdeck has reserved its start.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import timedelta

from sqlalchemy import Connection, bindparam, delete, update

from operations.ledger.reservations import Reservation, latest_reservations
from operations.ledger.runs.identity import Run
from operations.ledger.runs.merging import is_start_after
from operations.ledger.runs.rows import read_adjacent_runs
from operations.ledger.statistics.roll_ups import roll_up_runs
from operations.ledger.tables import attempts, details, run_texts, runs, waits
from operations.model import Status
from operations.records import RunSummary, Snapshot

DOUBT = timedelta(seconds=10)
"""How long after a purge a pending instance with the same id may be a phantom."""

_OF_RUNS = "run_ids"
_DELETIONS = [
    delete(table).where(table.c.run_id.in_(bindparam(_OF_RUNS, expanding=True)))
    for table in (waits, attempts, details, run_texts, runs)
]
_SHOW_AGAIN = (
    update(runs)
    .where(runs.c.run_id == bindparam("of"))
    .values(is_latest=True, revision=bindparam("revision"))
)


def doubtful(
    connection: Connection, latest: Mapping[str, Run], snapshots: Iterable[Snapshot]
) -> list[Snapshot]:
    """Return the snapshots, each of no known run, that may be phantoms.

    `latest` has the latest run of each id.
    """
    found = [
        each
        for each in snapshots
        if each.instance.status is Status.PENDING
        and each.timeline.execution_id is None
        and (run := latest.get(each.instance.instance_id))
        and _is_in_doubt(run.summary, each)
    ]
    if not found:
        return []
    ids = [each.instance.instance_id for each in found]
    starts = latest_reservations(connection, found[0].app_id, ids)
    return [
        each
        for each, instance_id in zip(found, ids, strict=True)
        if not _has_start(starts, latest[instance_id].summary)
    ]


def delete_phantoms(
    connection: Connection, revision: int, app_id: str, gone: Iterable[RunSummary]
) -> set[int]:
    """Delete the phantoms among runs that the engine no longer has; return their `run_id`s.

    The real run of each id is its latest run again.
    """
    candidates = [each for each in gone if _was_only_pending(each)]
    if not candidates:
        return set()
    earlier = {each.run_id: read_adjacent_runs(connection, each)[0] for each in candidates}
    ids = [each.instance_id for each in candidates]
    starts = latest_reservations(connection, app_id, ids)
    real = {phantom: run for phantom, run in earlier.items() if run and not _has_start(starts, run)}
    _delete(connection, revision, real)
    roll_up_runs(connection, ((each, None) for each in candidates if each.run_id in real))
    return set(real)


def _delete(connection: Connection, revision: int, real: Mapping[int, RunSummary]) -> None:
    if not real:
        return
    phantoms: Collection[int] = list(real)
    for deletion in _DELETIONS:
        connection.execute(deletion, {_OF_RUNS: phantoms})
    shown = [{"of": run.run_id, "revision": revision} for run in real.values()]
    connection.execute(_SHOW_AGAIN, shown)


def _is_in_doubt(latest: RunSummary, snapshot: Snapshot) -> bool:
    """True if an id was purged a moment ago, or has lost a run that had not ended."""
    if latest.purged_at is None:
        return not latest.status.is_finished
    return snapshot.read_at - latest.purged_at < DOUBT


def _was_only_pending(run: RunSummary) -> bool:
    return run.status is Status.PENDING and run.execution_id is None and run.last_updated_at is None


def _has_start(starts: Mapping[str, Reservation], run: RunSummary) -> bool:
    """True if Flowdeck has reserved a start of the id after this run."""
    start = starts.get(run.instance_id)
    return start is not None and is_start_after(start, run)
