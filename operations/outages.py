"""What is away, and since when."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from operations.errors import DaprRefused, DaprUnavailable
from operations.gateway import Gateway
from operations.model import Problem, Service
from operations.records import Outage

GRACE = timedelta(seconds=1)  # a part that is back within this was never away


class Outages:
    """Remembers since when each part has been in trouble."""

    def __init__(self) -> None:
        self._known: dict[Service, Outage] = {}

    def now(self, problems: Iterable[Problem], at: datetime) -> tuple[Outage, ...]:
        """Return the outages, given all problems that there are at this moment."""
        self._known = {
            problem.service: replace(
                self._known.get(problem.service, Outage(problem.service, at, "")),
                reason=problem.reason,
            )
            for problem in problems
        }
        return tuple(each for each in self._known.values() if at - each.since >= GRACE)

    def take_over(self, outages: Iterable[Outage]) -> None:
        """Remember what somebody else has told of instead: what goes on keeps its beginning."""
        self._known = {outage.service: outage for outage in outages}


def dapr_problems(gateway: Gateway) -> tuple[Problem, ...]:
    """Ask the sidecar what is wrong with the engine, and whether any worker is there."""
    try:
        health = gateway.health()
    except (DaprUnavailable, DaprRefused) as error:
        return (Problem(Service.SIDECAR, str(error)),)
    if health.workers == 0:
        return (*health.problems, Problem(Service.WORKER, "none is connected to the sidecar"))
    return health.problems
