"""A daprd that accepts no worker any more."""

import signal
from contextlib import closing
from itertools import count
from types import SimpleNamespace

import pytest

from operations.health import deadlock
from operations.health.deadlock import PATIENCE, DeadlockWatch
from operations.health.worker_probe import WorkerProbe
from operations.ledger import Ledger
from operations.model import DaprHealth
from operations.recorder.recorder import FollowedApplication, Recorder
from tests.unit.fakes import FakeGateway
from tests.unit.recorders import EAGER

DAPRD, OTHER = 101, 202


class Machine:
    """A daprd, a worker, a clock that advances with each look, and what was killed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.daprd: int | None = DAPRD
        self.killed: list[tuple[int, int]] = []
        self.worker = WorkerProbe(None)
        self.worker.is_answering = True
        self._now = count(1000.0, 5.0)
        clock = SimpleNamespace(monotonic=lambda: next(self._now))
        monkeypatch.setattr(deadlock, "time", clock)
        self.watch = DeadlockWatch(
            self.worker, lambda: self.daprd, PATIENCE, lambda *killed: self.killed.append(killed)
        )

    def check(self, workers: int | None, times: int = 10) -> None:
        """Check several times."""
        for _ in range(times):
            self.watch.check(workers)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    """Return a machine whose daprd has had a worker."""
    machine = Machine(monkeypatch)
    machine.check(1, times=1)
    return machine


def test_a_daprd_that_accepts_no_worker_is_killed_once(machine: Machine) -> None:
    """The next one only after it has had a worker."""
    machine.check(0)
    assert machine.killed == [(DAPRD, signal.SIGKILL)]
    machine.daprd = OTHER
    machine.check(0)
    assert len(machine.killed) == 1
    machine.check(1)
    machine.check(0)
    assert machine.killed[1:] == [(OTHER, signal.SIGKILL)]


def test_a_worker_that_reconnects_ends_the_suspicion(machine: Machine) -> None:
    """The time without a worker starts again."""
    for _ in range(9):
        machine.check(0, times=2)
        machine.check(1, times=1)
    assert machine.killed == []


def test_a_daprd_that_does_not_answer_is_no_deadlock(machine: Machine) -> None:
    """It tells no number of workers; nor does a companion."""
    machine.check(None)
    assert machine.killed == []


def test_a_missing_worker_is_no_deadlock(machine: Machine) -> None:
    """It ended, or does not answer."""
    machine.worker.is_answering = False
    machine.check(0)
    assert machine.killed == []


@pytest.mark.parametrize("pid", [None, OTHER])
def test_another_daprd_is_left_alone(machine: Machine, pid: int | None) -> None:
    """One that was started since, and a sidecar that is not the supervisor's."""
    machine.daprd = pid
    machine.check(0)
    assert machine.killed == []


def test_a_daprd_that_never_had_a_worker_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another reason keeps the worker away, and a restart would not help."""
    machine = Machine(monkeypatch)
    machine.check(0)
    assert machine.killed == []


def test_the_recorder_watches_its_daprd(
    machine: Machine, gateway: FakeGateway, ledger: Ledger
) -> None:
    """Each cycle passes on the number of workers that the sidecar counts."""
    application = FollowedApplication(gateway, EAGER)
    application.deadlock = machine.watch
    gateway.dapr_health = DaprHealth("1.18.2", (), 0)
    with closing(Recorder(application, ledger)) as recorder:
        for _ in range(10):
            recorder.cycle()
    assert machine.killed == [(DAPRD, signal.SIGKILL)]
