"""What the dashboard's process builds once: its ways to the engine and to the ledger."""

import threading
from dataclasses import dataclass
from functools import cache

from dashboard.watch import Watch
from operations.actions import Actions
from operations.gateway import DaprGateway, Gateway
from operations.ledger import Ledger, open_ledger
from operations.model import LOCAL_USER, Actor
from operations.outages import engine_problems
from operations.records import Pulse
from operations.settings import OperationsSettings

_opening = threading.Lock()


@dataclass(frozen=True)
class House:
    """The ways to the engine and to the ledger."""

    gateway: Gateway
    ledger: Ledger
    actions: Actions


@cache
def watch() -> Watch:
    """Return what all viewers see."""
    return Watch(_pulse, lambda: engine_problems(gateway()))


def _pulse() -> Pulse:
    return house().ledger.pulse()


def house() -> House:
    """Return the house, built by whoever comes first; raises `LedgerUnavailable`."""
    with _opening:
        return _house()


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
