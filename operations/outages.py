"""Which services are away, since when."""

import time
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import structlog

from operations.errors import DaprRefused, DaprUnavailable
from operations.gateway import Gateway
from operations.model import Problem, Service
from operations.records import Outage

GRACE = timedelta(seconds=1)  # a service that is back within this was never away

log = structlog.get_logger(__name__)


class Outages:
    """Remembers since when each service is away; by default one counts after `GRACE`."""

    def __init__(self, grace: timedelta | None = None) -> None:
        self._grace = grace
        self._known: dict[Service, Outage] = {}

    def now(self, problems: Iterable[Problem], at: datetime) -> tuple[Outage, ...]:
        """Return the outages at a time, given all problems of that moment."""
        self._known = {
            problem.service: replace(
                self._known.get(problem.service, Outage(problem.service, at, "")),
                reason=problem.reason,
            )
            for problem in problems
        }
        grace = GRACE if self._grace is None else self._grace
        return tuple(each for each in self._known.values() if at - each.since >= grace)

    def take_over(self, outages: Iterable[Outage]) -> None:
        """Replace what is known by the outages that another process found, with their starts."""
        self._known = {outage.service: outage for outage in outages}


class EngineHealth:
    """Asks the engine for its problems `every` so many seconds, and logs when one comes or goes."""

    def __init__(
        self, gateway: Gateway, every: float = 1.0, grace: timedelta | None = None
    ) -> None:
        self._gateway = gateway
        self._every = every
        self._outages = Outages(grace)
        self._problems: tuple[Problem, ...] = ()
        self._due = 0.0
        self.outages: tuple[Outage, ...] = ()
        """The services that are away, since when."""

    @property
    def is_reachable(self) -> bool:
        """Whether the sidecar answered when it was asked last."""
        return all(problem.service is not Service.SIDECAR for problem in self._problems)

    def take_over(self, outages: Iterable[Outage]) -> None:
        """Go on from the outages of the recorder before this one, unless some are known here."""
        if not self.outages:
            self._outages.take_over(outages)

    def expire(self) -> None:
        """Have the next check ask the engine: a read was not answered."""
        self._due = 0.0

    def check(self, others: Iterable[Problem] = ()) -> None:
        """Ask the engine, if it is time; `others` are problems that are known already."""
        if time.monotonic() < self._due:
            return
        before, self._problems = self._problems, dapr_problems(self._gateway)
        self.outages = self._outages.now((*self._problems, *others), datetime.now(UTC))
        _log_changes(before, self._problems)
        self._due = time.monotonic() + self._every


def dapr_problems(gateway: Gateway) -> tuple[Problem, ...]:
    """Ask the sidecar for the engine's problems; that no worker is connected is one of them."""
    try:
        health = gateway.health()
    except (DaprUnavailable, DaprRefused) as error:
        return (Problem(Service.SIDECAR, str(error)),)
    if health.workers == 0:
        return (*health.problems, Problem(Service.WORKER, "none is connected to the sidecar"))
    return health.problems


def _log_changes(before: tuple[Problem, ...], now: tuple[Problem, ...]) -> None:
    were, are = {each.service for each in before}, {each.service for each in now}
    for problem in now:
        if problem.service not in were:
            log.warning(f"{problem.service} is away", reason=problem.reason)
    for service in were - are:
        log.info(f"{service} is back")
