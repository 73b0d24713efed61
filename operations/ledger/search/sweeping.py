"""How far a request looks along an order, step by step, and where it stops.

All walks of a request share one budget: of lives, and of time. Nothing behind a horizon was looked
at, and all before it was, so that the next request goes on from there.
"""

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, literal_column, select
from sqlalchemy.exc import DBAPIError

from operations.errors import QueryTimeout
from operations.ledger.db.sessions import is_out_of_time
from operations.ledger.search.filters import Walks
from operations.ledger.search.sort_keys import Place
from operations.ledger.search.together import read_together

PATIENCE = 0.6  # seconds from which on a request takes no further step
FIRST = 250  # lives of the first step: payloads may be very large
FASTER = 4  # times as many at most in the next one


@dataclass(frozen=True)
class Step:
    """A stretch of an order: from beyond a place, as far as another one, or to the end."""

    beyond: Place | None
    end: Place | None

    def queries(self, walks: Walks, *columns: ColumnElement[Any]) -> list[Select[Any]]:
        """Return the queries of what walks find on it."""
        within = [*walks.within(self.beyond, self.end), *walks.rest]
        return [select(*columns).where(*head, *within) for head in walks.heads]


class Sweep:
    """The steps of one request along an order; `horizon` is where the last one ended.

    It is None if that was the end of the list.
    """

    def __init__(self, connection: Connection, walks: Walks, beyond: Place | None) -> None:
        self._connection, self._walks = connection, walks
        self.horizon = beyond
        self.is_cut = False  # the database ended a statement: nothing more can be asked
        self.is_done = False

    def steps(self) -> Iterator[Step]:
        """Take steps until the end of the list, or of the budget; the first one is always taken.

        A step counts when the next is asked for. Whoever works on it says if it could not be.
        """
        began, left, size = time.monotonic(), self._walks.reach, FIRST
        while True:
            size = size if left is None else min(size, left)
            since = time.monotonic()
            step = Step(self.horizon, self._end(size) if left is not None else None)
            yield step
            self.horizon, self.is_done = step.end, step.end is None
            left = (left or 0) - size
            remains = began + PATIENCE - time.monotonic()
            if self.is_done or left <= 0 or remains <= 0:
                return
            took = max(time.monotonic() - since, 1e-6)
            size = max(1, min(FASTER * size, int(size * remains / took)))

    def _end(self, size: int) -> Place | None:
        """Return the place as far as which walks have so many lives together, about.

        A walk's share ends with the first of the two places that are read of it; the second only
        says that it goes on. The step ends where the first share does.
        """
        order, within = self._walks.order, self._walks.within(self.horizon)
        skipped = max(1, size // len(self._walks.heads)) - 1
        queries = [
            select(literal_column(str(walk)).label("walk"), *order.place)
            .where(*head, *within)
            .order_by(*order.columns)
            .offset(skipped)
            .limit(2)  # where there is no other after it, that is no end
            for walk, head in enumerate(self._walks.heads)
        ]
        places: dict[int, list[Place]] = defaultdict(list)
        for row in read_together(self._connection, queries):
            place = order.place_in([row[column.name] for column in order.place])
            places[row["walk"]].append(place)
        shares = (found for found in places.values() if len(found) > 1)
        return order.first(*(order.first(*found) for found in shares))


@contextmanager
def cut_short(sweep: Sweep) -> Iterator[None]:
    """Let steps end when the time is up, if some were taken before."""
    beyond = sweep.horizon
    try:
        yield
    except (DBAPIError, QueryTimeout) as error:
        if not is_out_of_time(error) or sweep.horizon == beyond:
            raise
        sweep.is_cut = True
