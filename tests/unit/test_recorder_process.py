"""The recorder's process: what it logs in an outage, and how it recovers."""

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from operations.errors import (
    EXIT_DO_NOT_RESTART,
    DaprRefused,
    DaprUnavailable,
    FlowdeckError,
    LedgerReplaced,
    LedgerUnavailable,
)
from operations.health.outages import DaprMonitor
from operations.ledger import Ledger, open_ledger
from operations.ledger.db import damaged_files
from operations.model import DaprHealth, Problem, Service, Status
from operations.recorder.__main__ import RecorderProcess
from operations.recorder.limits import RecorderLimits
from operations.recorder.recorder import FollowedApplication
from operations.recorder.repair import Repair
from operations.records import Filter
from system.dapr.settings import PROJECT
from tests.postgres.server import Server
from tests.unit.conftest import LogLines
from tests.unit.engine import finish_instance, put_running, remove_instance
from tests.unit.fakes import FakeGateway
from tests.unit.snapshots import APP, ID, done, snapshot
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
        gateway,
        RecorderLimits(
            pause=0.01, ledger_retry=0.05, list_every=0.05, health_every=0.05, outage_grace=0
        ),
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


def runs(ledger_url: str) -> dict[tuple[str, str], tuple[Status, bool]]:
    """Return status of each run, and whether it is purged, by application and instance id."""
    with closing(open_ledger(ledger_url)) as ledger:
        found = ledger.search.page(Filter(), limit=9).runs
    return {(each.app_id, each.instance_id): (each.status, bool(each.purged_at)) for each in found}


def fill_for_one(ledger_url: str) -> None:
    """Record a running and a completed run of the application `one`, and its heartbeat."""
    with closing(open_ledger(ledger_url).for_app("one")) as ledger:
        ledger.runs.ingest([snapshot(app_id="one"), done(app_id="one", instance_id="order_B")])
        ledger.write_heartbeat(datetime.now(UTC), ())


OF_ONE = {
    ("one", ID): (Status.RUNNING, False),
    ("one", "order_B"): (Status.COMPLETED, False),
}


@pytest.mark.parametrize("error", [DaprUnavailable("no sidecar"), DaprRefused("not allowed")])
def test_the_runs_of_another_application_are_left_alone(
    gateway: FakeGateway,
    ledger_url: str,
    start_recorder: Callable[[], None],
    error: FlowdeckError,
) -> None:
    """The sidecar names its application only after the recorder has started.

    Until then the ledger knows only the application that was followed before.
    """
    fill_for_one(ledger_url)
    gateway.app, gateway.errors["app_id"] = "two", [error]
    gateway.errors["health"] = [DaprUnavailable("no sidecar")]
    put_running(gateway, "order_C")
    start_recorder()
    eventually(lambda: _outages(ledger_url) == [Service.SIDECAR], 10, "the outage is reported")
    assert heartbeat_app(ledger_url) == "one"
    gateway.errors["app_id"] = []
    eventually(lambda: ("two", "order_C") in runs(ledger_url), 10, "it is recorded")
    lists = gateway.calls["ids"]
    eventually(lambda: gateway.calls["ids"] > lists + 3, 10, "the list is read again")
    assert runs(ledger_url) == OF_ONE | {("two", "order_C"): (Status.RUNNING, False)}


def test_a_sidecar_of_another_application_purges_nothing(
    gateway: FakeGateway, ledger_url: str, start_recorder: Callable[[], None]
) -> None:
    """Another sidecar takes the address: its instances are recorded as its own, even equal ids."""
    gateway.app = "one"
    put_running(gateway)
    start_recorder()
    eventually(lambda: ("one", ID) in runs(ledger_url), 10, "it is recorded")
    one, one_events = dict(gateway.instances), dict(gateway.events)
    remove_instance(gateway)
    gateway.app = "two"
    put_running(gateway, "order_B", execution="e2")
    eventually(lambda: ("two", "order_B") in runs(ledger_url), 10, "it is recorded")
    lists = gateway.calls["ids"]
    eventually(lambda: gateway.calls["ids"] > lists + 3, 10, "the list is read again")
    running = (Status.RUNNING, False)
    assert runs(ledger_url) == {("one", ID): running, ("two", "order_B"): running}
    gateway.app, gateway.instances, gateway.events = "one", one, one_events
    finish_instance(gateway)
    done_of_one = {("one", ID): (Status.COMPLETED, False), ("two", "order_B"): running}
    eventually(lambda: runs(ledger_url) == done_of_one, 10, "the first one is followed again")


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


def test_the_recorder_replaces_a_damaged_ledger(
    gateway: FakeGateway, ledger_url: str, file: Path, start_recorder: Callable[[], None]
) -> None:
    """It keeps the file, and fills a new one with what the engine has."""
    put_running(gateway)
    start_recorder()
    eventually(lambda: status(ledger_url) is Status.RUNNING, 10, "it is recorded")
    with closing(sqlite3.connect(file)) as other:  # else the log alone would restore the file
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    file.write_bytes(b"no database " * 1000)
    (kept,) = eventually(lambda: damaged_files.kept_files(file), 20, "the file is moved aside")
    finish_instance(gateway)
    eventually(lambda: status(ledger_url) is Status.COMPLETED, 20, "a new ledger is filled")
    with closing(open_ledger(ledger_url)) as ledger:
        assert ledger.heartbeat().damaged == (kept,)
    assert Path(kept.path).read_bytes().startswith(b"no database")


def test_a_sound_file_is_not_checked_again_and_again(
    ledger: Ledger, ledger_url: str, file: Path, log_lines: LogLines
) -> None:
    """A check reads the whole file, and a process may report a fault of its own memory."""
    log_lines.configure("info")
    ledger.ping()
    repair = Repair(ledger_url, RecorderLimits())
    damaged_files.report_damage(file)
    assert repair.is_due
    repair.repair()
    damaged_files.report_damage(file)
    assert not repair.is_due
    assert "the ledger's file is not damaged" in [each["event"] for each in log_lines.events()]


def test_a_file_that_cannot_be_checked_stays(
    ledger: Ledger, ledger_url: str, file: Path, log_lines: LogLines
) -> None:
    """The check is repeated later; meanwhile the recorder continues."""
    log_lines.configure("info")
    repair = Repair(ledger_url, RecorderLimits(damage_retry=600, damage_patience=0))
    ledger.close()
    damaged_files.report_damage(file)
    with closing(sqlite3.connect(file)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        repair.repair()
    assert file.exists()
    assert not repair.is_due
    assert "cannot be checked" in log_lines.text()


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


def heartbeat_app(url: str) -> str | None:
    """Return the application of the recorder's last heartbeat."""
    with closing(open_ledger(url)) as ledger:
        return ledger.heartbeat().app_id


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
