"""Finds what nothing tells of: instances in the engine's list, and ids that were used again."""

import time
from collections.abc import Collection, Container, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

import structlog

from operations.errors import DaprRefused
from operations.gateway import IdPage
from operations.model import Instance, Problem, Service
from operations.recorder.limits import Limits

log = structlog.get_logger(__name__)


class Listable(Protocol):
    """What lists ids: the gateway, or the object that counts its reads."""

    def ids(self, page_size: int = 1000, token: str = "") -> IdPage:
        """Return a page of ids; raises `DaprRefused` when an instance breaks the list."""


@dataclass
class _List:
    """A list under way: the token of its next page, and the known ids that it lacks so far."""

    token: str
    is_whole: bool
    lacks: set[str] = field(default_factory=set)
    cost: float = 0.0


class Listing:
    """Lists the ids: all of them or, more often, the last page again and what came after it.

    New ids come last where the state store is SQLite or PostgreSQL; on any other the whole list
    finds them. A list that takes long is made rarely, and in parts, so that nothing waits for it.
    """

    def __init__(self, gateway: Listable, limits: Limits) -> None:
        self._gateway = gateway
        self._limits = limits
        self._whole_due = self._end_due = 0.0
        self._last_page = ""
        self._under_way: _List | None = None
        self._refusal: str | None = None
        self.is_complete = False
        """Whether all ids have been listed once."""

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Why the engine cannot list its instances, if that is so, with the remedy."""
        return (Problem(Service.LISTING, self._refusal),) if self._refusal else ()

    def changes(self, known: Collection[str]) -> set[str]:
        """Return listed ids that are not known, and known ids that a whole list lacks.

        They are what was found within a moment, should a list be due. Raises `DaprUnavailable`.
        """
        found: set[str] = set()
        until = time.monotonic() + self._limits.list_turn
        listed = self._under_way or self._due(known)
        while listed and time.monotonic() < until:
            found |= self._changes_of_page(listed, known)
            listed = self._under_way
        return found

    def _due(self, known: Collection[str]) -> _List | None:
        now = time.monotonic()
        if now >= self._whole_due:
            return _List("", is_whole=True, lacks=set(known))
        if self._last_page and now >= self._end_due:
            return _List(self._last_page, is_whole=False)
        return None

    def _changes_of_page(self, listed: _List, known: Container[str]) -> set[str]:
        began, self._under_way = time.monotonic(), None  # one that fails is begun anew
        try:
            page = self._gateway.ids(token=listed.token)
        except DaprRefused as error:
            self._refused(str(error))
            return set()
        finally:
            listed.cost += time.monotonic() - began
            self._set_due(listed)
        self._last_page = listed.token
        listed.lacks.difference_update(page.ids)
        found = {each for each in page.ids if each not in known}
        if page.next is not None:
            listed.token, self._under_way = page.next, listed
            return found
        if listed.is_whole:
            self.is_complete = True
            self._refused(None)
        return listed.lacks | found

    def _set_due(self, listed: _List) -> None:
        pause = max(self._limits.list_every, listed.cost * self._limits.list_share)
        if listed.is_whole:
            self._whole_due = time.monotonic() + pause
        else:
            self._end_due = time.monotonic() + pause

    def _refused(self, reason: str | None) -> None:
        """Log a refusal once: known runs are followed, and reservations and spans are heeded."""
        if reason and reason != self._refusal:
            log.warning("the engine cannot list its instances", reason=reason)
        elif self._refusal and not reason:
            log.info("the engine lists its instances again")
        self._refusal = reason


class FinishedRuns:
    """Ids whose run has finished and is archived, each with its end: the engine changes none.

    An id of which the engine reports another end has another run. There may be very many, so that
    only a number is kept of each: seconds since 1970, 0 where the engine reported no time.
    """

    def __init__(self, limits: Limits) -> None:
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
        """Add ids with the time at which each ended, as the engine reported it."""
        self._ended.update((instance_id, _seconds(at)) for instance_id, at in ended.items())

    def add(self, instance: Instance) -> None:
        """Add an instance that has ended."""
        self._ended[instance.instance_id] = _seconds(instance.last_updated_at)

    def discard(self, instance_id: str) -> None:
        """Remove an id: the engine has no such instance, or it has another run."""
        self._ended.pop(instance_id, None)

    def has(self, instance: Instance) -> bool:
        """Return whether an instance is known to have ended, and is as it was then."""
        return self._ended.get(instance.instance_id) == _seconds(instance.last_updated_at)

    def ended_after(self, instance_id: str, at: float) -> bool:
        """Return whether a run ended after a time, in seconds since 1970."""
        return at <= self._ended.get(instance_id, -1.0)

    def to_recheck(self, *, is_traced: bool) -> list[str]:
        """Return the ids whose turn it is to be read again, the newest first in each round.

        The engine erases a finished instance when its id is started again, and lists the id as
        before. Traces tell of that; without traces, only a read finds it.
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
