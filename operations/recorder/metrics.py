"""Measures the recorder's lag and its reads of the engine."""

import statistics
import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice

from operations.gateway import Gateway, IdPage
from operations.history import HistoryEvent
from operations.model import Instance
from operations.recorder.traces.hints import HintQueue
from operations.recorder_report import RecorderMetrics
from operations.records import Snapshot

_WINDOW = 60.0  # seconds over which the percentiles of the lag are taken
_LAGS = 60_000  # lags that are kept at most: 1000 a second
_SAMPLE = 5000  # percentiles use 5,000 to 9,999 evenly spaced lags if there are more
_HEARTBEATS = 10  # heartbeats over which the rates are averaged


class CountedGateway:
    """Reads the engine through a gateway, and counts the reads."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self.reads: Counter[str] = Counter()

    def app_id(self, *, fresh: bool = False) -> str:
        """Return the id of the application; see `Gateway.app_id`."""
        return self._gateway.app_id(fresh=fresh)

    def state(self, instance_id: str) -> Instance | None:
        """Return the instance; see `Gateway.state`."""
        self.reads["states"] += 1
        return self._gateway.state(instance_id)

    def history(self, instance_id: str) -> tuple[HistoryEvent, ...]:
        """Return the events of the instance; see `Gateway.history`."""
        self.reads["histories"] += 1
        return self._gateway.history(instance_id)

    def ids(self, page_size: int = 1000, token: str = "") -> IdPage:
        """Return a page of ids; see `Gateway.ids`."""
        self.reads["lists"] += 1
        return self._gateway.ids(page_size, token)


class Meter:
    """Measures the lag, the reads and the hints.

    The lag is how many seconds an event takes until the ledger shows it. Percentiles cover the last
    `window` seconds.
    """

    def __init__(self, gateway: CountedGateway, queue: HintQueue, window: float = _WINDOW) -> None:
        self._gateway = gateway
        self._queue = queue
        self._window = window
        self._lags: deque[tuple[float, float]] = deque(maxlen=_LAGS)  # when recorded, the lag
        self._since = datetime.now(UTC)
        self._counts: deque[tuple[float, Counter[str]]] = deque(maxlen=_HEARTBEATS)
        self._counts.append((time.monotonic(), Counter()))

    def measure_from(self, since: datetime) -> None:
        """Ignore events before a time, when no recorder was running."""
        self._since = since

    def recorded(self, snapshot: Snapshot, known_events: int) -> None:
        """Measure the lag of a snapshot that was just written.

        The ledger had its first `known_events` events before.
        """
        now, at = datetime.now(UTC), time.monotonic()
        for happened in readable_since(snapshot, known_events):
            if happened >= self._since:
                self._lags.append((at, max(0.0, (now - happened).total_seconds())))

    def metrics(
        self, unanswered: Iterable[float] = (), workers: int | None = None
    ) -> RecorderMetrics:
        """Return the metrics for one heartbeat.

        `unanswered` contains the seconds that hints have waited so far; they count as lags.
        `workers` is the number of connected workers.
        """
        now = time.monotonic()
        while self._lags and now - self._lags[0][0] > self._window:
            self._lags.popleft()
        sample = islice(self._lags, 0, None, max(1, len(self._lags) // _SAMPLE))
        p50, p95 = _percentiles([*(lag for _, lag in sample), *unanswered])
        return RecorderMetrics(
            lag_p50=p50,
            lag_p95=p95,
            dropped=self._queue.dropped,
            traces=self._queue.is_traced,
            workers=workers,
            **self._rates(now),
        )

    def _rates(self, now: float) -> dict[str, float]:
        """Return the counts a second, averaged over the last heartbeats."""
        then, before = self._counts[0]
        counts = Counter({**self._gateway.reads, "hints": self._queue.received})
        self._counts.append((now, counts))
        names = ("states", "histories", "lists", "hints")
        return {name: (counts[name] - before[name]) / max(1.0, now - then) for name in names}


def readable_since(snapshot: Snapshot, known: int) -> Iterator[datetime]:
    """Yield when each event could be read, by the engine's clock; skip the first `known` events.

    The time is the event's own or the time of the turn that processed it, whichever is later: a
    resumed run processes results that arrived long before, and a rerun copies events of another
    run.
    """
    turn = snapshot.timeline.started_at
    for number, event in enumerate(snapshot.history or ()):
        if turn is None or event.kind == "workflowStarted":
            turn = max(filter(None, (turn, event.timestamp)))
        if number >= known:
            yield max(turn, event.timestamp)


def _percentiles(lags: list[float]) -> tuple[float | None, float | None]:
    if not lags:
        return None, None
    if len(lags) == 1:
        return lags[0], lags[0]
    cuts = statistics.quantiles(lags, n=20, method="inclusive")
    return cuts[9], cuts[18]
