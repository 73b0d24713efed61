"""Follows the engine by polling, and keeps what it sees in the ledger."""

import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import structlog

from operations.errors import EngineRefused, EngineUnavailable
from operations.gateway import Gateway
from operations.ledger import Ledger
from operations.model import Part, Problem
from operations.outages import Outages, engine_problems
from operations.recorder.following import Following
from operations.records import Outage, Sighting
from operations.sighting import sight

AT_A_TIME = 200  # instances that are read and written together
READERS = 4  # reads that are under way at a time
LISTING_SHARE = 20  # a listing that takes a second is made every 20 seconds
LISTING_EVERY = 1.0  # seconds between two listings at least
HEALTH_EVERY = 1.0  # seconds between two questions for the engine's health
CHANGES = 1000  # ids that are taken over from other processes at a time

log = structlog.get_logger(__name__)


class Recorder:
    """Finds new instances by listing, reads each unfinished one when it is due, and archives it.

    Whatever moment it is stopped at, nothing is lost: what is not in the ledger is read again, and
    the ledger takes the same sighting only once. Raises `LedgerUnavailable` from `turn`.
    """

    def __init__(self, gateway: Gateway, ledger: Ledger) -> None:
        self._gateway = gateway
        self._ledger = ledger
        self._following = Following()
        self._outages = Outages()
        self._away: tuple[Outage, ...] = ()
        self._problems: tuple[Problem, ...] = ()
        self._finished: set[str] | None = None
        self._revision = 0
        self._next_listing = self._next_health = 0.0
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="reader")

    def close(self) -> None:
        """End the readers."""
        self._readers.shutdown(cancel_futures=True)

    def turn(self) -> None:
        """Do what is due now, and give a sign of life."""
        self._look_after_engine()
        if self._finished is None:
            self._remember()
        if not self._is_engine_away():
            self._take_over()
            try:
                self._find_new()
                self._read_due()
            except EngineUnavailable:
                self._next_health = 0.0
        self._ledger.beat(datetime.now(UTC), self._away)

    def _look_after_engine(self) -> None:
        if time.monotonic() < self._next_health:
            return
        self._next_health = time.monotonic() + HEALTH_EVERY
        before = {problem.part for problem in self._problems}
        self._problems = engine_problems(self._gateway)
        self._away = self._outages.now(self._problems, datetime.now(UTC))
        for problem in self._problems:
            if problem.part not in before:
                log.warning(f"{problem.part} is away", reason=problem.why)
        for part in before - {problem.part for problem in self._problems}:
            log.info(f"{part} is back")

    def _is_engine_away(self) -> bool:
        return any(problem.part is Part.SIDECAR for problem in self._problems)

    def _remember(self) -> None:
        """Take up where the last recorder stopped."""
        self._revision = self._ledger.pulse().revision
        self._finished = set(self._ledger.instances.finished_ids())
        unfinished = [entry.instance_id for entry in self._ledger.instances.unfinished()]
        self._following.follow(unfinished, time.monotonic())
        log.info("following the engine", unfinished=len(unfinished), finished=len(self._finished))

    def _take_over(self) -> None:
        """Follow what other processes have noted: starts above all."""
        revision = self._ledger.pulse().revision
        if revision == self._revision:
            return
        changed = self._ledger.instances.changed_since(self._revision, CHANGES)
        self._revision = revision
        self._follow(changed - self._known())

    def _known(self) -> set[str]:
        return self._finished or set()

    def _follow(self, ids: Iterable[str]) -> None:
        self._following.follow(ids, time.monotonic())

    def _find_new(self) -> None:
        """List all ids, as often as its cost allows."""
        began = time.monotonic()
        if began < self._next_listing:
            return
        self._next_listing = began + LISTING_EVERY  # also if it fails
        for ids in self._pages():
            self._follow(set(ids) - self._known())
        cost = time.monotonic() - began
        self._next_listing = began + max(LISTING_EVERY, cost * LISTING_SHARE)

    def _pages(self) -> Iterator[tuple[str, ...]]:
        token: str | None = ""
        while token is not None:
            try:
                page = self._gateway.ids(token=token)
            except EngineRefused as error:  # what is known is followed on
                log.warning("the engine cannot list its instances", reason=str(error))
                return
            yield page.ids
            token = page.next

    def _read_due(self) -> None:
        due = self._following.due(time.monotonic(), AT_A_TIME)
        if not due:
            return
        seen = dict(zip(due, self._readers.map(self._look_at, due), strict=True))
        gone = [instance_id for instance_id, sighting in seen.items() if sighting is None]
        changed = [each for each in seen.values() if each and self._is_new(each)]
        self._ledger.instances.record(changed)
        if gone:
            self._ledger.instances.mark_purged(gone, datetime.now(UTC))
        self._note(seen)

    def _look_at(self, instance_id: str) -> Sighting | None:
        return sight(self._gateway, instance_id, self._following.last(instance_id))

    def _is_new(self, sighting: Sighting) -> bool:
        return sighting is not self._following.last(sighting.instance.instance_id)

    def _note(self, seen: dict[str, Sighting | None]) -> None:
        """Remember what the ledger has now."""
        now = time.monotonic()
        for instance_id, sighting in seen.items():
            if sighting is None:
                self._following.drop(instance_id)
            elif sighting.instance.status.is_finished:
                self._following.drop(instance_id)
                self._known().add(instance_id)
            else:
                self._following.seen(instance_id, sighting, now)
