"""How the recorder finds new instances by listing."""

import pytest

from operations.errors import DaprRefused, DaprUnavailable
from operations.model import Problem, Service, Status
from operations.recorder.discovery import IdLister
from operations.recorder.limits import RecorderLimits
from tests.unit.fakes import FakeGateway, instance


@pytest.fixture(autouse=True)
def two_ids_a_page(gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make each page have two ids."""
    listed = gateway.ids
    monkeypatch.setattr(gateway, "ids", lambda token: listed(2, token))


@pytest.fixture
def lister(gateway: FakeGateway) -> IdLister:
    """Return a lister whose list is always due."""
    return IdLister(gateway, RecorderLimits(list_every=0, list_pause_factor=0))


def put(gateway: FakeGateway, *ids: str) -> None:
    """Add running instances."""
    for instance_id in ids:
        gateway.put(instance(instance_id, Status.RUNNING))


def test_all_pages_are_listed(gateway: FakeGateway, lister: IdLister) -> None:
    """The number of pages does not matter."""
    put(gateway, "a", "b", "c", "d", "e")
    assert lister.changes(set()) == {"a", "b", "c", "d", "e"}


def test_known_ids_are_not_returned(gateway: FakeGateway, lister: IdLister) -> None:
    """Only new ids are returned."""
    put(gateway, "a", "b", "c")
    assert lister.changes({"a", "c"}) == {"b"}


def test_known_ids_that_a_whole_list_lacks_are_returned(
    gateway: FakeGateway, lister: IdLister
) -> None:
    """They must be read, because they may be purged."""
    put(gateway, "a", "b", "c")
    assert lister.changes({"a", "b", "c", "x", "y"}) == {"x", "y"}


def test_a_list_is_not_read_at_every_turn(gateway: FakeGateway) -> None:
    """Lists have an interval."""
    lister = IdLister(gateway, RecorderLimits())
    put(gateway, "a")
    assert lister.changes(set()) == {"a"}
    assert lister.changes(set()) == set()
    assert gateway.calls["ids"] == 1


def test_the_end_of_a_long_list_is_read_more_often(gateway: FakeGateway, lister: IdLister) -> None:
    """New ids are last, so the earlier pages are not needed."""
    put(gateway, "a", "b", "c", "d", "e")
    lister.changes(set())
    lister._whole_due = float("inf")
    put(gateway, "f", "g")
    calls = gateway.calls["ids"]
    assert lister.changes({"a", "b", "c", "d", "e"}) == {"f", "g"}
    assert gateway.calls["ids"] == calls + 2


def test_the_end_of_a_list_does_not_show_absent_ids(gateway: FakeGateway, lister: IdLister) -> None:
    """Only a whole list shows them."""
    put(gateway, "a", "b", "c")
    lister.changes(set())
    lister._whole_due = float("inf")
    assert lister.changes({"a", "b", "c", "x"}) == set()


def test_a_long_list_is_read_in_pieces(
    gateway: FakeGateway, lister: IdLister, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other work is done in between, and no id counts as absent before the end."""
    now = 0.0

    def slow() -> None:
        nonlocal now
        now += 1

    monkeypatch.setattr("operations.recorder.discovery.time.monotonic", lambda: now)
    gateway.during["ids"] = slow
    put(gateway, "a", "b", "c")
    assert lister.changes({"x"}) == {"a", "b"}
    assert lister.changes({"x"}) == {"c", "x"}


def test_a_refused_list_is_read_again(gateway: FakeGateway, lister: IdLister) -> None:
    """It starts at the first page when it is due."""
    put(gateway, "a", "b", "c")
    gateway.errors["ids"] = [DaprRefused("an id must not contain '||'")]
    assert lister.changes({"x"}) == set()
    assert not lister.is_complete
    assert lister.changes(set()) == {"a", "b", "c"}
    assert lister.is_complete


def test_an_interrupted_list_shows_no_absent_ids(gateway: FakeGateway, lister: IdLister) -> None:
    """The ids may be on the pages that were not read."""
    put(gateway, "a", "b", "c", "d", "e")
    pages = iter([None, None, DaprRefused("broken")])
    listed = gateway.ids

    def ids(token: str) -> object:
        if error := next(pages, None):
            raise error
        return listed(token=token)

    gateway.ids = ids  # type: ignore[method-assign, assignment]
    assert lister.changes({"e", "x"}) == {"a", "b", "c", "d"}
    lister._whole_due = float("inf")
    assert lister.changes({"a", "b", "x"}) == {"c", "d", "e"}
    assert not lister.is_complete


def test_an_outage_is_raised(gateway: FakeGateway) -> None:
    """The next list is read when it is due, not at once."""
    lister = IdLister(gateway, RecorderLimits())
    gateway.errors["ids"] = [DaprUnavailable("no sidecar accepts the connection")]
    with pytest.raises(DaprUnavailable):
        lister.changes(set())
    assert lister.changes(set()) == set()
    assert gateway.calls["ids"] == 1


def test_a_slow_list_is_read_rarely(gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """The interval grows with the time that a list takes."""
    now = 100.0

    def slow() -> None:
        nonlocal now
        now += 0.15

    monkeypatch.setattr("operations.recorder.discovery.time.monotonic", lambda: now)
    gateway.during["ids"] = slow
    put(gateway, "a")
    lister = IdLister(gateway, RecorderLimits())
    lister.changes(set())
    assert lister._whole_due == pytest.approx(100.15 + 50 * 0.15)


def test_a_refusal_is_a_problem_while_it_lasts(gateway: FakeGateway, lister: IdLister) -> None:
    """The problem has the remedy."""
    gateway.errors["ids"] = [DaprRefused("Terminate that instance and purge it.")]
    lister.changes(set())
    assert lister.problems == (Problem(Service.LISTING, "Terminate that instance and purge it."),)
    lister.changes(set())
    assert not lister.problems


def test_an_interrupted_list_stays_a_problem(
    gateway: FakeGateway, lister: IdLister, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pages before the refused one do not end the problem."""
    now = 0.0

    def slow() -> None:
        nonlocal now
        now += 1

    monkeypatch.setattr("operations.recorder.discovery.time.monotonic", lambda: now)
    gateway.during["ids"] = slow
    put(gateway, "a", "b", "c")
    gateway.errors["ids"] = [DaprRefused("Terminate that instance and purge it.")]
    lister.changes(set())
    lister.changes(set())
    assert lister.problems
    lister.changes(set())
    assert not lister.problems
