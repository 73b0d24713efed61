"""Lists of instances: pages, newest first, what is beside a life, how many of each status."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, func, select, tuple_

from operations.ledger.cursors import Cursor, Way
from operations.ledger.rows import ENTRY_COLUMNS, entry_in
from operations.ledger.tables import instances
from operations.model import Status
from operations.records import Entry, Filter, Page

_PLACE = (instances.c.created_at, instances.c.key)
# The latest life of an id is after all others, even if the clocks that told when they began differ.
_PLACE_IN_ID = (instances.c.is_latest, *_PLACE)


def read_page(connection: Connection, wanted: Filter, limit: int, cursor: Cursor | None) -> Page:
    """Read the page at a cursor, or the newest."""
    if cursor is None:
        return _newest(connection, wanted, limit)
    if cursor.way is Way.OLDER:
        return _older(connection, wanted, limit, cursor)
    return _newer(connection, wanted, limit, cursor)


def read_counts(connection: Connection, wanted: Filter) -> dict[Status, int]:
    """Count the entries of each status, whatever statuses are wanted."""
    columns = instances.c
    query = select(columns.status, func.count()).where(*_text(wanted)).group_by(columns.status)
    found: dict[str, int] = dict(iter(connection.execute(query)))
    return {status: found.get(status.value, 0) for status in Status}


def read_neighbours(connection: Connection, life: Entry) -> tuple[Entry | None, Entry | None]:
    """Read the lives of the same id right before and right after one."""
    here, place = tuple_(*_PLACE_IN_ID), (life.is_latest, *_place(life))
    of_id = select(*ENTRY_COLUMNS).where(instances.c.instance_id == life.instance_id).limit(1)
    earlier = of_id.where(here < place).order_by(*(column.desc() for column in _PLACE_IN_ID))
    later = of_id.where(here > place).order_by(*_PLACE_IN_ID)
    before, after = (connection.execute(each).mappings().first() for each in (earlier, later))
    return entry_in(before) if before else None, entry_in(after) if after else None


def _newest(connection: Connection, wanted: Filter, limit: int) -> Page:
    entries = _entries(connection, wanted, limit + 1)
    page = entries[:limit]
    return Page(page, newer=None, older=_older_than(page, more=len(entries) > limit))


def _older(connection: Connection, wanted: Filter, limit: int, cursor: Cursor) -> Page:
    older = tuple_(*_PLACE) < _place(cursor)
    entries = _entries(connection, wanted, limit + 1, older)
    page = entries[:limit]
    newer = Cursor.beyond(page[0], Way.NEWER) if page else cursor.back()
    return Page(page, str(newer), _older_than(page, more=len(entries) > limit))


def _newer(connection: Connection, wanted: Filter, limit: int, cursor: Cursor) -> Page:
    newer = tuple_(*_PLACE) > _place(cursor)
    entries = _entries(connection, wanted, limit + 1, newer, oldest=True)
    if len(entries) <= limit:
        return _newest(connection, wanted, limit)
    page = entries[1:]
    return Page(page, str(Cursor.beyond(page[0], Way.NEWER)), _older_than(page, more=True))


def _older_than(page: Sequence[Entry], *, more: bool) -> str | None:
    return str(Cursor.beyond(page[-1], Way.OLDER)) if page and more else None


def _entries(
    connection: Connection,
    wanted: Filter,
    limit: int,
    *conditions: ColumnElement[bool],
    oldest: bool = False,
) -> tuple[Entry, ...]:
    """Read so many entries from one end of the list, and return them newest first.

    Each status is asked for by itself, for only then does an index hold them in this order.
    """
    query = select(*ENTRY_COLUMNS).where(*conditions, *_text(wanted)).limit(limit)
    query = query.order_by(*(column if oldest else column.desc() for column in _PLACE))
    status = instances.c.status
    parts = [query.where(status == each.value) for each in wanted.statuses] or [query]
    rows = (row for part in parts for row in connection.execute(part).mappings())
    entries = sorted(map(entry_in, rows), key=_place, reverse=not oldest)[:limit]
    return tuple(reversed(entries) if oldest else entries)


def _place(of: Entry | Cursor) -> tuple[datetime, int]:
    return of.created_at, of.key


def _text(wanted: Filter) -> list[ColumnElement[bool]]:
    has_text = instances.c.instance_id.icontains(wanted.text, autoescape=True)
    return [has_text] if wanted.text else []
