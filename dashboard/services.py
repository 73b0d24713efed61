"""The objects that the dashboard's process builds once: gateway, ledger, actions, state reader."""

import os
import signal
import threading
from dataclasses import dataclass, field
from functools import cache

import structlog

from dashboard.live.state_reader import StateReader
from dashboard.settings import DashboardSettings
from operations.actions import Actions
from operations.errors import LedgerReplaced, LedgerUnavailable
from operations.gateway import Gateway, open_gateway
from operations.health.outages import dapr_problems
from operations.health.state_store import StateStoreFile
from operations.health.worker_probe import WorkerProbe
from operations.ledger import Ledger, open_ledger
from operations.model import LOCAL_USER, Actor
from operations.recorder_report import Heartbeat
from operations.settings import OperationsSettings
from operations.snapshots import LastSnapshots

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class OpenServices:
    """The gateway to Dapr, the ledger, the actions that use both, and the last snapshots."""

    gateway: Gateway
    ledger: Ledger
    actions: Actions
    snapshots: LastSnapshots = field(default_factory=LastSnapshots)


@dataclass
class _Opening:
    """The lock that guards opening the ledger, and the error of the last try."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    failure: LedgerUnavailable | None = None


_opening = _Opening()


@cache
def state_reader() -> StateReader:
    """Return the reader of the state that all viewers share."""
    settings = OperationsSettings.load()
    store, worker = StateStoreFile(settings.state_store), WorkerProbe(settings.worker_url)
    return StateReader(
        _read_heartbeat, lambda: dapr_problems(gateway(), store, worker), _check_writable
    )


def _read_heartbeat() -> Heartbeat:
    """Return the heartbeat; a replaced ledger ends the process, and the supervisor restarts it."""
    try:
        return services().ledger.heartbeat()
    except LedgerReplaced as error:
        log.error(str(error))  # noqa: TRY400 - the traceback adds nothing
        _end_process()
        raise


def _check_writable() -> None:
    services().ledger.check_writable()


def _end_process() -> None:
    # Works in any thread; `sys.exit` would end only the thread.
    os.kill(os.getpid(), signal.SIGTERM)


def services() -> OpenServices:
    """Return the services; the first caller builds them.

    Raises `LedgerUnavailable`. Opening a ledger may take seconds to fail: callers that waited for
    another caller raise the error of that caller instead of trying again.
    """
    failure_before = _opening.failure
    with _opening.lock:
        failure = _opening.failure
        if failure and failure is not failure_before:
            raise failure.with_traceback(None)  # the traceback would keep each viewer's frames
        _opening.failure = None
        try:
            return _services()
        except LedgerUnavailable as error:
            _opening.failure = error
            raise


@cache
def gateway() -> Gateway:
    """Return the gateway to Dapr."""
    return open_gateway(OperationsSettings.load())


@cache
def _services() -> OpenServices:
    ledger = open_ledger(OperationsSettings.load().ledger, gateway().app_id)
    return OpenServices(gateway(), ledger, Actions(gateway(), ledger))


@cache
def page_settings() -> DashboardSettings:
    """Return the settings of the pages."""
    return DashboardSettings.load()


@cache
def offers_orders() -> bool:
    """Return whether the pages offer the form of the order workflow."""
    return DashboardSettings.load().orders


def viewer() -> Actor:
    """Return the actor of this session: the local user, because there is no sign-in."""
    return LOCAL_USER
