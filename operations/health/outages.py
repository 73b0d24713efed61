"""Outages: which services are away, since when, and why."""

import time
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import structlog

from operations.errors import DaprRefused, DaprUnavailable
from operations.gateway import Gateway
from operations.health.state_store import StateStoreFile
from operations.health.worker_probe import WorkerProbe
from operations.model import Problem, Service
from operations.recorder_report import Outage

GRACE = timedelta(seconds=1)  # shorter problems are not outages

log = structlog.get_logger(__name__)


class Outages:
    """Remembers since when each service is away; a problem becomes an outage after `grace`."""

    def __init__(self, grace: timedelta = GRACE) -> None:
        self._grace = grace
        self._known: dict[Service, Outage] = {}

    def update(self, problems: Iterable[Problem], at: datetime) -> tuple[Outage, ...]:
        """Replace the known problems by all problems at a time; return the outages among them."""
        self._known = {
            problem.service: replace(
                self._known.get(problem.service, Outage(problem.service, at, "")),
                reason=problem.reason,
            )
            for problem in problems
        }
        return tuple(each for each in self._known.values() if at - each.since >= self._grace)

    def take_over(self, outages: Iterable[Outage]) -> None:
        """Replace the known outages by the outages that another process found."""
        self._known = {outage.service: outage for outage in outages}


class DaprMonitor:
    """Asks the engine for its problems every `every` seconds, and logs each reason once."""

    def __init__(
        self,
        gateway: Gateway,
        every: float = 1.0,
        grace: timedelta = GRACE,
        state_store: StateStoreFile | None = None,
        worker: WorkerProbe | None = None,
    ) -> None:
        self._gateway = gateway
        self._state_store = state_store
        self._worker = worker
        self._every = every
        self._outages = Outages(grace)
        self._problems: tuple[Problem, ...] = ()
        self._logged: dict[Service, set[str]] = {}
        self._due = 0.0
        self.workers: int | None = None
        """The number of connected workers at the last check, None if it is unknown."""
        self.outages: tuple[Outage, ...] = ()
        """The outages at the last check."""

    @property
    def is_reachable(self) -> bool:
        """Whether the last check found no problem of the sidecar; True before the first check."""
        return all(problem.service is not Service.SIDECAR for problem in self._problems)

    def take_over(self, outages: Iterable[Outage]) -> None:
        """Continue from the outages of the previous recorder, unless this process knows some."""
        if not self.outages:
            self._outages.take_over(outages)

    def expire(self) -> None:
        """Make the next check ask the engine; called when a read got no answer."""
        self._due = 0.0

    def check(self, others: Iterable[Problem] = ()) -> bool:
        """Ask the engine if a check is due; return whether it was.

        `others` are problems that are already known.
        """
        if time.monotonic() < self._due:
            return False
        self._problems, self.workers = _ask(self._gateway, self._state_store, self._worker)
        self.outages = self._outages.update((*self._problems, *others), datetime.now(UTC))
        self._log()
        self._due = time.monotonic() + self._every
        return True

    def _log(self) -> None:
        """Log each reason why a service is away, and that it is back."""
        for problem in self._problems:
            logged = self._logged.setdefault(problem.service, set())
            if problem.reason not in logged:
                logged.add(problem.reason)
                log.warning(f"{problem.service} is away", reason=problem.reason)
        for service in self._logged.keys() - {each.service for each in self._problems}:
            del self._logged[service]
            log.info(f"{service} is back")


def dapr_problems(
    gateway: Gateway,
    state_store: StateStoreFile | None = None,
    worker: WorkerProbe | None = None,
) -> tuple[Problem, ...]:
    """Return the engine's problems as the sidecar reports them, and its state store's problems.

    A missing worker is a problem, and so is a worker that does not answer, unless others are
    connected.
    """
    return _ask(gateway, state_store, worker)[0]


def _ask(
    gateway: Gateway, state_store: StateStoreFile | None, worker: WorkerProbe | None
) -> tuple[tuple[Problem, ...], int | None]:
    """Return the engine's problems, and how many workers are connected, None if unknown."""
    lost = state_store.problems() if state_store else ()
    silent = worker.problems() if worker else ()
    try:
        health = gateway.health()
    except (DaprUnavailable, DaprRefused) as error:
        return (Problem(Service.SIDECAR, str(error)), *lost), None
    if health.workers == 0 and not silent:
        silent = (Problem(Service.WORKER, "none is connected to the sidecar"),)
    elif health.workers is not None and health.workers > 1:
        silent = ()
    return (*health.problems, *silent, *lost), health.workers
