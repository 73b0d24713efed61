"""Finds instances by listing the engine's ids, as often as that is cheap."""

import time
from collections.abc import Collection, Container
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from operations.errors import DaprRefused
from operations.gateway import IdPage
from operations.model import Problem, Service

EVERY = 1.0  # seconds between two lists at least
SHARE = 20  # a list that takes a second is made every 20 seconds
RARE = 100  # or every 100, if it is not needed to find new ids
AT_A_TIME = 0.2  # seconds of listing, after which something else has its turn

log = structlog.get_logger(__name__)


class Listable(Protocol):
    """What lists ids: the gateway, or what stands before it."""

    def ids(self, page_size: int = 1000, token: str = "") -> IdPage:
        """Return a page of ids; raises `DaprRefused` when an instance breaks the list."""


@dataclass
class _Pace:
    """When lists of a kind are made: the next one at `due`."""

    due: float = 0.0
    is_rare: bool = False

    def after(self, cost: float) -> None:
        share = RARE if self.is_rare else SHARE
        self.due = time.monotonic() + max(EVERY, cost * share)


@dataclass
class _List:
    """A list under way: the token of its next page, and what it lacks so far of what is known.

    `is_found_by_its_end` says that all new ids so far are such as the end of the list shows.
    """

    token: str
    pace: _Pace
    lacks: set[str] = field(default_factory=set)
    cost: float = 0.0
    is_found_by_its_end: bool = True


class Listing:
    """Lists the ids: all of them or, more often, the last page again and what came after it.

    New ids come last where the store is SQLite, where an id that is written again moves there too,
    or PostgreSQL; on any other the whole list finds them. Where it finds none that way, it is made
    more seldom: it then only tells what is gone. A long list is made in parts, so that nothing else
    has to wait for it.
    """

    def __init__(self, gateway: Listable) -> None:
        self._gateway = gateway
        self._whole, self._end = _Pace(), _Pace()
        self._last_page = ""
        self._under_way: _List | None = None
        self._refusal: str | None = None
        self.is_complete = False
        """Whether all ids have been listed once."""

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Why there is no list, if that is so, with the remedy."""
        return (Problem(Service.LISTING, self._refusal),) if self._refusal else ()

    def news(self, known: Collection[str], followed: Container[str] = ()) -> set[str]:
        """Return listed ids that are not known, and known ones that a whole list lacks.

        Those that are followed are returned too, but are not new. They are what was found within a
        moment, should a list be due. Raises `DaprUnavailable`.
        """
        news: set[str] = set()
        until = time.monotonic() + AT_A_TIME
        listed = self._under_way or self._due(known)
        while listed and time.monotonic() < until:
            news |= self._news_of_page(listed, known, followed)
            listed = self._under_way
        return news

    def _due(self, known: Collection[str]) -> _List | None:
        now = time.monotonic()
        if now >= self._whole.due:
            return _List("", self._whole, set(known))
        if self._last_page and now >= self._end.due:
            return _List(self._last_page, self._end)
        return None

    def _news_of_page(
        self, listed: _List, known: Container[str], followed: Container[str]
    ) -> set[str]:
        began, self._under_way = time.monotonic(), None  # one that fails is begun anew
        try:
            page = self._gateway.ids(token=listed.token)
        except DaprRefused as error:
            self._refused(str(error))
            return set()
        finally:
            listed.cost += time.monotonic() - began
            listed.pace.after(listed.cost)
        self._last_page = listed.token
        listed.lacks.difference_update(page.ids)
        news = {each for each in page.ids if each not in known}
        if page.next is None:
            self._ends(listed)
            return listed.lacks | news
        if any(instance_id not in followed for instance_id in news):
            listed.is_found_by_its_end = False
        listed.token, self._under_way = page.next, listed
        return news

    def _ends(self, listed: _List) -> None:
        if listed.pace is self._whole:  # a part of it says nothing of the rest
            self.is_complete = True
            self._refused(None)
            self._whole.is_rare = bool(self._last_page) and listed.is_found_by_its_end
            self._whole.after(listed.cost)

    def _refused(self, reason: str | None) -> None:
        """Log a refusal once: what is known is followed on, and starts from here are found."""
        if reason and reason != self._refusal:
            log.warning("the engine cannot list its instances", reason=reason)
        elif self._refusal and not reason:
            log.info("the engine lists its instances again")
        self._refusal = reason
