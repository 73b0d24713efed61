"""Finds instances by listing the engine's ids, as often as that is cheap."""

import time
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from operations.errors import EngineRefused
from operations.gateway import IdPage
from operations.model import Part, Problem

EVERY = 1.0  # seconds between two lists at least
SHARE = 20  # a list that takes a second is made every 20 seconds
AT_A_TIME = 0.2  # seconds of listing, after which something else has its turn

log = structlog.get_logger(__name__)


class Listable(Protocol):
    """What lists ids: the gateway, or what stands before it."""

    def ids(self, page_size: int = 1000, token: str = "") -> IdPage:
        """Return a page of ids; raises `EngineRefused` when an instance breaks the list."""


@dataclass
class _Pace:
    """When lists of a kind are made: the next one at `due`."""

    due: float = 0.0

    def after(self, cost: float) -> None:
        self.due = time.monotonic() + max(EVERY, cost * SHARE)


@dataclass
class _List:
    """A list under way: the token of its next page, and what it lacks so far of what is known."""

    token: str
    pace: _Pace
    lacks: set[str] = field(default_factory=set)
    cost: float = 0.0


class Listing:
    """Lists the ids: all of them or, more often, the last page again and what came after it.

    New ids come last where the store is SQLite or PostgreSQL; on any other the whole list finds
    them. A long list is made in parts, so that nothing else has to wait for it.
    """

    def __init__(self, gateway: Listable) -> None:
        self._gateway = gateway
        self._whole, self._end = _Pace(), _Pace()
        self._last_page = ""
        self._under_way: _List | None = None
        self._refusal: str | None = None
        self.is_complete = False
        """Whether all ids have been listed once, as far as the engine can list them."""

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Why there is no list, if that is so, with the remedy."""
        return (Problem(Part.LISTING, self._refusal),) if self._refusal else ()

    def news(self, known: set[str]) -> set[str]:
        """Return listed ids that are not known, and known ones that a whole list lacks.

        They are what was found within a moment, should a list be due. Raises `EngineUnavailable`.
        """
        news: set[str] = set()
        until = time.monotonic() + AT_A_TIME
        listed = self._under_way or self._due(known)
        while listed and time.monotonic() < until:
            news |= self._news_of_page(listed, known)
            listed = self._under_way
        return news

    def _due(self, known: set[str]) -> _List | None:
        now = time.monotonic()
        if now >= self._whole.due:
            return _List("", self._whole, set(known))
        if self._last_page and now >= self._end.due:
            return _List(self._last_page, self._end)
        return None

    def _news_of_page(self, listed: _List, known: set[str]) -> set[str]:
        began, self._under_way = time.monotonic(), None  # one that fails is begun anew
        try:
            page = self._gateway.ids(token=listed.token)
        except EngineRefused as error:
            self._refused(str(error))
            self.is_complete = True
            return set()
        finally:
            listed.cost += time.monotonic() - began
            listed.pace.after(listed.cost)
        self._refused(None)
        self._last_page = listed.token
        listed.lacks.difference_update(page.ids)
        if page.next is None:
            self.is_complete = True
            return listed.lacks | (set(page.ids) - known)
        listed.token, self._under_way = page.next, listed
        return set(page.ids) - known

    def _refused(self, why: str | None) -> None:
        """Log a refusal once: what is known is followed on, and starts from here are found."""
        if why and why != self._refusal:
            log.warning("the engine cannot list its instances", reason=why)
        elif self._refusal and not why:
            log.info("the engine lists its instances again")
        self._refusal = why
