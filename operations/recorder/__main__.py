"""`python -m operations.recorder` keeps the ledger true until SIGINT or SIGTERM."""

import gc
import signal
import sys
import threading
from contextlib import closing

import structlog

from operations.errors import (
    EXIT_CANNOT_HELP,
    DaprUnavailable,
    InvalidInput,
    LedgerReplaced,
    LedgerUnavailable,
    SchemaMismatch,
)
from operations.gateway import DaprGateway, Gateway
from operations.ledger import Ledger, open_ledger
from operations.logs import configure_logs
from operations.recorder.recorder import Application, Recorder
from operations.recorder.traces.endpoint import Endpoint
from operations.settings import OperationsSettings

log = structlog.get_logger(__name__)


def main() -> None:
    """Run until told to stop."""
    try:
        settings = OperationsSettings.load()
        configure_logs(settings)
        gateway = DaprGateway(settings.endpoint, api_token=settings.api_token)
        stopping = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stopping.set())
        application = Application(gateway)
        gc.freeze()  # a garbage collection need not look at what the imports made
        with Endpoint(settings.spans_host, settings.spans_port, application.queue):
            RecorderProcess(settings.ledger, application, stopping).run()
    except InvalidInput as error:
        sys.exit(str(error))
    except SchemaMismatch as error:
        log.error(str(error))  # noqa: TRY400 - the message says what to do
        sys.exit(EXIT_CANNOT_HELP)
    except LedgerReplaced as error:
        sys.exit(str(error))  # a new process opens the ledger that is there now
    gateway.close()


class Keeping:
    """Keeps the ledger at a URL true, also after it was away."""

    def __init__(self, url: str, application: Application, stopping: threading.Event) -> None:
        self._url = url
        self._application = application
        self._stopping = stopping
        self._is_away = False

    def keep(self) -> None:
        """Follow the engine until told to stop.

        Raises `InvalidInput`, `LedgerReplaced`, and `SchemaMismatch`.
        """
        while not self._stopping.is_set():
            try:
                with closing(open_ledger(self._url, self._gateway.app_id)) as ledger:
                    self._follow(ledger)
            except (LedgerReplaced, SchemaMismatch):
                raise
            except LedgerUnavailable as error:
                if not self._is_away:
                    log.warning("the ledger is away", reason=str(error))
                self._is_away = True
                self._stopping.wait(self._application.limits.ledger_retry)

    def _follow(self, ledger: Ledger) -> None:
        """Follow the engine until told to stop, or until the ledger is away."""
        if not self._knows_application(ledger):
            return
        recorder = Recorder(self._gateway, ledger, self._health, self._clock, self._hints)
        try:
            while not self._stopping.is_set():
                recorder.turn()
                if self._is_away:
                    log.info("the ledger is back")
                self._is_away = False
                recorder.wait()


if __name__ == "__main__":
    main()
