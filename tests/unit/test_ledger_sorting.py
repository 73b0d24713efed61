"""The orders of a list, and the cursors of each order."""

from datetime import datetime
from itertools import pairwise

import pytest

from operations.errors import InvalidInput
from operations.ledger import Ledger
from operations.model import Status
from operations.records import Filter, RunSummary, Sort
from tests.unit.plans import plans
from tests.unit.queries import ids, listed, pages, random_runs
from tests.unit.snapshots import at, snapshot

ALL, CHILDREN = Filter(), Filter(parent_id="id_001")
ORDERS = list(pairwise([*Sort, Sort.NEWEST]))


def created(summary: RunSummary) -> tuple[datetime, int]:
    """Return the sort key of the lists by creation."""
    return summary.created_at, summary.run_id


def ended(summary: RunSummary) -> tuple[datetime, int]:
    """Return the sort key of the list by end; unfinished runs come last."""
    return summary.ended_at or at(-1), summary.run_id


def duration(summary: RunSummary) -> tuple[float, int]:
    """Return the sort key of the list by duration; unfinished runs come last."""
    if summary.ended_at is None or summary.started_at is None:
        return -1, summary.run_id
    return (summary.ended_at - summary.started_at).total_seconds(), summary.run_id


def name(summary: RunSummary) -> tuple[str, int]:
    """Return the sort key of the lists by id."""
    return summary.instance_id, summary.run_id


def status(summary: RunSummary) -> tuple[str, datetime, int]:
    """Return the sort key of the lists by status."""
    return summary.status, summary.created_at, summary.run_id


@pytest.mark.parametrize(
    ("sort", "key"),
    [
        (Sort.NEWEST, created),
        (Sort.ENDED, ended),
        (Sort.LONGEST, duration),
        (Sort.ID_DESCENDING, name),
        (Sort.STATUS, status),
    ],
)
def test_a_list_is_sorted(ledger: Ledger, sort: Sort, key: type) -> None:
    """From its first page to its last, also if many runs have the same time."""
    ledger.runs.ingest(random_runs(100))
    found = listed(ledger, ALL, sort)
    assert len(found) == 100
    assert all(key(a) > key(b) for a, b in pairwise(found))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Sort.NEWEST, Sort.OLDEST),
        (Sort.LONGEST, Sort.SHORTEST),
        (Sort.ID_DESCENDING, Sort.ID),
        (Sort.STATUS, Sort.STATUS_ASCENDING),
    ],
)
def test_an_order_is_another_one_backwards(ledger: Ledger, one: Sort, other: Sort) -> None:
    """With the same runs."""
    ledger.runs.ingest(random_runs(40))
    assert listed(ledger, ALL, other) == listed(ledger, ALL, one)[::-1]


@pytest.mark.both_databases
@pytest.mark.parametrize("sort", [Sort.ID, Sort.ID_DESCENDING])
def test_a_list_by_id_has_ids_of_any_characters(ledger: Ledger, sort: Sort) -> None:
    """Page by page: the cursor has the id of a run. Capitals come before small letters."""
    names = ["Z", "a", "a b&c", "ä", "日本", "x" * 255, "\ud800", "nul\0", "%_'\""]
    ledger.runs.ingest([snapshot(instance_id=each) for each in names])
    found = [each.instance_id for each in listed(ledger, ALL, sort, limit=1)]
    assert sorted(found) == sorted(names)
    assert (found.index("Z") < found.index("a")) is (sort is Sort.ID)


@pytest.mark.parametrize("sort", Sort)
def test_unfinished_runs_are_in_each_list(ledger: Ledger, sort: Sort) -> None:
    """In the lists by end and by duration they are the last ones."""
    ledger.runs.ingest([snapshot(instance_id="runs", created=9)])
    ledger.runs.ingest([snapshot(Status.COMPLETED, instance_id=f"i{n}") for n in range(3)])
    found = [each.instance_id for each in listed(ledger, ALL, sort, limit=2)]
    assert sorted(found) == ["i0", "i1", "i2", "runs"]
    if sort in {Sort.ENDED, Sort.LONGEST}:
        assert found[-1] == "runs"


def test_a_run_moves_up_when_it_ends(ledger: Ledger) -> None:
    """In the lists by end and by duration."""
    ledger.runs.ingest([snapshot(Status.COMPLETED, instance_id="a", read=5)])
    ledger.runs.ingest([snapshot(instance_id="b", read=5)])
    ledger.runs.ingest([snapshot(Status.COMPLETED, instance_id="b", read=20)])
    for sort in (Sort.ENDED, Sort.LONGEST):
        assert ids(ledger.search.page(ALL, limit=9, sort=sort)) == ["b", "a"]


def test_a_run_that_ended_before_its_start_took_no_time(ledger: Ledger) -> None:
    """Clocks may differ. The run comes before unfinished ones, and has a valid cursor."""
    odd = snapshot(Status.COMPLETED, instance_id="odd", started_at=at(5), ended_at=at(4))
    ledger.runs.ingest([odd, snapshot(instance_id="runs")])
    assert [e.instance_id for e in listed(ledger, ALL, Sort.LONGEST, limit=1)] == ["odd", "runs"]


@pytest.mark.parametrize("sort", Sort)
def test_the_way_back_shows_the_same_pages(ledger: Ledger, sort: Sort) -> None:
    """In each order, each page leads to the one that led to it."""
    ledger.runs.ingest(random_runs(47))
    there = list(pages(ledger, ALL, 10, sort))
    back, cursor = [there[-1]], there[-1].newer
    while cursor:
        back.append(ledger.search.page(ALL, limit=10, cursor=cursor, sort=sort, with_position=True))
        cursor = back[-1].newer
    assert back[::-1] == there


@pytest.mark.parametrize(("one", "other"), ORDERS)
def test_a_cursor_is_valid_in_its_order_alone(ledger: Ledger, one: Sort, other: Sort) -> None:
    """In another order it is refused."""
    ledger.runs.ingest(random_runs(5))
    cursor = ledger.search.page(ALL, limit=2, sort=one).older
    with pytest.raises(InvalidInput, match="cursor of a page of the list in this order"):
        ledger.search.page(ALL, limit=2, cursor=cursor, sort=other)


@pytest.mark.parametrize("sort", Sort)
def test_a_page_that_became_empty_leads_back(ledger: Ledger, sort: Sort) -> None:
    """If no later run matches the filter any more, paging back shows the earlier ones."""
    suspended = Filter(frozenset({Status.SUSPENDED}))
    runs = [snapshot(Status.SUSPENDED, instance_id=f"i{n}", created=n) for n in range(4)]
    ledger.runs.ingest(runs)
    first = ledger.search.page(suspended, limit=2, sort=sort)
    others = {f"i{n}" for n in range(4)} - set(ids(first))
    ledger.runs.ingest(
        [snapshot(instance_id=each, created=int(each[1]), read=99) for each in others]
    )
    empty = ledger.search.page(suspended, limit=2, cursor=first.older, sort=sort)
    assert (empty.runs, empty.older) == ((), None)
    back = ledger.search.page(suspended, limit=2, cursor=empty.newer, sort=sort)
    assert ids(back) == ids(first)


@pytest.mark.sqlite_alone
@pytest.mark.parametrize("sort", [Sort.ENDED, Sort.LONGEST])
def test_after_an_analysis_a_rare_value_is_found_by_its_index(ledger: Ledger, sort: Sort) -> None:
    """Otherwise SQLite could read all runs in their order to find a few."""
    ledger.runs.ingest(random_runs(300))
    ledger.analyze()
    steps = plans(ledger, lambda ledger: ledger.search.page(CHILDREN, limit=2, sort=sort))
    found = [step for step in steps if "status=?" in step]
    assert len(found) == len(Status)
    assert all(f"runs_{sort}_of_parent_id (parent_id=? AND status=?)" in step for step in found)


@pytest.mark.sqlite_alone
@pytest.mark.parametrize("sort", Sort)
def test_a_list_without_children_is_read_from_its_index(ledger: Ledger, sort: Sort) -> None:
    """However many children there are, none of them is read."""
    ledger.runs.ingest(random_runs(300))
    ledger.analyze()
    wanted = Filter(top_level=True)
    steps = plans(ledger, lambda ledger: ledger.search.page(wanted, limit=2, sort=sort))
    found = [step for step in steps if "status=?" in step]
    assert len(found) == len(Status)
    assert all("_top_level (status=?)" in step for step in found), found


@pytest.mark.sqlite_alone
@pytest.mark.parametrize("sort", [Sort.STATUS, Sort.STATUS_ASCENDING])
def test_a_later_page_by_status_starts_in_the_index(ledger: Ledger, sort: Sort) -> None:
    """Runs of the same status that come before it are not read."""
    ledger.runs.ingest(random_runs(300))
    ledger.analyze()
    cursor = ledger.search.page(ALL, limit=2, sort=sort).older
    steps = plans(ledger, lambda ledger: ledger.search.page(ALL, limit=2, cursor=cursor, sort=sort))
    sign = ">" if sort is Sort.STATUS_ASCENDING else "<"
    assert sum(f"(status=? AND created_at{sign}?)" in step for step in steps) == 1
