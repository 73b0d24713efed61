"""The services open the ledger when a caller needs it, and again after a failure."""

import os
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from api.services import Services
from operations.errors import InvalidInput, LedgerReplaced, LedgerUnavailable
from operations.health.state_store import StateStoreFile
from operations.ledger import Ledger
from operations.model import Service, Status
from operations.recorder_report import Outage
from tests.unit.conftest import LogLines
from tests.unit.fakes import FakeGateway, instance
from tests.unit.runs import ledger_away
from tests.waiting import eventually
from worker.app import create_order_app
from worker.runtime import RuntimeState

ORDER = {"order_id": "ORDER001", "amount": 99.99, "items": ["laptop", "mouse"]}
NEEDS_THE_LEDGER = [
    ("POST", "/workflow/start"),
    ("GET", "/workflows"),
    ("POST", "/workflow/pause/order_A"),
    ("POST", "/workflow/purge/order_A"),
    ("GET", "/workflow/rerun-plan/order_A"),
]


class Opener:
    """Opens a ledger, or raises `failure` if it is set."""

    def __init__(self, ledger: Ledger, failure: Exception | None = None) -> None:
        self.ledger, self.failure, self.calls = ledger, failure, 0
        self.may_return = threading.Event()
        self.may_return.set()

    def __call__(self) -> Ledger:
        """Wait for `may_return`, then return the ledger."""
        self.calls += 1
        self.may_return.wait(10)
        if self.failure:
            raise self.failure
        return self.ledger


@pytest.fixture
def opener(ledger: Ledger) -> Opener:
    """Return an opener that succeeds at once."""
    return Opener(ledger)


@pytest.fixture
def services(gateway: FakeGateway, opener: Opener) -> Services:
    """Return services with a ledger that is not open yet."""
    return Services(gateway, opener)


@contextmanager
def serving(services: Services) -> Iterator[TestClient]:
    """Serve the API of the order application."""

    def nothing() -> None:
        pass

    app = create_order_app(services, lambda: RuntimeState.RUNNING, start=nothing, stop=nothing)
    with TestClient(app, "http://localhost", raise_server_exceptions=False) as client:
        yield client


def test_the_ledger_is_opened_once(services: Services, opener: Opener) -> None:
    """All callers share the open ledger and its actions."""
    assert opener.calls == 0
    assert services.ledger is services.ledger is opener.ledger
    assert services.actions is services.actions
    assert opener.calls == 1


def test_concurrent_callers_share_one_attempt(gateway: FakeGateway, opener: Opener) -> None:
    """Callers at the same time share one attempt to open the ledger."""
    opener.failure = LedgerUnavailable("no such server")
    opener.may_return.clear()
    waiting = []

    class Counted(Services):
        def _current_opening(self) -> "Future[Any]":
            opening = super()._current_opening()
            waiting.append(opening)
            return opening

    services = Counted(gateway, opener)

    def error() -> str:
        with pytest.raises(LedgerUnavailable) as raised:
            _ = services.ledger
        return str(raised.value)

    with ThreadPoolExecutor(8) as pool:
        errors = [pool.submit(error) for _ in range(8)]
        eventually(lambda: len(waiting) == 8, 5, "all callers wait")
        opener.may_return.set()
        found = {each.result(5) for each in errors}
    assert found == {"The ledger cannot be reached: no such server."}
    assert opener.calls == 1


def test_a_caller_waits_no_longer_than_the_timeout(gateway: FakeGateway, opener: Opener) -> None:
    """A ledger that takes too long to open counts as unavailable."""
    opener.may_return.clear()
    services = Services(gateway, opener, opening_timeout=0.01)
    with pytest.raises(LedgerUnavailable, match="it is still being opened"):
        _ = services.ledger
    opener.may_return.set()
    eventually(lambda: _is_open(services), 5, "the same attempt succeeds")
    assert opener.calls == 1


def _is_open(services: Services) -> bool:
    try:
        return bool(services.ledger)
    except LedgerUnavailable:
        return False


@pytest.mark.parametrize(
    "failure", [LedgerUnavailable("disk full"), InvalidInput("FLOWDECK_LEDGER_URL", "x", "a URL")]
)
def test_the_next_caller_tries_again(
    services: Services, opener: Opener, failure: Exception
) -> None:
    """Every failure to open the ledger is an outage, and the next caller tries again."""
    opener.failure = failure
    with pytest.raises(LedgerUnavailable):
        _ = services.ledger
    opener.failure = None
    assert services.ledger is opener.ledger


@pytest.mark.parametrize(("method", "path"), NEEDS_THE_LEDGER)
def test_without_a_ledger_the_api_answers_503_until_it_can_be_opened(
    services: Services, opener: Opener, gateway: FakeGateway, method: str, path: str
) -> None:
    """The process continues, and the same request reaches the ledger later."""
    gateway.put(instance("order_A", Status.RUNNING))
    opener.failure = LedgerUnavailable("disk full")
    body = ORDER if path.endswith("start") else None
    with serving(services) as client:
        response = client.request(method, path, json=body)
        assert (response.status_code, response.json()["error"]) == (503, "LedgerUnavailable")
        opener.failure = None
        assert client.request(method, path, json=body).status_code in (200, 409)


@pytest.mark.parametrize("path", ["status", "history"])
def test_reading_from_the_engine_needs_no_ledger(
    services: Services, opener: Opener, gateway: FakeGateway, path: str
) -> None:
    """Status and history of an instance are readable while the ledger is away."""
    gateway.put(instance("order_A", Status.RUNNING))
    opener.failure = LedgerUnavailable("disk full")
    with serving(services) as client:
        assert client.get(f"/workflow/{path}/order_A").status_code == 200


def test_health_says_that_the_ledger_cannot_be_opened(services: Services, opener: Opener) -> None:
    """`/health` reports the problem, and the recovery."""
    opener.failure = LedgerUnavailable("disk full")
    with serving(services) as client:
        assert client.get("/health").json()["problems"] == [str(opener.failure)]
        opener.failure = None
        assert client.get("/health").status_code == 200


def test_health_says_that_the_state_store_was_deleted(
    gateway: FakeGateway, opener: Opener, tmp_path: Path
) -> None:
    """Although the engine answers: it has the deleted file open."""
    file = tmp_path / "dapr.db"
    with file.open("w"), serving(Services(gateway, opener, StateStoreFile(file, os.getpid))) as api:
        assert api.get("/health").status_code == 200
        file.unlink()
        answer = api.get("/health")
    assert answer.status_code == 503
    assert str(file) in answer.json()["problems"][0]


def test_health_says_that_the_recorder_saw_the_state_store_move(
    gateway: FakeGateway, opener: Opener, ledger: Ledger, tmp_path: Path
) -> None:
    """A process that looks for the first time does not know the file by its new name."""
    store = StateStoreFile(tmp_path / "dapr.db", os.getpid)
    outage = Outage(Service.STATE_STORE, datetime.now(UTC), "dapr.db was deleted")
    with serving(Services(gateway, opener, store)) as api:
        assert api.get("/health").status_code == 200
        ledger.write_heartbeat(datetime.now(UTC), (outage,), 0)
        answer = api.get("/health")
    assert (answer.status_code, answer.json()["problems"]) == (503, [outage.reason])


def test_health_waits_for_the_ledger_once(
    gateway: FakeGateway, opener: Opener, tmp_path: Path
) -> None:
    """A ledger that cannot be opened is not asked for the recorder's outages."""
    file, opener.failure = tmp_path / "dapr.db", LedgerUnavailable("disk full")
    with file.open("w"), serving(Services(gateway, opener, StateStoreFile(file, os.getpid))) as api:
        answer = api.get("/health")
    assert (answer.status_code, len(answer.json()["problems"])) == (503, 1)
    assert opener.calls == 1


def test_health_says_that_the_ledger_is_damaged(services: Services, ledger_url: str) -> None:
    """It names the file, also while the open connections still have good pages."""
    file = Path(ledger_url.removeprefix("sqlite:///"))
    with serving(services) as client:
        assert client.get("/health").status_code == 200
        file.write_bytes(b"no database " * 1000)
        answer = client.get("/health")
    assert answer.status_code == 503
    assert f"The ledger {file} is damaged" in answer.json()["problems"][0]


@pytest.mark.parametrize("path", ["/workflows", "/health"])
def test_a_replaced_ledger_is_opened_again(
    services: Services, opener: Opener, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The request that notices it is refused; the next one opens the ledger again."""

    def fail(*_: object) -> None:
        raise LedgerReplaced("ledger.db")

    monkeypatch.setattr(opener.ledger, "ping", fail)
    monkeypatch.setattr(opener.ledger.search, "counts", fail)
    with serving(services) as client:
        assert client.get(path).status_code == 503
        monkeypatch.undo()
        assert client.get(path).status_code == 200
    assert opener.calls == 2


def test_actions_are_possible_during_an_outage_of_the_open_ledger(
    services: Services, opener: Opener, gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other requests that fail meanwhile do not close the ledger, which recovers by itself."""
    gateway.put(instance("order_A", Status.RUNNING))
    ledger = services.ledger
    for noun, method in [("leases", "acquire"), ("audit_log", "add"), ("search", "counts")]:
        monkeypatch.setattr(getattr(ledger, noun), method, ledger_away)
    monkeypatch.setattr(ledger, "ping", ledger_away)
    with serving(services) as client:
        for path in ("/workflows", "/health"):
            assert client.get(path).status_code == 503
        assert client.post("/workflow/terminate/order_A").status_code == 200
    assert opener.calls == 1


def test_the_same_failure_is_logged_once(
    services: Services, opener: Opener, log_lines: LogLines
) -> None:
    """Each request tries again; another failure, or one after a success, is logged again."""
    log_lines.configure("warning")
    for failure in ("no disk", "no disk", "no server", None, "no server"):
        opener.failure = LedgerUnavailable(failure) if failure else None
        services.discard_ledger()
        with suppress(LedgerUnavailable):
            services.check_ledger()
    reasons = [each["reason"].partition(": ")[2] for each in log_lines.events()]
    assert [reason.rstrip(".") for reason in reasons] == ["no disk", "no server", "no server"]
