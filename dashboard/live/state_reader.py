"""Reads the state of the system once for all viewers of the process."""

import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from dashboard.live.query_cache import QueryCache
from dashboard.live.system_state import SystemState
from operations.errors import LedgerUnavailable
from operations.health.outages import Outages
from operations.model import Problem, Service
from operations.recorder_report import Heartbeat, Outage

MAX_AGE = 0.125  # seconds for which one read of the state serves all viewers
HEARTBEAT_TIMEOUT = timedelta(seconds=5)  # the recorder is away if its heartbeat is older
HEALTH_TIMEOUT = 0.3  # seconds that a read of the state waits for Dapr's health

_Result = TypeVar("_Result")


class _ProblemReader:
    """Reads Dapr's problems in a separate thread, because a read may take seconds."""

    def __init__(self, read: Callable[[], tuple[Problem, ...]]) -> None:
        self.known: tuple[Problem, ...] = ()
        self._read = read
        self._thread: threading.Thread | None = None

    def problems(self) -> tuple[Problem, ...]:
        """Return the problems; the last known ones if the read takes longer than 0.3 seconds."""
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._update, name="health", daemon=True)
            self._thread.start()
        self._thread.join(HEALTH_TIMEOUT)
        return self.known

    def _update(self) -> None:
        self.known = self._read()


class StateReader:
    """One state of the system and one cache of queries, shared by all viewers of this process.

    `heartbeat` reads the recorder's heartbeat from the ledger. `health` reads Dapr's problems; it
    is called only while the recorder or the ledger is away: else the heartbeat reports them.
    `check_writable` raises `LedgerUnavailable` if nobody can write to the ledger; it is called only
    while heartbeats are missing.
    """

    def __init__(
        self,
        heartbeat: Callable[[], Heartbeat],
        health: Callable[[], tuple[Problem, ...]],
        check_writable: Callable[[], None] = lambda: None,
    ) -> None:
        self._read_heartbeat = heartbeat
        self._check_writable = check_writable
        self._health = _ProblemReader(health)
        self._dapr_outages, self._ledger_outages = Outages(), Outages()
        self._last_heartbeat: tuple[datetime | None, tuple[Outage, ...]] = (None, ())
        self._started_at = datetime.now(UTC)
        self._lock = threading.Lock()
        self._read_at = -MAX_AGE
        self._state = SystemState(revision=0)
        self._cache = QueryCache()

    def state(self) -> SystemState:
        """Return the state, at most 0.125 seconds old. Does not raise."""
        with self._lock:
            if time.monotonic() - self._read_at >= MAX_AGE:
                self._state = self._read_state()
                self._read_at = time.monotonic()
            return self._state

    def refresh(self) -> None:
        """Make the next call of `state` read the state again, after an action of this process."""
        with self._lock:  # a read that is in progress may miss the action
            self._read_at = -MAX_AGE

    def query(
        self,
        key: Hashable,
        read: Callable[[], _Result],
        *,
        size: Callable[[_Result], int] = lambda _: 0,
    ) -> _Result:
        """Return the result of `read`, cached under `key` until the ledger changes.

        While the recorder is away no revision shows a change, so a result is cached only as long
        as the state. If `read` fails because a service is away, the last result is returned;
        without one, the error of `read` is raised. `size` returns the bytes of a large result.
        """
        return self._cache.get(self.state(), key, read, size)

    def _read_state(self) -> SystemState:
        now = datetime.now(UTC)
        try:
            heartbeat = self._read_heartbeat()
        except LedgerUnavailable as error:
            away = self._ledger_outages.update([Problem(Service.LEDGER, str(error))], now)
            outages = (*away, *self._ask_dapr(now))
            return replace(self._state, outages=outages, is_followed=True)
        self._ledger_outages.update([], now)
        self._remember(heartbeat)
        silent_since = heartbeat.heartbeat_at or self._started_at
        if now - silent_since < HEARTBEAT_TIMEOUT:
            return _to_state(heartbeat, heartbeat.outages)
        outages = (self._silence(silent_since), *self._ask_dapr(now))
        return replace(_to_state(heartbeat, outages), metrics=None, is_followed=False)

    def _silence(self, since: datetime) -> Outage:
        """Return why there is no heartbeat: nobody can write it, or the recorder is away."""
        try:
            self._check_writable()
        except LedgerUnavailable as error:
            return Outage(Service.LEDGER, since, str(error))
        return Outage(Service.RECORDER, since, "no heartbeat")

    def _ask_dapr(self, now: datetime) -> tuple[Outage, ...]:
        """Return Dapr's outages while no heartbeat reports them."""
        return self._dapr_outages.update(self._health.problems(), now)

    def _remember(self, heartbeat: Heartbeat) -> None:
        """Remember the recorder's outages: they keep their start when the recorder goes away."""
        current = heartbeat.heartbeat_at, heartbeat.outages
        if heartbeat.heartbeat_at and self._last_heartbeat != current:
            self._last_heartbeat = current
            self._dapr_outages.take_over(heartbeat.outages)
            self._health.known = tuple(
                Problem(each.service, each.reason) for each in heartbeat.outages
            )


def _to_state(heartbeat: Heartbeat, outages: tuple[Outage, ...]) -> SystemState:
    return SystemState(
        heartbeat.revision,
        outages,
        heartbeat.backlog,
        heartbeat.metrics,
        heartbeat.damaged,
        heartbeat.app_id,
    )
