"""What all viewers see, read once for all of them."""

import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from dashboard.answers import Answers
from dashboard.snapshot import Look
from operations.errors import LedgerUnavailable
from operations.model import Problem, Service
from operations.outages import Outages
from operations.records import Heartbeat, Outage

FRESH = 0.125  # seconds for which one look serves everybody
SILENCE = timedelta(seconds=5)  # without a beat, after which the recorder counts as away
PATIENCE = 0.3  # seconds for which a look waits for the engine

_Answer = TypeVar("_Answer")


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


class Watch:
    """One look at the ledger and one answer per question, shared by all viewers of this process.

    `pulse` reads the ledger's; `health` asks the engine itself what is wrong with it, which is done
    only while the recorder, which does so otherwise, is away; it may take its time.
    """

    def __init__(
        self, heartbeat: Callable[[], Heartbeat], health: Callable[[], tuple[Problem, ...]]
    ) -> None:
        self._pulse = heartbeat
        self._engine = _Engine(health)
        self._engine_outages, self._ledger_outages = Outages(), Outages()
        self._heard: tuple[datetime | None, tuple[Outage, ...]] = (None, ())
        self._began = datetime.now(UTC)
        self._looking = threading.Lock()
        self._looked_at = -FRESH
        self._look = Look(revision=0)
        self._answers = Answers()

    def look(self) -> Look:
        """Return what is there to see, at most 0.125 seconds old. Does not raise."""
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
        return self._answers.of(self.look(), question, answer, size)

    def _look_anew(self) -> Look:
        now = datetime.now(UTC)
        try:
            heartbeat = self._pulse()
        except LedgerUnavailable as error:
            away = self._ledger_outages.now([Problem(Service.LEDGER, str(error))], now)
            return replace(self._look, outages=away)
        self._ledger_outages.now([], now)
        self._hear(heartbeat)
        silent_since = heartbeat.heartbeat_at or self._began
        if now - silent_since < SILENCE:
            return _seen(heartbeat, heartbeat.outages)
        recorder = Outage(Service.RECORDER, silent_since, "it gives no sign of life")
        others = self._engine_outages.now(self._engine.problems(), now)
        return replace(_seen(heartbeat, (recorder, *others)), metrics=None)

    def _hear(self, heartbeat: Heartbeat) -> None:
        """Know what the recorder told last: what goes on when it falls silent began then."""
        if heartbeat.heartbeat_at and self._heard != (heartbeat.heartbeat_at, heartbeat.outages):
            self._heard = heartbeat.heartbeat_at, heartbeat.outages
            self._engine_outages.take_over(heartbeat.outages)
            self._engine.known = tuple(
                Problem(each.service, each.reason) for each in heartbeat.outages
            )


def _seen(heartbeat: Heartbeat, outages: tuple[Outage, ...]) -> Look:
    return Look(heartbeat.revision, outages, backlog=heartbeat.backlog, metrics=heartbeat.metrics)
