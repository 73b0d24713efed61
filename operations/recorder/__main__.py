"""`python -m operations.recorder` keeps the ledger true until SIGINT or SIGTERM."""

import signal
import sys
import threading

import structlog

from operations.errors import InvalidInput, LedgerUnavailable
from operations.gateway import DaprGateway
from operations.ledger import open_ledger
from operations.logs import configure_logs
from operations.recorder.recorder import Recorder
from operations.settings import OperationsSettings

REST = 0.1  # seconds between two turns
LEDGER_AGAIN = 1.0  # seconds before a ledger that was away is tried again

log = structlog.get_logger(__name__)


def main() -> None:
    """Run until told to stop."""
    try:
        settings = OperationsSettings.load()
    except InvalidInput as error:
        sys.exit(str(error))
    configure_logs(settings)
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    gateway = DaprGateway(settings.endpoint, api_token=settings.api_token)
    while not stopping.is_set():
        try:
            run(settings, gateway, stopping)
        except LedgerUnavailable as error:
            log.warning("the ledger is away", reason=str(error))
            stopping.wait(LEDGER_AGAIN)
        except InvalidInput as error:
            sys.exit(str(error))
    gateway.close()


def run(settings: OperationsSettings, gateway: DaprGateway, stopping: threading.Event) -> None:
    """Follow the engine; raises `LedgerUnavailable`."""
    ledger = open_ledger(settings.ledger)
    recorder = Recorder(gateway, ledger)
    try:
        while not stopping.is_set():
            recorder.turn()
            stopping.wait(REST)
    finally:
        recorder.close()
        ledger.close()


if __name__ == "__main__":
    main()
