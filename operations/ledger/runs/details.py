"""Reads and writes the details of runs: payloads, the whole failure, the history."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Executable, bindparam, insert, select, true, update

from operations.ledger.db.batches import in_batches
from operations.ledger.runs.history_codec import decode, encode
from operations.ledger.runs.merging import RunChange, goes_on
from operations.ledger.search.text_index import body_of, insert_texts, update_texts
from operations.ledger.tables import details, runs
from operations.model import Failure, Status
from operations.records import RunDetails, Snapshot

_Row = dict[str, Any]
_NOTHING: _Row = {
    column.name: None for column in details.c if column.name not in {"run_id", "history"}
}

# Statements are built once: building one takes longer than executing it.
_KNOWN = select(*(column for column in details.c if column.name != "history")).where(
    details.c.run_id.in_(bindparam("run_ids", expanding=True))
)
_INSERT = insert(details)
_ONE = update(details).where(details.c.run_id == bindparam("of"))
_UPDATE = _ONE.values({name: bindparam(name) for name in _NOTHING})
_ARCHIVE = _ONE.values(history=bindparam("history"))


def read_details(connection: Connection, run_id: int) -> RunDetails | None:
    """Return the details of a run, None if there is no such run."""
    query = select(details).where(details.c.run_id == run_id)
    row = connection.execute(query).mappings().first()
    return _details(dict(row)) if row else None


def read_payloads(connection: Connection, run_ids: Sequence[int]) -> dict[int, RunDetails]:
    """Return the details of runs by `run_id`, without their histories."""
    known = _known(connection, list(run_ids))
    return {run_id: _details(row | {"history": None}) for run_id, row in known.items()}


def write_details(connection: Connection, changes: Sequence[RunChange]) -> set[int]:
    """Write new and changed details; return the `run_id`s of the runs that changed."""
    known = _known(connection, [each.run_id for each in changes])
    rows = {
        each.run_id: _merged(_still_true(known.get(each.run_id, _NOTHING), each), each.snapshot)
        for each in changes
    }
    histories = {
        each.run_id: encode(each.snapshot.history or ()) for each in changes if _is_kept(each)
    }
    changed = {run_id for run_id, row in rows.items() if row != known.get(run_id, _NOTHING)}
    new = rows.keys() - known.keys()
    _index_texts(connection, changes, {run_id: rows[run_id] for run_id in changed | new}, new)
    inserted = [
        {"run_id": run_id, "history": histories.get(run_id), **rows[run_id]} for run_id in new
    ]
    _execute(connection, _INSERT, inserted)
    _execute(connection, _UPDATE, [{"of": run_id, **rows[run_id]} for run_id in changed - new])
    kept = [{"of": run_id, "history": histories[run_id]} for run_id in histories.keys() - new]
    _execute(connection, _ARCHIVE, kept)
    return changed | histories.keys()


def _index_texts(
    connection: Connection,
    changes: Sequence[RunChange],
    rows: Mapping[int, _Row],
    new: Collection[int],
) -> None:
    """Index the texts of new runs, and of runs whose texts changed; it takes 0.3 ms a run."""
    ids = {each.run_id: each.snapshot.instance.instance_id for each in changes}
    insert_texts(connection, {each: (ids[each], body_of(rows[each])) for each in new})
    update_texts(connection, {each: body_of(rows[each]) for each in rows.keys() - new})


def keep_history(connection: Connection, run_id: int, snapshot: Snapshot) -> None:
    """Write the history of a run that has not ended."""
    _execute(connection, _ARCHIVE, [{"of": run_id, "history": encode(snapshot.history or ())}])


def read_archived(connection: Connection, app_id: str, ids: Collection[str]) -> dict[str, Status]:
    """Read, by id, the status of the latest runs that have a history here and are not purged."""
    found: dict[str, Status] = {}
    columns = runs.c
    query = (
        select(columns.instance_id, columns.status)
        .join(details)
        .where(
            columns.app_id == app_id,
            columns.is_latest.is_(true()),
            columns.purged_at.is_(None),
            details.c.history.is_not(None),
        )
    )
    for batch in in_batches(ids):
        rows = connection.execute(query.where(columns.instance_id.in_(batch)))
        found.update((instance_id, Status(status)) for instance_id, status in rows)
    return found


def _known(connection: Connection, run_ids: list[int]) -> dict[int, _Row]:
    rows = {}
    for batch in in_batches(run_ids):
        for row in connection.execute(_KNOWN, {"run_ids": batch}).mappings():
            rows[row["run_id"]] = {name: row[name] for name in _NOTHING}
    return rows


def _execute(connection: Connection, query: Executable, rows: list[_Row]) -> None:
    if rows:
        connection.execute(query, rows)


def _is_kept(change: RunChange) -> bool:
    """True if the history is written: once when a run has ended, and while a run repeats an action.

    The page of a run that repeats an action reads it here: the engine's grows with each turn.
    """
    if change.snapshot.is_final:
        return not (change.before and change.before.is_archived)
    return bool(change.snapshot.timeline.repeats and change.snapshot.history)


def _still_true(known: _Row, change: RunChange) -> _Row:
    """Return a row without the reason of a stall if the instance goes on."""
    if change.before and goes_on(change.before.summary, change.snapshot):
        return known | dict.fromkeys(("error_type", "error_message", "stack_trace"))
    return known


def _merged(known: _Row, snapshot: Snapshot) -> _Row:
    """Return a row with the values of a snapshot; None does not replace a known value."""
    instance, failure = snapshot.instance, snapshot.failure
    values = {
        "input": instance.input,
        "output": instance.output,
        "custom_status": instance.custom_status,
    }
    if failure:
        values["error_type"] = failure.error_type
        values["error_message"] = failure.message
        values["stack_trace"] = failure.stack_trace
    return known | {name: value for name, value in values.items() if value is not None}


def _details(row: Mapping[str, Any]) -> RunDetails:
    failure = None
    if row["error_type"] is not None:
        failure = Failure(row["error_type"], row["error_message"] or "", row["stack_trace"])
    history = decode(row["history"]) if row["history"] is not None else None
    return RunDetails(row["input"], row["output"], row["custom_status"], failure, history)
