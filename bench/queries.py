"""The queries of an operator on a ledger of finished instances: pages, counts, statistics."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from bench.synthetic_runs import CONFIRMED, END, RARE_ITEM, SHIPPING
from operations.ledger import Ledger
from operations.ledger.statistics.buckets import Bucket
from operations.model import Status
from operations.records import Filter, Period, Sort
from worker.orders import WORKFLOW

ROUNDS = 40
SLOW_ROUNDS = 8  # of a query that reads many rows
PER_PAGE = 50
DEEP = (
    100,
    1000,
)  # pages that should cost as much as the first page; the last page is measured too

_HOUR = Period(END - timedelta(hours=2), END - timedelta(hours=1))
_WEEK = Period(END - timedelta(days=7), END + timedelta(hours=1))
_ALL = Period(END - timedelta(days=30), END + timedelta(hours=1))
_FAILED = frozenset({Status.FAILED})
FILTERS = {
    "nothing": Filter(),
    "status": Filter(_FAILED),
    "two statuses": Filter(_FAILED | {Status.COMPLETED}),
    "workflow": Filter(workflows=frozenset({WORKFLOW})),
    "workflow, status": Filter(_FAILED, workflows=frozenset({SHIPPING})),
    "time range": Filter(since=_HOUR.since, until=_HOUR.until),
    "status, time range": Filter(_FAILED, since=_HOUR.since, until=_HOUR.until),
    "custom status": Filter(custom_status=CONFIRMED),
    "custom status, workflow": Filter(custom_status=CONFIRMED, workflows=frozenset({SHIPPING})),
    "waits for, none": Filter(waits_for="approval"),
    "parent": Filter(parent_id="order_ORDER-000007"),
    "rerun of, none": Filter(rerun_of="order_ORDER-000007"),
    "failure": Filter(error_type="InjectedFault"),
    "id, many": Filter(id_part="order"),
    "id, one": Filter(id_part="ORDER-000777"),
    "id, none": Filter(id_part="nobody"),
    "top level": Filter(top_level=True),
    "top level, status": Filter(_FAILED, top_level=True),
    "top level, duration, none": Filter(top_level=True, min_duration=timedelta(hours=1)),
    "top level, ended in an hour": Filter(
        top_level=True, ended_since=_HOUR.since, ended_until=_HOUR.until
    ),
    "duration, few": Filter(min_duration=timedelta(seconds=8)),
    "text, many": Filter(text="laptop"),
    "text, few": Filter(text=RARE_ITEM),
    "text, none": Filter(text="nobody"),
}
SORTED = (
    *("nothing", "workflow, status", "parent", "failure", "custom status"),
    *("top level", "top level, status", "top level, duration, none", "duration, few"),
    *("top level, ended in an hour", "time range"),
)


@dataclass(frozen=True)
class Query:
    """A query that runs `rounds` times; `has_target` if the target of pages and counts applies."""

    name: str
    run: Callable[[], object]
    rounds: int = ROUNDS
    has_target: bool = True


def queries(ledger: Ledger) -> Iterator[Query]:
    """Yield all queries; the target does not apply to searches for an id or a text."""
    for name, wanted in FILTERS.items():
        rounds, has_target = (SLOW_ROUNDS, False) if wanted.text else (ROUNDS, not wanted.id_part)
        counts = partial(ledger.search.counts, wanted)
        yield Query(f"first page: {name}", _page(ledger, wanted), rounds, has_target)
        yield Query(f"counts: {name}", counts, rounds, has_target)
    page = ledger.search.page(FILTERS["top level"], limit=PER_PAGE)
    run_ids = [each.run_id for each in page.runs]
    yield Query("parents of a page", partial(ledger.search.parents, run_ids))
    yield Query("workflows", ledger.search.workflow_names)
    for number, cursor in _deep(ledger):
        yield Query(f"page {number:,}", _page(ledger, Filter(), cursor))
    for sort in Sort:
        for name in SORTED:
            yield Query(f"first page, {sort}: {name}", _page(ledger, FILTERS[name], sort=sort))
    statistics = ledger.statistics
    for read in (statistics.workflows, statistics.activities, statistics.failures):
        yield Query(f"statistics: {read.__name__}", partial(read, _ALL), has_target=False)
    for bucket, period in ((Bucket.HOUR, _WEEK), (Bucket.DAY, _ALL)):
        series = partial(statistics.series, period, bucket)
        yield Query(f"statistics: each {bucket}", series, has_target=False)


def _page(
    ledger: Ledger, wanted: Filter, cursor: str | None = None, sort: Sort = Sort.NEWEST
) -> Callable[[], object]:
    page = ledger.search.page
    return partial(page, wanted, limit=PER_PAGE, cursor=cursor, sort=sort, with_position=True)


def _deep(ledger: Ledger) -> Iterator[tuple[int, str]]:
    """Yield the number and the cursor of some distant pages and of the last page."""
    page, number = ledger.search.page(Filter(), limit=PER_PAGE), 1
    while page.older:
        cursor, number = page.older, number + 1
        page = ledger.search.page(Filter(), limit=PER_PAGE, cursor=cursor)
        if number in DEEP or page.older is None:
            yield number, cursor
