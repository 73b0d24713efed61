"""Outages: which services are away, and since when."""

import pytest

from operations.errors import DaprRefused, DaprUnavailable
from operations.model import DaprHealth, Problem, Service
from operations.outages import GRACE, Outages, dapr_problems
from operations.records import Outage
from tests.unit.fakes import FakeGateway
from tests.unit.snapshots import at

GONE = Problem(Service.SIDECAR, "nothing answers")
AFTER_GRACE = at(GRACE.total_seconds())


def test_a_service_is_not_away_during_the_grace() -> None:
    """A short restart is not an outage."""
    outages = Outages()
    assert outages.now([GONE], at(0)) == ()
    assert outages.now([GONE], at(GRACE.total_seconds() - 0.01)) == ()
    assert outages.now([], at(0.9)) == ()


def test_an_outage_starts_with_the_first_problem() -> None:
    """Not at the end of the grace."""
    outages = Outages()
    outages.now([GONE], at(0))
    assert outages.now([GONE], AFTER_GRACE) == (Outage(Service.SIDECAR, at(0), "nothing answers"),)


def test_an_outage_has_the_last_reason() -> None:
    """A new reason does not start another outage."""
    outages = Outages()
    outages.now([GONE], at(0))
    current = outages.now([Problem(Service.SIDECAR, "it is starting")], AFTER_GRACE)
    assert current == (Outage(Service.SIDECAR, at(0), "it is starting"),)


def test_a_service_that_was_back_has_a_new_outage() -> None:
    """With its own grace."""
    outages = Outages()
    outages.now([GONE], at(0))
    outages.now([], at(5))
    assert outages.now([GONE], at(6)) == ()
    assert outages.now([GONE], at(7))[0].since == at(6)


def test_each_service_has_its_own_start() -> None:
    """Two services may be away since different times."""
    outages = Outages()
    outages.now([GONE], at(0))
    both = [GONE, Problem(Service.WORKER, "none")]
    outages.now(both, at(5))
    assert [each.since for each in outages.now(both, at(9))] == [at(0), at(5)]


def test_a_healthy_engine_has_no_problems(gateway: FakeGateway) -> None:
    """With a worker, or if the sidecar does not report the number of workers."""
    assert dapr_problems(gateway) == ()
    gateway.dapr_health = DaprHealth("1.18.2", (), workers=1)
    assert dapr_problems(gateway) == ()


def test_no_worker_is_a_problem(gateway: FakeGateway) -> None:
    """It follows the problems that the engine reports."""
    placement = Problem(Service.PLACEMENT, "away")
    gateway.dapr_health = DaprHealth("1.18.2", (placement,), workers=0)
    assert [each.service for each in dapr_problems(gateway)] == [Service.PLACEMENT, Service.WORKER]


@pytest.mark.parametrize("error", [DaprUnavailable("no sidecar"), DaprRefused("not now")])
def test_an_engine_that_does_not_answer_is_a_problem(
    gateway: FakeGateway, error: DaprUnavailable | DaprRefused
) -> None:
    """The error is the reason of the problem, and is not raised."""
    gateway.errors["health"] = [error]
    assert dapr_problems(gateway) == (Problem(Service.SIDECAR, str(error)),)
