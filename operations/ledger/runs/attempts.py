"""The attempts of a life's activities, so that they can be drawn without the engine."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, RowMapping, bindparam, insert, select, update

from operations.ledger.db.batches import in_portions
from operations.ledger.runs.generations import make_room
from operations.ledger.runs.merging import Seen
from operations.ledger.tables import MESSAGE, NAME, attempts, runs
from operations.model import Failure
from operations.timeline import Ending, Span, SpanKind

_Row = dict[str, Any]
_WRITTEN = [column.name for column in attempts.c if not column.primary_key]
_Place = tuple[int, int, int]  # a life's key, its generation, the event that began an attempt
_PLACE = ("run_id", "generation", "event_id")

# Statements are made once: to make one takes longer than to execute it.
ONE = update(attempts).where(*(attempts.c[name] == bindparam(f"of_{name}") for name in _PLACE))
"""What is to be changed of the attempt that is `of_run_id`, `of_generation`, and `of_event_id`."""
_INSERT = insert(attempts)
_UPDATE = ONE.values({name: bindparam(name) for name in _WRITTEN})
_OF_GENERATION = select(attempts).where(
    attempts.c.generation == bindparam("generation"),
    attempts.c.run_id.in_(bindparam("run_ids", expanding=True)),
)


def read_attempts(connection: Connection, run_id: int, generation: int | None) -> tuple[Span, ...]:
    """Return the attempts of a life in the order in which they began, without their payloads.

    They are those of one of its generations; None is the last that was seen.
    """
    columns = attempts.c
    last = select(runs.c.generation).where(runs.c.run_id == run_id).scalar_subquery()
    wanted = last if generation is None else generation
    query = select(attempts).where(columns.run_id == run_id, columns.generation == wanted)
    query = query.order_by(columns.scheduled_at, columns.event_id)
    rows = connection.execute(query).mappings().all()
    in_lane = Counter(row["lane"] for row in rows)
    return tuple(_span(row, in_lane) for row in rows)


def write_attempts(connection: Connection, seen: Sequence[Seen]) -> set[int]:
    """Write what is new in snapshots of lives; return the keys of those that changed."""
    continued = [each for each in seen if each.is_new_generation]
    make_room(connection, continued)
    every = (
        _row(each.run_id, each.after.summary.generation, span)
        for each in seen
        for span in each.snapshot.timeline.spans
        if span.kind is SpanKind.ACTIVITY
    )
    rows = {_place(row): row for row in every}
    known = _known(connection, rows)
    told = {place: _with_begin(row, known.get(place)) for place, row in rows.items()}
    _insert(connection, [row for place, row in told.items() if place not in known])
    _update(connection, [row for place, row in told.items() if known.get(place, row) != row])
    changed = {row["run_id"] for place, row in told.items() if known.get(place) != row}
    return changed | {each.run_id for each in continued}


def _known(connection: Connection, places: Iterable[_Place]) -> dict[_Place, _Row]:
    """Return what is known of the generations that these are of."""
    run_ids: dict[int, set[int]] = defaultdict(
        set
    )  # by generation: mostly all have the same number
    for run_id, generation, _ in places:
        run_ids[generation].add(run_id)
    known = {}
    for generation, of in run_ids.items():
        for portion in in_portions(sorted(of)):
            wanted = {"generation": generation, "run_ids": portion}
            rows = connection.execute(_OF_GENERATION, wanted).mappings()
            known.update({_place(row): dict(row) for row in rows})
    return known


def _place(row: Mapping[str, Any] | RowMapping) -> _Place:
    run_id, generation, event_id = (row[name] for name in _PLACE)
    return run_id, generation, event_id


def _insert(connection: Connection, rows: list[_Row]) -> None:
    if rows:
        connection.execute(_INSERT, rows)


def _update(connection: Connection, rows: list[_Row]) -> None:
    if rows:
        written = ({**row, **{f"of_{name}": row[name] for name in _PLACE}} for row in rows)
        connection.execute(_UPDATE, list(written))


def _row(run_id: int, generation: int, span: Span) -> _Row:
    return {
        "run_id": run_id,
        "generation": generation,
        "event_id": span.event_id,
        "name": span.name[:NAME],
        "lane": span.lane,
        "attempt": span.attempt_number,
        "scheduled_at": span.scheduled_at,
        "started_at": span.started_at,
        "ended_at": span.ended_at,
        "ending": span.ending.value,
        "error_type": span.failure.error_type[:NAME] if span.failure else None,
        "error_message": span.failure.message[:MESSAGE] if span.failure else None,
    }


def _with_begin(row: _Row, known: _Row | None) -> _Row:
    """Return a row with the begin that is known: whoever saw the attempt may not know of it."""
    if known is None or known["scheduled_at"] != row["scheduled_at"]:
        return row
    begins = filter(None, (row["started_at"], known["started_at"]))
    return row | {"started_at": max(begins, default=None)}


def _span(row: RowMapping, in_lane: Mapping[int, int]) -> Span:
    failure = None
    if row["error_type"] is not None:
        failure = Failure(row["error_type"], row["error_message"])
    return Span(
        kind=SpanKind.ACTIVITY,
        name=row["name"],
        lane=row["lane"],
        event_id=row["event_id"],
        scheduled_at=row["scheduled_at"],
        started_at=row["started_at"],
        ended_at=row["ended_at"],
        ending=Ending(row["ending"]),
        attempt_number=row["attempt"],
        attempt_count=in_lane[row["lane"]],
        failure=failure,
    )
