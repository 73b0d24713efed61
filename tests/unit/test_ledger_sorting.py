"""The orders in which a list may stand, and the cursors of each."""

from datetime import datetime
from itertools import pairwise

import pytest

from operations.errors import InvalidInput
from operations.ledger import Ledger
from operations.model import Status
from operations.records import Entry, Filter, Sort
from tests.unit.questions import ids, listed, mixed, pages
from tests.unit.sightings import at, sighting

ALL = Filter()
ORDERS = [(one, other) for one in Sort for other in Sort if one is not other]


def created(entry: Entry) -> tuple[datetime, int]:
    """Return what the newest is sorted by."""
    return entry.created_at, entry.key


def ended(entry: Entry) -> tuple[datetime, int]:
    """Return what ended last is sorted by, in descending order; what has not ended comes last."""
    return entry.ended_at or at(-1), entry.key


def took(entry: Entry) -> tuple[float, int]:
    """Return what took longest is sorted by, in descending order; what has not ended comes last."""
    if entry.ended_at is None or entry.started_at is None:
        return -1, entry.key
    return (entry.ended_at - entry.started_at).total_seconds(), entry.key


@pytest.mark.parametrize(
    ("sort", "place"), [(Sort.NEWEST, created), (Sort.ENDED, ended), (Sort.LONGEST, took)]
)
def test_a_list_stands_in_its_order(ledger: Ledger, sort: Sort, place: type) -> None:
    """From its first page to its last, many lives of the same moment among them."""
    ledger.instances.record(mixed(100))
    found = listed(ledger, ALL, sort)
    assert len(found) == 100
    assert all(place(a) > place(b) for a, b in pairwise(found))


def test_the_oldest_first_is_the_newest_first_backwards(ledger: Ledger) -> None:
    """Entry by entry."""
    ledger.instances.record(mixed(40))
    assert listed(ledger, ALL, Sort.OLDEST) == listed(ledger, ALL)[::-1]


@pytest.mark.parametrize("sort", Sort)
def test_what_has_not_ended_is_in_each_list(ledger: Ledger, sort: Sort) -> None:
    """In the lists of ends and of durations it is the last."""
    ledger.instances.record([sighting(instance_id="runs", created=9)])
    ledger.instances.record([sighting(Status.COMPLETED, instance_id=f"i{n}") for n in range(3)])
    found = [each.instance_id for each in listed(ledger, ALL, sort, limit=2)]
    assert sorted(found) == ["i0", "i1", "i2", "runs"]
    if sort in {Sort.ENDED, Sort.LONGEST}:
        assert found[-1] == "runs"


def test_the_end_of_one_that_ran_puts_it_in_its_place(ledger: Ledger) -> None:
    """What a later sighting tells moves it up."""
    ledger.instances.record([sighting(Status.COMPLETED, instance_id="a", seen=5)])
    ledger.instances.record([sighting(instance_id="b", seen=5)])
    ledger.instances.record([sighting(Status.COMPLETED, instance_id="b", seen=20)])
    for sort in (Sort.ENDED, Sort.LONGEST):
        assert ids(ledger.instances.page(ALL, limit=9, sort=sort)) == ["b", "a"]


def test_a_life_that_ended_before_it_began_took_no_time(ledger: Ledger) -> None:
    """Clocks may differ; it comes before what has not ended, and its page can be turned."""
    odd = sighting(Status.COMPLETED, instance_id="odd", started_at=at(5), ended_at=at(4))
    ledger.instances.record([odd, sighting(instance_id="runs")])
    assert [e.instance_id for e in listed(ledger, ALL, Sort.LONGEST, limit=1)] == ["odd", "runs"]


@pytest.mark.parametrize("sort", Sort)
def test_the_way_back_shows_the_same_pages(ledger: Ledger, sort: Sort) -> None:
    """In each order, each page leads to the one that led to it."""
    ledger.instances.record(mixed(47))
    there = list(pages(ledger, ALL, 10, sort))
    back, cursor = [there[-1]], there[-1].newer
    while cursor:
        back.append(ledger.instances.page(ALL, limit=10, cursor=cursor, sort=sort, placed=True))
        cursor = back[-1].newer
    assert back[::-1] == there


@pytest.mark.parametrize(("one", "other"), ORDERS)
def test_a_cursor_is_one_of_its_order(ledger: Ledger, one: Sort, other: Sort) -> None:
    """In another order it stands for no place."""
    ledger.instances.record(mixed(5))
    cursor = ledger.instances.page(ALL, limit=2, sort=one).older
    with pytest.raises(InvalidInput, match="cursor of a page of the list in this order"):
        ledger.instances.page(ALL, limit=2, cursor=cursor, sort=other)


@pytest.mark.parametrize("sort", Sort)
def test_a_page_that_became_empty_leads_back(ledger: Ledger, sort: Sort) -> None:
    """Where all that came after have left the filter, the way back shows what is there."""
    suspended = Filter(frozenset({Status.SUSPENDED}))
    lives = [sighting(Status.SUSPENDED, instance_id=f"i{n}", created=n) for n in range(4)]
    ledger.instances.record(lives)
    first = ledger.instances.page(suspended, limit=2, sort=sort)
    gone = {f"i{n}" for n in range(4)} - set(ids(first))
    ledger.instances.record(
        [sighting(instance_id=each, created=int(each[1]), seen=99) for each in gone]
    )
    empty = ledger.instances.page(suspended, limit=2, cursor=first.older, sort=sort)
    assert (empty.entries, empty.older) == ((), None)
    back = ledger.instances.page(suspended, limit=2, cursor=empty.newer, sort=sort)
    assert ids(back) == ids(first)
