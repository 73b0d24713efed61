"""`python -m operations.recorder` keeps the ledger true until SIGINT or SIGTERM."""

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
from operations.recorder.clock import Clock
from operations.recorder.endpoint import Endpoint
from operations.recorder.health import Health
from operations.recorder.hints import Hints
from operations.recorder.recorder import Recorder
from operations.settings import OperationsSettings

REST = 0.1  # seconds between two turns
SIDECAR_AGAIN = 1.0  # seconds before the sidecar is asked for its application again
LEDGER_AGAIN = 1.0  # seconds before a ledger that was away is tried again

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
        hints = Hints()
        with Endpoint(settings.spans_host, settings.spans_port, hints):
            Keeping(settings.ledger, gateway, stopping, hints).keep()
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

    def __init__(
        self, url: str, gateway: Gateway, stopping: threading.Event, hints: Hints | None = None
    ) -> None:
        self._url = url
        self._gateway = gateway
        self._stopping = stopping
        self._hints = hints
        self._health, self._clock = Health(gateway), Clock()
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
                self._stopping.wait(LEDGER_AGAIN)

    def _follow(self, ledger: Ledger) -> None:
        """Follow the engine until told to stop, or until the ledger is away."""
        if not self._knows_application(ledger):
            return
        recorder = Recorder(self._gateway, ledger, self._health, self._clock, self._hints)
        try:
            while not self._stopping.is_set():
                recorder.turn()
                self._say_that_it_is_there()
                self._stopping.wait(REST)
        finally:
            recorder.close()

    def _knows_application(self, ledger: Ledger) -> bool:
        """Wait until the sidecar or the ledger names the application; False if told to stop."""
        is_said = False
        while not self._stopping.is_set():
            try:
                ledger.app_id()
            except DaprUnavailable as error:
                if not is_said:
                    log.warning("waiting for the sidecar to name its app id", reason=str(error))
                is_said = True
                self._stopping.wait(SIDECAR_AGAIN)
            else:
                return True
        return False

    def _say_that_it_is_there(self) -> None:
        if self._is_away:
            log.info("the ledger is back")
        self._is_away = False


if __name__ == "__main__":
    main()
