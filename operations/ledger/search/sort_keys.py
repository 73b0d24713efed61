"""The orders in which lists stand: each is that of a column that is never NULL, then of the key."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Column, ColumnElement, func, tuple_

from operations.ledger.tables import runs, waits
from operations.records import RunSummary, Sort

NEVER = -1
"""What stands for a time, or a duration, that is not known yet."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_COLUMNS: dict[Sort, Column[Any]] = {
    Sort.NEWEST: runs.c.created_at,
    Sort.OLDEST: runs.c.created_at,
    Sort.ENDED: runs.c.ended_micros,
    Sort.LONGEST: runs.c.took_micros,
}


@dataclass(frozen=True, order=True)
class Place:
    """Where a life stands in an order: by the column's value in microseconds, and by its key."""

    micros: int
    run_id: int


def micros_of(time: datetime) -> int:
    """Return a time in microseconds since 1970."""
    return (time - _EPOCH) // _MICROSECOND


def time_of(micros: int) -> datetime:
    """Return the time that so many microseconds since 1970 are; raises `OverflowError`."""
    return _EPOCH + micros * _MICROSECOND


def ended_micros(summary: RunSummary) -> int:
    """Return when a life ended in microseconds since 1970, `NEVER` if it has not."""
    return micros_of(summary.ended_at) if summary.ended_at else NEVER


def took_micros(summary: RunSummary) -> int:
    """Return how many microseconds a life took, `NEVER` if it has not ended."""
    if summary.started_at is None or summary.ended_at is None:
        return NEVER
    return max(0, (summary.ended_at - summary.started_at) // _MICROSECOND)


def queue_micros(summary: RunSummary) -> int:
    """Return how many microseconds a life waited for its first turn, `NEVER` if nobody knows.

    One that was to start at a time has waited since then.
    """
    is_later = summary.scheduled_for and summary.scheduled_for > summary.created_at
    since = summary.scheduled_for if is_later else summary.started_at
    if summary.first_turn_at is None or since is None or summary.first_turn_at < since:
        return NEVER
    return (summary.first_turn_at - since) // _MICROSECOND


def run_micros(summary: RunSummary) -> int:
    """Return how many microseconds a life took from its first turn on, `NEVER` if nobody knows."""
    if summary.first_turn_at is None or summary.ended_at is None:
        return NEVER
    return max(0, (summary.ended_at - summary.first_turn_at) // _MICROSECOND)


def unindexed(column: Column[Any]) -> ColumnElement[Any]:
    """Return a column as no index has it."""
    return func.coalesce(column, column)


@dataclass(frozen=True)
class Order:
    """An order, or its reverse.

    One `is_sorted` if no index is to serve it; one `is_of_waits` is served by that of what is
    waited for.
    """

    sort: Sort
    is_reversed: bool = False
    is_sorted: bool = False
    is_of_waits: bool = False

    @property
    def ascends(self) -> bool:
        """Whether the smallest value comes first."""
        return (self.sort is Sort.OLDEST) is not self.is_reversed

    @property
    def is_of_creation(self) -> bool:
        """Whether the column is the time of creation."""
        return self.sort in {Sort.NEWEST, Sort.OLDEST}

    @property
    def columns(self) -> list[ColumnElement[Any]]:
        """What a query is to be ordered by."""
        return [each if self.ascends else each.desc() for each in self._columns]

    @property
    def place(self) -> list[Column[Any]]:
        """What `place_in` reads."""
        if self.is_of_waits:
            return [waits.c.created_at, waits.c.run_id]
        return [_COLUMNS[self.sort], runs.c.run_id]

    def place_in(self, row: Any) -> Place:  # noqa: ANN401 - a row of those columns
        """Return the place that a row holds."""
        value, run_id = row
        return Place(micros_of(value) if self.is_of_creation else value, run_id)

    def place_of(self, summary: RunSummary) -> Place:
        """Return where an entry stands."""
        if self.is_of_creation:
            return Place(micros_of(summary.created_at), summary.run_id)
        value = ended_micros if self.sort is Sort.ENDED else took_micros
        return Place(value(summary), summary.run_id)

    @property
    def reverse(self) -> "Order":
        """The same the other way round."""
        return replace(self, is_reversed=not self.is_reversed)

    def beyond(self, place: Place) -> ColumnElement[bool]:
        """Return the condition that finds what comes after a place."""
        here = tuple_(*self._columns)
        return here > self._bound(place) if self.ascends else here < self._bound(place)

    def until(self, place: Place) -> ColumnElement[bool]:
        """Return the condition that finds what does not come after a place."""
        here = tuple_(*self._columns)
        return here <= self._bound(place) if self.ascends else here >= self._bound(place)

    def right_before(self, place: Place) -> Place:
        """Return a place beyond which the given one comes first."""
        return Place(place.micros, place.run_id + (-1 if self.ascends else 1))

    def last(self, *places: Place | None) -> Place | None:
        """Return the place that comes last."""
        known = [place for place in places if place]
        return (max if self.ascends else min)(known, default=None)

    def first(self, *places: Place | None) -> Place | None:
        """Return the place that comes first."""
        return self.reverse.last(*places)

    @property
    def _columns(self) -> tuple[ColumnElement[Any], Column[Any]]:
        column, run_id = self.place
        return unindexed(column) if self.is_sorted else column, run_id

    def _bound(self, place: Place) -> tuple[Any, int]:
        value = time_of(place.micros) if self.is_of_creation else place.micros
        return value, place.run_id
