"""What an operator asks a ledger of finished instances: pages, counts, statistics."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from bench.lives import END, LAST, RARE_ITEM, SHIPPING
from operations.ledger import Ledger
from operations.model import Status
from operations.records import Filter, Period, Sort
from worker.orders import WORKFLOW

ROUNDS = 40
SLOW_ROUNDS = 8  # of what reads very much
PER_PAGE = 50
DEEP = (100, 1000)  # pages that should cost what the first one does; the last one is another

_HOUR = Period(END - timedelta(hours=2), END - timedelta(hours=1))
_ALL = Period(END - timedelta(days=6), END + timedelta(hours=1))
_FAILED = frozenset({Status.FAILED})
FILTERS = {
    "nothing": Filter(),
    "status": Filter(_FAILED),
    "two statuses": Filter(_FAILED | {Status.COMPLETED}),
    "workflow": Filter(workflows=frozenset({WORKFLOW})),
    "workflow, status": Filter(_FAILED, workflows=frozenset({SHIPPING})),
    "time range": Filter(since=_HOUR.since, until=_HOUR.until),
    "status, time range": Filter(_FAILED, since=_HOUR.since, until=_HOUR.until),
    "custom status": Filter(custom_status=LAST),
    "custom status, workflow": Filter(custom_status=LAST, workflows=frozenset({SHIPPING})),
    "waits for, none": Filter(waits_for="approval"),
    "parent": Filter(parent_id="order_ORDER-000007"),
    "rerun of, none": Filter(rerun_of="order_ORDER-000007"),
    "failure": Filter(failure_type="TaskFailedError"),
    "id, many": Filter(text="order"),
    "id, one": Filter(text="ORDER-000777"),
    "id, none": Filter(text="nobody"),
    "text, many": Filter(anywhere="laptop"),
    "text, few": Filter(anywhere=RARE_ITEM),
    "text, none": Filter(anywhere="nobody"),
}
SORTED = ("nothing", "workflow, status", "parent", "failure", "custom status")


@dataclass(frozen=True)
class Question:
    """What is asked so many times; `is_aimed` is what the aim of pages and counts holds for."""

    what: str
    ask: Callable[[], object]
    rounds: int = ROUNDS
    is_aimed: bool = True


def questions(ledger: Ledger) -> Iterator[Question]:
    """Return all that is asked; a search in texts has no index, so that no aim holds for it."""
    for name, wanted in FILTERS.items():
        rounds, is_aimed = (SLOW_ROUNDS, False) if wanted.anywhere else (ROUNDS, not wanted.text)
        counts = partial(ledger.search.counts, wanted)
        yield Question(f"first page: {name}", _page(ledger, wanted), rounds, is_aimed)
        yield Question(f"counts: {name}", counts, rounds, is_aimed)
    for number, cursor in _deep(ledger):
        yield Question(f"page {number:,}", _page(ledger, Filter(), cursor))
    for sort in Sort:
        for name in SORTED:
            yield Question(f"first page, {sort}: {name}", _page(ledger, FILTERS[name], sort=sort))
    told = ledger.statistics
    for ask in (told.workflows, told.activities, told.throughput, told.failures):
        what = f"statistics: {ask.__name__}"
        yield Question(what, partial(ask, _ALL), SLOW_ROUNDS, is_aimed=False)


def _page(
    ledger: Ledger, wanted: Filter, cursor: str | None = None, sort: Sort = Sort.NEWEST
) -> Callable[[], object]:
    page = ledger.search.page
    return partial(page, wanted, limit=PER_PAGE, cursor=cursor, sort=sort, with_position=True)


def _deep(ledger: Ledger) -> Iterator[tuple[int, str]]:
    """Return some pages that are far from the first, the last one among them."""
    page, number = ledger.search.page(Filter(), limit=PER_PAGE), 1
    while page.older:
        cursor, number = page.older, number + 1
        page = ledger.search.page(Filter(), limit=PER_PAGE, cursor=cursor)
        if number in DEEP or page.older is None:
            yield number, cursor
