"""What all viewers see, read once for all of them."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from operations.errors import EngineUnavailable, LedgerUnavailable
from operations.model import Part, Problem
from operations.outages import Outages
from operations.records import Outage, Pulse

FRESH = 0.2  # seconds for which one look serves everybody
SILENCE = timedelta(seconds=5)  # without a beat, after which the recorder counts as away
KEPT = 500  # answers that are kept for the next viewer

_Answer = TypeVar("_Answer")


@dataclass(frozen=True)
class Look:
    """The ledger's revision and what is away, as all viewers see it."""

    revision: int
    outages: tuple[Outage, ...] = ()

    @property
    def version(self) -> str:
        """The same as long as there is nothing new to see."""
        away = ",".join(f"{outage.part}@{outage.since:%H%M%S}" for outage in self.outages)
        return f"{self.revision}:{away}"

    def is_away(self, *parts: Part) -> bool:
        """Whether one of the parts is away."""
        return any(outage.part in parts for outage in self.outages)


@dataclass
class _Slot:
    lock: threading.Lock = field(default_factory=threading.Lock)
    look: Look | None = None
    value: Any = None

    def holds(self, look: Look) -> bool:
        """Whether the value is an answer still; without the recorder, no revision says so."""
        if self.look is None or look.is_away(Part.RECORDER):
            return self.look is look
        return self.look.revision == look.revision


class Watch:
    """One look at the ledger and one answer per question, shared by all viewers of this process.

    `pulse` reads the ledger's; `health` asks the engine itself what is wrong with it, which is done
    only while the recorder, which does so otherwise, is away.
    """

    def __init__(
        self, pulse: Callable[[], Pulse], health: Callable[[], tuple[Problem, ...]]
    ) -> None:
        self._pulse = pulse
        self._health = health
        self._outages = Outages()
        self._began = datetime.now(UTC)
        self._looking = threading.Lock()
        self._looked_at = -FRESH
        self._look = Look(revision=0)
        self._asking = threading.Lock()
        self._slots: OrderedDict[Hashable, _Slot] = OrderedDict()

    def look(self) -> Look:
        """Return what is there to see, at most 0.2 seconds old. Does not raise."""
        with self._looking:
            if time.monotonic() - self._looked_at >= FRESH:
                self._look = self._look_anew()
                self._looked_at = time.monotonic()
            return self._look

    def refresh(self) -> None:
        """Have the next look be a new one: something was done here."""
        with self._looking:  # a look that is under way may have missed it
            self._looked_at = -FRESH

    def ask(self, question: Hashable, answer: Callable[[], _Answer]) -> _Answer:
        """Return the answer, which holds until the ledger changes, however many viewers ask.

        Without the recorder, which tells the ledger of changes, it holds as long as one look does.
        While the answer cannot be had, the last one is given, if there was one; else raises what
        `answer` raises.
        """
        look = self.look()
        slot = self._slot(question)
        with slot.lock:
            if not slot.holds(look):
                try:
                    slot.value, slot.look = answer(), look
                except (LedgerUnavailable, EngineUnavailable):
                    if slot.look is None:
                        raise
            value: _Answer = slot.value
            return value

    def _slot(self, question: Hashable) -> _Slot:
        with self._asking:
            slot = self._slots.setdefault(question, _Slot())
            self._slots.move_to_end(question)
            while len(self._slots) > KEPT:
                self._slots.popitem(last=False)
            return slot

    def _look_anew(self) -> Look:
        now = datetime.now(UTC)
        try:
            pulse = self._pulse()
        except LedgerUnavailable as error:
            away = self._outages.now([Problem(Part.LEDGER, str(error))], now)
            return Look(self._look.revision, away)
        silent_since = pulse.beat_at or self._began
        if now - silent_since < SILENCE:
            self._outages.now([], now)
            return Look(pulse.revision, pulse.outages)
        recorder = Outage(Part.RECORDER, silent_since, "it gives no sign of life")
        return Look(pulse.revision, (recorder, *self._outages.now(self._health(), now)))
