"""Lists of instances: their pages, and what is beside a life."""

from dataclasses import dataclass
from functools import cached_property

from sqlalchemy import Connection, select, tuple_
from sqlalchemy.exc import DBAPIError

from operations.errors import QueryTimeout
from operations.ledger.db.sessions import is_out_of_time
from operations.ledger.runs.rows import SUMMARY_COLUMNS, summary_in
from operations.ledger.search.counts import count
from operations.ledger.search.cursors import Cursor, Way
from operations.ledger.search.filters import Walks
from operations.ledger.search.probes import Probes
from operations.ledger.search.sort_keys import Order, Place, time_of
from operations.ledger.search.sweeping import Step, Sweep, cut_short
from operations.ledger.search.together import read_together
from operations.ledger.tables import runs
from operations.records import Count, Filter, Horizon, Page, RunSummary, Sort

_KEY = runs.c.run_id
# The latest life of an id is after all others, even if the clocks that told when they began differ.
_PLACE_IN_ID = (runs.c.is_latest, runs.c.created_at, runs.c.run_id)


def read_neighbours(
    connection: Connection, run: RunSummary
) -> tuple[RunSummary | None, RunSummary | None]:
    """Read the lives of the same id right before and right after one."""
    here, place = tuple_(*_PLACE_IN_ID), (run.is_latest, run.created_at, run.run_id)
    is_of_id = (runs.c.app_id == run.app_id, runs.c.instance_id == run.instance_id)
    of_id = select(*SUMMARY_COLUMNS).where(*is_of_id).limit(1)
    earlier = of_id.where(here < place).order_by(*(column.desc() for column in _PLACE_IN_ID))
    later = of_id.where(here > place).order_by(*_PLACE_IN_ID)
    before, after = (connection.execute(each).mappings().first() for each in (earlier, later))
    return summary_in(before) if before else None, summary_in(after) if after else None


@dataclass(frozen=True)
class _Found:
    """Entries in the order in which they were looked for, and where the look ended, if it did.

    After one that was cut the connection answers no more.
    """

    runs: tuple[RunSummary, ...]
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
        return Page(found.runs[: self.limit], None, older, Count(0), told)

    def _older(self, cursor: Cursor) -> Page:
        found = self._look(cursor.order, cursor.place)
        runs = found.runs[: self.limit]
        back = self._beyond(runs[0], Way.NEWER) if runs else self._back(cursor)
        before = None if found.is_cut else self._before(back)
        return Page(runs, str(back), self._goes_on(found), before, self._told(found))

    def _newer(self, cursor: Cursor) -> Page:
        found = self._look(cursor.order, cursor.place)
        runs = tuple(reversed(found.runs[: self.limit]))
        is_full = len(found.runs) > self.limit
        if not is_full and found.horizon is None:
            return self._first()
        here = self._beyond(runs[0], Way.NEWER) if runs else None
        newer = here if is_full or found.horizon is None else self._at(found.horizon, Way.NEWER)
        older = self._beyond(runs[-1], Way.OLDER) if runs else self._back(cursor)
        before = None if found.is_cut else self._before(here)
        return Page(runs, str(newer), str(older), before, self._told(found))

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
        if len(found.runs) > self.limit:
            return str(self._beyond(found.runs[self.limit - 1], Way.OLDER))
        return str(self._at(found.horizon, Way.OLDER)) if found.horizon else None

    def _before(self, back: Cursor | None) -> Count | None:
        """Count what comes before a page, given the cursor that leads back from it."""
        if back is None or not self.placed or self.wanted.anywhere:
            return None
        try:
            return count(self.connection, self._walks(back.order), back.place)
        except (DBAPIError, QueryTimeout) as error:
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
        sweep, runs = Sweep(self.connection, walks, beyond), list[RunSummary]()
        with cut_short(sweep):
            for step in sweep.steps():
                runs.extend(self._on(step, walks))
                if len(runs) > self.limit:
                    break
        end = None if sweep.is_done or len(runs) > self.limit else sweep.horizon
        return _Found(tuple(runs[: self.limit + 1]), end, sweep.is_cut)

    def _on(self, step: Step, walks: Walks) -> list[RunSummary]:
        """Read the entries on a step, in order.

        In an order of ends the keys are looked for first: its index tells most of what a life may
        be of, but PostgreSQL would take each from the table before it puts a condition to it.
        """
        order = walks.order
        keys_first = bool(walks.rest) and not (order.is_of_creation or order.is_sorted)
        queries = [
            query.order_by(*order.columns).limit(self.limit + 1)
            for query in step.queries(walks, *([_KEY] if keys_first else SUMMARY_COLUMNS))
        ]
        if keys_first:
            run_ids = (select(query.subquery()) for query in queries)
            queries = [select(*SUMMARY_COLUMNS).where(_KEY.in_(each)) for each in run_ids]
        found = map(summary_in, read_together(self.connection, queries))
        return sorted(found, key=order.place_of, reverse=not order.ascends)

    def _at(self, place: Place, way: Way) -> Cursor:
        return Cursor(self.sort, way, place)

    def _beyond(self, summary: RunSummary, way: Way) -> Cursor:
        return self._at(Order(self.sort).place_of(summary), way)

    def _back(self, cursor: Cursor) -> Cursor:
        """Return the cursor of the page that ends where this one's begins."""
        other = Way.NEWER if cursor.way is Way.OLDER else Way.OLDER
        return self._at(cursor.order.reverse.right_before(cursor.place), other)
