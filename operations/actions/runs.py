"""Bulks under way: how they go through their items."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from threading import Event, Lock, Thread

import structlog

from operations.actions.choosing import Target
from operations.errors import FlowdeckError, OutcomeUnknown, Unavailable
from operations.records import Outcome

AT_ONCE = 8  # items under way at a time
OUTAGES = 3 * AT_ONCE  # items in a row that fail, or stay unknown, for an outage: then it stops

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Result:
    """What came of one item; `new_id` is the rerun's, `message` why it is neither done nor left."""

    instance_id: str
    outcome: Outcome
    message: str | None = None
    new_id: str | None = None


@dataclass(frozen=True)
class Progress:
    """How far a bulk has come, in items; `unknown` are those of which nobody knows.

    `is_over` says that nothing more is under way; if something is `left` then, it was cancelled, or
    stopped for the reason that `stopped` gives.
    """

    total: int
    done: int
    unchanged: int
    refused: int
    unknown: int
    is_over: bool
    stopped: str | None = None

    @property
    def left(self) -> int:
        """How many items nothing has been tried on."""
        return self.total - self.done - self.unchanged - self.refused - self.unknown


class Pace:
    """Gives out moments to begin, so many a second at most."""

    def __init__(self, rate: float) -> None:
        self._between = 1 / rate
        self._next = 0.0

    def until_next(self, now: float) -> float:
        """Take the next moment, and return how many seconds after `now` it is."""
        turn = max(now, self._next)
        self._next = turn + self._between
        return turn - now


class Run:
    """A bulk under way: does something to targets, from several threads, at a rate.

    Those of which something is `known` already, by their ids, it leaves alone.
    """

    def __init__(
        self,
        do: Callable[[Target], Result],
        targets: Sequence[Target],
        known: Mapping[str, Result],
        rate: float,
    ) -> None:
        self._do = do
        self._total = len(targets)
        self._known = known
        self._pace = Pace(rate)
        self._cancelled = Event()
        self._lock = Lock()
        self._targets: Iterator[Target] = iter(targets)
        self._results: list[Result] = []
        self._outages = 0
        self._stopped: str | None = None
        # They die with the process, which does not wait for them: the journal knows how far it is.
        self._threads = [Thread(target=self._work, daemon=True) for _ in range(AT_ONCE)]
        for thread in self._threads:
            thread.start()

    def progress(self) -> Progress:
        """Return how far it is."""
        is_over = not any(thread.is_alive() for thread in self._threads)
        with self._lock:
            counts = Counter(result.outcome for result in self._results)
            return Progress(
                total=self._total,
                done=counts[Outcome.DONE],
                unchanged=counts[Outcome.UNCHANGED],
                refused=counts[Outcome.REFUSED],
                unknown=counts[Outcome.UNKNOWN],
                is_over=is_over,
                stopped=self._stopped,
            )

    def results(self) -> tuple[Result, ...]:
        """Return what came of the items so far, in the order in which they ended."""
        with self._lock:
            return tuple(self._results)

    def cancel(self) -> None:
        """Begin with no item any more; those under way come to their end."""
        self._cancelled.set()

    def wait(self, seconds: float) -> Progress:
        """Wait until it is over, but no longer than that, and return how far it is."""
        deadline = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        return self.progress()

    def _work(self) -> None:
        while target := self._take():
            if known := self._known.get(target.instance_id):
                self._ended(known)
            elif not self._cancelled.wait(self._until_my_turn()):
                self._try(target)

    def _take(self) -> Target | None:
        with self._lock:
            return None if self._cancelled.is_set() else next(self._targets, None)

    def _until_my_turn(self) -> float:
        """Return the seconds until the next item may begin, and take that moment."""
        with self._lock:
            return self._pace.until_next(time.monotonic())

    def _try(self, target: Target) -> None:
        outage: str | None = None
        try:
            result = self._do(target)
        except OutcomeUnknown as error:
            result, outage = Result(target.instance_id, Outcome.UNKNOWN, str(error)), str(error)
        except Unavailable as error:
            result, outage = Result(target.instance_id, Outcome.REFUSED, str(error)), str(error)
        except FlowdeckError as error:
            result = Result(target.instance_id, Outcome.REFUSED, str(error))
        except Exception as error:
            log.exception(f"cannot act on {target.instance_id}", instance_id=target.instance_id)
            result = Result(target.instance_id, Outcome.UNKNOWN, str(error))
        self._ended(result, outage)

    def _ended(self, result: Result, outage: str | None = None) -> None:
        with self._lock:
            self._results.append(result)
            self._outages = self._outages + 1 if outage else 0
            if self._outages >= OUTAGES and not self._cancelled.is_set():
                self._stopped = outage
                self._cancelled.set()
