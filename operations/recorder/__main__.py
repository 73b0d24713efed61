"""`python -m operations.recorder` keeps the ledger up to date, and carries out bulk jobs."""

import gc
import signal
import sys
import threading
from contextlib import closing
from datetime import UTC, datetime

import structlog

from operations.actions import Actions
from operations.errors import (
    DaprRefused,
    DaprUnavailable,
    InvalidInput,
    LedgerReplaced,
    LedgerUnavailable,
    SchemaMismatch,
    stay_stopped,
)
from operations.gateway import open_gateway
from operations.health.state_store import StateStoreFile
from operations.health.worker_probe import WorkerProbe
from operations.jobs.bulk import BulkRunner
from operations.ledger import Ledger, open_ledger
from operations.logs import configure_logs
from operations.private_files import keep_private
from operations.recorder.recorder import FollowedApplication, OtherApplication, Recorder
from operations.recorder.repair import Repair
from operations.recorder.traces.endpoint import Endpoint
from operations.settings import OperationsSettings
from operations.web.access import AccessRules

log = structlog.get_logger(__name__)


def main() -> None:
    """Run the recorder until a signal stops it."""
    try:
        settings = OperationsSettings.load()
        configure_logs(settings)
        keep_private(settings.data)
        gateway = open_gateway(settings)
        stopping = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stopping.set())
        store = StateStoreFile(settings.state_store)
        worker = WorkerProbe(settings.worker_url)
        application = FollowedApplication(gateway, state_store=store, worker=worker)
        gc.freeze()  # garbage collections skip the objects that the imports created
        access = AccessRules.of(settings, settings.spans_host)
        address = (settings.spans_host, settings.spans_port)
        with Endpoint(*address, application.queue, access=access):
            RecorderProcess(settings.ledger, application, stopping).run()
    except LedgerReplaced as error:
        sys.exit(str(error))  # the supervisor starts this process again
    except (InvalidInput, SchemaMismatch) as error:
        stay_stopped(error)
    gateway.close()


class RecorderProcess:
    """Records into the ledger at a URL, and waits while the ledger is away."""

    def __init__(
        self, url: str, application: FollowedApplication, stopping: threading.Event
    ) -> None:
        self._url = url
        self._application = application
        self._stopping = stopping
        self._is_away = False
        self._repair = Repair(url, application.limits)

    def run(self) -> None:
        """Record until `stopping` is set.

        Raise `InvalidInput`, `LedgerReplaced` or `SchemaMismatch`.
        """
        while not self._stopping.is_set():
            if self._repair.is_due:
                self._repair.repair()
            try:
                with closing(open_ledger(self._url, self._application.gateway.app_id)) as ledger:
                    self._record(ledger)
            except (LedgerReplaced, SchemaMismatch):
                raise
            except OtherApplication as error:
                log.warning(f"the sidecar belongs to another application now: {error}")
            except LedgerUnavailable as error:
                if not self._is_away:
                    log.warning("the ledger is away", reason=str(error))
                self._is_away = True
                self._stopping.wait(self._application.limits.ledger_retry)

    def _record(self, ledger: Ledger) -> None:
        app_id = self._wait_for_application(ledger)
        if app_id is None:
            return
        bound = ledger.for_app(app_id)
        actions = Actions(self._application.acting_gateway, bound)
        with (
            closing(Recorder(self._application, bound)) as recorder,
            closing(BulkRunner(actions, bound)),
        ):
            while not self._stopping.is_set() and not self._repair.is_due:
                recorder.cycle()
                if self._is_away:
                    log.info("the ledger is back")
                self._is_away = False
                recorder.wait()

    def _wait_for_application(self, ledger: Ledger) -> str | None:
        """Return the application of the sidecar once the sidecar names it; None to stop.

        The ledger may know the application that was followed before, but this sidecar may belong to
        another one. Heartbeats meanwhile report the outage: the recorder itself is not away.
        """
        health, limits = self._application.health, self._application.limits
        health.take_over(ledger.heartbeat().outages)
        while not self._stopping.is_set() and not self._repair.is_due:
            try:
                return self._application.gateway.app_id(fresh=True)
            except (DaprUnavailable, DaprRefused):
                health.check()
                ledger.write_heartbeat(datetime.now(UTC), health.outages, backlog=None)
                self._stopping.wait(limits.heartbeat_every)
        return None


if __name__ == "__main__":
    main()
