"""Begin times that traces told of, kept until the history confirms the attempts."""

from collections.abc import Iterable
from dataclasses import replace

from operations.records import Snapshot, StartTime
from operations.timeline import Span, SpanKind, start_time_within

MOST = 50_000  # begins; the oldest give way
KEPT = 3600.0  # seconds: a paused instance takes its activities' results when it is resumed


class Begins:
    """What was told of attempts whose end has not been seen yet, up to so many and so long."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._told: dict[StartTime, float] = {}  # when each was told; the oldest first
        self._of: dict[str, set[StartTime]] = {}

    def __len__(self) -> int:
        return len(self._told)

    def add(self, begins: Iterable[StartTime], now: float) -> None:
        """Keep begins, and forget those that are too old or too many."""
        for begin in begins:
            if begin not in self._told:
                self._told[begin] = now
                self._of.setdefault(begin.instance_id, set()).add(begin)
        while self._told:
            oldest, told_at = next(iter(self._told.items()))
            if len(self._told) <= self._most and now - told_at < KEPT:
                return
            self._forget(oldest)

    def of(self, instance_id: str) -> list[StartTime]:
        """Return the begins of an instance's attempts."""
        return list(self._of.get(instance_id, ()))

    def forget(self, instance_id: str) -> None:
        """Forget those of an instance: it is over."""
        for begin in self.of(instance_id):
            self._forget(begin)

    def take_earlier(self, snapshot: Snapshot) -> list[StartTime]:
        """Return the begins of attempts of the generations before the one seen, and forget them."""
        started_at = snapshot.timeline.started_at
        told = self._of.get(snapshot.instance.instance_id, ())
        earlier = [begin for begin in told if started_at and begin.at < started_at]
        for begin in earlier:
            self._forget(begin)
        return earlier

    def lent_to(self, snapshot: Snapshot) -> Snapshot:
        """Return a snapshot in which attempts have the begins that were told of them."""
        told = self.of(snapshot.instance.instance_id)
        if not told:
            return snapshot
        spans = tuple(_lent(span, told) for span in snapshot.timeline.spans)
        return replace(snapshot, timeline=replace(snapshot.timeline, spans=spans))

    def _forget(self, begin: StartTime) -> None:
        del self._told[begin]
        left = self._of[begin.instance_id]
        left.remove(begin)
        if not left:
            del self._of[begin.instance_id]


def _lent(span: Span, told: Iterable[StartTime]) -> Span:
    if span.kind is not SpanKind.ACTIVITY:
        return span
    times = (begin.at for begin in told if begin.event_id == span.event_id)
    began = start_time_within(span.scheduled_at, span.ended_at, times)
    return replace(span, started_at=began) if began else span
