"""What one page shows of a life and no list does: payloads, the failure in full, the history."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Executable, RowMapping, bindparam, insert, select, true, update

from operations.ledger.db.batches import in_portions
from operations.ledger.runs.history_codec import decode, encode
from operations.ledger.runs.identity import is_final
from operations.ledger.runs.merging import Seen
from operations.ledger.search.text_index import body_of, insert_texts, update_texts
from operations.ledger.tables import details, runs
from operations.model import Failure, Status
from operations.records import RunDetails, Snapshot

_Row = dict[str, Any]
_NOTHING: _Row = {
    column.name: None for column in details.c if column.name not in {"run_id", "history"}
}

# Statements are made once: to make one takes longer than to execute it.
_KNOWN = select(*(column for column in details.c if column.name != "history")).where(
    details.c.run_id.in_(bindparam("run_ids", expanding=True))
)
_INSERT = insert(details)
_ONE = update(details).where(details.c.run_id == bindparam("of"))
_UPDATE = _ONE.values({name: bindparam(name) for name in _NOTHING})
_ARCHIVE = _ONE.values(history=bindparam("history"))


def read_details(connection: Connection, run_id: int) -> RunDetails | None:
    """Return the details of a life, None if there is no such life."""
    query = select(details).where(details.c.run_id == run_id)
    row = connection.execute(query).mappings().first()
    return _details(row) if row else None


def write_details(connection: Connection, seen: Sequence[Seen]) -> set[int]:
    """Write what is new in snapshots of lives; return the keys of those that changed."""
    known = _known(connection, [each.run_id for each in seen])
    told = {each.run_id: _grown(known.get(each.run_id, _NOTHING), each.snapshot) for each in seen}
    ended = {each.run_id: encode(each.snapshot.history or ()) for each in seen if _ends(each)}
    changed = {run_id for run_id, row in told.items() if row != known.get(run_id, _NOTHING)}
    new = told.keys() - known.keys()
    _index_texts(connection, seen, {run_id: told[run_id] for run_id in changed | new}, new)
    rows = [{"run_id": run_id, "history": ended.get(run_id), **told[run_id]} for run_id in new]
    _execute(connection, _INSERT, rows)
    _execute(connection, _UPDATE, [{"of": run_id, **told[run_id]} for run_id in changed - new])
    archived = [{"of": run_id, "history": ended[run_id]} for run_id in ended.keys() - new]
    _execute(connection, _ARCHIVE, archived)
    return changed | ended.keys()


def _index_texts(
    connection: Connection, seen: Sequence[Seen], rows: Mapping[int, _Row], new: Collection[int]
) -> None:
    """Index the texts of new runs, and of those whose texts changed: that costs 0.3 ms a run."""
    ids = {each.run_id: each.snapshot.instance.instance_id for each in seen}
    insert_texts(connection, {each: (ids[each], body_of(rows[each])) for each in new})
    update_texts(connection, {each: body_of(rows[each]) for each in rows.keys() - new})


def keep_history(connection: Connection, run_id: int, snapshot: Snapshot) -> None:
    """Write the history of a life that has not ended, as far as it goes."""
    _execute(connection, _ARCHIVE, [{"of": run_id, "history": encode(snapshot.history or ())}])


def read_archived(connection: Connection, app_id: str, ids: Collection[str]) -> dict[str, Status]:
    """Read the status of each id whose latest life is in the engine and has its history here."""
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
    for portion in in_portions(ids):
        rows = connection.execute(query.where(columns.instance_id.in_(portion)))
        found.update((instance_id, Status(status)) for instance_id, status in rows)
    return found


def _known(connection: Connection, run_ids: list[int]) -> dict[int, _Row]:
    rows = {}
    for portion in in_portions(run_ids):
        for row in connection.execute(_KNOWN, {"run_ids": portion}).mappings():
            rows[row["run_id"]] = {name: row[name] for name in _NOTHING}
    return rows


def _execute(connection: Connection, query: Executable, rows: list[_Row]) -> None:
    if rows:
        connection.execute(query, rows)


def _ends(seen: Seen) -> bool:
    return is_final(seen.snapshot) and not (seen.before and seen.before.is_archived)


def _grown(known: _Row, snapshot: Snapshot) -> _Row:
    instance, failure = snapshot.instance, snapshot.instance.failure
    told = {
        "input": instance.input,
        "output": instance.output,
        "custom_status": instance.custom_status,
    }
    if failure:
        told["failure_type"] = failure.error_type
        told["failure_message"] = failure.message
        told["failure_stack"] = failure.stack_trace
    return known | {name: value for name, value in told.items() if value is not None}


def _details(row: RowMapping) -> RunDetails:
    failure = None
    if row["failure_type"] is not None:
        failure = Failure(row["failure_type"], row["failure_message"] or "", row["failure_stack"])
    history = decode(row["history"]) if row["history"] is not None else None
    return RunDetails(row["input"], row["output"], row["custom_status"], failure, history)
