"""The bell that tells open pages of news."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient, WebSocketTestSession

from dashboard.bell import PATH, Bell, stamped
from tests.waiting import eventually

SECONDS = 10


class Tower:
    """A bell with what there is to look at."""

    def __init__(self) -> None:
        self.version = "1:"
        self.looks = 0
        self.looked = threading.Event()
        self.bell = Bell(self._look)

    @contextmanager
    def page(self, client: TestClient, shown: str) -> Iterator[WebSocketTestSession]:
        """Open a page, which says what it shows."""
        with client.websocket_connect(PATH) as page:
            page.send_text(shown)
            yield page

    def seen(self) -> None:
        """Wait for a look that began from now on."""
        before = self.looks
        eventually(lambda: self.looks > before + 1, SECONDS, "a look")

    def _look(self) -> str:
        self.looks += 1
        return self.version


@pytest.fixture
def tower(monkeypatch: pytest.MonkeyPatch) -> Tower:
    """Return a bell whose looks follow one another at once."""
    monkeypatch.setattr("dashboard.bell.LOOK_EVERY", 0.001)
    return Tower()


@pytest.fixture
def client(tower: Tower) -> Iterator[TestClient]:
    """Return a client whose connections share one event loop, as a server's do."""
    with TestClient(Starlette(routes=[tower.bell.route])) as client:
        yield client


def test_the_bell_rings_for_a_page_that_is_behind(tower: Tower, client: TestClient) -> None:
    """A page that shows another version than there is hears of it at once."""
    with tower.page(client, "0:") as page:
        assert page.receive_text() == "1:"


def test_the_bell_is_silent_for_a_page_that_is_up_to_date(tower: Tower, client: TestClient) -> None:
    """The first thing that it hears is the next version, not its own."""
    with tower.page(client, "1:") as page:
        tower.seen()
        tower.version = "2:"
        assert page.receive_text() == "2:"


def test_the_bell_rings_again_for_each_change(tower: Tower, client: TestClient) -> None:
    """Each later version is told, the first one again when it comes back."""
    with tower.page(client, "1:") as page:
        for version in ("2:", "2:sidecar", "2:"):
            tower.version = version
            assert page.receive_text() == version


def test_the_bell_rings_for_every_page(tower: Tower, client: TestClient) -> None:
    """Two pages hear of the same change, one that is behind of the one before, too."""
    with tower.page(client, "1:") as one, tower.page(client, "0:") as other:
        assert other.receive_text() == "1:"
        tower.version = "2:"
        assert (one.receive_text(), other.receive_text()) == ("2:", "2:")


def test_all_pages_share_one_look(tower: Tower, client: TestClient) -> None:
    """A second page brings no second looker."""
    with tower.page(client, "0:") as one:
        one.receive_text()
        looking = tower.bell._looking
        assert looking
        with tower.page(client, "0:") as other:
            other.receive_text()
            assert tower.bell._looking is looking


def test_nobody_looks_while_no_page_is_open(tower: Tower, client: TestClient) -> None:
    """A bell that nobody hears reads nothing."""
    del client
    assert tower.bell._looking is None
    assert tower.looks == 0


def test_looks_stop_when_the_last_page_leaves(tower: Tower, client: TestClient) -> None:
    """They go on for the one that stays, and end with it."""
    with tower.page(client, "0:") as one:
        with tower.page(client, "0:") as other:
            assert (one.receive_text(), other.receive_text()) == ("1:", "1:")
        looking = tower.bell._looking
        assert looking
        tower.version = "2:"
        assert one.receive_text() == "2:"
    eventually(looking.done, SECONDS, "the end of the looks")
    assert tower.bell._looking is None


def test_looks_begin_anew_with_the_next_page(tower: Tower, client: TestClient) -> None:
    """What was known before counts no more: no page is told of it."""
    with tower.page(client, "1:"):
        tower.seen()
    eventually(lambda: tower.bell._looking is None, SECONDS, "the end of the looks")
    tower.version = "2:"
    with tower.page(client, "2:") as page:
        tower.seen()
        tower.version = "3:"
        assert page.receive_text() == "3:"


def test_a_page_that_leaves_without_a_word_leaves_nothing(tower: Tower, client: TestClient) -> None:
    """One that closes before it has said what it shows is no error, and no page any more."""
    with client.websocket_connect(PATH):
        eventually(lambda: tower.looks, SECONDS, "a look")
    eventually(lambda: tower.bell._pages == 0, SECONDS, "no page")
    assert tower.bell._looking is None


def test_a_version_has_its_process(tower: Tower) -> None:
    """The same version of another process is another one: that knows nothing of a page."""
    process, version = stamped(tower.version).split("/")
    assert (len(process), version) == (8, "1:")
    assert stamped("1:") == stamped("1:")
