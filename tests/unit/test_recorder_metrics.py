"""What the recorder measures of itself."""

from datetime import UTC, datetime, timedelta

import pytest

from operations.history import HistoryEvent
from operations.recorder import metrics as module
from operations.recorder.limits import Limits
from operations.recorder.metrics import CountedGateway, Meter, readable_since
from operations.recorder.traces.hints import HintQueue
from operations.recorder.traces.spans import Hint
from operations.records import Snapshot
from tests.unit.engine import put_running
from tests.unit.fakes import FakeGateway
from tests.unit.snapshots import ID, at, pending, snapshot


@pytest.fixture
def hints() -> HintQueue:
    """Return a queue with room for one."""
    return HintQueue(Limits(queued_hints=1))


@pytest.fixture
def metered(gateway: FakeGateway) -> CountedGateway:
    """Return what counts the reads of the engine."""
    return CountedGateway(gateway)


@pytest.fixture
def meter(metered: CountedGateway, hints: HintQueue) -> Meter:
    """Return a meter of all that happened."""
    meter = Meter(metered, hints)
    meter.measure_from(at(0))
    return meter


def happened(*seconds: float) -> Snapshot:
    """Return a snapshot of events that happened so many seconds ago."""
    now = datetime.now(UTC)
    began = now - timedelta(hours=1)
    ago = [HistoryEvent(1, now - timedelta(seconds=each), "taskScheduled") for each in seconds]
    return snapshot(started_at=began, history=tuple(ago))


def readable(meter: Meter, *snapshots: Snapshot, told: int = 0) -> None:
    """Have snapshots be in the ledger now, of each of which so many events were there before."""
    for each in snapshots:
        meter.recorded(each, told)


def test_a_lag_is_from_what_happened_until_it_can_be_read(meter: Meter) -> None:
    """Median and p95 of the last minute, in seconds."""
    readable(meter, *(happened(second) for second in range(11)), happened(*range(11, 21)))
    metrics = meter.metrics()
    assert metrics.lag_p50 == pytest.approx(10, abs=0.9)
    assert metrics.lag_p95 == pytest.approx(19, abs=0.9)


def test_a_single_lag_is_both(meter: Meter) -> None:
    """Of none there is nothing to say."""
    assert (meter.metrics().lag_p50, meter.metrics().lag_p95) == (None, None)
    readable(meter, happened(3))
    metrics = meter.metrics()
    assert metrics.lag_p50 == metrics.lag_p95 == pytest.approx(3, abs=0.9)


def test_each_event_counts_once(meter: Meter) -> None:
    """What was told of before was readable then; what tells of no event has no lag."""
    readable(meter, happened(50, 3), told=1)
    readable(meter, happened(50), told=1)
    readable(meter, pending())
    metrics = meter.metrics()
    assert metrics.lag_p50 == metrics.lag_p95 == pytest.approx(3, abs=0.9)


def test_what_waits_to_be_read_counts_with_its_time_so_far(meter: Meter) -> None:
    """A recorder that reads nothing more is behind more and more."""
    readable(meter, happened(1))
    assert meter.metrics([7.0] * 9).lag_p50 == 7


def test_clocks_that_differ_make_no_negative_lag(meter: Meter) -> None:
    """What is of the future was readable at once."""
    readable(meter, happened(-60))
    assert meter.metrics().lag_p95 == 0


def test_old_lags_do_not_count(metered: CountedGateway, hints: HintQueue) -> None:
    """Only those of the last minute do."""
    meter = Meter(metered, hints, window=-1)
    meter.measure_from(at(0))
    readable(meter, happened(3))
    assert meter.metrics().lag_p50 is None


def test_what_happened_before_the_recorder_was_there_has_no_lag(
    metered: CountedGateway, hints: HintQueue
) -> None:
    """It reads an old engine's instances when it comes to them: nobody waited for that."""
    meter = Meter(metered, hints)
    readable(meter, happened(50))
    assert meter.metrics().lag_p50 is None
    meter.measure_from(datetime.now(UTC) - timedelta(seconds=20))
    readable(meter, happened(50, 10))
    assert meter.metrics().lag_p50 == pytest.approx(10, abs=0.9)


def test_only_so_many_lags_are_kept(meter: Meter) -> None:
    """The newest count."""
    readable(meter, happened(*[50] * module._LAGS))
    readable(meter, happened(*[3] * module._LAGS))
    assert meter.metrics().lag_p95 == pytest.approx(3, abs=20)  # they are very many to make


def test_a_busy_minute_is_told_of_as_a_whole(meter: Meter) -> None:
    """What was at its beginning counts as what was at its end."""
    readable(meter, happened(*[50] * 3 * module._SAMPLE))
    readable(meter, happened(*[3] * 3 * module._SAMPLE))
    metrics = meter.metrics([20.0])
    assert metrics.lag_p50 == pytest.approx(20, abs=0.9)
    assert metrics.lag_p95 == pytest.approx(50, abs=0.9)


def test_an_event_is_there_when_a_turn_takes_it() -> None:
    """A result may wait for long; what a rerun copied, or a start that is due later, is not old."""
    history = (
        HistoryEvent(-1, at(20), "workflowStarted"),
        HistoryEvent(1, at(5), "executionStarted"),
        HistoryEvent(2, at(21), "taskScheduled"),
        HistoryEvent(-1, at(40), "workflowStarted"),
        HistoryEvent(-1, at(22), "taskCompleted"),
        HistoryEvent(-1, at(41), "executionCompleted"),
    )
    seen = snapshot(started_at=at(20), history=history)
    moments = [at(20), at(20), at(21), at(40), at(40), at(41)]
    assert list(readable_since(seen, 0)) == moments
    assert list(readable_since(seen, 4)) == moments[4:]
    assert list(readable_since(snapshot(started_at=None, history=history), 5)) == [at(41)]


def test_reads_and_hints_are_counted_by_the_second(
    gateway: FakeGateway, metered: CountedGateway, meter: Meter, hints: HintQueue
) -> None:
    """Also those hints that were dropped, whose number is told too."""
    put_running(gateway)
    assert metered.state(ID) == gateway.state(ID)
    assert metered.history(ID) == gateway.history(ID)
    assert metered.ids().ids == (ID,)
    metered.state(ID)
    hints.offer([Hint(ID)] * 3)
    metrics = meter.metrics()
    assert (metrics.states, metrics.histories, metrics.lists) == (2, 1, 1)
    assert (metrics.hints, metrics.dropped, metrics.traces) == (3, 2, True)


def test_what_happens_a_second_is_of_the_last_beats(
    metered: CountedGateway, meter: Meter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was long ago counts no more."""
    now = 1000.0
    monkeypatch.setattr("operations.recorder.metrics.time.monotonic", lambda: now)
    metered.ids()
    told = []
    for _ in range(2 * module._HEARTBEATS):
        now += 1
        told.append(meter.metrics().lists)
    assert told[-1] == 0
