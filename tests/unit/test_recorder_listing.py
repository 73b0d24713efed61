"""How new instances are found by listing."""

import pytest

from operations.errors import DaprRefused, DaprUnavailable
from operations.model import Problem, Service, Status
from operations.recorder.discovery import Listing
from operations.recorder.limits import Limits
from tests.unit.fakes import FakeGateway, instance


@pytest.fixture(autouse=True)
def two_a_page(gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have pages of two ids."""
    listed = gateway.ids
    monkeypatch.setattr(gateway, "ids", lambda token: listed(2, token))


@pytest.fixture
def listing(gateway: FakeGateway) -> Listing:
    """Return a listing that is always due."""
    return Listing(gateway, Limits(list_every=0, list_share=0))


def put(gateway: FakeGateway, *ids: str) -> None:
    """Have instances."""
    for instance_id in ids:
        gateway.put(instance(instance_id, Status.RUNNING))


def test_all_pages_are_listed(gateway: FakeGateway, listing: Listing) -> None:
    """However many there are."""
    put(gateway, "a", "b", "c", "d", "e")
    assert listing.changes(set()) == {"a", "b", "c", "d", "e"}


def test_what_is_known_is_no_news(gateway: FakeGateway, listing: Listing) -> None:
    """Only the rest is returned."""
    put(gateway, "a", "b", "c")
    assert listing.changes({"a", "c"}) == {"b"}


def test_what_a_whole_list_lacks_is_news(gateway: FakeGateway, listing: Listing) -> None:
    """What was known and is gone has to be looked at."""
    put(gateway, "a", "b", "c")
    assert listing.changes({"a", "b", "c", "x", "y"}) == {"x", "y"}


def test_a_list_is_not_made_at_every_turn(gateway: FakeGateway) -> None:
    """It has a pace."""
    listing = Listing(gateway, Limits())
    put(gateway, "a")
    assert listing.changes(set()) == {"a"}
    assert listing.changes(set()) == set()
    assert gateway.calls["ids"] == 1


def test_the_end_of_a_long_list_is_looked_at_more_often(
    gateway: FakeGateway, listing: Listing
) -> None:
    """New ids come last: they are found without the pages before."""
    put(gateway, "a", "b", "c", "d", "e")
    listing.changes(set())
    listing._whole_due = float("inf")
    put(gateway, "f", "g")
    asked = gateway.calls["ids"]
    assert listing.changes({"a", "b", "c", "d", "e"}) == {"f", "g"}
    assert gateway.calls["ids"] == asked + 2


def test_the_end_of_a_list_tells_nothing_of_what_is_gone(
    gateway: FakeGateway, listing: Listing
) -> None:
    """Only a whole list does."""
    put(gateway, "a", "b", "c")
    listing.changes(set())
    listing._whole_due = float("inf")
    assert listing.changes({"a", "b", "c", "x"}) == set()


def test_a_long_list_is_made_in_parts(
    gateway: FakeGateway, listing: Listing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Something else has its turn in between, and nothing is taken for gone before the end."""
    now = 0.0

    def slow() -> None:
        nonlocal now
        now += 1

    monkeypatch.setattr("operations.recorder.discovery.time.monotonic", lambda: now)
    gateway.during["ids"] = slow
    put(gateway, "a", "b", "c")
    assert listing.changes({"x"}) == {"a", "b"}
    assert listing.changes({"x"}) == {"c", "x"}


def test_a_list_that_is_refused_is_made_again(gateway: FakeGateway, listing: Listing) -> None:
    """From its beginning, when it is time."""
    put(gateway, "a", "b", "c")
    gateway.errors["ids"] = [DaprRefused("an id must not hold '||'")]
    assert listing.changes({"x"}) == set()
    assert not listing.is_complete
    assert listing.changes(set()) == {"a", "b", "c"}
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
    assert listing.changes({"e", "x"}) == {"a", "b", "c", "d"}
    listing._whole_due = float("inf")
    assert listing.changes({"a", "b", "x"}) == {"c", "d", "e"}
    assert not listing.is_complete


def test_an_engine_that_is_away_is_told(gateway: FakeGateway) -> None:
    """And the next list is made when it is time, not at once."""
    listing = Listing(gateway, Limits())
    gateway.errors["ids"] = [DaprUnavailable("no sidecar accepts the connection")]
    with pytest.raises(DaprUnavailable):
        listing.changes(set())
    assert listing.changes(set()) == set()
    assert gateway.calls["ids"] == 1


def test_a_list_that_costs_much_is_made_seldom(
    gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its pace follows its cost."""
    now = 100.0

    def slow() -> None:
        nonlocal now
        now += 0.15

    monkeypatch.setattr("operations.recorder.discovery.time.monotonic", lambda: now)
    gateway.during["ids"] = slow
    put(gateway, "a")
    listing = Listing(gateway, Limits())
    listing.changes(set())
    assert listing._whole_due == pytest.approx(100.15 + 50 * 0.15)


def test_a_refusal_is_a_problem_while_it_lasts(gateway: FakeGateway, listing: Listing) -> None:
    """It is told with its remedy."""
    gateway.errors["ids"] = [DaprRefused("Terminate that instance and purge it.")]
    listing.changes(set())
    assert listing.problems == (Problem(Service.LISTING, "Terminate that instance and purge it."),)
    listing.changes(set())
    assert not listing.problems


def test_a_list_that_breaks_off_is_a_problem_all_the_time(
    gateway: FakeGateway, listing: Listing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pages before the one that cannot be had do not say that all is well."""
    now = 0.0

    def slow() -> None:
        nonlocal now
        now += 1

    monkeypatch.setattr("operations.recorder.discovery.time.monotonic", lambda: now)
    gateway.during["ids"] = slow
    put(gateway, "a", "b", "c")
    gateway.errors["ids"] = [DaprRefused("Terminate that instance and purge it.")]
    listing.changes(set())
    listing.changes(set())
    assert listing.problems
    listing.changes(set())
    assert not listing.problems
