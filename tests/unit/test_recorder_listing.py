"""How new instances are found by listing."""

import time

import pytest

from operations.errors import DaprRefused, DaprUnavailable
from operations.model import Problem, Service, Status
from operations.recorder import listing as module
from operations.recorder.listing import Listing
from tests.unit.fakes import FakeGateway, instance


@pytest.fixture(autouse=True)
def two_a_page(gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have pages of two ids."""
    listed = gateway.ids
    monkeypatch.setattr(gateway, "ids", lambda token: listed(2, token))


@pytest.fixture
def listing(gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch) -> Listing:
    """Return a listing that is always due."""
    monkeypatch.setattr("operations.recorder.listing.EVERY", 0)
    monkeypatch.setattr("operations.recorder.listing.SHARE", 0)
    return Listing(gateway)


def put(gateway: FakeGateway, *ids: str) -> None:
    """Have instances."""
    for instance_id in ids:
        gateway.put(instance(instance_id, Status.RUNNING))


def test_all_pages_are_listed(gateway: FakeGateway, listing: Listing) -> None:
    """However many there are."""
    put(gateway, "a", "b", "c", "d", "e")
    assert listing.news(set()) == {"a", "b", "c", "d", "e"}


def test_what_is_known_is_no_news(gateway: FakeGateway, listing: Listing) -> None:
    """Only the rest is returned."""
    put(gateway, "a", "b", "c")
    assert listing.news({"a", "c"}) == {"b"}


def test_what_a_whole_list_lacks_is_news(gateway: FakeGateway, listing: Listing) -> None:
    """What was known and is gone has to be looked at."""
    put(gateway, "a", "b", "c")
    assert listing.news({"a", "b", "c", "x", "y"}) == {"x", "y"}


def test_a_list_is_not_made_at_every_turn(gateway: FakeGateway) -> None:
    """It has a pace."""
    listing = Listing(gateway)
    put(gateway, "a")
    assert listing.news(set()) == {"a"}
    assert listing.news(set()) == set()
    assert gateway.calls["ids"] == 1


def test_the_end_of_a_long_list_is_looked_at_more_often(
    gateway: FakeGateway, listing: Listing
) -> None:
    """New ids come last: they are found without the pages before."""
    put(gateway, "a", "b", "c", "d", "e")
    listing.news(set())
    listing._whole.due = float("inf")
    put(gateway, "f", "g")
    asked = gateway.calls["ids"]
    assert listing.news({"a", "b", "c", "d", "e"}) == {"f", "g"}
    assert gateway.calls["ids"] == asked + 2


def test_the_end_of_a_list_tells_nothing_of_what_is_gone(
    gateway: FakeGateway, listing: Listing
) -> None:
    """Only a whole list does."""
    put(gateway, "a", "b", "c")
    listing.news(set())
    listing._whole.due = float("inf")
    assert listing.news({"a", "b", "c", "x"}) == set()


def test_a_long_list_is_made_in_parts(
    gateway: FakeGateway, listing: Listing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Something else has its turn in between, and nothing is taken for gone before the end."""
    now = 0.0

    def slow() -> None:
        nonlocal now
        now += 1

    monkeypatch.setattr("operations.recorder.listing.time.monotonic", lambda: now)
    gateway.during["ids"] = slow
    put(gateway, "a", "b", "c")
    assert listing.news({"x"}) == {"a", "b"}
    assert listing.news({"x"}) == {"c", "x"}


def test_a_list_that_is_refused_is_made_again(gateway: FakeGateway, listing: Listing) -> None:
    """From its beginning, when it is time."""
    put(gateway, "a", "b", "c")
    gateway.errors["ids"] = [DaprRefused("an id must not hold '||'")]
    assert listing.news({"x"}) == set()
    assert not listing.is_complete
    assert listing.news(set()) == {"a", "b", "c"}
    assert listing.is_complete


def test_a_list_that_breaks_off_takes_nothing_for_gone(
    gateway: FakeGateway, listing: Listing
) -> None:
    """What stands on its other pages was not seen."""
    put(gateway, "a", "b", "c", "d", "e")
    pages = iter([None, None, DaprRefused("broken")])
    listed = gateway.ids

    def ids(token: str) -> object:
        if error := next(pages, None):
            raise error
        return listed(token=token)

    gateway.ids = ids  # type: ignore[method-assign, assignment]
    assert listing.news({"e", "x"}) == {"a", "b", "c", "d"}
    listing._whole.due = float("inf")
    assert listing.news({"a", "b", "x"}) == {"c", "d", "e"}
    assert not listing.is_complete


def test_an_engine_that_is_away_is_told(gateway: FakeGateway) -> None:
    """And the next list is made when it is time, not at once."""
    listing = Listing(gateway)
    gateway.errors["ids"] = [DaprUnavailable("no sidecar accepts the connection")]
    with pytest.raises(DaprUnavailable):
        listing.news(set())
    assert listing.news(set()) == set()
    assert gateway.calls["ids"] == 1


def test_a_list_that_costs_much_is_made_seldom(
    gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its pace follows its cost."""
    now = 100.0

    def slow() -> None:
        nonlocal now
        now += 0.15

    monkeypatch.setattr("operations.recorder.listing.time.monotonic", lambda: now)
    gateway.during["ids"] = slow
    put(gateway, "a")
    listing = Listing(gateway)
    listing.news(set())
    assert listing._whole.due == pytest.approx(100.15 + 3)


def test_a_refusal_is_a_problem_while_it_lasts(gateway: FakeGateway, listing: Listing) -> None:
    """It is told with its remedy."""
    gateway.errors["ids"] = [DaprRefused("Terminate that instance and purge it.")]
    listing.news(set())
    assert listing.problems == (Problem(Service.LISTING, "Terminate that instance and purge it."),)
    listing.news(set())
    assert not listing.problems


def test_a_list_that_breaks_off_is_a_problem_all_the_time(
    gateway: FakeGateway, listing: Listing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pages before the one that cannot be had do not say that all is well."""
    monkeypatch.setattr("operations.recorder.listing.AT_A_TIME", 0)
    for number in range(3000):
        gateway.put(instance(f"order_{number}", Status.RUNNING, "{}"))
    listing._refused("Terminate that instance and purge it.")
    listed = listing._due(set())
    assert listed
    listing._news_of_page(listed, set(), ())
    assert listing.problems
    while listing._under_way:
        listing._news_of_page(listing._under_way, set(), ())
    assert not listing.problems


def costs(gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a page cost 20 milliseconds, and no other time pass."""
    now = 100.0

    def slow() -> None:
        nonlocal now
        now += 0.02

    monkeypatch.setattr("operations.recorder.listing.time.monotonic", lambda: now)
    gateway.during["ids"] = slow


def listed_again(listing: Listing, followed: set[str]) -> float:
    """List all once more, and return after how many seconds that will be done again."""
    listing._whole.due = listing._end.due = 0
    listing.news(set(), followed)
    assert listing._under_way is None
    return listing._whole.due - time.monotonic()


def test_a_whole_list_that_finds_nothing_new_is_made_seldom(
    gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """New ids stand at its end, where they are looked for anyway; the first list tells nothing."""
    costs(gateway, monkeypatch)
    listing, ids = Listing(gateway), {"a", "b", "c", "d"}
    put(gateway, *sorted(ids))
    assert listed_again(listing, set()) == pytest.approx(module.SHARE * 0.06)
    put(gateway, "e")
    assert listed_again(listing, ids) == pytest.approx(module.RARE * 0.06)


def test_a_whole_list_that_finds_something_new_is_made_often(
    gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store does not put new ids last: only the whole list finds them."""
    costs(gateway, monkeypatch)
    listing = Listing(gateway)
    put(gateway, "a", "b", "c", "d", "e")
    listed_again(listing, set())
    assert listed_again(listing, {"b", "c", "d", "e"}) == pytest.approx(module.SHARE * 0.06)


def test_a_list_of_one_page_is_made_often(
    gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has no end that could be looked at by itself."""
    costs(gateway, monkeypatch)
    listing = Listing(gateway)
    put(gateway, "a")
    for _ in range(2):
        assert listed_again(listing, {"a"}) == pytest.approx(max(module.EVERY, module.SHARE * 0.02))
