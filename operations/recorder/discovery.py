"""Finds changes that no trace reports: new ids in the engine's list, and ids used again."""

import time
from collections.abc import Collection, Container, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

import structlog

from operations.errors import DaprRefused
from operations.gateway import IdPage
from operations.model import Instance, Problem, Service
from operations.recorder.limits import RecorderLimits

log = structlog.get_logger(__name__)


class Listable(Protocol):
    """An object that lists ids: the gateway, or the object that counts its reads."""

    def ids(self, page_size: int = 1000, token: str = "") -> IdPage:
        """Return a page of ids; raise `DaprRefused` when an instance breaks the list."""


@dataclass
class _List:
    """A list in progress: the token of its next page, and the known ids not listed so far."""

    token: str
    is_whole: bool
    missing: set[str] = field(default_factory=set)
    seconds: float = 0.0


class IdLister:
    """Lists the ids: the whole list or, more often, only the last page and the pages after it.

    SQLite and PostgreSQL state stores list new ids last; with any other state store, the whole list
    finds new ids. A long list is read rarely, and a few pages in each cycle.
    """

    def __init__(self, gateway: Listable, limits: RecorderLimits) -> None:
        self._gateway = gateway
        self._limits = limits
        self._whole_due = self._last_page_due = 0.0
        self._last_page = ""
        self._under_way: _List | None = None
        self._refusal: str | None = None
        self.is_complete = False
        """Whether the whole list has been read at least once."""

    @property
    def problems(self) -> tuple[Problem, ...]:
        """The reason why the engine cannot list its instances, with the remedy; else empty."""
        return (Problem(Service.LISTING, self._refusal),) if self._refusal else ()

    def changes(self, known: Collection[str]) -> set[str]:
        """Return listed ids that are not known, and known ids that a whole list does not contain.

        Read pages for `RecorderLimits.list_time` seconds at most, and only if a list is due. Raise
        `DaprUnavailable`.
        """
        found: set[str] = set()
        deadline = time.monotonic() + self._limits.list_time
        listed = self._under_way or self._due(known)
        while listed and time.monotonic() < deadline:
            found |= self._changes_of_page(listed, known)
            listed = self._under_way
        return found

    def _due(self, known: Collection[str]) -> _List | None:
        now = time.monotonic()
        if now >= self._whole_due:
            return _List("", is_whole=True, missing=set(known))
        if self._last_page and now >= self._last_page_due:
            return _List(self._last_page, is_whole=False)
        return None

    def _changes_of_page(self, listed: _List, known: Container[str]) -> set[str]:
        start, self._under_way = time.monotonic(), None  # a list that fails starts again
        try:
            page = self._gateway.ids(token=listed.token)
        except DaprRefused as error:
            self._set_refusal(str(error))
            return set()
        finally:
            listed.seconds += time.monotonic() - start
            self._set_due(listed)
        self._last_page = listed.token
        listed.missing.difference_update(page.ids)
        found = {each for each in page.ids if each not in known}
        if page.next is not None:
            listed.token, self._under_way = page.next, listed
            return found
        if listed.is_whole:
            self.is_complete = True
            self._set_refusal(None)
        return listed.missing | found

    def _set_due(self, listed: _List) -> None:
        pause = max(self._limits.list_every, listed.seconds * self._limits.list_pause_factor)
        if listed.is_whole:
            self._whole_due = time.monotonic() + pause
        else:
            self._last_page_due = time.monotonic() + pause

    def _set_refusal(self, reason: str | None) -> None:
        """Store a refusal, and log it once.

        Meanwhile the recorder follows the known runs, and finds new ones by reservations and hints.
        """
        if reason and reason != self._refusal:
            log.warning("the engine cannot list its instances", reason=reason)
        elif self._refusal and not reason:
            log.info("the engine lists its instances again")
        self._refusal = reason


class FinishedRuns:
    """Ids whose run has finished and is archived, each with the time of its end.

    The engine does not change a finished run: if it reports another end, the id has another run.
    There may be very many ids, so only a number is kept for each: seconds since 1970, 0 if the
    engine reported no time.
    """

    def __init__(self, limits: RecorderLimits) -> None:
        self._limits = limits
        self._ended: dict[str, float] = {}
        self._round: list[str] = []
        self._credit, self._credited_at = 0.0, time.monotonic()
        self._round_due = time.monotonic() + limits.recheck_round

    def __len__(self) -> int:
        return len(self._ended)

    def __iter__(self) -> Iterator[str]:
        return iter(self._ended)

    def __contains__(self, instance_id: object) -> bool:
        return instance_id in self._ended

    def update(self, ended: Mapping[str, datetime | None]) -> None:
        """Add ids with the time at which each run ended, as the engine reported it."""
        self._ended.update((instance_id, _seconds(at)) for instance_id, at in ended.items())

    def add(self, instance: Instance) -> None:
        """Add an instance that has ended."""
        self._ended[instance.instance_id] = _seconds(instance.last_updated_at)

    def discard(self, instance_id: str) -> None:
        """Remove an id that the engine does not have, or that has another run."""
        self._ended.pop(instance_id, None)

    def is_known_end(self, instance: Instance) -> bool:
        """Return True if an instance is known to have ended and has not changed since."""
        return self._ended.get(instance.instance_id) == _seconds(instance.last_updated_at)

    def ended_after(self, instance_id: str, at: float) -> bool:
        """Return True if the run of an id ended at or after a time, in seconds since 1970."""
        return at <= self._ended.get(instance_id, -1.0)

    def to_recheck(self, *, is_traced: bool) -> list[str]:
        """Return the ids to be read again now; each round starts with the newest ids.

        The engine erases a finished instance when its id is started again, and lists the id as
        before. A trace reports the new start; without traces, only a read finds the new run.
        """
        now = time.monotonic()
        rate = self._limits.traced_rechecks if is_traced else self._limits.rechecks
        self._credit = min(rate, self._credit + (now - self._credited_at) * rate)
        self._credited_at = now
        if not self._round and now >= self._round_due:
            self._round, self._round_due = list(self._ended), now + self._limits.recheck_round
        cut = max(0, len(self._round) - int(self._credit))
        self._round, ids = self._round[:cut], self._round[cut:]
        self._credit -= len(ids)
        return ids


def _seconds(at: datetime | None) -> float:
    return at.timestamp() if at else 0.0
