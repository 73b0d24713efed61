"""How soon the ledger answers, on both databases, by how many finished instances it holds."""

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from functools import partial
from itertools import islice

from bench.lives import END, LAST, RARE_ITEM, SHIPPING, Lives
from operations.ledger import Ledger, open_ledger
from operations.model import Status
from operations.records import Filter, Period, Sort
from tests.postgres.server import Server
from worker.orders import WORKFLOW

COUNTS = (10_000, 100_000)
ROUNDS = 40
SLOW_ROUNDS = 8  # of what reads very much
AT_ONCE = 200  # sightings that are recorded together
PER_PAGE = 50
DEEP = 1000  # the page that should cost what the first one does

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
    "waits for": Filter(waits_for="approval"),
    "parent": Filter(parent_id="order_ORDER-000007"),
    "failure": Filter(failure_type="TaskFailedError"),
    "id, many": Filter(text="order"),
    "id, one": Filter(text="ORDER-000777"),
    "id, none": Filter(text="nobody"),
    "text, many": Filter(anywhere="laptop"),
    "text, few": Filter(anywhere=RARE_ITEM),
    "text, none": Filter(anywhere="nobody"),
}


def measure() -> None:
    """Print a table for each database and each size of a ledger."""
    with Server() as server, tempfile.TemporaryDirectory() as folder:
        for count in COUNTS:
            for database, url in (
                ("SQLite", f"sqlite:///{folder}/{count}.db"),
                ("PostgreSQL", server.new()),
            ):
                with closing(open_ledger(url)) as ledger:
                    _fill(ledger, database, count)
                    print("milliseconds: p50, p95")
                    for what, ask, rounds in _questions(ledger):
                        _tell(what, ask, rounds)


def _fill(ledger: Ledger, database: str, count: int) -> None:
    lives, took = iter(Lives(count)), 0.0
    while batch := list(islice(lives, AT_ONCE)):
        began = time.process_time()
        ledger.instances.record(batch)
        took += time.process_time() - began
    each = took / count * 1e6
    print(
        f"\n{database}: {count:,} finished instances, "
        f"recorded at {each:.0f} µs of this process's processor time each"
    )


def _questions(ledger: Ledger) -> Iterator[tuple[str, Callable[[], object], int]]:
    for name, wanted in FILTERS.items():
        rounds = SLOW_ROUNDS if wanted.anywhere else ROUNDS
        yield f"first page: {name}", _page(ledger, wanted), rounds
        yield f"counts: {name}", partial(ledger.instances.counts, wanted), rounds
    for number, cursor in _deep(ledger):
        yield f"page {number:,}", _page(ledger, Filter(), cursor), ROUNDS
    for sort in Sort:
        yield f"first page, {sort}", _page(ledger, Filter(), sort=sort), ROUNDS
        failed = _page(ledger, FILTERS["workflow, status"], sort=sort)
        yield f"first page, {sort}: workflow, status", failed, ROUNDS
    told = ledger.statistics
    for ask in (told.workflows, told.activities, told.throughput, told.failures):
        yield f"statistics: {ask.__name__}", partial(ask, _ALL), SLOW_ROUNDS


def _page(
    ledger: Ledger, wanted: Filter, cursor: str | None = None, sort: Sort = Sort.NEWEST
) -> Callable[[], object]:
    page = ledger.instances.page
    return partial(page, wanted, limit=PER_PAGE, cursor=cursor, sort=sort)


def _deep(ledger: Ledger) -> Iterator[tuple[int, str]]:
    """Return some pages that are far from the first, the last one among them."""
    page, number = ledger.instances.page(Filter(), limit=PER_PAGE), 1
    while page.older:
        cursor, number = page.older, number + 1
        page = ledger.instances.page(Filter(), limit=PER_PAGE, cursor=cursor)
        if number in {100, DEEP} or page.older is None:
            yield number, cursor


def _tell(what: str, ask: Callable[[], object], rounds: int) -> None:
    ask()
    taken = []
    for _ in range(rounds):
        began = time.perf_counter()
        ask()
        taken.append((time.perf_counter() - began) * 1000)
    p95 = sorted(taken)[round(0.95 * (len(taken) - 1))]
    print(f"{what:<45} {statistics.median(taken):8.1f} {p95:8.1f}")
