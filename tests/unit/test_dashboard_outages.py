"""What is away, and since when."""

import pytest

from operations.errors import DaprRefused, DaprUnavailable
from operations.model import DaprHealth, Problem, Service
from operations.outages import GRACE, Outages, dapr_problems
from operations.records import Outage
from tests.unit.fakes import FakeGateway
from tests.unit.snapshots import at

GONE = Problem(Service.SIDECAR, "nothing answers")
LATE = at(GRACE.total_seconds())


def test_a_part_that_has_just_gone_is_not_away_yet() -> None:
    """A restart of a moment is told to nobody."""
    outages = Outages()
    assert outages.now([GONE], at(0)) == ()
    assert outages.now([GONE], at(GRACE.total_seconds() - 0.01)) == ()
    assert outages.now([], at(0.9)) == ()


def test_a_part_is_away_since_it_was_first_missed() -> None:
    """The time counts from the first miss, not from the end of the grace."""
    outages = Outages()
    outages.now([GONE], at(0))
    assert outages.now([GONE], LATE) == (Outage(Service.SIDECAR, at(0), "nothing answers"),)


def test_the_last_reason_is_told() -> None:
    """An outage that changes its reason is the same outage."""
    outages = Outages()
    outages.now([GONE], at(0))
    told = outages.now([Problem(Service.SIDECAR, "it is starting")], LATE)
    assert told == (Outage(Service.SIDECAR, at(0), "it is starting"),)


def test_a_part_that_goes_again_is_away_anew() -> None:
    """What came back in between has a new outage, with a grace of its own."""
    outages = Outages()
    outages.now([GONE], at(0))
    outages.now([], at(5))
    assert outages.now([GONE], at(6)) == ()
    assert outages.now([GONE], at(7))[0].since == at(6)


def test_each_part_has_its_own_time() -> None:
    """Of two that are away each has been so since its own beginning."""
    outages = Outages()
    outages.now([GONE], at(0))
    both = [GONE, Problem(Service.WORKER, "none")]
    outages.now(both, at(5))
    assert [each.since for each in outages.now(both, at(9))] == [at(0), at(5)]


def test_a_well_engine_has_no_problems(gateway: FakeGateway) -> None:
    """With a worker, or where the sidecar does not tell, nothing is away."""
    assert dapr_problems(gateway) == ()
    gateway.answer = DaprHealth("1.18.2", (), workers=1)
    assert dapr_problems(gateway) == ()


def test_no_worker_is_a_problem(gateway: FakeGateway) -> None:
    """It stands behind what the engine says of itself."""
    placement = Problem(Service.PLACEMENT, "away")
    gateway.answer = DaprHealth("1.18.2", (placement,), workers=0)
    assert [each.service for each in dapr_problems(gateway)] == [Service.PLACEMENT, Service.WORKER]


@pytest.mark.parametrize("error", [DaprUnavailable("no sidecar"), DaprRefused("not now")])
def test_an_engine_that_does_not_answer_is_a_problem(
    gateway: FakeGateway, error: DaprUnavailable | DaprRefused
) -> None:
    """Its error says why, and is raised to nobody."""
    gateway.errors["health"] = [error]
    assert dapr_problems(gateway) == (Problem(Service.SIDECAR, str(error)),)
