"""`python -m operations.recorder` keeps the ledger up to date until SIGINT or SIGTERM."""

import gc
import signal
import sys
import threading
from contextlib import closing
from datetime import UTC, datetime

import structlog

from operations.errors import (
    DaprUnavailable,
    InvalidInput,
    LedgerReplaced,
    LedgerUnavailable,
    SchemaMismatch,
    stay_stopped,
)
from operations.gateway import DaprGateway
from operations.ledger import Ledger, open_ledger
from operations.logs import configure_logs
from operations.recorder.recorder import FollowedApplication, Recorder
from operations.recorder.traces.endpoint import Endpoint
from operations.settings import OperationsSettings

log = structlog.get_logger(__name__)


def main() -> None:
    """Run the recorder until a signal stops it."""
    try:
        settings = OperationsSettings.load()
        configure_logs(settings)
        gateway = DaprGateway(settings.endpoint, api_token=settings.api_token)
        stopping = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stopping.set())
        application = FollowedApplication(gateway)
        gc.freeze()  # garbage collections skip the objects that the imports created
        with Endpoint(settings.spans_host, settings.spans_port, application.queue):
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

    def run(self) -> None:
        """Record until `stopping` is set.

        Raise `InvalidInput`, `LedgerReplaced` or `SchemaMismatch`.
        """
        while not self._stopping.is_set():
            try:
                with closing(open_ledger(self._url, self._application.gateway.app_id)) as ledger:
                    self._record(ledger)
            except (LedgerReplaced, SchemaMismatch):
                raise
            except LedgerUnavailable as error:
                if not self._is_away:
                    log.warning("the ledger is away", reason=str(error))
                self._is_away = True
                self._stopping.wait(self._application.limits.ledger_retry)

    def _record(self, ledger: Ledger) -> None:
        self._wait_for_application(ledger)
        with closing(Recorder(self._application, ledger)) as recorder:
            while not self._stopping.is_set():
                recorder.cycle()
                if self._is_away:
                    log.info("the ledger is back")
                self._is_away = False
                recorder.wait()

    def _wait_for_application(self, ledger: Ledger) -> None:
        """Wait until the sidecar names its application, unless the ledger knows it.

        Heartbeats meanwhile report the outage: the recorder itself is not away.
        """
        health, limits = self._application.health, self._application.limits
        while not self._stopping.is_set():
            try:
                ledger.app_id()
            except DaprUnavailable:
                health.check()
                ledger.write_heartbeat(datetime.now(UTC), health.outages, backlog=None)
                self._stopping.wait(limits.heartbeat_every)
            else:
                return


if __name__ == "__main__":
    main()
