"""What the unit tests share: an engine in memory, a ledger in a file, and the log's lines."""

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import settings

from dashboard import session
from operations.gateway import DaprGateway
from operations.ledger import Ledger, open_ledger
from operations.logs import configure_logs
from operations.settings import OperationsSettings
from tests.unit.fakes import FakeGateway
from tests.unit.pages import Desk
from tests.unit.sidecar import Sidecar

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


@pytest.fixture
def ledger_url(tmp_path: Path) -> str:
    """Return the URL of a SQLite file that is not there yet."""
    return f"sqlite:///{tmp_path}/data/ledger.db"


@pytest.fixture
def ledger(ledger_url: str) -> Iterator[Ledger]:
    """Return an empty ledger."""
    ledger = open_ledger(ledger_url)
    yield ledger
    ledger.close()


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
    monkeypatch.setattr(session, "DaprGateway", lambda *_, **__: gateway)
    built = (session.watch, session.gateway, session._house)
    for each in built:
        each.cache_clear()
    desk = Desk(gateway, ledger, tmp_path / "data")
    desk.beat()
    yield desk
    if desk.is_built:
        session.house().ledger.close()
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
