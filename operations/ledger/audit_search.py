"""Pages of the entries of the audit log that a filter matches."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    RowMapping,
    Select,
    select,
    tuple_,
    union_all,
)

from operations.audit_filter import AuditFilter, AuditPage
from operations.ledger.audit_cursors import AuditCursor
from operations.ledger.audit_log import entry_in
from operations.ledger.db.connections import reading_within
from operations.ledger.ledger_limits import SearchLimits
from operations.ledger.micros import micros_of, time_of
from operations.ledger.tables import audit_log
from operations.records import AuditEntry, Outcome

_COLUMNS = audit_log.c
_ORDER = (_COLUMNS.at, _COLUMNS.key)


class AuditSearch:
    """Searches the audit log; every method raises `LedgerUnavailable` and `QueryTimeout`."""

    def __init__(self, engine: Engine, limits: SearchLimits) -> None:
        self._engine = engine
        self._limits = limits

    def page(self, wanted: AuditFilter, *, limit: int, cursor: str | None = None) -> AuditPage:
        """Return a page of at most `limit` entries: the newest page, or the page at a cursor.

        Paging back ends with the full newest page. Raises `InvalidInput` for an invalid cursor.
        """
        at = None if cursor is None else AuditCursor.read(cursor)
        with reading_within(self._engine, self._limits.seconds) as connection:
            return _Pages(connection, wanted, limit).at(at)

    def every(self, wanted: AuditFilter, *, size: int) -> Iterator[tuple[AuditEntry, ...]]:
        """Yield all entries that a filter matches, the newest first, at most `size` at a time.

        Each page is read in a transaction of its own when the caller asks for it. An entry that is
        completed meanwhile gets a later time: it may be missing, but none appears twice.
        """
        at: AuditCursor | None = None
        while True:
            with reading_within(self._engine, self._limits.export_seconds) as connection:
                page = _Pages(connection, wanted, size).at(at)
            yield page.entries
            if page.older is None:
                return
            at = AuditCursor.read(page.older)


@dataclass(frozen=True)
class _Pages:
    """The pages of the entries that a filter matches; each has at most `size` entries."""

    connection: Connection
    wanted: AuditFilter
    size: int

    def at(self, cursor: AuditCursor | None) -> AuditPage:
        """Read the page at a cursor, or the newest page."""
        if cursor is None:
            return self._newest()
        return self._older(cursor) if cursor.is_older else self._newer(cursor)

    def _newest(self) -> AuditPage:
        rows = self._read(None, ascending=False)
        return AuditPage(_entries(rows[: self.size]), None, self._next(rows))

    def _older(self, after: AuditCursor) -> AuditPage:
        rows = self._read(after, ascending=False)
        before = AuditCursor(is_older=False, micros=after.micros, key=after.key - 1)
        newer = _cursor(rows[0], is_older=False) if rows else str(before)
        return AuditPage(_entries(rows[: self.size]), newer, self._next(rows))

    def _newer(self, before: AuditCursor) -> AuditPage:
        """Read the page right before an entry; if it would not be full, read the newest page."""
        rows = self._read(before, ascending=True)
        if len(rows) <= self.size:
            return self._newest()
        shown = rows[: self.size][::-1]
        return AuditPage(
            _entries(shown),
            _cursor(shown[0], is_older=False),
            _cursor(shown[-1], is_older=True),
        )

    def _next(self, rows: list[RowMapping]) -> str | None:
        is_last = len(rows) <= self.size
        return None if is_last else _cursor(rows[self.size - 1], is_older=True)

    def _read(self, after: AuditCursor | None, *, ascending: bool) -> list[RowMapping]:
        """Read one row more than a page has: it says whether another page follows.

        The indexes sort the entries of one action or one outcome. So several are read separately,
        and merged.
        """
        order = _ORDER if ascending else tuple(column.desc() for column in _ORDER)
        bounds = list[ColumnElement[bool]]()
        if after:
            here, key = tuple_(*_ORDER), (time_of(after.micros), after.key)
            bounds.append(here > key if ascending else here < key)
        each = [
            query.where(*bounds).order_by(*order).limit(self.size + 1) for query in self._selects()
        ]
        if len(each) == 1:
            return list(self.connection.execute(each[0]).mappings())
        merged = union_all(*(select(query.subquery()) for query in each)).subquery()
        columns = [merged.c[column.name] for column in _ORDER]
        query = select(merged).order_by(*(c if ascending else c.desc() for c in columns))
        return list(self.connection.execute(query.limit(self.size + 1)).mappings())

    def _selects(self) -> Iterator[Select[Any]]:
        """Yield a select for each wanted action and each wanted outcome."""
        every = select(audit_log).where(*self._conditions())
        actions: Sequence[str | None] = sorted(self.wanted.actions) or (None,)
        outcomes: Sequence[Outcome | None] = sorted(self.wanted.outcomes) or (None,)
        for action, outcome in product(actions, outcomes):
            query = every
            if action is not None:
                query = query.where(_COLUMNS.action == action)
            if outcome is not None:
                query = query.where(_COLUMNS.outcome == outcome.value)
            yield query

    def _conditions(self) -> Iterator[ColumnElement[bool]]:
        wanted = self.wanted
        if wanted.actor:
            yield _COLUMNS.actor_name == wanted.actor
        if wanted.instance_id:
            yield _COLUMNS.instance_id == wanted.instance_id
        if wanted.bulk_id:
            yield _COLUMNS.bulk_id == wanted.bulk_id
        if wanted.since:
            yield _COLUMNS.at >= wanted.since
        if wanted.until:
            yield _COLUMNS.at < wanted.until
        if wanted.reason:
            yield _COLUMNS.reason.is_not(None)
            yield _COLUMNS.reason.icontains(wanted.reason, autoescape=True)


def _entries(rows: list[RowMapping]) -> tuple[AuditEntry, ...]:
    return tuple(map(entry_in, rows))


def _cursor(row: RowMapping, *, is_older: bool) -> str:
    return str(AuditCursor(is_older, micros_of(row["at"]), row["key"]))
