"""Outages: which services are away, since when, and why."""

import pytest

from operations.errors import DaprRefused, DaprUnavailable, FlowdeckError
from operations.health.outages import GRACE, DaprMonitor, Outages, dapr_problems
from operations.health.worker_probe import NO_ANSWER, WorkerProbe
from operations.model import DaprHealth, Problem, Service
from operations.recorder_report import Outage
from tests.unit.conftest import LogLines
from tests.unit.fakes import FakeGateway
from tests.unit.snapshots import at

SIDECAR = Problem(Service.SIDECAR, "it is gone")
WORKER = Problem(Service.WORKER, "none is connected to the sidecar")
AFTER_GRACE = at(GRACE.total_seconds())


def test_a_service_is_not_away_during_the_grace() -> None:
    """A problem that is over before the end of the grace is not an outage."""
    outages = Outages()
    assert outages.update([SIDECAR], at(0)) == ()
    assert outages.update([SIDECAR], at(GRACE.total_seconds() - 0.01)) == ()
    assert outages.update([], AFTER_GRACE) == ()


def test_an_outage_starts_with_the_first_problem() -> None:
    """Its start is not the end of the grace."""
    outages = Outages()
    outages.update([SIDECAR], at(0))
    assert outages.update([SIDECAR], AFTER_GRACE) == (Outage(Service.SIDECAR, at(0), "it is gone"),)


def test_an_outage_has_the_last_reason() -> None:
    """A new reason does not start another outage."""
    outages = Outages()
    outages.update([SIDECAR], at(0))
    starting = Problem(Service.SIDECAR, "it is starting")
    assert outages.update([starting], at(5)) == (Outage(Service.SIDECAR, at(0), "it is starting"),)


def test_a_service_that_was_back_has_a_new_outage() -> None:
    """The new outage has its own start and its own grace."""
    outages = Outages()
    outages.update([SIDECAR], at(0))
    assert outages.update([], at(5)) == ()
    assert outages.update([SIDECAR], at(6)) == ()
    assert outages.update([SIDECAR], at(8)) == (Outage(Service.SIDECAR, at(6), "it is gone"),)


def test_each_service_has_its_own_outage() -> None:
    """Outages of two services start and end independently."""
    outages = Outages()
    outages.update([SIDECAR], at(0))
    outages.update([SIDECAR, WORKER], at(3))
    found = outages.update([SIDECAR, WORKER], at(5))
    assert [(outage.service, outage.since) for outage in found] == [
        (Service.SIDECAR, at(0)),
        (Service.WORKER, at(3)),
    ]
    assert [outage.service for outage in outages.update([WORKER], at(6))] == [Service.WORKER]


def test_an_outage_that_was_taken_over_keeps_its_start() -> None:
    """It continues without another grace, with the last reason."""
    outages = Outages()
    outages.take_over([Outage(Service.SIDECAR, at(0), "no answer in time")])
    assert outages.update([SIDECAR], at(0.5)) == ()
    assert outages.update([SIDECAR], at(5)) == (Outage(Service.SIDECAR, at(0), "it is gone"),)


def test_taking_over_no_outages_forgets_the_known_ones() -> None:
    """The next problem has a grace again."""
    outages = Outages()
    outages.update([SIDECAR], at(0))
    outages.take_over([])
    assert outages.update([SIDECAR], at(5)) == ()


def test_an_outage_that_was_taken_over_ends() -> None:
    """It ends when the service has no problem any more."""
    outages = Outages()
    outages.take_over([Outage(Service.SIDECAR, at(0), "it is gone")])
    assert outages.update([WORKER], at(5)) == ()


@pytest.mark.parametrize(
    "error", [DaprUnavailable("no sidecar accepts the connection"), DaprRefused("no")]
)
def test_an_engine_that_does_not_answer_is_a_problem(
    gateway: FakeGateway, error: FlowdeckError
) -> None:
    """The error is the reason of the sidecar's problem, and is not raised."""
    gateway.errors["health"] = [error]
    assert dapr_problems(gateway) == (Problem(Service.SIDECAR, str(error)),)


@pytest.mark.parametrize(("workers", "problems"), [(0, (WORKER,)), (1, ()), (None, ())])
def test_an_engine_without_workers_has_a_problem(
    gateway: FakeGateway, workers: int | None, problems: tuple[Problem, ...]
) -> None:
    """It has none if the sidecar does not report the number of workers."""
    gateway.dapr_health = DaprHealth("1.18.2", (), workers)
    assert dapr_problems(gateway) == problems


def test_a_missing_worker_follows_the_problems_of_the_engine(gateway: FakeGateway) -> None:
    """All problems are returned."""
    placement = Problem(Service.PLACEMENT, "the sidecar has no connection to the placement service")
    gateway.dapr_health = DaprHealth("1.18.2", (placement,), 0)
    assert dapr_problems(gateway) == (placement, WORKER)


class SilentProbe(WorkerProbe):
    """A probe that got no answer."""

    def __init__(self) -> None:
        super().__init__(None)
        self._is_silent = True


@pytest.mark.parametrize(("workers", "reasons"), [(0, 1), (1, 1), (None, 1), (2, 0)])
def test_a_worker_that_does_not_answer_is_a_problem(
    gateway: FakeGateway, workers: int | None, reasons: int
) -> None:
    """The reason says so, also when the sidecar has noticed; other workers still take work."""
    gateway.dapr_health = DaprHealth("1.18.2", (), workers)
    found = dapr_problems(gateway, worker=SilentProbe())
    assert [problem.reason for problem in found] == [NO_ANSWER] * reasons


def test_each_reason_of_an_outage_is_logged_once(gateway: FakeGateway, log_lines: LogLines) -> None:
    """For example: the sidecar ends, then another application has its address."""
    log_lines.configure("info")
    monitor = DaprMonitor(gateway, every=0)
    reasons = ["it has ended", "it is another", "it has ended"]
    gateway.errors["health"] = [DaprRefused(reason) for reason in reasons]
    for _ in (*reasons, "it is back"):
        monitor.check()
    lines = [(line["event"], line.get("reason")) for line in log_lines.events()]
    assert lines == [
        ("sidecar is away", "it has ended"),
        ("sidecar is away", "it is another"),
        ("sidecar is back", None),
    ]
