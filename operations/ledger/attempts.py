"""The attempts of a life's activities, so that they can be drawn without the engine."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, RowMapping, bindparam, delete, insert, select, update

from operations.ledger.growth import Seen
from operations.ledger.portions import in_portions
from operations.ledger.tables import MESSAGE, NAME, attempts
from operations.model import Failure
from operations.timeline import Ending, Span, SpanKind

_Row = dict[str, Any]
_WRITTEN = [column.name for column in attempts.c if not column.primary_key]
_Place = tuple[int, int]  # a life's key, and the id of the event that began an attempt


def read_attempts(connection: Connection, key: int) -> tuple[Span, ...]:
    """Return the attempts of a life in the order in which they began, without their payloads."""
    columns = attempts.c
    query = select(attempts).where(columns.key == key)
    query = query.order_by(columns.started_at, columns.event_id)
    rows = connection.execute(query).mappings().all()
    in_lane = Counter(row["lane"] for row in rows)
    return tuple(_span(row, in_lane) for row in rows)


def write_attempts(connection: Connection, seen: Sequence[Seen]) -> set[int]:
    """Write what is new in sightings of lives; return the keys of those that changed."""
    outdated = [each.key for each in seen if each.is_new_generation]
    _forget(connection, outdated)
    rows = {
        (each.key, span.event_id): _row(each.key, span)
        for each in seen
        for span in each.sighting.timeline.spans
        if span.kind is SpanKind.ACTIVITY
    }
    known = _known(connection, sorted({key for key, _ in rows}))
    told = {place: _with_begin(row, known.get(place)) for place, row in rows.items()}
    _insert(connection, [row for place, row in told.items() if place not in known])
    _update(connection, [row for place, row in told.items() if known.get(place, row) != row])
    changed = {key for (key, event_id), row in told.items() if known.get((key, event_id)) != row}
    return changed | set(outdated)


def _forget(connection: Connection, keys: Sequence[int]) -> None:
    """Make room for a new generation, whose events are counted from the beginning again."""
    for portion in in_portions(keys):
        connection.execute(delete(attempts).where(attempts.c.key.in_(portion)))


def _known(connection: Connection, keys: Sequence[int]) -> dict[_Place, _Row]:
    known = {}
    for portion in in_portions(keys):
        query = select(attempts).where(attempts.c.key.in_(portion))
        for row in connection.execute(query).mappings():
            known[row["key"], row["event_id"]] = dict(row)
    return known


def _insert(connection: Connection, rows: list[_Row]) -> None:
    if rows:
        connection.execute(insert(attempts), rows)


def _update(connection: Connection, rows: list[_Row]) -> None:
    columns = attempts.c
    query = (
        update(attempts)
        .where(columns.key == bindparam("of_key"), columns.event_id == bindparam("of_event"))
        .values({name: bindparam(name) for name in _WRITTEN})
    )
    if rows:
        places = ({"of_key": row["key"], "of_event": row["event_id"]} for row in rows)
        connection.execute(query, [row | place for row, place in zip(rows, places, strict=True)])


def _row(key: int, span: Span) -> _Row:
    return {
        "key": key,
        "event_id": span.event_id,
        "name": span.name[:NAME],
        "lane": span.lane,
        "attempt": span.attempt,
        "started_at": span.start,
        "began_at": span.began,
        "ended_at": span.end,
        "ending": span.ending.value,
        "error_type": span.failure.error_type[:NAME] if span.failure else None,
        "error_message": span.failure.message[:MESSAGE] if span.failure else None,
    }


def _with_begin(row: _Row, known: _Row | None) -> _Row:
    """Return a row with the begin that is known: whoever saw the attempt may not know of it."""
    if known is None or known["started_at"] != row["started_at"]:
        return row
    begins = filter(None, (row["began_at"], known["began_at"]))
    return row | {"began_at": max(begins, default=None)}


def _span(row: RowMapping, in_lane: Mapping[int, int]) -> Span:
    failure = None
    if row["error_type"] is not None:
        failure = Failure(row["error_type"], row["error_message"])
    return Span(
        kind=SpanKind.ACTIVITY,
        name=row["name"],
        lane=row["lane"],
        event_id=row["event_id"],
        start=row["started_at"],
        began=row["began_at"],
        end=row["ended_at"],
        ending=Ending(row["ending"]),
        attempt=row["attempt"],
        attempts=in_lane[row["lane"]],
        failure=failure,
    )
