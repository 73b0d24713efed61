"""The recorder's process: what it logs in an outage, and how it recovers."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import timedelta
from pathlib import Path

import pytest

from operations.errors import (
    EXIT_DO_NOT_RESTART,
    DaprUnavailable,
    LedgerReplaced,
    LedgerUnavailable,
)
from operations.ledger import open_ledger
from operations.model import DaprHealth, Problem, Service, Status
from operations.outages import DaprMonitor
from operations.recorder.__main__ import RecorderProcess
from operations.recorder.limits import RecorderLimits
from operations.recorder.recorder import FollowedApplication
from system.dapr.settings import PROJECT
from tests.postgres.server import Server
from tests.unit.conftest import LogLines
from tests.unit.engine import finish_instance, put_running
from tests.unit.fakes import FakeGateway
from tests.unit.snapshots import APP, ID
from tests.waiting import STARTUP, eventually

AWAY = Problem(Service.PLACEMENT, "the sidecar has no connection to the placement service")


@pytest.fixture
def file(ledger_url: str) -> Path:
    """Return the ledger's file."""
    return Path(ledger_url.removeprefix("sqlite:///"))


@pytest.fixture
def start_recorder(gateway: FakeGateway, ledger_url: str) -> Iterator[Callable[[], None]]:
    """Return a function that starts a recorder in a thread; it is stopped afterwards."""
    application = FollowedApplication(
        gateway, RecorderLimits(pause=0.01, ledger_retry=0.05, list_every=0.05)
    )
    stopping = threading.Event()
    recorder = RecorderProcess(ledger_url, application, stopping)

    def run() -> None:
        """Start again after a replaced ledger, as the supervisor does."""
        while not stopping.is_set():
            with suppress(LedgerReplaced):
                recorder.run()

    thread = threading.Thread(target=run)
    yield thread.start
    stopping.set()
    if thread.ident:
        thread.join(timeout=10)
        assert not thread.is_alive()


def status(url: str, instance_id: str = ID) -> Status | None:
    """Return the status of an instance in a ledger, None if the ledger cannot be read."""
    try:
        with closing(open_ledger(url).for_app(APP)) as ledger:
            run = ledger.runs.latest(instance_id)
    except LedgerUnavailable:
        return None
    return run.status if run else None


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_the_recorder_waits_for_a_database_server(
    gateway: FakeGateway,
    ledger_url: str,
    postgres: Server,
    start_recorder: Callable[[], None],
    log_lines: LogLines,
) -> None:
    """Later changes are recorded when the server is back; the outage is two lines in the log."""
    log_lines.configure("info")
    put_running(gateway)
    start_recorder()
    eventually(lambda: status(ledger_url) is Status.RUNNING, 5, "it is recorded")
    events: list[str] = []

    def has_logged(event: str) -> bool:
        events.extend(line["event"] for line in log_lines.events() if "ledger is" in line["event"])
        return event in events

    postgres.stop()
    try:
        finish_instance(gateway)
        eventually(lambda: has_logged("the ledger is away"), 5, "it is logged")
    finally:
        postgres.start()
    eventually(lambda: status(ledger_url) is Status.COMPLETED, 10, "it is recorded")
    eventually(lambda: has_logged("the ledger is back"), 5, "it is logged")
    assert events == ["the ledger is away", "the ledger is back"]


def test_the_recorder_waits_for_a_ledger_file(
    gateway: FakeGateway, ledger_url: str, file: Path, start_recorder: Callable[[], None]
) -> None:
    """All changes are recorded once the file can be written."""
    file.parent.mkdir(parents=True)
    file.mkdir()
    put_running(gateway)
    start_recorder()
    eventually(file.is_dir, 1, "a folder has the name of the file")
    file.rmdir()
    eventually(lambda: status(ledger_url) is Status.RUNNING, 5, "it is recorded")


def test_an_outage_of_the_ledger_is_two_lines(
    file: Path, start_recorder: Callable[[], None], log_lines: LogLines
) -> None:
    """One line is at its start and one at its end, for any number of tries."""
    log_lines.configure("info")
    file.parent.mkdir(parents=True)
    file.mkdir()
    events: list[str] = []

    def has_logged(event: str) -> bool:
        events.extend(line["event"] for line in log_lines.events() if "ledger" in line["event"])
        return event in events

    start_recorder()
    eventually(lambda: has_logged("the ledger is away"), 5, "it is logged")
    file.rmdir()
    eventually(lambda: has_logged("the ledger is back"), 5, "it is logged")
    assert events == ["the ledger is away", "the ledger is back"]


def test_an_outage_of_a_service_is_two_lines(gateway: FakeGateway, log_lines: LogLines) -> None:
    """The number of health checks does not matter."""
    log_lines.configure("info")
    health = DaprMonitor(gateway, every=0, grace=timedelta())
    for problems in ((), (AWAY,), (AWAY,), (), ()):
        gateway.dapr_health = DaprHealth("1.18.2", problems)
        health.check()
    assert [line["event"] for line in log_lines.events()] == [
        "placement is away",
        "placement is back",
    ]


def test_an_outage_keeps_its_start(gateway: FakeGateway) -> None:
    """The start is the time of the first check that found the outage."""
    health = DaprMonitor(gateway, every=0, grace=timedelta())
    gateway.dapr_health = DaprHealth("1.18.2", (AWAY,))
    health.check()
    since = health.outages[0].since
    health.check()
    assert health.outages[0].since == since


def test_the_engine_is_checked_once_a_second(gateway: FakeGateway) -> None:
    """`expire` makes the next check ask at once."""
    health = DaprMonitor(gateway)
    health.check()
    health.check()
    assert gateway.calls["health"] == 1
    health.expire()
    health.check()
    assert gateway.calls["health"] == 2


def test_an_engine_without_placement_can_be_read(gateway: FakeGateway) -> None:
    """Only without the sidecar nothing can be read."""
    health = DaprMonitor(gateway)
    gateway.dapr_health = DaprHealth("1.18.2", (AWAY,))
    health.check()
    assert health.is_reachable
    gateway.errors["health"] = [DaprUnavailable("no sidecar accepts the connection")]
    health.expire()
    health.check()
    assert not health.is_reachable


def test_a_bad_setting_is_named() -> None:
    """The process ends with what was found and what was expected; a restart cannot help."""
    with _recorder({"FLOWDECK_LEDGER_URL": "mysql://db/ledger"}) as process:
        _, errors = process.communicate(timeout=STARTUP)
    assert process.returncode == EXIT_DO_NOT_RESTART
    assert "FLOWDECK_LEDGER_URL: found 'mysql://db/ledger'" in errors


def test_without_a_sidecar_the_process_reports_it_and_ends_on_sigterm(
    ledger_url: str, file: Path
) -> None:
    """No sidecar has named its application yet, so heartbeats are all that it can write."""
    settings = {"FLOWDECK_LEDGER_URL": ledger_url, "DAPR_GRPC_ENDPOINT": "127.0.0.1:1"}
    with _recorder(settings) as process:
        eventually(lambda: file.exists() and _outages(ledger_url), STARTUP, "an outage is reported")
        assert _outages(ledger_url) == [Service.SIDECAR]
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=10)
    assert (process.returncode, errors) == (0, "")


def _outages(url: str) -> list[Service]:
    """Return the services that the recorder's last heartbeat reports as away."""
    with closing(open_ledger(url)) as ledger:
        return [outage.service for outage in ledger.heartbeat().outages]


@contextmanager
def _recorder(settings: dict[str, str]) -> "Iterator[subprocess.Popen[str]]":
    """Run the recorder's process; kill it if it has not ended by then."""
    with subprocess.Popen(
        [sys.executable, "-m", "operations.recorder"],
        cwd=PROJECT,
        env={**os.environ, **settings},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()
