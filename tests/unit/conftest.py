"""Fixtures of the unit tests: an engine in memory, a real ledger, and log lines."""

import json
import logging
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import settings

from dashboard import services
from operations.errors import LedgerUnavailable
from operations.gateway import DaprGateway
from operations.ledger import (
    Ledger,
    LedgerLimits,
    SearchLimits,
    StatisticsLimits,
    open_ledger,
)
from operations.logs import configure_logs
from operations.settings import OperationsSettings
from tests.postgres.ledgers import Ledgers
from tests.postgres.server import Server
from tests.unit.fakes import FakeGateway
from tests.unit.pages import Desk
from tests.unit.roll_ups import kept_and_made
from tests.unit.sidecar import Sidecar
from tests.unit.snapshots import APP, NOON

DATABASES = ("sqlite", "postgresql")
SLOW_ON_POSTGRESQL = frozenset(
    f"test_ledger_{name}.py" for name in ("export", "following", "pages", "runs_of_id", "waits")
)
"""Tests of the ledger whose statements are the same on both databases, and that take long."""
CHECKS_ROLL_UPS = ("test_ledger_", "test_recorder")
"""What the names of the files begin with after whose tests the roll-ups are checked."""

settings.register_profile("flowdeck", deadline=None)  # a busy machine is slow
settings.load_profile("flowdeck")


@pytest.fixture(autouse=True)
def main_module(monkeypatch: pytest.MonkeyPatch) -> None:
    """Restore `__main__` after the test: Streamlit replaces it, and new processes import it."""
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])


@pytest.fixture
def now() -> float:
    """Return the present: how many seconds after noon."""
    return (datetime.now(UTC) - NOON).total_seconds()


@pytest.fixture
def gateway() -> FakeGateway:
    """Return a gateway to an engine in memory that has no instances."""
    return FakeGateway()


@pytest.fixture
def sidecar() -> Iterator[Sidecar]:
    """Return a fake sidecar that is listening."""
    sidecar = Sidecar()
    sidecar.listen()
    yield sidecar
    sidecar.done.set()
    sidecar.stop()


@pytest.fixture
def dapr(sidecar: Sidecar) -> Iterator[DaprGateway]:
    """Return a gateway to the fake sidecar, with short deadlines."""
    gateway = DaprGateway(
        sidecar.endpoint, read_timeout=0.3, write_timeout=0.3, history_timeout=0.3
    )
    with closing(gateway):
        yield gateway


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run tests with the mark `both_databases` on SQLite and on PostgreSQL.

    Only `make prove` runs the tests of what uses the ledger on PostgreSQL: most of the ledger's own
    tests run on both databases always.
    """
    has = metafunc.definition.get_closest_marker
    marked = has("both_databases") and not has("sqlite_alone")
    if marked and "database" in metafunc.fixturenames:
        file = metafunc.definition.path.name
        is_quick = file.startswith("test_ledger_") and file not in SLOW_ON_POSTGRESQL
        marks = () if is_quick else (pytest.mark.slow,)
        databases = (DATABASES[0], pytest.param(DATABASES[1], marks=marks))
        metafunc.parametrize("database", databases, indirect=True)


@pytest.fixture
def database(request: pytest.FixtureRequest) -> str:
    """Return the kind of the database: SQLite, unless the test has the mark `both_databases`."""
    return getattr(request, "param", DATABASES[0])


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """Return a running PostgreSQL server for all tests of the session."""
    with Server() as server:
        yield server


@pytest.fixture(scope="session")
def ledgers(postgres: Server) -> Ledgers:
    """Return a pool of empty ledgers on the PostgreSQL server."""
    return Ledgers(postgres)


@pytest.fixture
def new_url(database: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """Return the URL of a database without a schema; a SQLite file does not exist yet."""
    if database == "sqlite":
        yield f"sqlite:///{tmp_path}/data/ledger.db"
        return
    server: Server = request.getfixturevalue("postgres")
    url = server.new()
    yield url
    server.drop(url)


@pytest.fixture
def empty_url(
    database: str, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Callable[[str], str]]:
    """Return a function from a name to the URL of an empty ledger.

    A SQLite file with the name does not exist yet.
    """
    made: list[str] = []

    def make(name: str) -> str:
        if database == "sqlite":
            return f"sqlite:///{tmp_path}/data/{name}.db"
        made.append(request.getfixturevalue("ledgers").take())
        return made[-1]

    yield make
    for url in made:
        request.getfixturevalue("ledgers").give_back(url)


@pytest.fixture
def ledger_url(empty_url: Callable[[str], str]) -> str:
    """Return the URL of an empty ledger."""
    return empty_url("ledger")


@pytest.fixture
def other_url(empty_url: Callable[[str], str]) -> str:
    """Return the URL of another empty ledger."""
    return empty_url("other")


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a SQLite file with an empty ledger: copying it is ten times as fast as migrating."""
    file = tmp_path_factory.mktemp("template") / "ledger.db"
    open_ledger(f"sqlite:///{file}").close()
    return file


@pytest.fixture
def ledger_limits() -> LedgerLimits:
    """Return the limits of the ledger, with times that a busy machine does not exceed.

    A test with a parameter of this name replaces them.
    """
    return LedgerLimits(SearchLimits(60), StatisticsLimits(60))


@pytest.fixture
def ledger(
    request: pytest.FixtureRequest,
    ledger_url: str,
    sqlite_template: Path,
    ledger_limits: LedgerLimits,
) -> Iterator[Ledger]:
    """Return an empty ledger; what a test of the ledger writes must agree with its roll-ups."""
    kind, _, path = ledger_url.partition(":///")
    if kind == "sqlite":
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(sqlite_template, path)
    ledger = open_ledger(ledger_url, lambda: APP, ledger_limits)
    yield ledger
    is_checked = request.node.path.name.startswith(CHECKS_ROLL_UPS)
    has_deleted = request.node.get_closest_marker("keeps_roll_ups_of_deleted_rows")
    if kind == "sqlite" and is_checked and not has_deleted:
        with suppress(LedgerUnavailable):  # the test may have damaged the file
            kept, made = kept_and_made(ledger)
            assert kept == made, "the roll-ups differ from the rows"
    ledger.close()


@pytest.fixture
def pages_ledger(
    ledger: Ledger, ledger_url: str, ledger_limits: LedgerLimits, monkeypatch: pytest.MonkeyPatch
) -> Ledger:
    """Return an empty ledger, which the pages open too, with the same limits."""
    monkeypatch.setenv("FLOWDECK_LEDGER_URL", ledger_url)
    monkeypatch.setattr(services, "open_ledger", partial(open_ledger, limits=ledger_limits))
    return ledger


@pytest.fixture
def desk(
    gateway: FakeGateway,
    pages_ledger: Ledger,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Desk]:
    """Return a dashboard that has not built its services yet; the recorder is running."""
    monkeypatch.setattr(services, "open_gateway", lambda _: gateway)
    monkeypatch.setattr(services, "_end_process", lambda: None)  # pytest runs in this process
    built = (
        services.state_reader,
        services.gateway,
        services.page_settings,
        services.offers_orders,
        services._services,
    )
    for each in built:
        each.cache_clear()
    desk = Desk(gateway, pages_ledger, tmp_path / "data")
    desk.write_heartbeat()
    yield desk
    if desk.is_built:
        services.services().ledger.close()
    for each in built:
        each.cache_clear()


class LogLines:
    """The log lines that this process writes to standard output."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def configure(self, level: str, form: str = "json") -> None:
        """Configure logging, as a process does when it starts."""
        configure_logs(OperationsSettings(log_level=level, log_format=form))

    def text(self) -> str:
        """Return the text that was logged since the last call."""
        return self._capsys.readouterr().out

    def errors(self) -> str:
        """Return the text on standard error since the last call."""
        return self._capsys.readouterr().err

    def events(self) -> list[dict[str, Any]]:
        """Return the JSON object of each line that was logged since the last call."""
        return [json.loads(line) for line in self.text().splitlines()]


@pytest.fixture
def log_lines(capsys: pytest.CaptureFixture[str]) -> Iterator[LogLines]:
    """Return the log lines; restore the configuration of logging after the test."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield LogLines(capsys)
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


@pytest.fixture(autouse=True)
def umask() -> Iterator[None]:
    """Restore the mode of new files, which each process of Flowdeck sets when it starts."""
    before = os.umask(0o022)
    os.umask(before)
    yield
    os.umask(before)
