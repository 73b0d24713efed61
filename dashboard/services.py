"""What the dashboard's process builds once: its ways to the engine and to the ledger."""

import threading
from dataclasses import dataclass, field
from functools import cache

from dashboard.live.state_watcher import Watch
from operations.actions import Actions
from operations.errors import LedgerUnavailable
from operations.gateway import DaprGateway, Gateway
from operations.ledger import Ledger, open_ledger
from operations.model import LOCAL_USER, Actor
from operations.outages import dapr_problems
from operations.records import Heartbeat
from operations.settings import OperationsSettings


@dataclass(frozen=True)
class House:
    """The ways to the engine and to the ledger."""

    gateway: Gateway
    ledger: Ledger
    actions: Actions


@dataclass
class _Opening:
    """Whose turn it is to open the ledger, and how the last one failed."""

    turn: threading.Lock = field(default_factory=threading.Lock)
    failure: LedgerUnavailable | None = None


_opening = _Opening()


@cache
def watch() -> Watch:
    """Return what all viewers see."""
    return Watch(_pulse, lambda: dapr_problems(gateway()))


def _pulse() -> Heartbeat:
    return house().ledger.heartbeat()


def house() -> House:
    """Return the house, built by whoever comes first; raises `LedgerUnavailable`.

    Who waits for another one's turn shares its failure: a ledger may take seconds to fail.
    """
    known = _opening.failure
    with _opening.turn:
        failure = _opening.failure
        if failure and failure is not known:
            raise failure.with_traceback(None)  # or it would keep each viewer's frames
        _opening.failure = None
        try:
            return _house()
        except LedgerUnavailable as error:
            _opening.failure = error
            raise


@cache
def gateway() -> Gateway:
    """Return the way to the engine."""
    settings = OperationsSettings.load()
    return DaprGateway(settings.endpoint, api_token=settings.api_token)


@cache
def _house() -> House:
    ledger = open_ledger(OperationsSettings.load().ledger)
    return House(gateway(), ledger, Actions(gateway(), ledger))


def viewer() -> Actor:
    """Return who is looking: on one's own machine, the local user."""
    return LOCAL_USER
