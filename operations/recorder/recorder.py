"""Follows the engine by polling, and keeps what it sees in the ledger."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime

import structlog

from operations.errors import DaprUnavailable, LedgerUnavailable
from operations.gateway import Gateway
from operations.ledger import Ledger
from operations.recorder.clock import Clock
from operations.recorder.finished import Finished
from operations.recorder.following import Following
from operations.recorder.health import Health
from operations.recorder.hints import Hints
from operations.recorder.histories import Histories
from operations.recorder.listing import Listing
from operations.recorder.measures import Meter, Metered
from operations.recorder.readers import Look, Readers
from operations.recorder.rounds import Rounds
from operations.recorder.tracing import Tracing
from operations.recorder.writing import write
from operations.records import Outage, RunSummary, Snapshot

BEAT_EVERY = 1.0  # seconds between two signs of life, unless there is something to say
VAIN = 4  # reads without an answer, while the engine gives others, that are worth a line

log = structlog.get_logger(__name__)


class Recorder:
    """Finds new instances, reads each unfinished one when it is due, and archives it at its end.

    Whatever moment it is stopped at, nothing is lost: what is not in the ledger is read again, and
    the ledger takes the same snapshot only once. A new one takes up where the last one stopped.
    """

    def __init__(
        self,
        gateway: Gateway,
        ledger: Ledger,
        health: Health,
        clock: Clock,
        hints: Hints | None = None,
    ) -> None:
        metered, hints = Metered(gateway), hints or Hints()
        self._ledger = ledger
        self._health = health
        self._following = Following()
        self._listing = Listing(metered)
        self._readers = Readers(metered, clock.now)
        self._tracing = Tracing(hints, ledger, self._following)
        self._meter = Meter(metered, hints)
        self._histories = Histories(ledger)
        self._finished = Finished()
        self._rounds = Rounds(metered, self._finished)
        self._revision: int | None = None
        self._behind: int | None = None
        self._listed_at: float | None = None
        self._said: tuple[Outage, ...] | None = None
        self._next_beat = 0.0

    def close(self) -> None:
        """End the readers."""
        self._readers.close()
        self._rounds.close()

    def turn(self) -> None:
        """Do what is due now, and give a sign of life; raises `LedgerUnavailable`."""
        self._take_over()
        self._tracing.heed(self._finished)
        self._health.look(self._listing.problems)
        if self._health.is_reachable:
            self._find_new()
            self._find_used_again()
            self._ask()
        self._note(self._readers.looks())
        self._beat()

    def _take_over(self) -> None:
        """Heed what was written into the ledger, by whomever: starts and actions above all."""
        heartbeat = self._ledger.heartbeat()
        revision = heartbeat.revision
        if self._revision is None:
            self._health.take_over(heartbeat.outages)
            self._meter.measure_from(heartbeat.heartbeat_at or datetime.now(UTC))
            self._remember()
        elif revision < self._revision:
            raise LedgerUnavailable("it was replaced by an older one")
        elif revision > self._revision:
            for summary in self._ledger.runs.unfinished(self._revision):
                self._heed(summary)
        self._revision = revision

    def _remember(self) -> None:
        """Take up what the ledger holds."""
        unfinished = self._ledger.runs.unfinished()
        self._finished.take_over(self._ledger.runs.finished())
        ids = (summary.instance_id for summary in unfinished)
        self._following.follow(ids, time.monotonic(), is_backlog=True)
        log.info("following the engine", unfinished=len(unfinished), finished=len(self._finished))

    def _heed(self, summary: RunSummary) -> None:
        """Look at an instance of which the ledger tells something else than was last seen here."""
        last = self._following.last(summary.instance_id)
        if last is None or _gist(last) != (summary.status, summary.last_updated_at):
            self._following.wake(summary.instance_id, time.monotonic())

    def _find_new(self) -> None:
        is_backlog = not self._listing.is_complete
        try:
            news = self._listing.news(self._finished, self._following)
            now = time.monotonic()
            self._following.follow(news, now, self._tracing.by(now), is_backlog=is_backlog)
        except DaprUnavailable:
            self._health.doubt()

    def _find_used_again(self) -> None:
        try:
            for instance_id in self._rounds.news(is_idle=self._readers.is_idle):
                self._following.wake(instance_id, time.monotonic())
        except DaprUnavailable:
            self._health.doubt()

    def _ask(self) -> None:
        for instance_id in self._following.due(time.monotonic(), self._readers.room):
            self._readers.ask(instance_id, self._following.last(instance_id))

    def _note(self, looks: Sequence[Look]) -> None:
        """Write what was seen, and when each is to be read again."""
        looks = self._tracing.traced(looks)
        news = [look for look in looks if look.snapshot and not self._is_known(look.snapshot)]
        unwritten = write(self._ledger.runs, news)
        written = (look.snapshot for look in news if look.instance_id not in unwritten)
        self._meter.readable(filter(None, written), self._told)
        gone = {look.instance_id: look.at for look in looks if not (look.snapshot or look.trouble)}
        if gone:
            self._histories.archive(gone)
            self._ledger.runs.mark_purged(gone)
        for look in looks:
            told = unwritten.troubles.get(look.instance_id, look)
            self._report(told, is_taken=look.instance_id not in unwritten.old)
        seen = [look.snapshot for look in looks if look.snapshot]
        ended = (each.instance.instance_id for each in seen if _is_all(each))
        self._tracing.settle(seen, [each for each in ended if each not in unwritten])
        if any(look.is_vain for look in looks):
            self._give_up()

    def _told(self, snapshot: Snapshot) -> int:
        """Return how many of an instance's events had been read before."""
        is_known = self._finished.has(snapshot.instance)
        return len(snapshot.history or ()) if is_known else self._following.told(snapshot)

    def _is_known(self, snapshot: Snapshot) -> bool:
        return not _is_all(snapshot) and self._following.is_known(snapshot)

    def _report(self, look: Look, *, is_taken: bool) -> None:
        now = time.monotonic()
        if look.trouble:
            self._tell(look, self._following.troubled(look.instance_id, now))
        elif look.snapshot is None:
            self._finished.discard(look.instance_id)
            self._histories.forget(look.instance_id)
            self._following.over(look.instance_id)
        elif is_taken and _is_all(look.snapshot):
            self._finished.add(look.snapshot.instance)
            self._histories.forget(look.instance_id)
            self._following.over(look.instance_id)
        else:
            self._finished.discard(look.instance_id)
            self._histories.keep(look.snapshot)
            self._following.seen(look.snapshot, now, is_taken=is_taken)

    def _tell(self, look: Look, troubles: int) -> None:
        """Log a trouble once; that the whole engine is away is told by its health."""
        if troubles == (VAIN if look.is_vain else 1):
            log.warning(
                f"cannot read {look.instance_id}",
                instance_id=look.instance_id,
                exc_info=look.trouble,
            )

    def _give_up(self) -> None:
        """Ask the engine for nothing more until it is known to be there."""
        self._health.doubt()
        for instance_id in self._readers.unread():
            self._following.unread(instance_id, time.monotonic())

    def _beat(self) -> None:
        outages, now = self._health.outages, time.monotonic()
        if outages != self._said or now >= self._next_beat:
            metrics = self._meter.metrics(self._following.waits(now))
            self._ledger.write_heartbeat(datetime.now(UTC), outages, self._count_behind(), metrics)
            self._said, self._next_beat = outages, now + BEAT_EVERY

    def _count_behind(self) -> int | None:
        """Count what is still to be read, until it has caught up; then there is only news."""
        if self._behind != 0 and self._listing.is_complete:
            self._listed_at = self._listed_at or time.monotonic()
            self._behind = self._following.never_read(self._listed_at)
            if not self._behind:
                log.info("caught up with the engine")
        return self._behind


def _gist(snapshot: Snapshot) -> tuple[object, object]:
    return snapshot.instance.status, snapshot.instance.last_updated_at


def _is_all(snapshot: Snapshot) -> bool:
    """Whether there is nothing more to see: it has ended, and its history is there."""
    return snapshot.instance.status.is_finished and bool(snapshot.history)
