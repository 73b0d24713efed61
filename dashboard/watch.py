"""What all viewers see, read once for all of them."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from operations.errors import EngineUnavailable, LedgerUnavailable
from operations.model import Part, Problem
from operations.outages import Outages
from operations.records import Measures, Outage, Pulse

FRESH = 0.2  # seconds for which one look serves everybody
SILENCE = timedelta(seconds=5)  # without a beat, after which the recorder counts as away
PATIENCE = 0.3  # seconds for which a look waits for the engine
BUDGET = 64 * 2**20  # bytes that are kept for the next viewer
SMALL = BUDGET // 512  # bytes that every answer counts as

_Answer = TypeVar("_Answer")


@dataclass(frozen=True)
class Look:
    """The ledger's generation and revision, and what is away, as all viewers see it.

    `behind` is how many instances the recorder has still to read until it has caught up. What it
    measured changes at every look, and is nothing new to see.
    """

    revision: int
    outages: tuple[Outage, ...] = ()
    generation: int = 0
    behind: int | None = None
    measures: Measures | None = None

    @property
    def version(self) -> str:
        """The same as long as there is nothing new to see."""
        away = ",".join(f"{outage.part}@{outage.since:%H%M%S}" for outage in self.outages)
        return f"{self.generation}.{self.revision}:{away}:{self.behind}"

    @property
    def moment(self) -> tuple[int, int]:
        """What changes whenever the ledger does."""
        return self.generation, self.revision

    def is_away(self, *parts: Part) -> bool:
        """Whether one of the parts is away."""
        return any(outage.part in parts for outage in self.outages)


class _Engine:
    """What is wrong with the engine, asked in a thread of its own: it may take its time."""

    def __init__(self, ask: Callable[[], tuple[Problem, ...]]) -> None:
        self.known: tuple[Problem, ...] = ()
        self._ask = ask
        self._asking: threading.Thread | None = None

    def problems(self) -> tuple[Problem, ...]:
        """Return the answer, or what is known if it does not come soon; one may ask at a time."""
        if self._asking is None or not self._asking.is_alive():
            self._asking = threading.Thread(target=self._learn, name="health", daemon=True)
            self._asking.start()
        self._asking.join(PATIENCE)
        return self.known

    def _learn(self) -> None:
        self.known = self._ask()


@dataclass
class _Slot:
    lock: threading.Lock = field(default_factory=threading.Lock)
    askers: int = 0
    look: Look | None = None
    value: Any = None
    size: int = SMALL
    failed: Look | None = None
    error: LedgerUnavailable | EngineUnavailable | None = None

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
            except (LedgerUnavailable, EngineUnavailable) as error:
                self.failed, self.error = look, error
        if self.error and self.look is None:
            raise self.error.with_traceback(None)  # or it would keep each viewer's frames

    def _holds(self, look: Look) -> bool:
        """Whether the value is an answer still; without the recorder, no revision says so."""
        if self.look is None or look.is_away(Part.RECORDER):
            return self.look is look
        return self.look.moment == look.moment


class Watch:
    """One look at the ledger and one answer per question, shared by all viewers of this process.

    `pulse` reads the ledger's; `health` asks the engine itself what is wrong with it, which is done
    only while the recorder, which does so otherwise, is away; it may take its time.
    """

    def __init__(
        self, pulse: Callable[[], Pulse], health: Callable[[], tuple[Problem, ...]]
    ) -> None:
        self._pulse = pulse
        self._engine = _Engine(health)
        self._engine_outages, self._ledger_outages = Outages(), Outages()
        self._heard: tuple[datetime | None, tuple[Outage, ...]] = (None, ())
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

    def ask(
        self,
        question: Hashable,
        answer: Callable[[], _Answer],
        *,
        size: Callable[[_Answer], int] = lambda _: 0,
    ) -> _Answer:
        """Return the answer, which holds until the ledger changes, however many viewers ask.

        Without the recorder, which tells the ledger of changes, it holds as long as one look does.
        While the answer cannot be had, the last one is given, if there was one; else raises what
        `answer` raises. `size` is told of answers that may be large: how many bytes one takes.
        """
        look = self.look()
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

    def _look_anew(self) -> Look:
        now = datetime.now(UTC)
        try:
            pulse = self._pulse()
        except LedgerUnavailable as error:
            away = self._ledger_outages.now([Problem(Part.LEDGER, str(error))], now)
            return replace(self._look, outages=away)
        self._ledger_outages.now([], now)
        if pulse.generation != self._look.generation:
            self._began = now  # a new ledger has not been beaten in yet
        self._hear(pulse)
        silent_since = pulse.beat_at or self._began
        if now - silent_since < SILENCE:
            return _seen(pulse, pulse.outages)
        recorder = Outage(Part.RECORDER, silent_since, "it gives no sign of life")
        others = self._engine_outages.now(self._engine.problems(), now)
        return replace(_seen(pulse, (recorder, *others)), measures=None)

    def _hear(self, pulse: Pulse) -> None:
        """Know what the recorder told last: what goes on when it falls silent began then."""
        if pulse.beat_at and self._heard != (pulse.beat_at, pulse.outages):
            self._heard = pulse.beat_at, pulse.outages
            self._engine_outages.take_over(pulse.outages)
            self._engine.known = tuple(Problem(each.part, each.why) for each in pulse.outages)


def _seen(pulse: Pulse, outages: tuple[Outage, ...]) -> Look:
    return Look(pulse.revision, outages, pulse.generation, pulse.behind, pulse.measures)
