"""Pages and counts of the runs that a filter matches."""

from sqlalchemy import Engine

from operations.ledger.db.connections import reading_within
from operations.ledger.ledger_limits import SearchLimits
from operations.ledger.search.counts import read_counts
from operations.ledger.search.cursors import Cursor
from operations.ledger.search.filters import Matches
from operations.ledger.search.pages import Pages
from operations.model import Status
from operations.records import Count, Filter, Page, Sort


class Search:
    """Searches the runs; every method raises `LedgerUnavailable` and `QueryTimeout`."""

    def __init__(self, engine: Engine, limits: SearchLimits) -> None:
        self._engine = engine
        self._limits = limits

    def page(
        self,
        wanted: Filter,
        *,
        limit: int,
        cursor: str | None = None,
        sort: Sort = Sort.NEWEST,
        with_position: bool = False,
    ) -> Page:
        """Return a page of at most `limit` runs: the first page, or the page at a cursor.

        Paging back ends with the full first page. `with_position` counts the runs before the page.
        If the filter has a text, the lists by creation are sorted by `run_id`, and the other lists
        have the newest 1,000 matches. If the text has one or two characters, every list has the
        first 1,000 matches by id. Raises `InvalidInput` for a cursor of another list.
        """
        at = None if cursor is None else Cursor.read(cursor, sort)
        with reading_within(self._engine, self._limits.seconds) as connection:
            matches = Matches(wanted, connection.dialect.name)
            return Pages(connection, matches, sort, limit, self._limits, with_position).at(at)

    def counts(self, wanted: Filter) -> dict[Status, Count]:
        """Return the number of matching runs of each status; `wanted.statuses` is ignored.

        Each count is capped at 10,000. If the filter has a text, the newest 1,000 matches are
        counted; if there are more, each count is capped.
        """
        with reading_within(self._engine, self._limits.seconds) as connection:
            matches = Matches(wanted, connection.dialect.name)
            return read_counts(connection, matches, self._limits)
