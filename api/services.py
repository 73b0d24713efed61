"""The services of the API: the gateway to the engine, and the ledger, which may be away."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass

import structlog

from operations.actions import Actions
from operations.errors import InvalidInput, LedgerReplaced, LedgerUnavailable
from operations.gateway import Gateway
from operations.health.state_store import StateStoreFile
from operations.ledger import Ledger

log = structlog.get_logger(__name__)

OPENING_TIMEOUT = 4.0  # seconds that a request waits for the ledger to open


@dataclass(frozen=True)
class _OpenLedger:
    ledger: Ledger
    actions: Actions


class Services:
    """The gateway, the ledger and the actions of a process; safe to share between threads.

    The first caller that needs the ledger opens it. After a failure the next caller tries again;
    concurrent callers share one attempt, which runs in a thread of its own. During an outage the
    ledger stays open, so that operators can still pause, resume and terminate. If it was replaced,
    the next caller opens it again.
    """

    def __init__(
        self,
        gateway: Gateway,
        open_ledger: Callable[[], Ledger],
        state_store: StateStoreFile | None = None,
        *,
        opening_timeout: float = OPENING_TIMEOUT,
    ) -> None:
        self.gateway = gateway
        self.state_store = state_store
        self._open_ledger = open_ledger
        self._opening_timeout = opening_timeout
        self._lock = threading.Lock()
        self._opening: Future[_OpenLedger] | None = None
        self._reported = ""

    @property
    def ledger(self) -> Ledger:
        """The open ledger; raises `LedgerUnavailable` after the opening timeout at the latest."""
        return self._opened().ledger

    @property
    def ledger_if_open(self) -> Ledger | None:
        """The ledger if it is open, else None; never waits."""
        opening = self._opening
        is_open = opening is not None and opening.done() and not opening.exception()
        return opening.result().ledger if opening and is_open else None

    @property
    def actions(self) -> Actions:
        """The actions, which write to the ledger; raises `LedgerUnavailable` as `ledger` does."""
        return self._opened().actions

    def start_opening(self) -> None:
        """Open the ledger in the background, so that the first request need not wait for it."""
        self._current_opening()

    def check_ledger(self) -> None:
        """Raise `LedgerUnavailable` if the ledger does not answer."""
        try:
            self.ledger.ping()
        except LedgerReplaced:
            self.discard_ledger()
            raise

    def discard_ledger(self) -> None:
        """Close the ledger if it is open; the next caller opens it again."""
        with self._lock:
            opening = self._opening
            if opening is None or not opening.done() or opening.exception():
                return
            self._opening = None
        opening.result().ledger.close()

    def _opened(self) -> _OpenLedger:
        try:
            return self._current_opening().result(self._opening_timeout)
        except TimeoutError as error:
            raise LedgerUnavailable("it is still being opened") from error

    def _current_opening(self) -> Future[_OpenLedger]:
        """Return the attempt that succeeded or is running; start one if there is none."""
        with self._lock:
            if self._opening is None or (self._opening.done() and self._opening.exception()):
                self._opening = Future()
                thread = threading.Thread(
                    target=self._open, args=[self._opening], name="open-ledger", daemon=True
                )
                thread.start()
            return self._opening

    def _open(self, opening: Future[_OpenLedger]) -> None:
        try:
            ledger = self._open_ledger()
            self._reported = ""
            opening.set_result(_OpenLedger(ledger, Actions(self.gateway, ledger)))
        except (InvalidInput, LedgerUnavailable) as error:
            self._report(str(error))
            is_outage = isinstance(error, LedgerUnavailable)
            opening.set_exception(error if is_outage else LedgerUnavailable(str(error)))
        except Exception as error:  # noqa: BLE001 - the callers raise it
            opening.set_exception(error)

    def _report(self, reason: str) -> None:
        """Log why the ledger cannot be opened, unless the attempt before failed alike."""
        if reason != self._reported:
            log.warning("the ledger cannot be opened; each request tries again", reason=reason)
        self._reported = reason
