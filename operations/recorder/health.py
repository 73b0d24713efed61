"""How the engine is, and since when it is in trouble."""

import time
from collections.abc import Iterable
from datetime import UTC, datetime

import structlog

from operations.gateway import Gateway
from operations.model import Problem, Service
from operations.outages import Outages, dapr_problems
from operations.records import Outage

EVERY = 1.0  # seconds between two questions

log = structlog.get_logger(__name__)


class Health:
    """Asks the engine how it is, and logs once when a part of it goes and when it is back."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._outages = Outages()
        self._problems: tuple[Problem, ...] = ()
        self._away: tuple[Outage, ...] = ()
        self._next = 0.0

    @property
    def is_reachable(self) -> bool:
        """Whether the sidecar answered when it was asked last."""
        return all(problem.service is not Service.SIDECAR for problem in self._problems)

    @property
    def outages(self) -> tuple[Outage, ...]:
        """What is away, since when."""
        return self._away

    def take_over(self, outages: Iterable[Outage]) -> None:
        """Know what the recorder before this one told, unless something is away: that is known."""
        if not self._away:
            self._outages.take_over(outages)

    def doubt(self) -> None:
        """Have it asked at the next look: something was not answered."""
        self._next = 0.0

    def look(self, others: Iterable[Problem] = ()) -> None:
        """Ask the engine, if it is time; `others` are problems that were told of already."""
        if time.monotonic() < self._next:
            return
        before, self._problems = self._problems, dapr_problems(self._gateway)
        self._away = self._outages.now((*self._problems, *others), datetime.now(UTC))
        _tell(before, self._problems)
        self._next = time.monotonic() + EVERY


def _tell(before: tuple[Problem, ...], now: tuple[Problem, ...]) -> None:
    were, are = {each.service for each in before}, {each.service for each in now}
    for problem in now:
        if problem.service not in were:
            log.warning(f"{problem.service} is away", reason=problem.reason)
    for service in were - are:
        log.info(f"{service} is back")
