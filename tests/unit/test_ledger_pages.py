"""Pages and counts of runs."""

import random
import re
from collections.abc import Iterator
from itertools import pairwise

import pytest

from operations.errors import InvalidInput
from operations.ledger import Ledger
from operations.model import Status
from operations.records import Count, Filter, Page, RunSummary
from tests.unit.plans import plans
from tests.unit.snapshots import at, done, snapshot, summary

pytestmark = pytest.mark.both_databases

ALL = Filter()
FAILED = Filter(frozenset({Status.FAILED}))


def fill(ledger: Ledger, ids: list[str], status: Status = Status.RUNNING, since: int = 0) -> None:
    """Record instances, created a second apart; the last one is the newest."""
    ledger.runs.ingest(
        [
            snapshot(status, instance_id=name, created=since + second, read=10_000)
            for second, name in enumerate(ids)
        ]
    )


def names(count: int, prefix: str = "order") -> list[str]:
    """Return so many ids."""
    return [f"{prefix}_{number}" for number in range(count)]


def ids(page: Page) -> list[str]:
    """Return the ids of a page."""
    return [each.instance_id for each in page.runs]


def pages(ledger: Ledger, wanted: Filter, limit: int) -> Iterator[Page]:
    """Return all pages, from the newest to the oldest."""
    page = ledger.search.page(wanted, limit=limit)
    yield page
    while page.older:
        page = ledger.search.page(wanted, limit=limit, cursor=page.older)
        yield page


def test_an_empty_ledger_has_an_empty_page(ledger: Ledger) -> None:
    """There are no pages beside it."""
    assert ledger.search.page(ALL, limit=10) == Page((), newer=None, older=None, before=Count(0))


def test_the_newest_come_first(ledger: Ledger) -> None:
    """The run that was created last is the first one."""
    fill(ledger, names(5))
    page = ledger.search.page(ALL, limit=3)
    assert ids(page) == ["order_4", "order_3", "order_2"]
    assert page.newer is None
    assert page.older


def test_a_page_with_all_runs_has_none_beside_it(ledger: Ledger) -> None:
    """Runs that fit on one page are one page."""
    fill(ledger, names(3))
    page = ledger.search.page(ALL, limit=3)
    assert (len(page.runs), page.newer, page.older) == (3, None, None)


def test_pages_have_neither_gap_nor_repetition(ledger: Ledger) -> None:
    """Each of 1,000 runs with few different times is on one page, while newer ones are added."""
    some = random.Random(1)  # noqa: S311 - to mix them
    runs = [snapshot(instance_id=name, created=some.randrange(50)) for name in names(1000)]
    ledger.runs.ingest(runs)
    found: list[RunSummary] = []
    for number, page in enumerate(pages(ledger, ALL, 30)):
        found.extend(page.runs)
        fill(ledger, names(3, f"new{number}"), since=1000 + 10 * number)
    assert {each.instance_id for each in found} == set(names(1000))
    assert len(found) == 1000
    assert all((a.created_at, a.run_id) > (b.created_at, b.run_id) for a, b in pairwise(found))


def test_the_way_back_shows_the_same_pages(ledger: Ledger) -> None:
    """Each page leads to the one that led to it."""
    fill(ledger, names(95))
    there = list(pages(ledger, ALL, 10))
    back, cursor = [there[-1]], there[-1].newer
    while cursor:
        back.append(ledger.search.page(ALL, limit=10, cursor=cursor))
        cursor = back[-1].newer
    assert [ids(page) for page in reversed(back)] == [ids(page) for page in there]


def test_the_way_back_ends_at_the_newest_page(ledger: Ledger) -> None:
    """A page that would not be full is the newest page instead."""
    fill(ledger, names(20))
    first, second = list(pages(ledger, ALL, 10))
    fill(ledger, names(4, "new"), since=100)
    assert second.newer
    assert len(ids(ledger.search.page(ALL, limit=10, cursor=second.newer))) == 10
    back = ledger.search.page(ALL, limit=10, cursor=second.newer)
    assert ids(back) == ids(first)
    assert back.newer
    newest = ledger.search.page(ALL, limit=10, cursor=back.newer)
    assert newest == ledger.search.page(ALL, limit=10)
    assert (len(newest.runs), newest.newer) == (10, None)


def test_an_older_page_that_became_empty_leads_back(ledger: Ledger) -> None:
    """If no older run matches the filter any more, paging back shows the newer ones."""
    fill(ledger, names(4), Status.SUSPENDED)
    suspended = Filter(frozenset({Status.SUSPENDED}))
    older = ledger.search.page(suspended, limit=2).older
    ledger.runs.ingest([snapshot(instance_id=name, read=20_000) for name in names(2)])
    empty = ledger.search.page(suspended, limit=2, cursor=older)
    assert (empty.runs, empty.older) == ((), None)
    assert empty.newer
    assert ids(ledger.search.page(suspended, limit=2, cursor=empty.newer)) == [
        "order_3",
        "order_2",
    ]


def test_a_filter_shows_its_statuses(ledger: Ledger) -> None:
    """Pages of several statuses are merged in the order of the list."""
    fill(ledger, names(30, "run"))
    fill(ledger, names(30, "fail"), Status.FAILED)
    fill(ledger, names(30, "wait"), Status.SUSPENDED)
    wanted = Filter(frozenset({Status.FAILED, Status.RUNNING}))
    found = [each for page in pages(ledger, wanted, 7) for each in page.runs]
    assert {each.status for each in found} == wanted.statuses
    assert len(found) == 60
    assert all((a.created_at, a.run_id) > (b.created_at, b.run_id) for a, b in pairwise(found))
    assert len(ids(ledger.search.page(FAILED, limit=100))) == 30


@pytest.mark.parametrize(
    ("part", "found"),
    [
        ("der_a", ["Order_A1"]),
        ("ORDER", ["Order_A1"]),
        ("r_A", ["Order_A1"]),
        ("00%", ["100%"]),
        ("a/b", ["a/b"]),
        ("a\\b", ["a\\b"]),
        ("nothing", []),
    ],
)
def test_a_text_is_a_substring_of_the_id(ledger: Ledger, part: str, found: list[str]) -> None:
    """Case does not matter, and no character is a wildcard."""
    fill(ledger, ["Order_A1", "x_y", "100%", "a/b", "a\\b", "xzy"])
    assert sorted(ids(ledger.search.page(Filter(id_part=part), limit=10))) == sorted(found)


def test_counts_are_of_all_statuses(ledger: Ledger) -> None:
    """A status without runs has 0; the statuses of the filter do not matter."""
    fill(ledger, names(3))
    fill(ledger, names(2, "fail"), Status.FAILED)
    counts = ledger.search.counts(FAILED)
    expected = {Status.RUNNING: Count(3), Status.FAILED: Count(2)}
    assert counts == dict.fromkeys(Status, Count(0)) | expected


def test_counts_are_of_a_text(ledger: Ledger) -> None:
    """The runs that the text finds are counted."""
    fill(ledger, names(12))
    assert ledger.search.counts(Filter(id_part="R_1"))[Status.RUNNING] == Count(3)


def test_a_list_has_every_run_of_an_id(ledger: Ledger) -> None:
    """An id is listed as often as it was used."""
    ledger.runs.ingest([done(read=9), snapshot(execution="e2", created=20, read=21)])
    page = ledger.search.page(ALL, limit=10)
    assert [each.created_at for each in page.runs] == [at(20), at(0)]


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "nonsense",
        "é",
        "AAAA",
        "A" * 24,
        "b" * 23,
        "bm__________________________",
        "n" * 400,
    ],
)
def test_an_invalid_cursor_is_refused(ledger: Ledger, cursor: str) -> None:
    """Only cursors of pages are accepted."""
    fill(ledger, names(2))
    with pytest.raises(InvalidInput, match=r"cursor: found .*, expected the cursor of a page"):
        ledger.search.page(ALL, limit=1, cursor=cursor)


def test_a_cursor_fits_into_a_url(ledger: Ledger) -> None:
    """It is short, and needs no escapes."""
    fill(ledger, names(2))
    cursor = ledger.search.page(ALL, limit=1).older
    assert cursor
    assert re.fullmatch(r"[A-Za-z0-9_-]{24}", cursor)


@pytest.mark.sqlite_alone
def test_adjacent_runs_are_found_among_the_runs_of_the_id(ledger: Ledger) -> None:
    """No rows of other ids are read."""
    fill(ledger, names(20))
    ledger.runs.ingest([done(read=9), snapshot(execution="e2", created=20, read=21)])
    found = plans(ledger, lambda ledger: ledger.runs.adjacent_runs(summary(ledger)))
    searches = [step for step in found if "runs" in step]
    assert len(searches) == 3
    assert all("INDEX runs_of_id (app_id=? AND instance_id=?" in step for step in searches), found
