"""A cache of query results that all viewers share until the ledger changes."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from dashboard.live.system_state import SystemState
from operations.errors import DaprUnavailable, LedgerUnavailable, QueryTimeout

MAX_BYTES = 64 * 2**20  # for all results together
MIN_BYTES = MAX_BYTES // 512  # counted for each result, so that at most 512 are kept

_Result = TypeVar("_Result")


@dataclass
class _Slot:
    """The last result and the last error of one query, each with the state it was read in."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    callers: int = 0
    state: SystemState | None = None
    value: Any = None
    size: int = MIN_BYTES
    failed_state: SystemState | None = None
    error: LedgerUnavailable | DaprUnavailable | QueryTimeout | None = None

    def update(
        self, state: SystemState, read: Callable[[], _Result], size: Callable[[_Result], int]
    ) -> None:
        """Read the value unless it is current; callers with the same state share an error."""
        if self._is_current(state):
            return
        if self.failed_state is not state:
            self.failed_state = self.error = None
            try:
                value = read()
                self.state, self.value, self.size = state, value, MIN_BYTES + size(value)
            except (LedgerUnavailable, DaprUnavailable, QueryTimeout) as error:
                self.failed_state, self.error = state, error
        is_timeout = isinstance(self.error, QueryTimeout)  # an old result must not hide a timeout
        if self.error and (self.state is None or is_timeout):
            raise self.error.with_traceback(None)  # a traceback would keep each viewer's frames

    def _is_current(self, state: SystemState) -> bool:
        """Return True if the value is current.

        While the recorder writes nothing the revision does not show what changes in the engine:
        then a value is current only in the state in which it was read.
        """
        if self.state is None or not state.is_followed:
            return self.state is state
        return self.state.revision == state.revision


class QueryCache:
    """One result per query; the least recently used ones are dropped at 64 MiB."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._slots: OrderedDict[Hashable, _Slot] = OrderedDict()

    def get(
        self,
        state: SystemState,
        key: Hashable,
        read: Callable[[], _Result],
        size: Callable[[_Result], int],
    ) -> _Result:
        """Return the current result in this state.

        While a service is away and `read` fails, the result is the last one. Raises the errors of
        `read` if there is no result, and `QueryTimeout` always.
        """
        with self._slot(key) as slot, slot.lock:
            slot.update(state, read, size)
            value: _Result = slot.value
            return value

    @contextmanager
    def _slot(self, key: Hashable) -> Iterator[_Slot]:
        """Yield the slot of a query; a slot is not dropped while a caller uses it."""
        with self._lock:
            slot = self._slots.setdefault(key, _Slot())
            self._slots.move_to_end(key)
            slot.callers += 1
        try:
            yield slot
        finally:
            with self._lock:
                self._drop_oldest()
                slot.callers -= 1

    def _drop_oldest(self) -> None:
        excess = sum(slot.size for slot in self._slots.values()) - MAX_BYTES
        for key, slot in tuple(self._slots.items()):
            if excess <= 0:
                return
            if not slot.callers:
                del self._slots[key]
                excess -= slot.size
