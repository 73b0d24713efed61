"""Follows one application's runs, and records them in the ledger."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import structlog

from operations.errors import DaprRefused, DaprUnavailable, FlowdeckError, HistoryLost
from operations.gateway import Gateway
from operations.health.deadlock import DeadlockWatch
from operations.health.outages import DaprMonitor
from operations.health.state_store import StateStoreFile
from operations.health.worker_probe import WorkerProbe
from operations.ledger import Ledger
from operations.recorder.archive import Archive, Unwritten
from operations.recorder.discovery import FinishedRuns, IdLister
from operations.recorder.limits import RecorderLimits
from operations.recorder.metrics import CountedGateway, Meter
from operations.recorder.notices import Notices
from operations.recorder.readers import Clock, Readers, ReadResult
from operations.recorder.schedule import Schedule
from operations.recorder.traces.hints import HintHandler, HintQueue
from operations.recorder.traces.pending_start_times import StartTimeTracker
from operations.records import RunSummary, Snapshot

_UNANSWERED = 4  # reads in a row of one run without an answer, after which one line is logged

log = structlog.get_logger(__name__)


class OtherApplication(Exception):
    """The sidecar belongs to another application than the recorder follows; nothing was written."""


class FollowedApplication:
    """The application that the recorder follows, with the objects that outlive one open ledger.

    `RecorderProcess` creates a new `Recorder` each time it opens the ledger, and when the sidecar
    belongs to another application.
    """

    def __init__(
        self,
        gateway: Gateway,
        limits: RecorderLimits | None = None,
        state_store: StateStoreFile | None = None,
        worker: WorkerProbe | None = None,
    ) -> None:
        self.limits = limits or RecorderLimits()
        self.gateway = CountedGateway(gateway)
        self.acting_gateway = gateway
        """For actions; `gateway` only reads."""
        grace = timedelta(seconds=self.limits.outage_grace)
        self.health = DaprMonitor(gateway, self.limits.health_every, grace, state_store, worker)
        self.deadlock = DeadlockWatch(worker)
        self.clock = Clock()
        self.queue = HintQueue(self.limits)
        self.notices = Notices(self.health, self.queue)


class Recorder:
    """Finds new runs, reads each unfinished run when it is due, and archives it at its end.

    The recorder may stop at any time: the next one reads again what is not in the ledger, and the
    ledger stores the same snapshot only once. Call `close` at the end.

    `ledger` must be bound to one application. A sidecar of another application does not have its
    instances, so nothing that such a sidecar answers is recorded.
    """

    def __init__(self, application: FollowedApplication, ledger: Ledger) -> None:
        gateway, limits = application.gateway, application.limits
        self._gateway = gateway
        queue, now = application.queue, application.clock.now
        self._health = application.health
        self._deadlock = application.deadlock
        self._notices = application.notices
        self._queue = queue
        self._limits = limits
        self._ledger = ledger
        self._schedule = Schedule(limits)
        self._lister = IdLister(gateway, limits)
        self._finished = FinishedRuns(limits)
        self._readers = Readers(gateway, now, self._finished.is_known_end, limits)
        self._hints = HintHandler(queue, self._schedule, self._finished, limits)
        self._start_times = StartTimeTracker(ledger, self._schedule, limits)
        self._archive = Archive(ledger, limits)
        self._meter = Meter(gateway, queue)
        self._revision: int | None = None
        self._is_caught_up = False
        self._written = self._health.outages
        self._heartbeat_due = 0.0
        self._analysis_due = 0.0

    def close(self) -> None:
        """Stop the reader threads."""
        self._readers.close()

    def cycle(self) -> None:
        """Read and record what is due, and write a heartbeat.

        Raise `LedgerUnavailable` and `OtherApplication`.
        """
        self._follow_ledger()
        self._schedule.is_traced = self._queue.is_traced
        self._start_times.add(self._hints.handle(self._readers.seconds), time.monotonic())
        if self._health.check(self._lister.problems):
            self._deadlock.check(self._health.workers)
        self._notices.check_traces()
        if self._health.is_reachable:
            self._discover()
            self._read_due()
        self._record(self._verified(self._readers.results()))
        self._write_heartbeat()
        self._analyze()

    def wait(self) -> None:
        """Wait `RecorderLimits.pause` seconds; a hint ends the wait, unless hints are gathered."""
        if self._schedule.delay:
            time.sleep(self._limits.pause)
        else:
            self._queue.wait(self._limits.pause)

    def _follow_ledger(self) -> None:
        """Schedule the runs that other processes changed in the ledger: reservations, actions."""
        heartbeat = self._ledger.heartbeat()
        revision, known = heartbeat.revision, self._revision
        if known is None:
            self._health.take_over(heartbeat.outages)
            self._meter.measure_from(heartbeat.heartbeat_at or datetime.now(UTC))
            self._load()
        elif revision > known:
            for summary in self._ledger.runs.unfinished(known):
                self._compare(summary)
            now = time.monotonic()
            for instance_id in self._ledger.reservations.ids_since(known):
                self._schedule.expect(instance_id, now, self._hints.read_by(now))
        self._revision = revision

    def _load(self) -> None:
        """Follow the unfinished runs of the ledger, and remember the finished ones."""
        unfinished = self._ledger.runs.unfinished()
        self._finished.update(self._ledger.runs.finished())
        self._schedule.follow_backlog(summary.instance_id for summary in unfinished)
        log.info("following the engine", unfinished=len(unfinished), finished=len(self._finished))

    def _compare(self, summary: RunSummary) -> None:
        """Schedule a read if the ledger's row differs from the last snapshot of this recorder."""
        last = self._schedule.last(summary.instance_id)
        known = last and (last.instance.status, last.instance.last_updated_at)
        if known != (summary.status, summary.last_updated_at):
            self._schedule.rewrite(summary.instance_id, time.monotonic())

    def _discover(self) -> None:
        is_backlog = not self._lister.is_complete
        try:
            changed = self._lister.changes(self._finished)
        except DaprUnavailable:
            self._health.expire()
            return
        now = time.monotonic()
        if is_backlog:
            self._schedule.follow_backlog(changed)
        else:
            for instance_id in changed:
                if instance_id not in self._schedule:
                    self._schedule.wake(instance_id, self._hints.read_by(now))
        for instance_id in self._finished.to_recheck(is_traced=self._queue.is_traced):
            self._schedule.wake(instance_id, now)

    def _read_due(self) -> None:
        for instance_id in self._schedule.take(time.monotonic(), self._readers.room):
            is_finished = instance_id in self._finished
            last = self._schedule.last(instance_id)
            self._readers.read(instance_id, last, is_finished=is_finished)

    def _verified(self, results: list[ReadResult]) -> list[ReadResult]:
        """Return the results if the followed application's sidecar gave them.

        Raise `OtherApplication`. If the sidecar does not name its application, the instances are
        read again.
        """
        if all(result.is_unanswered for result in results):
            return results
        try:
            app_id = self._gateway.app_id(fresh=True)
        except (DaprUnavailable, DaprRefused):
            self._health.expire()
            for result in results:
                self._schedule.unread(result.instance_id, time.monotonic())
            return []
        if app_id != self._ledger.app_id():
            raise OtherApplication(app_id)
        return results

    def _record(self, results: Sequence[ReadResult]) -> None:
        """Write the snapshots that were read, and schedule the next read of each run."""
        now = time.monotonic()
        snapshots = [self._start_times.applied_to(r.snapshot) for r in results if r.snapshot]
        is_recorded = self._schedule.is_recorded
        changed = [each for each in snapshots if each.is_final or not is_recorded(each)]
        unwritten = self._archive.write(changed)
        self._notices.check_workers(each for each in changed if each.is_final)
        for each in changed:
            if each.instance.instance_id not in unwritten:
                self._meter.recorded(each, self._schedule.recorded_events(each))
        gone = [each for each in results if each.is_gone]
        expected = {r.instance_id for r in gone if self._schedule.is_expected(r.instance_id, now)}
        self._archive.mark_purged(
            {each.instance_id: each.read_at for each in gone if each.instance_id not in expected}
        )
        by_id = {each.instance.instance_id: each for each in snapshots}
        for result in results:
            self._report(result, by_id.get(result.instance_id), unwritten)
        ended = (each.instance.instance_id for each in snapshots if each.is_final)
        self._start_times.write(snapshots, [each for each in ended if each not in unwritten])
        if any(result.is_unanswered for result in results):
            self._give_up()

    def _report(self, result: ReadResult, snapshot: Snapshot | None, unwritten: Unwritten) -> None:
        """Report the result of a read to the schedule."""
        instance_id, now = result.instance_id, time.monotonic()
        is_stale = instance_id in unwritten.stale
        error = unwritten.refused.get(instance_id, result.error)
        if error:
            self._report_failure(result, error, now)
        elif result.is_known_end:
            self._schedule.absent(instance_id, now)
        elif snapshot is None:
            self._finished.discard(instance_id)
            self._archive.forget(instance_id)
            self._schedule.absent(instance_id, now)
        elif snapshot.is_final and not is_stale:
            self._finished.add(snapshot.instance)
            self._archive.forget(instance_id)
            self._schedule.ended(instance_id)
        else:
            self._finished.discard(instance_id)
            self._archive.keep(snapshot)
            self._schedule.updated(snapshot, now, is_stale=is_stale)

    def _report_failure(self, result: ReadResult, error: Exception, now: float) -> None:
        """Report a read that failed; log it once: `DaprMonitor` logs an outage of the engine."""
        instance_id = result.instance_id
        if isinstance(error, HistoryLost):
            # Dapr also fails reads in this way for a moment while it writes the instance.
            if self._schedule.lost(instance_id, now) == self._limits.lost_reads:
                log.warning(str(error), instance_id=instance_id)
                self._archive.mark_lost(instance_id, error, result.read_at)
            return
        failures = self._schedule.failed(instance_id, now)
        if failures == (_UNANSWERED if result.is_unanswered else 1):
            is_known = isinstance(error, FlowdeckError)
            details = {"reason": str(error)} if is_known else {"exc_info": error}
            log.warning(f"cannot read {instance_id}", instance_id=instance_id, **details)

    def _give_up(self) -> None:
        """Cancel the queued reads, and make the next cycle check the engine."""
        self._health.expire()
        for instance_id in self._readers.take_back():
            self._schedule.unread(instance_id, time.monotonic())

    def _write_heartbeat(self) -> None:
        outages, now = self._health.outages, time.monotonic()
        if outages != self._written or now >= self._heartbeat_due:
            self._ledger.damage.check_file()  # the recorder's queries may miss damaged pages
            waits = self._schedule.hint_waits(now)
            metrics = self._meter.metrics(waits, self._health.workers)
            self._ledger.write_heartbeat(datetime.now(UTC), outages, self._backlog(), metrics)
            self._written, self._heartbeat_due = outages, now + self._limits.heartbeat_every

    def _analyze(self) -> None:
        now = time.monotonic()
        if now >= self._analysis_due:
            self._ledger.analyze()
            self._analysis_due = now + self._limits.analyze_every

    def _backlog(self) -> int | None:
        """Return how many runs have not been read since the start, None before a whole list."""
        if not self._lister.is_complete:
            return None
        if not self._is_caught_up and not self._schedule.backlog:
            log.info("caught up with the engine")
            self._is_caught_up = True
        return self._schedule.backlog
