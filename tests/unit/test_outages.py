"""What is away, and since when."""

import pytest

from operations.errors import DaprRefused, DaprUnavailable, FlowdeckError
from operations.model import DaprHealth, Problem, Service
from operations.outages import Outages, dapr_problems
from operations.records import Outage
from tests.unit.fakes import FakeGateway
from tests.unit.snapshots import at

SIDECAR = Problem(Service.SIDECAR, "it is gone")
WORKER = Problem(Service.WORKER, "none is connected to the sidecar")


def test_a_problem_is_an_outage_once_it_lasts() -> None:
    """What is over within a second was none."""
    outages = Outages()
    assert outages.now([SIDECAR], at(0)) == ()
    assert outages.now([SIDECAR], at(0.9)) == ()
    assert outages.now([SIDECAR], at(1)) == (Outage(Service.SIDECAR, at(0), "it is gone"),)


def test_an_outage_keeps_its_beginning_and_has_its_last_reason() -> None:
    """However its reason changes."""
    outages = Outages()
    outages.now([SIDECAR], at(0))
    other = Problem(Service.SIDECAR, "no answer in time")
    assert outages.now([other], at(5)) == (Outage(Service.SIDECAR, at(0), "no answer in time"),)


def test_an_outage_that_is_over_begins_anew() -> None:
    """The next one has a time of its own."""
    outages = Outages()
    outages.now([SIDECAR], at(0))
    assert outages.now([], at(5)) == ()
    assert outages.now([SIDECAR], at(6)) == ()
    assert outages.now([SIDECAR], at(8)) == (Outage(Service.SIDECAR, at(6), "it is gone"),)


def test_each_part_has_its_own_outage() -> None:
    """They come and go by themselves."""
    outages = Outages()
    outages.now([SIDECAR], at(0))
    outages.now([SIDECAR, WORKER], at(3))
    found = outages.now([SIDECAR, WORKER], at(5))
    assert [(outage.service, outage.since) for outage in found] == [
        (Service.SIDECAR, at(0)),
        (Service.WORKER, at(3)),
    ]
    assert [outage.service for outage in outages.now([WORKER], at(6))] == [Service.WORKER]


def test_an_outage_that_somebody_else_told_of_keeps_its_beginning() -> None:
    """It goes on without a new grace, with its last reason."""
    outages = Outages()
    outages.take_over([Outage(Service.SIDECAR, at(0), "no answer in time")])
    assert outages.now([SIDECAR], at(0.5)) == ()
    assert outages.now([SIDECAR], at(5)) == (Outage(Service.SIDECAR, at(0), "it is gone"),)


def test_only_what_was_told_last_is_remembered() -> None:
    """Who is told that nothing is away forgets what was: the next outage begins anew."""
    outages = Outages()
    outages.now([SIDECAR], at(0))
    outages.take_over([])
    assert outages.now([SIDECAR], at(5)) == ()


def test_an_outage_that_was_taken_over_ends() -> None:
    """What somebody else saw may be over."""
    outages = Outages()
    outages.take_over([Outage(Service.SIDECAR, at(0), "it is gone")])
    assert outages.now([WORKER], at(5)) == ()


@pytest.mark.parametrize(
    "error", [DaprUnavailable("no sidecar accepts the connection"), DaprRefused("no")]
)
def test_an_engine_that_gives_no_health_has_no_sidecar(
    gateway: FakeGateway, error: FlowdeckError
) -> None:
    """In the words of the error."""
    gateway.errors["health"] = [error]
    assert dapr_problems(gateway) == (Problem(Service.SIDECAR, str(error)),)


@pytest.mark.parametrize(("workers", "problems"), [(0, (WORKER,)), (1, ()), (None, ())])
def test_an_engine_without_workers_has_a_problem(
    gateway: FakeGateway, workers: int | None, problems: tuple[Problem, ...]
) -> None:
    """One that does not tell how many there are has none."""
    gateway.dapr_health = DaprHealth("1.18.2", (), workers)
    assert dapr_problems(gateway) == problems


def test_all_problems_are_told(gateway: FakeGateway) -> None:
    """What the engine says, and what follows."""
    placement = Problem(Service.PLACEMENT, "the sidecar has no connection to the placement service")
    gateway.dapr_health = DaprHealth("1.18.2", (placement,), 0)
    assert dapr_problems(gateway) == (placement, WORKER)
