"""Pages and counts of the runs that a filter matches."""

from collections.abc import Collection, Iterator
from datetime import UTC, datetime

from sqlalchemy import Engine

from operations.ledger.db.connections import reading_within
from operations.ledger.ledger_limits import SearchLimits
from operations.ledger.search.attention import (
    AttentionCount,
    UnfinishedRuns,
    read_attention,
    read_unfinished,
)
from operations.ledger.search.children import read_parents
from operations.ledger.search.counts import read_counts
from operations.ledger.search.cursors import Cursor
from operations.ledger.search.filters import Matches
from operations.ledger.search.pages import Pages
from operations.ledger.search.waiting import WaitingRun, count_waiting, read_waiting
from operations.ledger.search.workflow_names import read_workflow_names
from operations.model import Status
from operations.records import Count, Filter, Page, RunSummary, Sort
from operations.timeline import SpanKind


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

    def every(self, wanted: Filter, *, size: int) -> Iterator[tuple[RunSummary, ...]]:
        """Yield all runs that a filter matches, the newest first, at most `size` at a time.

        If the text index finds the runs, they are sorted by `run_id`. Each page is read in a
        transaction of its own when the caller asks for it. `created_at` of a run may change until
        its history is read. If it does meanwhile, the run may be missing, but none appears twice.
        """
        at: Cursor | None = None
        may_move, now = set[int](), datetime.now(UTC)
        while True:
            with reading_within(self._engine, self._limits.export_seconds) as connection:
                matches = Matches(wanted, connection.dialect.name, now)
                pages = Pages(
                    connection,
                    matches,
                    Sort.NEWEST,
                    size,
                    self._limits,
                    with_position=False,
                    every=True,
                )
                page = pages.at(at)
            yield tuple(run for run in page.runs if run.run_id not in may_move)
            may_move.update(run.run_id for run in page.runs if run.started_at is None)
            if page.older is None:
                return
            at = Cursor.read(page.older, Sort.NEWEST)

    def counts(self, wanted: Filter) -> dict[Status, Count]:
        """Return the number of matching runs of each status; `wanted.statuses` is ignored.

        Each count is capped at 10,000. If the filter has a text, the newest 1,000 matches are
        counted; if there are more, each count is capped.
        """
        with reading_within(self._engine, self._limits.seconds) as connection:
            matches = Matches(wanted, connection.dialect.name)
            return read_counts(connection, matches, self._limits)

    def count(self, wanted: Filter) -> Count:
        """Return the number of matching runs of all statuses; see `counts`."""
        return sum(self.counts(wanted).values(), Count(0))

    def parents(self, run_ids: Collection[int]) -> frozenset[int]:
        """Return the runs among at most 200 that have a child in their own application."""
        with reading_within(self._engine, self._limits.seconds) as connection:
            return read_parents(connection, run_ids)

    def attention(self) -> tuple[AttentionCount, ...]:
        """Return how many runs need a person, by reason, the most urgent first."""
        with reading_within(self._engine, self._limits.seconds) as connection:
            return read_attention(connection)

    def waiting_counts(self) -> dict[SpanKind, int]:
        """Return how many running runs wait, by the kind of the wait."""
        with reading_within(self._engine, self._limits.seconds) as connection:
            return count_waiting(connection)

    def waiting(self, kind: SpanKind, *, limit: int) -> tuple[WaitingRun, ...]:
        """Return the running runs that have waited longest for something of this kind."""
        with reading_within(self._engine, self._limits.seconds) as connection:
            return read_waiting(connection, kind, limit)

    def unfinished(self) -> tuple[UnfinishedRuns, ...]:
        """Return how many runs of each workflow have not ended, by the workflow's name."""
        with reading_within(self._engine, self._limits.seconds) as connection:
            return read_unfinished(connection)

    def workflow_names(self) -> tuple[str, ...]:
        """Return the names of the workflows that have runs, at most 500, in their order."""
        with reading_within(self._engine, self._limits.seconds) as connection:
            return read_workflow_names(connection)
