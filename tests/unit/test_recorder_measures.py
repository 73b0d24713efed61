"""What the recorder measures of itself."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from operations.history import HistoryEvent
from operations.recorder import measures as module
from operations.recorder.hints import Hints
from operations.recorder.measures import Meter, Metered, happened_at
from operations.recorder.readers import Look
from operations.recorder.spans import Hint
from operations.records import Sighting
from tests.unit.engine import runs
from tests.unit.fakes import FakeGateway
from tests.unit.sightings import ID, at, pending, sighting


@pytest.fixture
def hints() -> Hints:
    """Return a queue with room for one."""
    return Hints(room=1)


@pytest.fixture
def metered(gateway: FakeGateway) -> Metered:
    """Return what counts the reads of the engine."""
    return Metered(gateway)


@pytest.fixture
def meter(metered: Metered, hints: Hints) -> Meter:
    """Return a meter."""
    return Meter(metered, hints)


def happened(seconds: float) -> Sighting:
    """Return a sighting of something that happened so many seconds ago."""
    return sighting(last_updated_at=datetime.now(UTC) - timedelta(seconds=seconds))


def readable(meter: Meter, *sightings: Sighting, before: Sighting | None = None) -> None:
    """Have sightings be in the ledger now."""
    meter.readable([Look(ID, each) for each in sightings], lambda _: before)


def test_a_lag_is_from_what_happened_until_it_can_be_read(meter: Meter) -> None:
    """Median and p95 of the last minute, in seconds."""
    readable(meter, *(happened(second) for second in range(21)))
    measures = meter.measures()
    assert measures.lag_p50 == pytest.approx(10, abs=0.9)
    assert measures.lag_p95 == pytest.approx(19, abs=0.9)


def test_a_single_lag_is_both(meter: Meter) -> None:
    """Of none there is nothing to say."""
    assert (meter.measures().lag_p50, meter.measures().lag_p95) == (None, None)
    readable(meter, happened(3))
    measures = meter.measures()
    assert measures.lag_p50 == measures.lag_p95 == pytest.approx(3, abs=0.9)


def test_what_is_no_news_has_no_lag(meter: Meter) -> None:
    """It was written once more, or tells no time."""
    seen = happened(3)
    readable(meter, seen, before=replace(seen, seen_at=at(0)))
    readable(meter, pending())
    assert meter.measures().lag_p50 is None


def test_clocks_that_differ_make_no_negative_lag(meter: Meter) -> None:
    """What is of the future was readable at once."""
    readable(meter, happened(-60))
    assert meter.measures().lag_p95 == 0


def test_old_lags_do_not_count(meter: Meter, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only those of the last minute do."""
    readable(meter, happened(3))
    monkeypatch.setattr(module, "WINDOW", -1)
    assert meter.measures().lag_p50 is None


def test_the_last_event_may_be_later_than_the_state_tells() -> None:
    """Of both times the later one is when it happened."""
    history = (HistoryEvent(1, at(9), "taskScheduled"), HistoryEvent(2, at(4), "taskCompleted"))
    assert happened_at(sighting(last_updated_at=at(5), history=history)) == at(9)
    assert happened_at(sighting(last_updated_at=at(11), history=history)) == at(11)


def test_reads_and_hints_are_counted_by_the_second(
    gateway: FakeGateway, metered: Metered, meter: Meter, hints: Hints
) -> None:
    """Also those hints that were dropped, whose number is told too."""
    runs(gateway)
    assert metered.state(ID) == gateway.state(ID)
    assert metered.history(ID) == gateway.history(ID)
    assert metered.ids().ids == (ID,)
    metered.state(ID)
    hints.offer([Hint(ID)] * 3)
    measures = meter.measures()
    assert (measures.states, measures.histories, measures.lists) == (2, 1, 1)
    assert (measures.hints, measures.dropped, measures.traces) == (3, 2, True)


def test_what_happens_a_second_is_of_the_last_beats(
    metered: Metered, meter: Meter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was long ago counts no more."""
    now = 1000.0
    monkeypatch.setattr("operations.recorder.measures.time.monotonic", lambda: now)
    metered.ids()
    told = []
    for _ in range(2 * module.SPAN):
        now += 1
        told.append(meter.measures().lists)
    assert told[-1] == 0
