"""How ids are found that were used again, though nothing told of it."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from operations.errors import DaprRefused, DaprUnavailable
from operations.recorder import rounds as module
from operations.recorder.finished import Finished
from operations.recorder.rounds import Rounds
from tests.unit.engine import ends, put_running, vanishes
from tests.unit.fakes import FakeGateway
from tests.unit.snapshots import ID
from tests.waiting import eventually

ORDERS = [f"order_{number}" for number in range(50)]


@pytest.fixture
def finished(gateway: FakeGateway) -> Finished:
    """Return what has ended, which the engine has."""
    finished = Finished()
    for instance_id in ORDERS:
        put_running(gateway, instance_id)
        ends(gateway, instance_id)
        finished.add(gateway.instances[instance_id])
    return finished


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the time that rounds go by, in seconds."""
    now = [100.0]
    monkeypatch.setattr(module, "time", type("Time", (), {"monotonic": lambda: now[0]}))
    return now


@pytest.fixture
def rounds(gateway: FakeGateway, finished: Finished, now: list[float]) -> Iterator[Rounds]:
    """Return rounds of which the first one is due."""
    with closing(Rounds(gateway, finished)) as rounds:
        now[0] += module.SHORTEST
        yield rounds


def after(rounds: Rounds, now: list[float], seconds: float, *, is_idle: bool = True) -> list[str]:
    """Return what was found within some time."""
    now[0] += seconds
    rounds.news(is_idle=is_idle)
    eventually(lambda: rounds._reading is None or rounds._reading.done(), 5, "states are read")
    return rounds.news(is_idle=is_idle)


def test_an_id_with_another_life_is_found(
    gateway: FakeGateway, rounds: Rounds, now: list[float]
) -> None:
    """Whether that one runs or has ended; so is one that is gone. All others are no news."""
    put_running(gateway, "order_7", life="e2", since=60)
    put_running(gateway, "order_8", life="e2", since=60)
    ends(gateway, "order_8")
    vanishes(gateway, "order_9")
    found = {each for _ in range(3) for each in after(rounds, now, 1)}
    assert found == {"order_7", "order_8", "order_9"}
    assert gateway.calls["history"] == 0


def test_so_many_are_read_a_second_and_fewer_if_there_is_something_else(
    gateway: FakeGateway, rounds: Rounds, now: list[float]
) -> None:
    """However long nobody came to it; the newest come first, each once in a round."""
    after(rounds, now, 0)
    assert gateway.calls["state"] == module.AT_ONCE  # there was time for them
    after(rounds, now, 1, is_idle=False)
    assert gateway.calls["state"] == module.AT_ONCE + module.BUSY
    after(rounds, now, 1000)
    after(rounds, now, 0)
    assert gateway.calls["state"] == 2 * module.AT_ONCE + module.BUSY
    after(rounds, now, 1)
    assert gateway.calls["state"] == len(ORDERS)


def test_a_short_round_takes_its_time(
    gateway: FakeGateway, rounds: Rounds, finished: Finished, now: list[float]
) -> None:
    """A few instances are not read again and again."""
    for instance_id in ORDERS[1:]:
        finished.discard(instance_id)
    after(rounds, now, 1)
    after(rounds, now, module.SHORTEST - 1)
    assert gateway.calls["state"] == 1
    after(rounds, now, 1)
    assert gateway.calls["state"] == 2


def test_what_the_recorder_knows_by_then_is_no_news(
    gateway: FakeGateway, rounds: Rounds, finished: Finished, now: list[float]
) -> None:
    """Another life that was found meanwhile, or that has ended too."""
    for instance_id in ORDERS[-2:]:
        put_running(gateway, instance_id, life="e2", since=60)
        ends(gateway, instance_id)

    def found_meanwhile() -> None:
        finished.discard(ORDERS[-2])
        finished.add(gateway.instances[ORDERS[-1]])

    gateway.during["state"] = found_meanwhile
    assert after(rounds, now, 1) == []


def test_a_state_that_cannot_be_read_is_left_to_the_next_round(
    gateway: FakeGateway, rounds: Rounds, now: list[float]
) -> None:
    """The others are read all the same."""
    gateway.errors["state"] = [DaprRefused("it is being written")]
    vanishes(gateway, ORDERS[-2])
    assert after(rounds, now, 1) == [ORDERS[-2]]


def test_an_engine_that_is_away_is_told(
    gateway: FakeGateway, rounds: Rounds, now: list[float]
) -> None:
    """And the round goes on afterwards."""
    gateway.errors["state"] = [DaprUnavailable("no sidecar accepts the connection")]
    vanishes(gateway, ORDERS[0])
    with pytest.raises(DaprUnavailable):
        after(rounds, now, 1)
    assert [each for _ in range(3) for each in after(rounds, now, 1)] == [ORDERS[0]]


def test_what_is_not_known_has_not_changed(gateway: FakeGateway) -> None:
    """Nor does it explain anything."""
    put_running(gateway)
    finished = Finished()
    assert not finished.differ(ID, gateway.instances[ID])
    assert not finished.explain(ID, 0)
