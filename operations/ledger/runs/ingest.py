"""How what was seen of instances comes into the ledger."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection, Engine

from operations.ledger.db.sessions import writing
from operations.ledger.heartbeat import next_revision, set_revision
from operations.ledger.reservations import latest_starts
from operations.ledger.runs.attempts import write_attempts
from operations.ledger.runs.details import keep_history, write_details
from operations.ledger.runs.identity import Run, Unknown, is_final, is_old_news, place
from operations.ledger.runs.merging import Seen, gone, grown, opened
from operations.ledger.runs.rows import (
    earlier_runs,
    insert_runs,
    latest_runs,
    touch_runs,
    update_runs,
)
from operations.ledger.runs.waits import drop_waits, write_waits
from operations.records import Snapshot


def ingest(engine: Engine, snapshots: Sequence[Snapshot]) -> set[str]:
    """Write snapshots, all or none; return the ids of those that came too late to be written."""
    late: set[str] = set()
    if not snapshots:
        return late
    with writing(engine) as connection:
        revision = next_revision(connection)
        changes = [
            _ingest_batch(connection, revision, batch, late) for batch in _batches(snapshots)
        ]
        if any(changes):
            set_revision(connection, revision)
    return late


def mark_purged(engine: Engine, app_id: str, gone_at: Mapping[str, datetime]) -> None:
    """Note which ids the engine had no more at which time, unless they were seen later."""
    with writing(engine) as connection:
        revision = next_revision(connection)
        runs = [
            replace(run, summary=gone(run.summary, at))
            for run in latest_runs(connection, app_id, gone_at)
            for at in [gone_at[run.summary.instance_id]]
            if run.summary.purged_at is None and run.read_at <= at
        ]
        if runs:
            update_runs(connection, revision, runs)
            drop_waits(connection, [run.summary.run_id for run in runs])
            set_revision(connection, revision)


def keep_histories(engine: Engine, app_id: str, snapshots: Sequence[Snapshot]) -> None:
    """Write the histories of the latest lives that are not archived."""
    by_id = {each.instance.instance_id: each for each in snapshots}
    with writing(engine) as connection:
        next_revision(connection)  # so that nobody else writes these lives meanwhile
        for run in latest_runs(connection, app_id, by_id):
            if not run.is_archived:
                keep_history(connection, run.summary.run_id, by_id[run.summary.instance_id])


def _batches(snapshots: Sequence[Snapshot]) -> Iterator[list[Snapshot]]:
    """Split snapshots, in their order, into batches of one application and of unique instances."""
    batch: dict[str, Snapshot] = {}
    app_id = snapshots[0].app_id
    for snapshot in snapshots:
        if snapshot.instance.instance_id in batch or snapshot.app_id != app_id:
            yield list(batch.values())
            batch, app_id = {}, snapshot.app_id
        batch[snapshot.instance.instance_id] = snapshot
    yield list(batch.values())


def _ingest_batch(
    connection: Connection, revision: int, batch: Sequence[Snapshot], late: set[str]
) -> bool:
    """Write snapshots of different instances; return whether that changed anything.

    The ids of those that come too late are added to `late`.
    """
    known = _known(connection, batch)
    placed = [(each, place(known[each.instance.instance_id], each)) for each in batch]
    grows = [
        Seen(run.summary.run_id, run, grown(run, snapshot), snapshot)
        for snapshot, run in placed
        if isinstance(run, Run) and not is_old_news(run, snapshot)
    ]
    late.update(each.instance.instance_id for each, at in placed if _is_too_late(at, each))
    opens = [
        *_open_next(connection, revision, known, [s for s, at in placed if at is Unknown.NEXT]),
        *_open_earlier(connection, revision, [s for s, at in placed if at is Unknown.EARLIER]),
    ]
    changed = {
        *write_details(connection, [*grows, *opens]),
        *write_attempts(connection, [*grows, *opens]),
        *write_waits(connection, [*grows, *opens]),
        *(each.run_id for each in grows if each.tells_more),
    }
    update_runs(connection, revision, [each.after for each in grows if each.run_id in changed])
    touch_runs(connection, [each.after for each in grows if each.run_id not in changed])
    return bool(changed or opens)


def _is_too_late(found: Run | Unknown, snapshot: Snapshot) -> bool:
    """Whether a snapshot is not to be written, and may tell what is not known all the same."""
    if isinstance(found, Run):
        is_all_known = found.is_archived and is_final(snapshot)
        return is_old_news(found, snapshot) and not is_all_known
    return found is Unknown.STALE


def _known(connection: Connection, batch: Sequence[Snapshot]) -> dict[str, list[Run]]:
    """Return, by id, the latest life and those that have the execution id that was seen."""
    known: dict[str, list[Run]] = defaultdict(list)
    app_id = batch[0].app_id
    for run in latest_runs(connection, app_id, (each.instance.instance_id for each in batch)):
        known[run.summary.instance_id].append(run)
    others = (
        (each.instance.instance_id, each.timeline.execution_id)
        for each in batch
        if each.timeline.execution_id
        for latest in known[each.instance.instance_id]
        if latest.summary.execution_id != each.timeline.execution_id
    )
    for run in earlier_runs(connection, app_id, list(others)):
        known[run.summary.instance_id].append(run)
    return known


def _open_next(
    connection: Connection,
    revision: int,
    known: dict[str, list[Run]],
    snapshots: Sequence[Snapshot],
) -> list[Seen]:
    """Open lives; the engine has no more of the ones that they follow."""
    if not snapshots:
        return []
    ids = [each.instance.instance_id for each in snapshots]
    reservations = latest_starts(connection, snapshots[0].app_id, ids)
    runs, superseded = [], []
    for snapshot in snapshots:
        instance_id = snapshot.instance.instance_id
        before = next((run for run in known[instance_id] if run.summary.is_latest), None)
        if before:
            superseded.append(_superseded(before, snapshot.read_at))
        runs.append(
            opened(snapshot, before.summary if before else None, reservations.get(instance_id))
        )
    update_runs(connection, revision, superseded)
    drop_waits(connection, [run.summary.run_id for run in superseded])
    return _inserted(connection, revision, runs, snapshots)


def _open_earlier(
    connection: Connection, revision: int, snapshots: Sequence[Snapshot]
) -> list[Seen]:
    """Add lives that are over, and that others have followed meanwhile."""
    runs = [_superseded(opened(each, None, None), each.read_at) for each in snapshots]
    return _inserted(connection, revision, runs, snapshots)


def _inserted(
    connection: Connection, revision: int, runs: Sequence[Run], snapshots: Sequence[Snapshot]
) -> list[Seen]:
    run_ids = insert_runs(connection, revision, runs)
    return [
        Seen(run_id, None, run, snapshot)
        for run_id, run, snapshot in zip(run_ids, runs, snapshots, strict=True)
    ]


def _superseded(run: Run, at: datetime) -> Run:
    summary = run.summary if run.summary.purged_at else gone(run.summary, at)
    return replace(run, summary=replace(summary, is_latest=False))
