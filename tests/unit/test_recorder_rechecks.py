"""Rechecks find ids that were used again, if no trace reports them."""

import pytest

from operations.recorder.discovery import FinishedRuns
from operations.recorder.limits import RecorderLimits
from tests.unit.engine import finish_instance, put_running
from tests.unit.fakes import FakeGateway
from tests.unit.snapshots import ID

ORDERS = [f"order_{number}" for number in range(50)]
LIMITS = RecorderLimits()


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the time of the process, in seconds."""
    now = [100.0]
    clock = type("Time", (), {"monotonic": lambda: now[0]})
    monkeypatch.setattr("operations.recorder.discovery.time", clock)
    return now


@pytest.fixture
def finished(gateway: FakeGateway, now: list[float]) -> FinishedRuns:
    """Return finished runs whose first round is due."""
    finished = FinishedRuns(LIMITS)
    for instance_id in ORDERS:
        put_running(gateway, instance_id)
        finish_instance(gateway, instance_id)
        finished.add(gateway.instances[instance_id])
    now[0] += LIMITS.recheck_round
    return finished


def recheck_after(
    finished: FinishedRuns, now: list[float], seconds: float, *, is_traced: bool = False
) -> list[str]:
    """Return the ids to be read again when some seconds have passed."""
    now[0] += seconds
    return finished.to_recheck(is_traced=is_traced)


def test_rechecks_have_a_rate_and_start_with_the_newest(
    finished: FinishedRuns, now: list[float]
) -> None:
    """A long pause does not raise the rate; traces lower it; each id is read once in a round."""
    assert recheck_after(finished, now, 0) == ORDERS[-10:]
    assert recheck_after(finished, now, 0) == []
    assert recheck_after(finished, now, 1, is_traced=True) == ORDERS[-12:-10]
    assert recheck_after(finished, now, 1000) == ORDERS[-22:-12]
    rest = [each for _ in range(3) for each in recheck_after(finished, now, 1)]
    assert sorted(rest) == sorted(ORDERS[:-22])


def test_rounds_have_a_shortest_duration(finished: FinishedRuns, now: list[float]) -> None:
    """A few finished runs are not read again and again."""
    for instance_id in ORDERS[1:]:
        finished.discard(instance_id)
    assert recheck_after(finished, now, 1) == [ORDERS[0]]
    assert recheck_after(finished, now, LIMITS.recheck_round - 1) == []
    assert recheck_after(finished, now, 1) == [ORDERS[0]]


def test_a_finished_run_is_known_by_its_end(finished: FinishedRuns, gateway: FakeGateway) -> None:
    """Another run of the id has another end; an unknown id has none."""
    assert finished.is_known_end(gateway.instances[ORDERS[0]])
    put_running(gateway, ORDERS[0], execution="e2", since=60)
    assert not finished.is_known_end(gateway.instances[ORDERS[0]])
    put_running(gateway, ID)
    assert not finished.is_known_end(gateway.instances[ID])
    assert not finished.ended_after(ID, 0)
