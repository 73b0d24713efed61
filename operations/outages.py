"""What is away, and since when."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from operations.errors import EngineRefused, EngineUnavailable
from operations.gateway import Gateway
from operations.model import Part, Problem
from operations.records import Outage

GRACE = timedelta(seconds=1)  # a part that is back within this was never away


class Outages:
    """Remembers since when each part has been in trouble."""

    def __init__(self) -> None:
        self._known: dict[Part, Outage] = {}

    def now(self, problems: Iterable[Problem], at: datetime) -> tuple[Outage, ...]:
        """Return the outages, given all problems that there are at this moment."""
        self._known = {
            problem.part: replace(
                self._known.get(problem.part, Outage(problem.part, at, "")), why=problem.why
            )
            for problem in problems
        }
        return tuple(each for each in self._known.values() if at - each.since >= GRACE)

    def take_over(self, outages: Iterable[Outage]) -> None:
        """Remember what somebody else has told of instead: what goes on keeps its beginning."""
        self._known = {outage.part: outage for outage in outages}


def engine_problems(gateway: Gateway) -> tuple[Problem, ...]:
    """Ask the sidecar what is wrong with the engine, and whether any worker is there."""
    try:
        health = gateway.health()
    except (EngineUnavailable, EngineRefused) as error:
        return (Problem(Part.SIDECAR, str(error)),)
    if health.workers == 0:
        return (*health.problems, Problem(Part.WORKER, "none is connected to the sidecar"))
    return health.problems
