"""Lists of instances: their pages, and what is beside a life."""

from dataclasses import dataclass
from functools import cached_property

from sqlalchemy import Connection, select, tuple_
from sqlalchemy.exc import DBAPIError

from operations.database import is_out_of_time
from operations.errors import QuestionTooWide
from operations.ledger.counting import count
from operations.ledger.cursors import Cursor, Way
from operations.ledger.filtering import Walks
from operations.ledger.probes import Probes
from operations.ledger.rows import ENTRY_COLUMNS, entry_in
from operations.ledger.sorting import Order, Place, time_of
from operations.ledger.sweeping import Step, Sweep, cut_short
from operations.ledger.tables import instances
from operations.ledger.together import read_together
from operations.records import Count, Entry, Filter, Horizon, Page, Sort

_KEY = instances.c.key
# The latest life of an id is after all others, even if the clocks that told when they began differ.
_PLACE_IN_ID = (instances.c.is_latest, instances.c.created_at, instances.c.key)


def read_neighbours(connection: Connection, life: Entry) -> tuple[Entry | None, Entry | None]:
    """Read the lives of the same id right before and right after one."""
    here, place = tuple_(*_PLACE_IN_ID), (life.is_latest, life.created_at, life.key)
    of_id = select(*ENTRY_COLUMNS).where(instances.c.instance_id == life.instance_id).limit(1)
    earlier = of_id.where(here < place).order_by(*(column.desc() for column in _PLACE_IN_ID))
    later = of_id.where(here > place).order_by(*_PLACE_IN_ID)
    before, after = (connection.execute(each).mappings().first() for each in (earlier, later))
    return entry_in(before) if before else None, entry_in(after) if after else None


@dataclass(frozen=True)
class _Found:
    """Entries in the order in which they were looked for, and where the look ended, if it did.

    After one that was cut the connection answers no more.
    """

    entries: tuple[Entry, ...]
    horizon: Place | None
    is_cut: bool


@dataclass(frozen=True)
class Pages:
    """The pages of one list, each of `limit` entries at most; `placed` ones tell their place."""

    connection: Connection
    wanted: Filter
    sort: Sort
    limit: int
    placed: bool

    def at(self, cursor: Cursor | None) -> Page:
        """Read the page at a cursor, or the first."""
        if cursor is None:
            return self._first()
        return self._older(cursor) if cursor.way is Way.OLDER else self._newer(cursor)

    def _first(self) -> Page:
        found = self._look(Order(self.sort))
        older, told = self._goes_on(found), self._told(found)
        return Page(found.entries[: self.limit], None, older, Count(0), told)

    def _older(self, cursor: Cursor) -> Page:
        found = self._look(cursor.order, cursor.place)
        entries = found.entries[: self.limit]
        back = self._beyond(entries[0], Way.NEWER) if entries else self._back(cursor)
        before = None if found.is_cut else self._before(back)
        return Page(entries, str(back), self._goes_on(found), before, self._told(found))

    def _newer(self, cursor: Cursor) -> Page:
        found = self._look(cursor.order, cursor.place)
        entries = tuple(reversed(found.entries[: self.limit]))
        is_full = len(found.entries) > self.limit
        if not is_full and found.horizon is None:
            return self._first()
        here = self._beyond(entries[0], Way.NEWER) if entries else None
        newer = here if is_full or found.horizon is None else self._at(found.horizon, Way.NEWER)
        older = self._beyond(entries[-1], Way.OLDER) if entries else self._back(cursor)
        before = None if found.is_cut else self._before(here)
        return Page(entries, str(newer), str(older), before, self._told(found))

    def _told(self, found: _Found) -> Horizon | None:
        """Return where a look ended as one tells it."""
        if found.horizon is None:
            return None
        micros = found.horizon.micros
        if self.sort is Sort.LONGEST:
            return Horizon(took=micros / 10**6 if micros >= 0 else None)
        is_known = self.sort is not Sort.ENDED or micros >= 0
        return Horizon(at=time_of(micros) if is_known else None)

    def _goes_on(self, found: _Found) -> str | None:
        if len(found.entries) > self.limit:
            return str(self._beyond(found.entries[self.limit - 1], Way.OLDER))
        return str(self._at(found.horizon, Way.OLDER)) if found.horizon else None

    def _before(self, back: Cursor | None) -> Count | None:
        """Count what comes before a page, given the cursor that leads back from it."""
        if back is None or not self.placed or self.wanted.anywhere:
            return None
        try:
            return count(self.connection, self._walks(back.order), back.place)
        except (DBAPIError, QuestionTooWide) as error:
            if is_out_of_time(error):  # the page is there all the same
                return None
            raise

    @cached_property
    def _probes(self) -> Probes:
        """What the page and the count of what is before it have in common."""
        return Probes(self.connection)

    def _walks(self, order: Order) -> Walks:
        return Walks(self.wanted, order, sorted(self.wanted.statuses), self._probes)

    def _look(self, order: Order, beyond: Place | None = None) -> _Found:
        """Look for one entry more than a page has room for.

        Each walk is looked through by itself, for only then does an index hold it in order.
        """
        walks = self._walks(order)
        sweep, entries = Sweep(self.connection, walks, beyond), list[Entry]()
        with cut_short(sweep):
            for step in sweep.steps():
                entries.extend(self._on(step, walks))
                if len(entries) > self.limit:
                    break
        end = None if sweep.is_done or len(entries) > self.limit else sweep.horizon
        return _Found(tuple(entries[: self.limit + 1]), end, sweep.is_cut)

    def _on(self, step: Step, walks: Walks) -> list[Entry]:
        """Read the entries on a step, in order.

        In an order of ends the keys are looked for first: its index tells most of what a life may
        be of, but PostgreSQL would take each from the table before it puts a condition to it.
        """
        order = walks.order
        keys_first = bool(walks.rest) and not (order.is_of_creation or order.is_sorted)
        queries = [
            query.order_by(*order.columns).limit(self.limit + 1)
            for query in step.queries(walks, *([_KEY] if keys_first else ENTRY_COLUMNS))
        ]
        if keys_first:
            keys = (select(query.subquery()) for query in queries)
            queries = [select(*ENTRY_COLUMNS).where(_KEY.in_(each)) for each in keys]
        found = map(entry_in, read_together(self.connection, queries))
        return sorted(found, key=order.place_of, reverse=not order.ascends)

    def _at(self, place: Place, way: Way) -> Cursor:
        return Cursor(self.sort, way, place)

    def _beyond(self, entry: Entry, way: Way) -> Cursor:
        return self._at(Order(self.sort).place_of(entry), way)

    def _back(self, cursor: Cursor) -> Cursor:
        """Return the cursor of the page that ends where this one's begins."""
        other = Way.NEWER if cursor.way is Way.OLDER else Way.OLDER
        return self._at(cursor.order.reverse.right_before(cursor.place), other)
