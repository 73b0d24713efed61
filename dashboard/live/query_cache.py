"""Answers that are kept for the next viewer, as long as the ledger stays the same."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from dashboard.live.system_state import Look
from operations.errors import DaprUnavailable, LedgerUnavailable, QueryTimeout
from operations.model import Service

BUDGET = 64 * 2**20  # bytes that are kept for the next viewer
SMALL = BUDGET // 512  # bytes that every answer counts as

_Answer = TypeVar("_Answer")


@dataclass
class _Slot:
    lock: threading.Lock = field(default_factory=threading.Lock)
    askers: int = 0
    look: Look | None = None
    value: Any = None
    size: int = SMALL
    failed: Look | None = None
    error: LedgerUnavailable | DaprUnavailable | QueryTimeout | None = None

    def renew(
        self, look: Look, answer: Callable[[], _Answer], size: Callable[[_Answer], int]
    ) -> None:
        """Have the answer of this look, or the last one; who comes with a look shares its error."""
        if self._holds(look):
            return
        if self.failed is not look:
            self.failed = self.error = None
            try:
                value = answer()
                self.look, self.value, self.size = look, value, SMALL + size(value)
            except (LedgerUnavailable, DaprUnavailable, QueryTimeout) as error:
                self.failed, self.error = look, error
        is_refused = isinstance(self.error, QueryTimeout)  # an old answer would hide that
        if self.error and (self.look is None or is_refused):
            raise self.error.with_traceback(None)  # or it would keep each viewer's frames

    def _holds(self, look: Look) -> bool:
        """Whether the value is an answer still; without the recorder, no revision says so."""
        if self.look is None or look.is_away(Service.RECORDER):
            return self.look is look
        return self.look.moment == look.moment


class Answers:
    """One answer per question; when they are too many, the least recently asked for go."""

    def __init__(self) -> None:
        self._asking = threading.Lock()
        self._slots: OrderedDict[Hashable, _Slot] = OrderedDict()

    def of(
        self,
        look: Look,
        question: Hashable,
        answer: Callable[[], _Answer],
        size: Callable[[_Answer], int],
    ) -> _Answer:
        """Return the answer that holds at this look; raises what `answer` raises."""
        with self._asked(question) as slot, slot.lock:
            slot.renew(look, answer, size)
            value: _Answer = slot.value
            return value

    @contextmanager
    def _asked(self, question: Hashable) -> Iterator[_Slot]:
        """Keep the slot as long as somebody asks: who comes meanwhile finds the same one."""
        with self._asking:
            slot = self._slots.setdefault(question, _Slot())
            self._slots.move_to_end(question)
            slot.askers += 1
        try:
            yield slot
        finally:
            with self._asking:
                self._evict()
                slot.askers -= 1

    def _evict(self) -> None:
        excess = sum(slot.size for slot in self._slots.values()) - BUDGET
        for question, slot in tuple(self._slots.items()):
            if excess <= 0:
                return
            if not slot.askers:
                del self._slots[question]
                excess -= slot.size
