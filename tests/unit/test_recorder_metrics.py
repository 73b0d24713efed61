"""The metrics that the recorder measures."""

from datetime import UTC, datetime, timedelta

import pytest

from operations.history import HistoryEvent
from operations.recorder import metrics as module
from operations.recorder.limits import RecorderLimits
from operations.recorder.metrics import CountedGateway, Meter, readable_since
from operations.recorder.traces.hints import HintQueue
from operations.recorder.traces.parser import Hint
from operations.records import Snapshot
from tests.unit.engine import put_running
from tests.unit.fakes import FakeGateway
from tests.unit.snapshots import ID, at, pending, snapshot

DELAY = 3  # seconds that a busy machine may take from the making of a snapshot to its record


@pytest.fixture
def hints() -> HintQueue:
    """Return a queue with room for one hint."""
    return HintQueue(RecorderLimits(queued_hints=1))


@pytest.fixture
def metered(gateway: FakeGateway) -> CountedGateway:
    """Return a gateway that counts the reads of the engine."""
    return CountedGateway(gateway)


@pytest.fixture
def meter(metered: CountedGateway, hints: HintQueue) -> Meter:
    """Return a meter of all events."""
    meter = Meter(metered, hints)
    meter.measure_from(at(0))
    return meter


def happened(*seconds: float) -> Snapshot:
    """Return a snapshot of events that happened `seconds` ago."""
    now = datetime.now(UTC)
    events = [HistoryEvent(1, now - timedelta(seconds=each), "taskScheduled") for each in seconds]
    return snapshot(started_at=now - timedelta(hours=1), history=tuple(events))


def record(meter: Meter, *snapshots: Snapshot, known_events: int = 0) -> None:
    """Record snapshots; `known_events` events of each were recorded before."""
    for each in snapshots:
        meter.recorded(each, known_events)


def test_a_lag_is_measured_from_the_event_to_its_row(meter: Meter) -> None:
    """The metrics are the median and the p95 of the last minute, in seconds."""
    record(meter, *(happened(second) for second in range(11)), happened(*range(11, 21)))
    metrics = meter.metrics()
    assert metrics.lag_p50 == pytest.approx(10, abs=DELAY)
    assert metrics.lag_p95 == pytest.approx(19, abs=DELAY)


def test_a_single_lag_is_both_percentiles(meter: Meter) -> None:
    """Without a lag both are None."""
    assert (meter.metrics().lag_p50, meter.metrics().lag_p95) == (None, None)
    record(meter, happened(3))
    metrics = meter.metrics()
    assert metrics.lag_p50 == metrics.lag_p95 == pytest.approx(3, abs=DELAY)


def test_each_event_counts_once(meter: Meter) -> None:
    """Events that were recorded before do not count, nor does a snapshot without events."""
    record(meter, happened(50, 3), known_events=1)
    record(meter, happened(50), known_events=1)
    record(meter, pending())
    metrics = meter.metrics()
    assert metrics.lag_p50 == metrics.lag_p95 == pytest.approx(3, abs=DELAY)


def test_unanswered_hints_count_as_lags(meter: Meter) -> None:
    """The lag of a recorder that reads nothing grows."""
    record(meter, happened(1))
    assert meter.metrics([7.0] * 9).lag_p50 == 7


def test_clocks_that_differ_make_no_negative_lag(meter: Meter) -> None:
    """An event of the future was readable at once."""
    record(meter, happened(-60))
    assert meter.metrics().lag_p95 == 0


def test_old_lags_do_not_count(metered: CountedGateway, hints: HintQueue) -> None:
    """Only lags of the last minute count."""
    meter = Meter(metered, hints, window=-1)
    meter.measure_from(at(0))
    record(meter, happened(3))
    assert meter.metrics().lag_p50 is None


def test_events_from_before_the_recorder_have_no_lag(
    metered: CountedGateway, hints: HintQueue
) -> None:
    """A new recorder reads an old engine's instances late, and that is no lag."""
    meter = Meter(metered, hints)
    record(meter, happened(50))
    assert meter.metrics().lag_p50 is None
    meter.measure_from(datetime.now(UTC) - timedelta(seconds=20))
    record(meter, happened(50, 10))
    assert meter.metrics().lag_p50 == pytest.approx(10, abs=DELAY)


def test_the_number_of_kept_lags_is_limited(meter: Meter) -> None:
    """The newest lags count."""
    record(meter, happened(*[50] * module._LAGS))
    record(meter, happened(*[3] * module._LAGS))
    assert meter.metrics().lag_p95 == pytest.approx(3, abs=20)  # building so many takes seconds


def test_percentiles_cover_the_whole_minute(meter: Meter) -> None:
    """The sample is spread evenly over a busy minute."""
    record(meter, happened(*[50] * 3 * module._SAMPLE))
    record(meter, happened(*[3] * 3 * module._SAMPLE))
    metrics = meter.metrics([20.0])
    assert metrics.lag_p50 == 20
    assert metrics.lag_p95 == pytest.approx(50, abs=20)  # building so many takes seconds


def test_an_event_is_readable_when_a_turn_processes_it() -> None:
    """A result may wait; copied events of a rerun and a scheduled start are not old."""
    history = (
        HistoryEvent(-1, at(20), "workflowStarted"),
        HistoryEvent(1, at(5), "executionStarted"),
        HistoryEvent(2, at(21), "taskScheduled"),
        HistoryEvent(-1, at(40), "workflowStarted"),
        HistoryEvent(-1, at(22), "taskCompleted"),
        HistoryEvent(-1, at(41), "executionCompleted"),
    )
    resumed = snapshot(started_at=at(20), history=history)
    times = [at(20), at(20), at(21), at(40), at(40), at(41)]
    assert list(readable_since(resumed, 0)) == times
    assert list(readable_since(resumed, 4)) == times[4:]
    assert list(readable_since(snapshot(started_at=None, history=history), 5)) == [at(41)]


def test_reads_and_hints_are_rates_a_second(
    gateway: FakeGateway, metered: CountedGateway, meter: Meter, hints: HintQueue
) -> None:
    """Dropped hints count as hints, and have a number of their own."""
    put_running(gateway)
    assert metered.state(ID) == gateway.state(ID)
    assert metered.history(ID) == gateway.history(ID)
    assert metered.ids().ids == (ID,)
    metered.state(ID)
    hints.offer([Hint(ID)] * 3)
    metrics = meter.metrics()
    assert (metrics.states, metrics.histories, metrics.lists) == (2, 1, 1)
    assert (metrics.hints, metrics.dropped, metrics.traces) == (3, 2, True)


def test_rates_cover_the_last_heartbeats(
    metered: CountedGateway, meter: Meter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Older reads do not count."""
    now = 1000.0
    monkeypatch.setattr("operations.recorder.metrics.time.monotonic", lambda: now)
    metered.ids()
    rates = []
    for _ in range(2 * module._HEARTBEATS):
        now += 1
        rates.append(meter.metrics().lists)
    assert rates[-1] == 0
