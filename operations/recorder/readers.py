"""Reads instances, a few at a time, and waits for none that is slow."""

from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime

from operations.errors import DaprUnavailable, FlowdeckError
from operations.records import Snapshot
from operations.snapshots import Readable, read_snapshot, read_state

READERS = 4  # reads that are under way at a time
ASKED = 200  # instances that wait for a reader, at most
PATIENCE = 0.3  # seconds


@dataclass(frozen=True)
class Look:
    """What came of reading an instance; `snapshot` is None if the engine has none with this id.

    With a `trouble` it is what could be read in spite of it, None if that is nothing. The engine
    was asked `at` this time.
    """

    instance_id: str
    at: datetime
    snapshot: Snapshot | None = None
    trouble: Exception | None = None

    @property
    def is_vain(self) -> bool:
        """Whether the engine gave no answer."""
        return self.snapshot is None and isinstance(self.trouble, DaprUnavailable)


class Readers:
    """Reads instances in threads; every id that it is asked for comes back, read or unread."""

    def __init__(self, gateway: Readable, now: Callable[[], datetime]) -> None:
        self._gateway = gateway
        self._now = now
        self._threads = ThreadPoolExecutor(READERS, thread_name_prefix="reader")
        self._asked: dict[Future[Look], str] = {}

    @property
    def room(self) -> int:
        """How many more may be asked for."""
        return ASKED - len(self._asked)

    @property
    def is_idle(self) -> bool:
        """Whether there is nothing to read."""
        return not self._asked

    def close(self) -> None:
        """Read no more; what is being read comes to its end by its deadline."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def ask(self, instance_id: str, last: Snapshot | None) -> None:
        """Have an instance read, of which `last` is known."""
        self._asked[self._threads.submit(self._look, instance_id, last)] = instance_id

    def looks(self) -> list[Look]:
        """Return what was read by now, or within a moment."""
        done = wait(self._asked, PATIENCE).done
        for future in done:
            del self._asked[future]
        return [future.result() for future in done]

    def unread(self) -> Iterable[str]:
        """Take back those whose reading has not begun, and return their ids."""
        taken = [future for future in self._asked if future.cancel()]
        return [self._asked.pop(future) for future in taken]

    def _look(self, instance_id: str, last: Snapshot | None) -> Look:
        at = self._now()
        try:
            return Look(instance_id, at, read_snapshot(self._gateway, instance_id, last, self._now))
        except Exception as error:  # noqa: BLE001 - nothing that one has may stop the others
            return Look(instance_id, at, self._glimpse(instance_id), error)

    def _glimpse(self, instance_id: str) -> Snapshot | None:
        try:
            return read_state(self._gateway, instance_id, self._now)
        except FlowdeckError:
            return None
