"""Which unfinished runs are followed, and when each is read next."""

import heapq
import math
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice

from operations.model import Status
from operations.recorder.limits import Limits
from operations.records import Snapshot
from operations.timeline import Ending, SpanKind

_WAITS = frozenset({SpanKind.WAIT, SpanKind.TIMER, SpanKind.BACKOFF})
_FIRST_RETRY = 0.1  # seconds before an instance that is expected is looked for again; then doubled


@dataclass
class FollowedRun:
    """A run that is followed; all times are seconds of a monotonic clock.

    It is in one of three states. WAITING: it is read when it is `due`. BACKLOG: it is read when
    nothing is due. READING: since `read_since`; if `due` is set then, it was asked for again.
    """

    due: float = math.inf
    read_since: float | None = None
    is_backlog: bool = False
    """Whether it is still to be read for the first time since the recorder started."""
    is_quiet: bool = False
    """Whether nothing is expected to happen to it within seconds."""
    last: Snapshot | None = None
    """The last snapshot, without its history, if the ledger holds it."""
    events: tuple[str | None, int] = (None, 0)
    """An execution id, and how many events of that execution the ledger has shown."""
    unchanged: int = 0
    """How many reads in a row told nothing new."""
    failures: int = 0
    """How many reads in a row failed."""
    hinted_at: float = math.inf
    """The time of the first hint that no written snapshot has answered."""
    expected_until: float = -math.inf
    """Until when the engine may not have it yet: its id was reserved for a start."""


class Schedule:
    """The runs that are followed, each with the time at which it is read next.

    Whoever takes an id to read it reports what came of it: `seen`, `failed`, `absent`, `over` or
    `unread`.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._runs: dict[str, FollowedRun] = {}
        self._heap: list[tuple[float, str]] = []  # due times; those that hold no more are skipped
        self._backlog: deque[str] = deque()
        self._quiet = 0
        self.backlog = 0
        """How many runs of the backlog have not been read yet."""
        self.is_traced = False
        """Whether traces arrive, which tell when to read."""
        self.delay = 0.0
        """Seconds for which the hints of a run are gathered before it is read."""

    def __len__(self) -> int:
        return len(self._runs)

    def __contains__(self, instance_id: object) -> bool:
        return instance_id in self._runs

    def follow_backlog(self, ids: Iterable[str]) -> None:
        """Follow instances that may wait until nothing else is to be read."""
        for instance_id in ids:
            if instance_id not in self._runs:
                self._runs[instance_id] = FollowedRun(is_backlog=True)
                self._backlog.append(instance_id)
                self.backlog += 1

    def wake(self, instance_id: str, by: float) -> None:
        """Read an instance by a time, also if it is being read now; follow it from now on."""
        run = self._runs.setdefault(instance_id, FollowedRun())
        run.unchanged = 0
        if by < run.due:
            self._set_due(instance_id, run, by)

    def rewrite(self, instance_id: str, by: float) -> None:
        """Read an instance by a time, and write it whatever it is: the ledger has another state."""
        self.wake(instance_id, by)
        self._runs[instance_id].last = None

    def expect(self, instance_id: str, now: float, by: float) -> None:
        """Read an instance whose id was reserved, and look for it some time if it is not there."""
        self.wake(instance_id, by)
        self._runs[instance_id].expected_until = now + self._limits.reserved

    def hint(self, instance_id: str, now: float, by: float) -> None:
        """Read an instance by a time, since a span of it arrived."""
        self.wake(instance_id, by)
        run = self._runs[instance_id]
        run.hinted_at = min(now, run.hinted_at)

    def unanswered(self, now: float) -> Iterator[float]:
        """Return how many seconds ago each run was hinted at that was not written since."""
        runs = self._runs.values()
        return (now - run.hinted_at for run in runs if run.hinted_at < math.inf)

    def take(self, now: float, most: int) -> list[str]:
        """Return ids to be read now, those that are overdue for longest first."""
        ids = list(islice(self._take_due(now), most))
        ids.extend(islice(self._take_backlog(now), most - len(ids)))
        return ids

    def last(self, instance_id: str) -> Snapshot | None:
        """Return the last snapshot of an instance, without its history, if the ledger holds it."""
        run = self._runs.get(instance_id)
        return run.last if run else None

    def is_recorded(self, snapshot: Snapshot) -> bool:
        """Return whether the ledger holds what a snapshot says."""
        last = self.last(snapshot.instance.instance_id)
        known = last and (last.instance, last.timeline)
        return known == (snapshot.instance, snapshot.timeline)

    def is_expected(self, instance_id: str, now: float) -> bool:
        """Return whether the engine may not have an instance yet whose id was reserved."""
        run = self._runs.get(instance_id)
        return run is not None and now < run.expected_until

    def recorded_events(self, snapshot: Snapshot) -> int:
        """Return how many events of a snapshot's execution the ledger has shown before."""
        execution_id, count = self._runs[snapshot.instance.instance_id].events
        return count if execution_id == snapshot.timeline.execution_id else 0

    def seen(self, snapshot: Snapshot, now: float, *, is_stale: bool = False) -> None:
        """Report a snapshot of a run that goes on; the ledger does not take one that is stale."""
        instance_id = snapshot.instance.instance_id
        run = self._runs[instance_id]
        run.unchanged = run.unchanged + 1 if self.is_recorded(snapshot) else 0
        run.failures, run.expected_until = 0, -math.inf
        run.last, was_hinted = None, run.hinted_at < math.inf
        if not is_stale:
            run.last = replace(snapshot, history=None)
            _answer_hints(run)
            if snapshot.history is not None:
                run.events = snapshot.timeline.execution_id, len(snapshot.history)
        self._set_quiet(run, is_quiet=is_quiet(snapshot, run.unchanged, self._limits))
        interval = self._interval(snapshot, run, was_hinted=was_hinted)
        self._report(instance_id, run, now + interval)

    def failed(self, instance_id: str, now: float) -> int:
        """Report that a read failed; return how many reads failed in a row."""
        run = self._runs[instance_id]
        run.last = None
        run.failures += 1
        self._report(instance_id, run, now + retry_after(run.failures, self._limits))
        return run.failures

    def unread(self, instance_id: str, now: float) -> None:
        """Report that an instance was not read after all."""
        run = self._runs[instance_id]
        run.read_since = None
        self._set_due(instance_id, run, min(now, run.due))

    def absent(self, instance_id: str, now: float) -> None:
        """Report that the engine has nothing new of an id: follow it only while it is expected."""
        run = self._runs[instance_id]
        if now >= run.expected_until:
            self.over(instance_id)
            return
        run.unchanged += 1
        self._report(instance_id, run, now + _FIRST_RETRY * 2 ** (run.unchanged - 1))

    def over(self, instance_id: str) -> None:
        """Report that a run is recorded to its end: follow it no more, unless it was woken."""
        run = self._runs[instance_id]
        if run.due == math.inf:
            self._report(instance_id, run, math.inf)
            self._set_quiet(run, is_quiet=False)
            del self._runs[instance_id]
            return
        run.last, run.expected_until = None, -math.inf
        _answer_hints(run)
        self._report(instance_id, run, run.due)

    def _take_due(self, now: float) -> Iterator[str]:
        while self._heap and self._heap[0][0] <= now:
            due, instance_id = heapq.heappop(self._heap)
            run = self._runs.get(instance_id)
            if run and run.due == due and run.read_since is None:
                run.due, run.read_since = math.inf, now
                yield instance_id

    def _take_backlog(self, now: float) -> Iterator[str]:
        while self._backlog:
            instance_id = self._backlog.popleft()
            run = self._runs.get(instance_id)
            if run and run.is_backlog and run.due == math.inf and run.read_since is None:
                run.read_since = now
                yield instance_id

    def _interval(self, snapshot: Snapshot, run: FollowedRun, *, was_hinted: bool) -> float:
        """Return the seconds until a run is read again; the more there are of a kind, the more."""
        limits, active = self._limits, len(self._runs) - self._quiet
        if run.is_quiet:
            pace = max(limits.quiet, self._quiet / limits.quiet_reads)
        elif not self.is_traced:
            pace = max(limits.brisk, active / limits.brisk_reads)
        elif was_hinted:  # the engine may still have been at what the hint was of
            pace = max(limits.brisk, 2 * self.delay, active / limits.traced_reads)
        else:
            pace = max(limits.traced, active / limits.traced_reads)
        return min(limits.slowest, pace, max(limits.brisk, seconds_until_due(snapshot)))

    def _set_quiet(self, run: FollowedRun, *, is_quiet: bool) -> None:
        self._quiet += is_quiet - run.is_quiet
        run.is_quiet = is_quiet

    def _report(self, instance_id: str, run: FollowedRun, due: float) -> None:
        self.backlog -= run.is_backlog
        run.is_backlog, run.read_since = False, None
        self._set_due(instance_id, run, min(run.due, due))

    def _set_due(self, instance_id: str, run: FollowedRun, due: float) -> None:
        run.due = due
        if run.read_since is None and due < math.inf:
            heapq.heappush(self._heap, (due, instance_id))


def _answer_hints(run: FollowedRun) -> None:
    """Note that a snapshot is written: it answers the hints that came before its read."""
    if run.due == math.inf:
        run.hinted_at = math.inf
    else:
        run.hinted_at = max(run.hinted_at, run.read_since or run.hinted_at)


def retry_after(failures: int, limits: Limits) -> float:
    """Return the seconds after which a run is read again whose last reads failed."""
    return min(limits.slowest, limits.retry * 2.0 ** min(failures - 1, 10))


def is_quiet(snapshot: Snapshot, unchanged: int, limits: Limits) -> bool:
    """Return whether nothing is expected to happen to a run by itself within seconds.

    `unchanged` is how many reads in a row told nothing new.
    """
    if snapshot.instance.status is Status.PENDING:  # for milliseconds, or until its time
        return unchanged >= limits.pending_reads
    if snapshot.instance.status is not Status.RUNNING:
        return True
    still = [span for span in snapshot.timeline.spans if span.ending is Ending.OPEN]
    return (
        bool(still)
        and all(span.kind in _WAITS for span in still)
        and seconds_until_due(snapshot) > limits.soon
    )


def seconds_until_due(snapshot: Snapshot) -> float:
    """Return how long until a run goes on by itself at the latest: infinite if it never does."""
    dues = [span.due for span in snapshot.timeline.spans if span.ending is Ending.OPEN]
    if snapshot.instance.status is Status.PENDING:
        dues.append(snapshot.scheduled_for)
    now = datetime.now(UTC)
    return min(((due - now).total_seconds() for due in dues if due), default=math.inf)
