"""How new instances are found by listing."""

import pytest

from operations.errors import EngineRefused, EngineUnavailable
from operations.model import Status
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
    gateway.errors["ids"] = [EngineRefused("an id must not hold '||'")]
    assert listing.news({"x"}) == set()
    assert listing.news(set()) == {"a", "b", "c"}


def test_a_list_that_breaks_off_takes_nothing_for_gone(
    gateway: FakeGateway, listing: Listing
) -> None:
    """What stands on its other pages was not seen."""
    put(gateway, "a", "b", "c")
    pages = iter([None, EngineRefused("broken")])
    listed = gateway.ids

    def ids(token: str) -> object:
        if error := next(pages, None):
            raise error
        return listed(token=token)

    gateway.ids = ids  # type: ignore[method-assign, assignment]
    assert listing.news({"c", "x"}) == {"a", "b"}


def test_an_engine_that_is_away_is_told(gateway: FakeGateway) -> None:
    """And the next list is made when it is time, not at once."""
    listing = Listing(gateway)
    gateway.errors["ids"] = [EngineUnavailable("no sidecar accepts the connection")]
    with pytest.raises(EngineUnavailable):
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
