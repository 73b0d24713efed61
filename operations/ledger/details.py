"""What one page shows of a life and no list does: payloads, the failure in full, the history."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, Executable, RowMapping, bindparam, insert, select, true, update

from operations.ledger.archive import decode, encode
from operations.ledger.growth import Seen
from operations.ledger.lives import is_final
from operations.ledger.portions import in_portions
from operations.ledger.tables import details, instances
from operations.model import Failure, Status
from operations.records import Details, Sighting

_Row = dict[str, Any]
_NOTHING: _Row = {
    column.name: None for column in details.c if column.name not in {"key", "history"}
}

# Statements are made once: to make one takes longer than to execute it.
_KNOWN = select(*(column for column in details.c if column.name != "history")).where(
    details.c.key.in_(bindparam("keys", expanding=True))
)
_INSERT = insert(details)
_ONE = update(details).where(details.c.key == bindparam("of"))
_UPDATE = _ONE.values({name: bindparam(name) for name in _NOTHING})
_ARCHIVE = _ONE.values(history=bindparam("history"))


def read_details(connection: Connection, key: int) -> Details | None:
    """Return the details of a life, None if there is no such life."""
    query = select(details).where(details.c.key == key)
    row = connection.execute(query).mappings().first()
    return _details(row) if row else None


def write_details(connection: Connection, seen: Sequence[Seen]) -> set[int]:
    """Write what is new in sightings of lives; return the keys of those that changed."""
    known = _known(connection, [each.key for each in seen])
    told = {each.key: _grown(known.get(each.key, _NOTHING), each.sighting) for each in seen}
    ended = {each.key: encode(each.sighting.history or ()) for each in seen if _ends(each)}
    changed = {key for key, row in told.items() if row != known.get(key, _NOTHING)}
    new = told.keys() - known.keys()
    rows = [{"key": key, "history": ended.get(key), **told[key]} for key in new]
    _execute(connection, _INSERT, rows)
    _execute(connection, _UPDATE, [{"of": key, **told[key]} for key in changed - new])
    archived = [{"of": key, "history": ended[key]} for key in ended.keys() - new]
    _execute(connection, _ARCHIVE, archived)
    return changed | ended.keys()


def keep_history(connection: Connection, key: int, sighting: Sighting) -> None:
    """Write the history of a life that has not ended, as far as it goes."""
    _execute(connection, _ARCHIVE, [{"of": key, "history": encode(sighting.history or ())}])


def read_archived(connection: Connection, ids: Collection[str]) -> dict[str, Status]:
    """Read the status of each id whose latest life is in the engine and has its history here."""
    found: dict[str, Status] = {}
    columns = instances.c
    query = (
        select(columns.instance_id, columns.status)
        .join(details)
        .where(
            columns.is_latest.is_(true()),
            columns.purged_at.is_(None),
            details.c.history.is_not(None),
        )
    )
    for portion in in_portions(ids):
        rows = connection.execute(query.where(columns.instance_id.in_(portion)))
        found.update((instance_id, Status(status)) for instance_id, status in rows)
    return found


def _known(connection: Connection, keys: list[int]) -> dict[int, _Row]:
    rows = {}
    for portion in in_portions(keys):
        for row in connection.execute(_KNOWN, {"keys": portion}).mappings():
            rows[row["key"]] = {name: row[name] for name in _NOTHING}
    return rows


def _execute(connection: Connection, query: Executable, rows: list[_Row]) -> None:
    if rows:
        connection.execute(query, rows)


def _ends(seen: Seen) -> bool:
    return is_final(seen.sighting) and not (seen.before and seen.before.is_archived)


def _grown(known: _Row, sighting: Sighting) -> _Row:
    instance, failure = sighting.instance, sighting.instance.failure
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


def _details(row: RowMapping) -> Details:
    failure = None
    if row["failure_type"] is not None:
        failure = Failure(row["failure_type"], row["failure_message"] or "", row["failure_stack"])
    history = decode(row["history"]) if row["history"] is not None else None
    return Details(row["input"], row["output"], row["custom_status"], failure, history)
