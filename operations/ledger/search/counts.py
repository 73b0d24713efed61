"""Counts of runs, each with a cap that is enough for a reader."""

from sqlalchemy import Connection, Select, func, literal, select, union_all

from operations.ledger.ledger_limits import SearchLimits
from operations.ledger.search.filters import Matches
from operations.ledger.search.sort_keys import SortKey, SortOrder
from operations.ledger.tables import runs
from operations.model import Status
from operations.records import Count, Sort


def read_counts(
    connection: Connection, matches: Matches, limits: SearchLimits
) -> dict[Status, Count]:
    """Count the matching runs of each status; the statuses of the filter are ignored."""
    if matches.has_text:
        return _counts_by_text(connection, matches, limits.text_matches)
    numbers = {
        status: select(literal(status.value), func.count()).select_from(
            matches.of_status(status, runs.c.run_id).limit(limits.count + 1).subquery()
        )
        for status in Status
    }
    found = connection.execute(union_all(*numbers.values()))
    return {Status(status): _capped(number, limits.count) for status, number in found}


def count_before(
    connection: Connection, matches: Matches, order: SortOrder, key: SortKey, cap: int
) -> Count:
    """Count the runs that come before a key in an order."""
    before = [
        select(
            matches.of_status(status, runs.c.run_id)
            .where(order.reverse.after(key, status))
            .limit(cap + 1)
            .subquery()
        )
        for status in matches.statuses
    ]
    number = select(func.count()).select_from(union_all(*before).subquery())
    return _capped(connection.execute(number).scalar_one(), cap)


def _counts_by_text(connection: Connection, matches: Matches, cap: int) -> dict[Status, Count]:
    """Count the newest runs that a text matches; if more than `cap` match, each count is capped."""
    newest = newest_by_text(matches, cap + 1, any_status=True).subquery()
    query = select(newest.c.status, func.count()).group_by(newest.c.status)
    numbers = {Status(status): number for status, number in connection.execute(query)}
    is_capped = sum(numbers.values()) > cap
    return {status: Count(min(cap, numbers.get(status, 0)), is_capped) for status in Status}


def newest_by_text(
    matches: Matches, cap: int, *, any_status: bool = False
) -> Select[tuple[int, str]]:
    """Return the select of `run_id` and `status` of at most `cap` runs that a text matches.

    They are the newest runs; for a prefix they are the first in the order of instance ids.
    """
    query = matches.by_text(runs.c.run_id, runs.c.status, any_status=any_status).limit(cap)
    if matches.is_by_text:
        return query.order_by(*SortOrder(Sort.NEWEST, by_run_id=True).clauses())
    return query.order_by(runs.c.instance_id)


def _capped(number: int, cap: int) -> Count:
    return Count(min(number, cap), is_capped=number > cap)
