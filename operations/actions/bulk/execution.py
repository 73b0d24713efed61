"""Executes a bulk job in several threads, with a rate limit, progress and cancel."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from threading import Event, Lock, Thread

import structlog

from operations.actions.bulk.preview import BulkLimits
from operations.bulk_job import BulkTarget, ItemResult
from operations.errors import ActionInProgress, FlowdeckError, OutcomeUnknown, Unavailable
from operations.records import Outcome

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Progress:
    """How many instances a job has not processed yet.

    `is_over` says that no action is in progress any more. If instances are `left` then, the
    execution was cancelled, or a service was away for some of them, for the reason in `outage`;
    after many failures in a row because of outages no further action starts.
    """

    left: int
    is_over: bool
    outage: str | None = None


class RateLimit:
    """Limits the rate at which actions start to `rate` a second."""

    def __init__(self, rate: float) -> None:
        self._interval = 1 / rate
        self._next = 0.0

    def until_next(self, now: float) -> float:
        """Assign the next start, and return the seconds from `now` until then."""
        start = max(now, self._next)
        self._next = start + self._interval
        return start - now


class BulkExecution:
    """A bulk job in progress: calls `act` for each target whose result is not known already.

    An instance is left without a result if a service is away, if another action on it is in
    progress, or if its outcome is unknown and the action is repeatable. No action starts once
    `may_act()` is False.

    The threads end with the process, which does not wait for them: the audit log has the progress.
    """

    def __init__(  # noqa: PLR0913 - what to do, how fast, and when not
        self,
        act: Callable[[BulkTarget], ItemResult],
        targets: Sequence[BulkTarget],
        known: Mapping[str, ItemResult],
        rate: float,
        limits: BulkLimits,
        *,
        is_repeatable: bool = True,
        may_act: Callable[[], bool] = lambda: True,
    ) -> None:
        self._act = act
        self._total = len(targets)
        self._known = known
        self._rate_limit = RateLimit(rate)
        self._is_repeatable = is_repeatable
        self._may_act = may_act
        self._max_failures = limits.failures_in_a_row
        self._cancelled = Event()
        self._lock = Lock()
        self._targets: Iterator[BulkTarget] = iter(targets)
        self._results: list[ItemResult] = []
        self._postponed: list[ItemResult] = []
        self._failures = 0
        self._outage: str | None = None
        self._threads = [Thread(target=self._work, daemon=True) for _ in range(limits.concurrency)]
        for thread in self._threads:
            thread.start()

    def progress(self) -> Progress:
        """Return the progress so far."""
        is_over = not any(thread.is_alive() for thread in self._threads)
        with self._lock:
            return Progress(self._total - len(self._results), is_over, self._outage)

    def results(self) -> tuple[ItemResult, ...]:
        """Return the results so far, in the order in which the actions ended."""
        with self._lock:
            return tuple(self._results)

    def postponed(self) -> tuple[ItemResult, ...]:
        """Return the results of the instances that were tried in vain, if none is tried again."""
        with self._lock:
            return tuple(self._postponed)

    def cancel(self) -> None:
        """Start no further action; actions in progress run to their end."""
        self._cancelled.set()

    def wait(self, seconds: float) -> Progress:
        """Wait until the job is over, for `seconds` at most, and return its progress."""
        deadline = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        return self.progress()

    def _work(self) -> None:
        while target := self._next_target():
            if known := self._known.get(target.instance_id):
                with self._lock:
                    self._results.append(known)
            elif self._cancelled.wait(self._seconds_to_wait()) or not self._may_act():
                self._cancelled.set()
            else:
                self._try(target)

    def _next_target(self) -> BulkTarget | None:
        with self._lock:
            return None if self._cancelled.is_set() else next(self._targets, None)

    def _seconds_to_wait(self) -> float:
        with self._lock:
            return self._rate_limit.until_next(time.monotonic())

    def _try(self, target: BulkTarget) -> None:
        instance_id = target.instance_id
        try:
            self._add(self._act(target))
        except OutcomeUnknown as error:
            result = ItemResult(instance_id, Outcome.UNKNOWN, str(error))
            self._add_failed(result, is_final=not self._is_repeatable)
        except (ActionInProgress, Unavailable) as error:
            self._add_failed(ItemResult(instance_id, Outcome.REFUSED, str(error)), is_final=False)
        except FlowdeckError as error:
            self._add(ItemResult(instance_id, Outcome.REFUSED, str(error)))
        except Exception as error:
            log.exception(f"cannot act on {instance_id}", instance_id=instance_id)
            self._add(ItemResult(instance_id, Outcome.UNKNOWN, str(error)))

    def _add(self, result: ItemResult) -> None:
        with self._lock:
            self._results.append(result)
            self._failures = 0

    def _add_failed(self, result: ItemResult, *, is_final: bool) -> None:
        """Add the result of a failure that may be an outage; one that is not final is postponed."""
        with self._lock:
            (self._results if is_final else self._postponed).append(result)
            self._failures += 1
            if not self._cancelled.is_set():
                self._outage = result.message
            if self._failures >= self._max_failures:
                self._cancelled.set()
