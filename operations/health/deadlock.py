"""Ends a daprd of this machine that accepts no worker any more, so that the supervisor restarts it.

daprd 1.18.2 can deadlock when its last worker dies while work waits to be handed out: it waits for
this work with the lock that each new worker needs (`actorRegLock` in `pkg/runtime/wfengine`).
Workers connect, but daprd counts none of them and hands out nothing until it is restarted.
"""

import os
import signal
import time
from collections.abc import Callable

import structlog

from operations.health.state_store import daprd_beside
from operations.health.worker_probe import WorkerProbe

PATIENCE = 30.0
"""Seconds without a worker, although the worker runs: the SDK reconnects within 16."""

log = structlog.get_logger(__name__)


class DeadlockWatch:
    """Recognises the deadlock of a daprd that has had a worker, and kills this daprd once.

    Only the supervisor's own daprd is killed: no sidecar of another program, and none elsewhere. A
    daprd that never had a worker is left alone: another reason keeps the worker away.
    """

    def __init__(
        self,
        worker: WorkerProbe | None,
        find_daprd: Callable[[], int | None] = daprd_beside,
        patience: float = PATIENCE,
        kill: Callable[[int, int], None] = os.kill,
    ) -> None:
        self._worker = worker
        self._find_daprd = find_daprd
        self._patience = patience
        self._kill = kill
        self._served: int | None = None  # a daprd that has had a worker
        self._since: float | None = None

    def check(self, workers: int | None) -> None:
        """Kill daprd if it has had no worker for `patience` seconds although the worker runs.

        `workers` is the number of connected workers, None if unknown. Call this method after each
        check of the health.
        """
        if workers:
            self._served, self._since = self._find_daprd(), None
        elif workers is None or not self._is_suspect():
            self._since = None
        else:
            self._since = self._since or time.monotonic()
            if time.monotonic() - self._since >= self._patience:
                self._end()

    def _is_suspect(self) -> bool:
        """Return whether the worker runs, and the same daprd as before."""
        is_running = self._worker is not None and self._worker.is_answering
        return is_running and self._served is not None and self._find_daprd() == self._served

    def _end(self) -> None:
        if self._served is not None:
            log.warning(
                "daprd accepts no worker although the worker runs: it is deadlocked, and restarted",
                seconds=round(self._patience),
            )
            self._kill(self._served, signal.SIGKILL)
        self._served = self._since = None
