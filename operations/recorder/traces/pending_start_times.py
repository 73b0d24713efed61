"""Start times from trace spans, kept until a history confirms the attempts."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from operations.ledger import Ledger
from operations.recorder.limits import RecorderLimits
from operations.recorder.schedule import Schedule
from operations.recorder.traces.parser import Hint
from operations.records import Snapshot
from operations.timeline import Span, SpanKind, StartTime, start_time_within


class PendingStartTimes:
    """The start times of attempts whose end has not been read yet; limited by number and age."""

    def __init__(self, limits: RecorderLimits) -> None:
        self._limits = limits
        self._added_at: dict[StartTime, float] = {}  # the oldest first
        self._by_id: dict[str, set[StartTime]] = {}

    def __len__(self) -> int:
        return len(self._added_at)

    def add(self, start_times: Iterable[StartTime], now: float) -> None:
        """Add start times, and forget the oldest if they are too old or too many."""
        for start_time in start_times:
            if start_time not in self._added_at:
                self._added_at[start_time] = now
                self._by_id.setdefault(start_time.instance_id, set()).add(start_time)
        while self._added_at:
            oldest, added_at = next(iter(self._added_at.items()))
            is_old = now - added_at >= self._limits.start_time_age
            if len(self._added_at) <= self._limits.start_times and not is_old:
                return
            self._forget(oldest)

    def of(self, instance_id: str) -> list[StartTime]:
        """Return the start times of an instance's attempts."""
        return list(self._by_id.get(instance_id, ()))

    def forget(self, instance_id: str) -> None:
        """Forget the start times of an instance whose run has ended."""
        for start_time in self.of(instance_id):
            self._forget(start_time)

    def take_earlier(self, snapshot: Snapshot) -> list[StartTime]:
        """Return and forget the start times that are earlier than a snapshot's generation."""
        started_at = snapshot.timeline.started_at
        known = self._by_id.get(snapshot.instance.instance_id, ())
        earlier = [each for each in known if started_at and each.at < started_at]
        for start_time in earlier:
            self._forget(start_time)
        return earlier

    def applied_to(self, snapshot: Snapshot) -> Snapshot:
        """Return the snapshot with the known start times of its attempts."""
        known = self._by_id.get(snapshot.instance.instance_id)
        if not known:
            return snapshot
        spans = tuple(_with_start_time(span, known) for span in snapshot.timeline.spans)
        return replace(snapshot, timeline=replace(snapshot.timeline, spans=spans))

    def _forget(self, start_time: StartTime) -> None:
        del self._added_at[start_time]
        remaining = self._by_id[start_time.instance_id]
        remaining.remove(start_time)
        if not remaining:
            del self._by_id[start_time.instance_id]


def _with_start_time(span: Span, known: Iterable[StartTime]) -> Span:
    if span.kind is not SpanKind.ACTIVITY:
        return span
    of_attempt = (each for each in known if each.event_id == span.event_id)
    started_at = start_time_within(span.scheduled_at, span.ended_at, span.ending, of_attempt)
    return replace(span, started_at=started_at) if started_at else span


class StartTimeTracker:
    """Keeps start times, applies them to snapshots, and writes those that no snapshot will have."""

    def __init__(self, ledger: Ledger, schedule: Schedule, limits: RecorderLimits) -> None:
        self._ledger = ledger
        self._schedule = schedule
        self._known = PendingStartTimes(limits)
        self._new: frozenset[StartTime] = frozenset()

    def add(self, hints: Iterable[Hint], now: float) -> None:
        """Keep the start times in hints."""
        self._new = frozenset(hint.start_time for hint in hints if hint.start_time)
        self._known.add(self._new, now)

    def applied_to(self, snapshot: Snapshot) -> Snapshot:
        """Return the snapshot with the known start times of its attempts."""
        return self._known.applied_to(snapshot)

    def write(self, snapshots: Iterable[Snapshot], ended: Sequence[str]) -> None:
        """Write late start times, and forget the start times of the runs that have `ended`.

        A start time is late if its run is not followed, if it is earlier than the generation of the
        run's snapshot, or if the run has ended, because another process may have written the end.
        Raise `LedgerUnavailable`.
        """
        late = {each for each in self._new if each.instance_id not in self._schedule}
        late.update(each for snapshot in snapshots for each in self._known.take_earlier(snapshot))
        late.update(each for instance_id in ended for each in self._known.of(instance_id))
        self._ledger.runs.add_start_times(late)
        self._new = frozenset()
        for instance_id in ended:
            self._known.forget(instance_id)
