"""The services are built once, and its failure is shared by all who wait for it."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Lock, Semaphore
from typing import Any

import pytest

from dashboard import services
from operations.errors import LedgerUnavailable
from operations.ledger import Ledger, open_ledger
from tests.unit.pages import Desk

SECONDS = 10  # for which a test waits for another thread
VIEWERS = 8


class Turn:
    """The lock, which does something before somebody waits for it."""

    def __init__(self, before: Callable[[], object]) -> None:
        self._before = before
        self._lock = Lock()

    def __enter__(self) -> None:
        self._before()
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


class Opening:
    """Opens the ledger, or fails to; counts how often."""

    def __init__(self) -> None:
        self.tried = 0
        self.fails = True
        self.during: Callable[[], object] = lambda: None

    def __call__(self, url: str) -> Ledger:
        """Open it."""
        self.tried += 1
        self.during()
        if self.fails:
            raise LedgerUnavailable("database is locked")
        return open_ledger(url)


@pytest.fixture
def opening(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Opening:
    """Return how the process that has built nothing yet opens its ledger."""
    assert not desk.is_built
    opening = Opening()
    monkeypatch.setattr(services, "open_ledger", opening)
    monkeypatch.setattr(services, "_opening", services._Opening())
    return opening


def viewed(_: int = 0) -> Any:
    """Return the services, or why there is none."""
    try:
        return services.services()
    except LedgerUnavailable as error:
        return str(error)


@pytest.mark.parametrize("fails", [True, False])
def test_all_who_wait_share_what_comes_of_it(
    opening: Opening, monkeypatch: pytest.MonkeyPatch, *, fails: bool
) -> None:
    """A ledger that takes seconds to fail takes them once, not once a viewer."""
    came = Semaphore(0)

    def wait_for_all() -> None:
        if opening.tried == 1:
            assert all(came.acquire(timeout=SECONDS) for _ in range(VIEWERS))

    opening.fails, opening.during = fails, wait_for_all
    monkeypatch.setattr(services._opening, "lock", Turn(came.release))
    with ThreadPoolExecutor(VIEWERS) as pool:
        assert len(set(pool.map(viewed, range(VIEWERS)))) == 1
    assert opening.tried == 1


def test_who_comes_after_a_failure_tries_again(opening: Opening) -> None:
    """The ledger may be back at any moment."""
    assert viewed() == viewed() == "The ledger cannot be reached: database is locked."
    opening.fails = False
    assert isinstance(viewed(), services.Services)
    assert opening.tried == 3


def test_a_failure_is_over_once_the_ledger_is_open(
    opening: Opening, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also for who has waited since before it."""

    def meanwhile() -> None:
        monkeypatch.setattr(services._opening, "lock", Lock())
        viewed()
        opening.fails = False
        viewed()

    monkeypatch.setattr(services._opening, "lock", Turn(meanwhile))
    assert isinstance(viewed(), services.Services)
    assert opening.tried == 2
