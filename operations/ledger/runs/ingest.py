"""Writes snapshots of instances into the ledger."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection, Engine

from operations.ledger.db.connections import writing
from operations.ledger.heartbeat import next_revision, set_revision
from operations.ledger.reservations import latest_reservations
from operations.ledger.runs.attempts import write_attempts
from operations.ledger.runs.details import keep_history, write_details
from operations.ledger.runs.failure_groups import write_failure_groups
from operations.ledger.runs.identity import Run, Unmatched, is_stale, latest_of, match_run
from operations.ledger.runs.merging import RunChange, as_purged, merged, new_run
from operations.ledger.runs.phantoms import delete_phantoms, doubtful
from operations.ledger.runs.remote_children import write_remote_children
from operations.ledger.runs.rows import (
    earlier_runs,
    insert_runs,
    latest_runs,
    touch_runs,
    update_runs,
)
from operations.ledger.runs.waits import drop_waits, write_waits
from operations.ledger.statistics.roll_ups import roll_up_runs
from operations.records import RunSummary, Snapshot


def ingest(engine: Engine, snapshots: Sequence[Snapshot], max_earlier_attempts: int) -> set[str]:
    """Write snapshots, all or none; return the ids whose snapshot was stale.

    `max_earlier_attempts` limits how many attempts of a run's earlier generations are kept.
    """
    stale: set[str] = set()
    if not snapshots:
        return stale
    with writing(engine) as connection:
        revision = next_revision(connection)
        are_changed = [
            _ingest_batch(connection, revision, batch, max_earlier_attempts, stale)
            for batch in _batches(snapshots)
        ]
        if any(are_changed):
            set_revision(connection, revision)
    return stale


def read_merged(connection: Connection, snapshot: Snapshot) -> RunSummary:
    """Return the latest run of the snapshot's id as it would be once the snapshot is written."""
    instance_id = snapshot.instance.instance_id
    known = _known_runs(connection, [snapshot])[instance_id]
    latest = latest_of(known)
    match = match_run(known, snapshot)
    if latest and match is latest and not is_stale(latest, snapshot):
        return merged(latest, snapshot).summary
    if latest and (
        match is not Unmatched.NEXT or doubtful(connection, {instance_id: latest}, [snapshot])
    ):
        return latest.summary
    start = latest_reservations(connection, snapshot.app_id, [instance_id]).get(instance_id)
    return new_run(snapshot, latest.summary if latest else None, start).summary


def mark_purged(engine: Engine, app_id: str, purged_at: Mapping[str, datetime]) -> None:
    """Mark the latest runs of ids as purged, except those that were read later.

    Phantoms are deleted.
    """
    with writing(engine) as connection:
        revision = next_revision(connection)
        gone = [
            run
            for run in latest_runs(connection, app_id, purged_at)
            if run.summary.purged_at is None and run.read_at <= purged_at[run.summary.instance_id]
        ]
        phantoms = delete_phantoms(connection, revision, app_id, [run.summary for run in gone])
        _write_purged(
            connection,
            revision,
            [
                (run, _purged(run, purged_at[run.summary.instance_id]))
                for run in gone
                if run.summary.run_id not in phantoms
            ],
        )
        if gone:
            set_revision(connection, revision)


def keep_histories(engine: Engine, app_id: str, snapshots: Sequence[Snapshot]) -> None:
    """Write the histories of the latest runs that are not archived."""
    by_id = {each.instance.instance_id: each for each in snapshots}
    with writing(engine) as connection:
        next_revision(connection)  # locks out other writers of these runs
        for run in latest_runs(connection, app_id, by_id):
            if not run.is_archived:
                keep_history(connection, run.summary.run_id, by_id[run.summary.instance_id])


def _write_purged(
    connection: Connection, revision: int, changes: Sequence[tuple[Run, Run]]
) -> None:
    """Write runs that the engine no longer has, each before and after the change."""
    update_runs(connection, revision, [run for _, run in changes])
    drop_waits(connection, [run.summary.run_id for run, _ in changes])
    roll_up_runs(connection, ((before.summary, after.summary) for before, after in changes))


def _purged(run: Run, at: datetime) -> Run:
    return replace(run, summary=as_purged(run.summary, at))


def _batches(snapshots: Sequence[Snapshot]) -> Iterator[list[Snapshot]]:
    """Split snapshots, in their order, into batches of one application and unique instance ids."""
    batch: dict[str, Snapshot] = {}
    app_id = snapshots[0].app_id
    for snapshot in snapshots:
        if snapshot.instance.instance_id in batch or snapshot.app_id != app_id:
            yield list(batch.values())
            batch, app_id = {}, snapshot.app_id
        batch[snapshot.instance.instance_id] = snapshot
    yield list(batch.values())


def _ingest_batch(
    connection: Connection,
    revision: int,
    batch: Sequence[Snapshot],
    max_earlier_attempts: int,
    stale: set[str],
) -> bool:
    """Write snapshots of different instances; return True if that changed anything.

    The ids of stale snapshots are added to `stale`.
    """
    known = _known_runs(connection, batch)
    matched = [(each, match_run(known[each.instance.instance_id], each)) for each in batch]
    updated = [
        RunChange(run.summary.run_id, run, merged(run, snapshot), snapshot)
        for snapshot, run in matched
        if isinstance(run, Run) and not is_stale(run, snapshot)
    ]
    stale.update(each.instance.instance_id for each, run in matched if _is_missing(run, each))
    latest = {each: run for each, of_id in known.items() if (run := latest_of(of_id))}
    in_doubt = doubtful(connection, latest, _of_kind(Unmatched.NEXT, matched))
    stale.update(each.instance.instance_id for each in in_doubt)
    replaced = _mark_replaced(connection, revision, latest, in_doubt)
    following = [each for each in _of_kind(Unmatched.NEXT, matched) if each not in in_doubt]
    added = [
        *_add_next(connection, revision, latest, following),
        *_add_earlier(connection, revision, _of_kind(Unmatched.EARLIER, matched)),
    ]
    changed = {
        *write_details(connection, [*updated, *added]),
        *write_attempts(connection, [*updated, *added], max_earlier_attempts),
        *write_waits(connection, [*updated, *added]),
        *(each.run_id for each in updated if each.changes_run),
    }
    write_remote_children(connection, [*updated, *added])
    write_failure_groups(connection, [*updated, *added])
    roll_up_runs(connection, (each.summaries for each in (*updated, *added)))
    update_runs(connection, revision, [each.after for each in updated if each.run_id in changed])
    touch_runs(connection, [each.after for each in updated if each.run_id not in changed])
    return bool(changed or added or replaced)


def _mark_replaced(
    connection: Connection, revision: int, latest: Mapping[str, Run], in_doubt: Sequence[Snapshot]
) -> bool:
    """Mark runs as purged if the engine has other instances in their place, perhaps phantoms.

    Return True if a run changed.
    """
    pairs = [(latest[each.instance.instance_id], each.read_at) for each in in_doubt]
    replaced = [
        (run, _purged(run, read_at)) for run, read_at in pairs if run.summary.purged_at is None
    ]
    _write_purged(connection, revision, replaced)
    return bool(replaced)


def _of_kind(
    kind: Unmatched, matched: Sequence[tuple[Snapshot, Run | Unmatched]]
) -> list[Snapshot]:
    return [snapshot for snapshot, run in matched if run is kind]


def _is_missing(found: Run | Unmatched, snapshot: Snapshot) -> bool:
    """True if a snapshot is stale, and the ledger may lack something that the snapshot has."""
    if isinstance(found, Run):
        is_complete = found.is_archived and snapshot.is_final
        return is_stale(found, snapshot) and not is_complete
    return found is Unmatched.STALE


def _known_runs(connection: Connection, batch: Sequence[Snapshot]) -> dict[str, list[Run]]:
    """Return, by instance id, the latest run and the runs with the snapshot's execution id."""
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


def _add_next(
    connection: Connection,
    revision: int,
    latest: Mapping[str, Run],
    snapshots: Sequence[Snapshot],
) -> list[RunChange]:
    """Add the next runs of ids, and mark the runs before them as purged."""
    if not snapshots:
        return []
    ids = [each.instance.instance_id for each in snapshots]
    reservations = latest_reservations(connection, snapshots[0].app_id, ids)
    runs, superseded = [], []
    for snapshot in snapshots:
        instance_id = snapshot.instance.instance_id
        before = latest.get(instance_id)
        if before:
            superseded.append((before, _superseded(before, snapshot.read_at)))
        previous = before.summary if before else None
        runs.append(new_run(snapshot, previous, reservations.get(instance_id)))
    _write_purged(connection, revision, superseded)
    return _inserted(connection, revision, runs, snapshots)


def _add_earlier(
    connection: Connection, revision: int, snapshots: Sequence[Snapshot]
) -> list[RunChange]:
    """Add finished runs of ids that have a later run already."""
    runs = [_superseded(new_run(each, None, None), each.read_at) for each in snapshots]
    return _inserted(connection, revision, runs, snapshots)


def _inserted(
    connection: Connection, revision: int, runs: Sequence[Run], snapshots: Sequence[Snapshot]
) -> list[RunChange]:
    run_ids = insert_runs(connection, revision, runs)
    return [
        RunChange(run_id, None, run, snapshot)
        for run_id, run, snapshot in zip(run_ids, runs, snapshots, strict=True)
    ]


def _superseded(run: Run, at: datetime) -> Run:
    """Return a run that is no longer the latest one of its id; the engine has it no more."""
    gone = run if run.summary.purged_at else _purged(run, at)
    return replace(gone, summary=replace(gone.summary, is_latest=False))
