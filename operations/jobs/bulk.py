"""Carries out the stored bulk jobs of the followed application, in a thread of its own."""

import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from threading import Event, Thread

import structlog

from operations.actions import Actions
from operations.actions.bulk import BulkExecution, BulkJobs
from operations.bulk_job import BulkJob, ItemResult, JobStatus
from operations.errors import FlowdeckError
from operations.ledger import Ledger
from operations.ledger.leases import Leases
from operations.model import Service

NEEDED = (Service.SIDECAR, Service.WORKER)  # without them no action is possible
AT_ONCE = 16  # jobs in progress
POLL = 1.0  # seconds between two checks for jobs
WRITE = 0.5  # seconds between two writes of results
RETRY = 5.0  # seconds between two attempts to continue a job during an outage
TRIES = 20  # of an instance in vain while no service is away, after which its result is written
JUDGE = 2.0  # seconds between two checks of the stop rule of a job
LEASE = 15.0  # seconds after which another process may continue a job
_DUE = 10 * 10**9  # nanoseconds before the end of a lease, from which on it is renewed
_MARGIN = 7 * 10**9  # nanoseconds, more than an action takes, except a purge: it can be repeated
CLOSE = 5.0  # seconds that `close` waits for actions in progress

log = structlog.get_logger(__name__)


class BulkRunner:
    """Carries out bulk jobs, each in a thread, until `close`.

    Only the process with the lease of a job carries it out; the lease of a process that hangs
    expires. Results are written twice a second. After a kill, the next process continues with the
    instances that have no result, except those whose outcome is in the audit log. A stop rule is
    applied to the runs in the ledger, so a kill does not change when the job stops.
    """

    def __init__(self, actions: Actions, ledger: Ledger) -> None:
        self._jobs = BulkJobs(actions, ledger)
        self._ledger = ledger
        self._stopping = Event()
        self._threads: dict[str, Thread] = {}  # by the id of a job
        self._tries = defaultdict[str, Counter[str]](Counter)  # of instances, by the id of a job
        self._thread = Thread(target=self._poll, name="bulk jobs", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Start no further action, and wait for those in progress, 5 seconds at most."""
        self._stopping.set()
        deadline = time.monotonic() + CLOSE
        for thread in (self._thread, *self._threads.values()):
            thread.join(max(0.0, deadline - time.monotonic()))

    def _poll(self) -> None:
        while not self._stopping.wait(POLL):
            with _survived("cannot read the bulk jobs"):
                self._start_jobs()

    def _start_jobs(self) -> None:
        """Start a thread for each job that has none."""
        running = {key: each for key, each in self._threads.items() if each.is_alive()}
        for job in self._ledger.bulk_jobs.unfinished():
            is_cancelled = job.status is JobStatus.CANCELLING
            if job.bulk_id not in running and (is_cancelled or len(running) < AT_ONCE):
                thread = Thread(target=self._carry_out, args=(job,), daemon=True)
                running[job.bulk_id] = thread
                thread.start()
        self._threads = running

    def _carry_out(self, job: BulkJob) -> None:
        """Carry out a job until it is over, an outage stops it, or this process stops."""
        with _survived(f"cannot carry out the bulk job {job.bulk_id}"):
            lease = _JobLease(self._ledger.job_leases, job.bulk_id)
            if not lease.is_held:
                return
            try:
                if job.status is JobStatus.CANCELLING:  # while no process carried it out
                    known = self._jobs.known_results(job).values()
                    self._ledger.bulk_jobs.write_results(job.bulk_id, known)
                    self._end(job, JobStatus.CANCELLED)
                elif reason := self._why_stop(job):
                    self._end(job, JobStatus.STOPPED, reason)
                elif outage := self._outage():
                    self._wait(job, outage)
                else:
                    self._finish(job, self._execute(job, lease))
            finally:
                lease.release()

    def _execute(self, job: BulkJob, lease: "_JobLease") -> BulkExecution:
        """Act on the instances; return the execution when it is over."""
        execution = self._jobs.execute(job, lease.is_valid)
        try:
            self._watch(job, execution, lease)
        finally:  # if the ledger is away, the audit log has the outcomes
            execution.cancel()
            while not execution.wait(WRITE).is_over:  # another process would act a second time
                with suppress(FlowdeckError):
                    lease.renew()
        return execution

    def _watch(self, job: BulkJob, execution: BulkExecution, lease: "_JobLease") -> None:
        """Write the results until the execution is over."""
        written, judged_at = 0, time.monotonic()
        while True:
            progress = execution.wait(WRITE)
            results = execution.results()
            self._ledger.bulk_jobs.write_results(job.bulk_id, results[written:])
            written = len(results)
            if progress.is_over:
                return
            lease.renew()
            is_ours = lease.is_held and not self._stopping.is_set()
            if not is_ours or not self._is_wanted(job):
                execution.cancel()
            elif time.monotonic() - judged_at > JUDGE:
                if self._why_stop(job):
                    execution.cancel()
                judged_at = time.monotonic()

    def _is_wanted(self, job: BulkJob) -> bool:
        return self._ledger.bulk_jobs.status(job.bulk_id) is JobStatus.RUNNING

    def _finish(self, job: BulkJob, execution: BulkExecution) -> None:
        """Write the end of a job, unless it goes on later: after a restart or an outage."""
        progress = execution.progress()
        if progress.left == 0:
            self._end(job, JobStatus.DONE)
        elif self._stopping.is_set():
            return
        elif not self._is_wanted(job):
            self._end(job, JobStatus.CANCELLED)
        elif reason := self._why_stop(job):
            self._end(job, JobStatus.STOPPED, reason)
        elif progress.outage:
            self._give_up(job, execution.postponed())
            self._wait(job, progress.outage)

    def _give_up(self, job: BulkJob, postponed: Iterable[ItemResult]) -> None:
        """Write the results of the instances that were tried too often while no service is away."""
        if self._outage():
            return
        tries, results = self._tries[job.bulk_id], list(postponed)
        tries.update(each.instance_id for each in results)
        given_up = [each for each in results if tries[each.instance_id] >= TRIES]
        self._ledger.bulk_jobs.write_results(job.bulk_id, given_up)

    def _why_stop(self, job: BulkJob) -> str | None:
        """Return why a job stops by its rule, None if it goes on."""
        if (rule := job.stop_rule) is None:
            return None
        ended = self._ledger.bulk_jobs.ended_reruns(job, rule.of)
        return rule.reason(ended) if rule.is_reached(ended) else None

    def _outage(self) -> str | None:
        """Return why no action is possible now, None if actions are possible."""
        outages = self._ledger.heartbeat().outages
        return next((each.reason for each in outages if each.service in NEEDED), None)

    def _wait(self, job: BulkJob, outage: str) -> None:
        """Wait some seconds, and write why."""
        if outage != job.waits_for:
            log.warning(f"the bulk job {job.bulk_id} waits", reason=outage)
            self._ledger.bulk_jobs.set_outage(job.bulk_id, outage)
        self._stopping.wait(RETRY)

    def _end(self, job: BulkJob, status: JobStatus, because: str | None = None) -> None:
        self._tries.pop(job.bulk_id, None)
        self._ledger.bulk_jobs.finish(job.bulk_id, status, datetime.now(UTC), because=because)


class _JobLease:
    """The right to carry out a job, which one process has at a time."""

    def __init__(self, leases: Leases, bulk_id: str) -> None:
        self._leases = leases
        self._lease = leases.acquire(bulk_id, LEASE)

    @property
    def is_held(self) -> bool:
        """True if this process has the lease."""
        return self._lease is not None

    def is_valid(self) -> bool:
        """True if the lease has not nearly expired: another process may act after that."""
        return self._lease is not None and time.time_ns() < self._lease.expires_at - _MARGIN

    def renew(self) -> None:
        """Renew the lease in time; another process may have acquired it after it had expired."""
        if self._lease and time.time_ns() > self._lease.expires_at - _DUE:
            self._lease = self._leases.renew(self._lease, LEASE)

    def release(self) -> None:
        """Let another process carry out the job."""
        if self._lease:
            self._leases.release(self._lease)


@contextmanager
def _survived(what: str) -> Iterator[None]:
    """Log an error instead of raising it: the runner tries again."""
    try:
        yield
    except FlowdeckError as error:  # the recorder reports an outage
        log.debug(what, reason=str(error))
    except Exception:
        log.exception(what)
