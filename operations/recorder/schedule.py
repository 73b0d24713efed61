"""Schedules the reads of unfinished runs."""

import heapq
import math
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice

from operations.model import Status
from operations.recorder.limits import RecorderLimits
from operations.records import Snapshot
from operations.timeline import Ending, SpanKind

_WAITS = frozenset({SpanKind.WAIT, SpanKind.TIMER, SpanKind.BACKOFF})
_FIRST_RETRY = 0.1  # seconds before an expected instance is read again; doubled with each read


@dataclass
class FollowedRun:
    """A run that is followed; all times are seconds of a monotonic clock.

    A run is read when it is `due`; if it is in the backlog, when no other run is due. While it is
    being read, `read_since` is set; if it becomes `due` meanwhile, it is read again afterwards.
    """

    due: float = math.inf
    read_since: float | None = None
    is_backlog: bool = False
    """Whether the run is read only when no other run is due: it was there before the recorder."""
    is_quiet: bool = False
    """Whether the run is not expected to change within seconds."""
    last: Snapshot | None = None
    """The last snapshot, without its history, if the ledger contains it."""
    events: tuple[str | None, int] = (None, 0)
    """An execution id, and how many events of that execution the ledger has."""
    unchanged: int = 0
    """How many reads in a row found no change."""
    failures: int = 0
    """How many reads in a row failed."""
    lost: int = 0
    """How many reads in a row lacked a part of the history."""
    hinted_at: float = math.inf
    """The time of the first hint that no written snapshot has answered."""
    expected_until: float = -math.inf
    """Until when the engine may not have the instance yet, because its id was just reserved."""


class Schedule:
    """The runs that are followed, each with the time at which it is read next.

    A caller that takes an id reports the result of the read by calling `updated`, `failed`,
    `lost`, `absent`, `ended` or `unread`.
    """

    def __init__(self, limits: RecorderLimits) -> None:
        self._limits = limits
        self._runs: dict[str, FollowedRun] = {}
        self._heap: list[tuple[float, str]] = []  # due times; obsolete ones are skipped
        self._backlog: deque[str] = deque()
        self._quiet = 0
        self.backlog = 0
        """How many runs of the backlog have not been read yet."""
        self.is_traced = False
        """Whether traces arrive, so that hints trigger most reads."""
        self.delay = 0.0
        """Seconds for which the hints of a run are gathered before it is read."""

    def __len__(self) -> int:
        return len(self._runs)

    def __contains__(self, instance_id: object) -> bool:
        return instance_id in self._runs

    def follow_backlog(self, ids: Iterable[str]) -> None:
        """Follow instances that are read when no other instance is due."""
        for instance_id in ids:
            if instance_id not in self._runs:
                self._runs[instance_id] = FollowedRun(is_backlog=True)
                self._backlog.append(instance_id)
                self.backlog += 1

    def wake(self, instance_id: str, by: float) -> None:
        """Schedule a read at the time `by` or earlier, and follow the instance from now on.

        An instance that is being read now is read again.
        """
        run = self._runs.setdefault(instance_id, FollowedRun())
        run.unchanged = 0
        if by < run.due:
            self._set_due(instance_id, run, by)

    def rewrite(self, instance_id: str, by: float) -> None:
        """Schedule a read, and write its snapshot even if unchanged: the ledger's row differs."""
        self.wake(instance_id, by)
        self._runs[instance_id].last = None

    def expect(self, instance_id: str, now: float, by: float) -> None:
        """Schedule a read of a reserved id; repeat it for a while if the engine has no instance."""
        self.wake(instance_id, by)
        self._runs[instance_id].expected_until = now + self._limits.reserved

    def hint(self, instance_id: str, now: float, by: float) -> None:
        """Schedule a read because a trace span of the instance arrived."""
        self.wake(instance_id, by)
        run = self._runs[instance_id]
        run.hinted_at = min(now, run.hinted_at)

    def hint_waits(self, now: float) -> Iterator[float]:
        """Return the seconds since the first unanswered hint of each run that has one."""
        runs = self._runs.values()
        return (now - run.hinted_at for run in runs if run.hinted_at < math.inf)

    def take(self, now: float, limit: int) -> list[str]:
        """Return at most `limit` ids to be read now; the longest overdue come first."""
        ids = list(islice(self._take_due(now), limit))
        ids.extend(islice(self._take_backlog(now), limit - len(ids)))
        return ids

    def last(self, instance_id: str) -> Snapshot | None:
        """Return the last snapshot of an instance, without history, if the ledger contains it."""
        run = self._runs.get(instance_id)
        return run.last if run else None

    def is_recorded(self, snapshot: Snapshot) -> bool:
        """Return True if the ledger contains the values of a snapshot."""
        last = self.last(snapshot.instance.instance_id)
        known = last and (last.instance, last.timeline)
        return known == (snapshot.instance, snapshot.timeline)

    def is_expected(self, instance_id: str, now: float) -> bool:
        """Return True if the id was reserved, so that the engine may not have the instance yet."""
        run = self._runs.get(instance_id)
        return run is not None and now < run.expected_until

    def recorded_events(self, snapshot: Snapshot) -> int:
        """Return how many events of a snapshot's execution the ledger has shown before."""
        execution_id, count = self._runs[snapshot.instance.instance_id].events
        return count if execution_id == snapshot.timeline.execution_id else 0

    def updated(self, snapshot: Snapshot, now: float, *, is_stale: bool = False) -> None:
        """Report a snapshot of an unfinished run; the ledger does not store a stale one."""
        instance_id = snapshot.instance.instance_id
        run = self._runs[instance_id]
        run.unchanged = run.unchanged + 1 if self.is_recorded(snapshot) else 0
        run.failures, run.lost, run.expected_until = 0, 0, -math.inf
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
        """Report a read that failed in another way; return how many reads failed in a row."""
        self._runs[instance_id].lost = 0
        return self._failed(instance_id, now)

    def lost(self, instance_id: str, now: float) -> int:
        """Report a read that lacked a part of the history; return how many such reads in a row.

        From `RecorderLimits.lost_reads` on, the history counts as lost, and hints as answered.
        """
        self._failed(instance_id, now)
        run = self._runs[instance_id]
        run.lost += 1
        if run.lost >= self._limits.lost_reads:
            run.hinted_at = math.inf
        return run.lost

    def _failed(self, instance_id: str, now: float) -> int:
        run = self._runs[instance_id]
        run.last = None
        run.failures += 1
        self._report(instance_id, run, now + retry_after(run.failures, self._limits))
        return run.failures

    def unread(self, instance_id: str, now: float) -> None:
        """Report that the read of an instance was cancelled."""
        run = self._runs[instance_id]
        run.read_since = None
        self._set_due(instance_id, run, min(now, run.due))

    def absent(self, instance_id: str, now: float) -> None:
        """Report that the engine has no new run of an id: follow it only while it is expected."""
        run = self._runs[instance_id]
        if now >= run.expected_until:
            self.ended(instance_id)
            return
        run.unchanged += 1
        self._report(instance_id, run, now + _FIRST_RETRY * 2 ** (run.unchanged - 1))

    def ended(self, instance_id: str) -> None:
        """Report that a run is recorded to its end: stop following it, unless it was woken."""
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
        """Return the seconds until a run is read again; they grow with the number of such runs."""
        limits, active = self._limits, len(self._runs) - self._quiet
        if run.is_quiet:
            pace = max(limits.quiet_interval, self._quiet / limits.quiet_reads)
        elif not self.is_traced:
            pace = max(limits.active_interval, active / limits.active_reads)
        elif was_hinted:  # Dapr may write the hinted change only after this read
            pace = max(limits.active_interval, 2 * self.delay, active / limits.traced_reads)
        else:
            pace = max(limits.traced_interval, active / limits.traced_reads)
        return min(limits.longest, pace, max(limits.active_interval, seconds_until_due(snapshot)))

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
    """Clear the hints that a written snapshot answers: the hints from before its read."""
    if run.due == math.inf:
        run.hinted_at = math.inf
    else:
        run.hinted_at = max(run.hinted_at, run.read_since or run.hinted_at)


def retry_after(failures: int, limits: RecorderLimits) -> float:
    """Return the seconds until a run is read again, given how many reads in a row failed."""
    return min(limits.longest, limits.retry * 2.0 ** min(failures - 1, 10))


def is_quiet(snapshot: Snapshot, unchanged: int, limits: RecorderLimits) -> bool:
    """Return True if a run is not expected to change by itself within seconds.

    `unchanged` is how many reads in a row found no change.
    """
    if snapshot.instance.status is Status.PENDING:  # for milliseconds, or until its scheduled time
        return unchanged >= limits.pending_reads
    if snapshot.instance.status is not Status.RUNNING:
        return True
    opened = [span for span in snapshot.timeline.spans if span.ending is Ending.OPEN]
    return (
        bool(opened)
        and all(span.kind in _WAITS for span in opened)
        and seconds_until_due(snapshot) > limits.soon
    )


def seconds_until_due(snapshot: Snapshot) -> float:
    """Return the seconds until the next timer or scheduled start, infinite if there is none."""
    due_times = [span.due for span in snapshot.timeline.spans if span.ending is Ending.OPEN]
    if snapshot.instance.status is Status.PENDING:
        due_times.append(snapshot.scheduled_for)
    now = datetime.now(UTC)
    return min(((due - now).total_seconds() for due in due_times if due), default=math.inf)
