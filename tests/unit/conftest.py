"""What the unit tests share: an engine in memory, a real ledger, and the log's lines."""

import json
import logging
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import settings

from dashboard import services
from operations.actions import Actions
from operations.gateway import DaprGateway
from operations.ledger import Ledger, SearchLimits, StatisticsLimits, open_ledger
from operations.logs import configure_logs
from operations.settings import OperationsSettings
from tests.postgres.ledgers import Ledgers
from tests.postgres.server import Server
from tests.unit.fakes import FakeGateway
from tests.unit.pages import Desk
from tests.unit.sidecar import Sidecar
from tests.unit.snapshots import APP

PATIENT_SEARCH = SearchLimits(seconds=60)
PATIENT_STATISTICS = StatisticsLimits(
    seconds=60, reading_seconds=60
)  # a busy machine is no failure
DATABASES = ("sqlite", "postgresql")

settings.register_profile("flowdeck", deadline=None)  # a busy machine is no failure
settings.load_profile("flowdeck")


@pytest.fixture(autouse=True)
def main_module(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the tests' own `__main__`, which Streamlit replaces, and which new processes import."""
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])


@pytest.fixture
def gateway() -> FakeGateway:
    """Return an engine without instances."""
    return FakeGateway()


@pytest.fixture
def sidecar() -> Iterator[Sidecar]:
    """Return a sidecar that listens."""
    sidecar = Sidecar()
    sidecar.listen()
    yield sidecar
    sidecar.done.set()
    sidecar.vanish()


@pytest.fixture
def dapr(sidecar: Sidecar) -> Iterator[DaprGateway]:
    """Return a gateway to it, with short deadlines."""
    gateway = DaprGateway(
        sidecar.endpoint, read_timeout=0.3, write_timeout=0.3, history_timeout=0.3
    )
    with closing(gateway):
        yield gateway


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run on both databases what is marked so."""
    has = metafunc.definition.get_closest_marker
    marked = has("both_databases") and not has("sqlite_alone")
    if marked and "database" in metafunc.fixturenames:
        metafunc.parametrize("database", DATABASES, indirect=True)


@pytest.fixture
def database(request: pytest.FixtureRequest) -> str:
    """Return what the ledger is kept in: SQLite, unless a test is marked `both_databases`."""
    return getattr(request, "param", DATABASES[0])


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """Return a PostgreSQL that runs, for all tests of the session."""
    with Server() as server:
        yield server


@pytest.fixture(scope="session")
def ledgers(postgres: Server) -> Ledgers:
    """Return empty ledgers on it."""
    return Ledgers(postgres)


@pytest.fixture
def new_url(database: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """Return the URL of a database without a schema: of a SQLite file, one that is not there."""
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
    """Return what gives the URL of an empty ledger; a SQLite file of that name is not there yet."""
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
    """Return a SQLite file that holds an empty ledger: a copy takes a tenth of its migrations."""
    file = tmp_path_factory.mktemp("template") / "ledger.db"
    open_ledger(f"sqlite:///{file}").close()
    return file


@pytest.fixture
def ledger(ledger_url: str, sqlite_template: Path) -> Iterator[Ledger]:
    """Return an empty ledger."""
    kind, _, path = ledger_url.partition(":///")
    if kind == "sqlite":
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(sqlite_template, path)
    ledger = open_ledger(ledger_url, lambda: APP, PATIENT_SEARCH, PATIENT_STATISTICS)
    yield ledger
    ledger.close()


@pytest.fixture
def actions(gateway: FakeGateway, ledger: Ledger) -> Actions:
    """Return the actions on an empty engine and an empty ledger."""
    return Actions(gateway, ledger)


@pytest.fixture
def desk(
    gateway: FakeGateway,
    ledger: Ledger,
    ledger_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Desk]:
    """Return the dashboard's process, which has built nothing yet; the recorder lives."""
    monkeypatch.setenv("FLOWDECK_LEDGER_URL", ledger_url)
    monkeypatch.setattr(services, "DaprGateway", lambda *_, **__: gateway)
    monkeypatch.setattr(services, "_end_process", lambda: None)  # it is the tests' own
    built = (services.state_watcher, services.gateway, services._services)
    for each in built:
        each.cache_clear()
    desk = Desk(gateway, ledger, tmp_path / "data")
    desk.write_heartbeat()
    yield desk
    if desk.is_built:
        services.services().ledger.close()
    for each in built:
        each.cache_clear()


class LogLines:
    """The lines that this process logs to standard output."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def configure(self, level: str, form: str = "json") -> None:
        """Configure the logs, as a process does when it starts."""
        configure_logs(OperationsSettings(log_level=level, log_format=form))

    def text(self) -> str:
        """Return what was logged since this was last asked."""
        return self._capsys.readouterr().out

    def events(self) -> list[dict[str, Any]]:
        """Return the same as one object a line."""
        return [json.loads(line) for line in self.text().splitlines()]


@pytest.fixture
def log_lines(capsys: pytest.CaptureFixture[str]) -> Iterator[LogLines]:
    """Return the log's lines; the logs are afterwards what they were."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield LogLines(capsys)
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()
