"""What the recorder costs, and how far it is behind, by its own measure."""

import statistics
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice

from operations.gateway import Gateway, IdPage
from operations.history import HistoryEvent
from operations.model import Instance
from operations.recorder.hints import Hints
from operations.records import RecorderMetrics, Snapshot

WINDOW = 60.0  # seconds over which lags are told
LAGS = 60_000  # that are kept of them at most: 1000 a second
SAMPLED = 5000  # of those, spread evenly, that percentiles are made of at least
SPAN = 10  # beats over which what happens a second is told


class Metered:
    """Reads the engine through a gateway, and counts how often."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self.reads: Counter[str] = Counter()

    def app_id(self) -> str:
        """Return the application, as the gateway does."""
        return self._gateway.app_id()

    def state(self, instance_id: str) -> Instance | None:
        """Return the instance, as the gateway does."""
        self.reads["states"] += 1
        return self._gateway.state(instance_id)

    def history(self, instance_id: str) -> tuple[HistoryEvent, ...]:
        """Return the instance's events, as the gateway does."""
        self.reads["histories"] += 1
        return self._gateway.history(instance_id)

    def ids(self, page_size: int = 1000, token: str = "") -> IdPage:
        """Return a page of ids, as the gateway does."""
        self.reads["lists"] += 1
        return self._gateway.ids(page_size, token)


class Meter:
    """RecorderMetrics lags, reads and hints."""

    def __init__(self, metered: Metered, hints: Hints) -> None:
        self._metered = metered
        self._hints = hints
        self._lags: deque[tuple[float, float]] = deque(maxlen=LAGS)  # when readable, the lag
        self._since = datetime.now(UTC)
        self._beats: deque[tuple[float, Counter[str]]] = deque(maxlen=SPAN)
        self._beats.append((time.monotonic(), Counter()))

    def measure_from(self, since: datetime) -> None:
        """Measure the lag of all that happened from then on: nothing else was late."""
        self._since = since

    def readable(self, snapshots: Iterable[Snapshot], told: Callable[[Snapshot], int]) -> None:
        """Note that these are in the ledger now; of so many events each had been `told` before."""
        now, at = datetime.now(UTC), time.monotonic()
        for snapshot in snapshots:
            for happened in happened_since(snapshot, told(snapshot)):
                if happened >= self._since:
                    self._lags.append((at, max(0.0, (now - happened).total_seconds())))

    def metrics(self, waits: Iterable[float] = ()) -> RecorderMetrics:
        """Return the measures, to be asked for with every beat.

        What was hinted at and is not readable yet counts with the seconds that it `waits` already.
        """
        now = time.monotonic()
        while self._lags and now - self._lags[0][0] > WINDOW:
            self._lags.popleft()
        sample = islice(self._lags, 0, None, max(1, len(self._lags) // SAMPLED))
        median, p95 = _percentiles([*(lag for _, lag in sample), *waits])
        return RecorderMetrics(
            lag_p50=median,
            lag_p95=p95,
            dropped=self._hints.dropped,
            traces=self._hints.arrive,
            **self._a_second(now),
        )

    def _a_second(self, now: float) -> dict[str, float]:
        then, before = self._beats[0]
        counts = Counter({**self._metered.reads, "hints": self._hints.came})
        self._beats.append((now, counts))
        names = ("states", "histories", "lists", "hints")
        return {name: (counts[name] - before[name]) / max(1.0, now - then) for name in names}


def happened_since(snapshot: Snapshot, told: int) -> Iterator[datetime]:
    """Return when each event but the first `told` was there to be read, by the engine's clock.

    That is its own time or that of the workflow's turn that took it, whichever is later: a paused
    instance takes what happened long ago, and a rerun what happened to another.
    """
    turn = snapshot.timeline.started_at
    for number, event in enumerate(snapshot.history or ()):
        if turn is None or event.kind == "workflowStarted":
            turn = max(filter(None, (turn, event.timestamp)))
        if number >= told:
            yield max(turn, event.timestamp)


def _percentiles(lags: list[float]) -> tuple[float | None, float | None]:
    if not lags:
        return None, None
    if len(lags) == 1:
        return lags[0], lags[0]
    cuts = statistics.quantiles(lags, n=20, method="inclusive")
    return cuts[9], cuts[18]
