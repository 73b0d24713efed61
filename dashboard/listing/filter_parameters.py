"""The parameters of the list in an address, and the filter that they mean. Pure functions."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, TypeVar

from operations.errors import InvalidInput
from operations.ledger.search.cursors import Cursor
from operations.model import Status
from operations.records import Attention, Filter, Sort
from operations.time_texts import (
    DURATION_TEXT,
    TIME_TEXT,
    later_of,
    parse_duration,
    parse_time,
)

Query = Mapping[str, Sequence[str]]
"""The values of each parameter of an address."""

SEARCH, PAGE, SORT, CHILDREN = "q", "at", "sort", "children"
TODAY = "today"  # a value of `last` and `ended_last`, in the zone of the viewer
TEXTS = {
    "text": "text",
    "custom_status": "custom_status",
    "waits_for": "waits_for",
    "parent": "parent_id",
    "rerun_of": "rerun_of",
    "failure": "error_type",
}
"""Parameters whose value is a text, each with its field of `Filter`."""
TIMES = ("since", "until", "ended_since", "ended_until")
PERIODS = ("last", "ended_last")
"""Parameters with a period until now."""
DURATIONS = ("min_duration", "max_duration")
MORE_FILTERS = (
    *("workflow", "failure_group", "attention"),
    *(*TEXTS, *TIMES, *PERIODS, *DURATIONS, CHILDREN),
)
"""Filters other than the status and the search field."""
PARAMETERS = ("status", SEARCH, *MORE_FILTERS, SORT, PAGE)
"""The parameters of the list in its address."""

MAX_SEARCH_LENGTH = 256  # characters; no id is longer
MAX_NAME = 255  # characters of a name or a text
EARLIEST, LATEST = datetime(1971, 1, 1, tzinfo=UTC), datetime(2998, 12, 31, tzinfo=UTC)
_GROUP = re.compile("[0-9a-f]{16}")  # the id of a failure group
_STATUSES = ", ".join(status.lower() for status in Status)

_Value = TypeVar("_Value")


@dataclass(frozen=True)
class Ignored:
    """A value that is ignored, and what is expected instead."""

    name: str
    value: str
    expected: str


@dataclass(frozen=True)
class Parsed:
    """The filter of an address, and the values that it ignores."""

    filter: Filter
    ignored: tuple[Ignored, ...]


def parse(query: Query, now: datetime, zone: tzinfo) -> Parsed:
    """Return the filter of an address; `today` begins at midnight in the zone.

    Children of other runs are left out, unless `children` is 1 or `may_match_children`.
    """
    values = _Values(query)
    midnight = now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    texts: dict[str, Any] = {field: values.text(name) for name, field in TEXTS.items()}
    wanted = Filter(
        statuses=frozenset(values.all("status", _status, f"one of {_STATUSES}")),
        id_part=_search_text(query),
        workflows=frozenset(
            values.all("workflow", _name, f"a name of at most {MAX_NAME} characters")
        ),
        failure_group=values.one("failure_group", _group, "the id of a failure group") or "",
        attention=values.one("attention", Attention, f"one of {', '.join(Attention)}"),
        since=later_of(values.one("since", parse_time, TIME_TEXT), values.today("last", midnight)),
        until=values.one("until", parse_time, TIME_TEXT),
        ended_since=later_of(
            values.one("ended_since", parse_time, TIME_TEXT), values.today("ended_last", midnight)
        ),
        ended_until=values.one("ended_until", parse_time, TIME_TEXT),
        last=values.period("last"),
        ended_last=values.period("ended_last"),
        min_duration=values.one("min_duration", parse_duration, DURATION_TEXT),
        max_duration=values.one("max_duration", parse_duration, DURATION_TEXT),
        **texts,
    )
    shows_children = values.one(CHILDREN, _one, "1") or may_match_children(wanted)
    return Parsed(replace(wanted, top_level=not shows_children), tuple(values.ignored))


def may_match_children(wanted: Filter) -> bool:
    """Return True if a filter has more than statuses, times and durations.

    What it looks for may then be a child, which must not be hidden.
    """
    rest = replace(
        wanted,
        statuses=frozenset(),
        since=None,
        until=None,
        ended_since=None,
        ended_until=None,
        last=None,
        ended_last=None,
        min_duration=None,
        max_duration=None,
        top_level=False,
    )
    return rest != Filter()


def is_filtered(wanted: Filter) -> bool:
    """Return True if a filter selects less than all runs, or all runs without a parent."""
    return replace(wanted, top_level=False) != Filter()


def sort_of(query: Query) -> Sort:
    """Return the sort order of an address."""
    value = _last(query, SORT)
    return Sort(value) if value in set(Sort) else Sort.NEWEST


def cursor_of(query: Query) -> str | None:
    """Return the cursor of an address; None for the first page."""
    cursor = _last(query, PAGE)
    return cursor if cursor and _is_cursor(cursor, sort_of(query)) else None


def ignored_values(query: Query, parsed: Parsed) -> list[Ignored]:
    """Return the values of the list's address that are ignored."""
    ignored = list(parsed.ignored)
    if (sort := _last(query, SORT)) and sort not in set(Sort):
        ignored.append(Ignored(SORT, sort, f"one of {', '.join(Sort)}"))
    if (cursor := _last(query, PAGE)) and cursor_of(query) is None:
        ignored.append(Ignored(PAGE, cursor, "the cursor of a page of the list"))
    return ignored


def without(query: Query, ignored: Iterable[Ignored]) -> dict[str, list[str]]:
    """Return the parameters that have ignored values, each with the values that remain."""
    removed: dict[str, set[str]] = {}
    for each in ignored:
        removed.setdefault(each.name, set()).add(each.value)
    return {
        name: [value for value in query.get(name, ()) if value not in values]
        for name, values in removed.items()
    }


class _Values:
    """Reads the values of an address; `ignored` collects those that are not valid."""

    def __init__(self, query: Query) -> None:
        self._query = query
        self.ignored: list[Ignored] = []

    def all(self, name: str, read: Callable[[str], _Value], expected: str) -> list[_Value]:
        """Return all valid values of a parameter."""
        return list(self._read(name, self._query.get(name, ()), read, expected))

    def one(self, name: str, read: Callable[[str], _Value], expected: str) -> _Value | None:
        """Return the last value of a parameter, None without a valid one."""
        return next(self._read(name, self._query.get(name, ())[-1:], read, expected), None)

    def text(self, name: str) -> str:
        """Return the text of a parameter, which may be empty."""
        return self.one(name, _name, f"a text of at most {MAX_NAME} characters") or ""

    def period(self, name: str) -> timedelta | None:
        """Return the length of a period that ends now, None for today."""
        if _last(self._query, name) == TODAY:
            return None
        return self.one(name, parse_duration, f"{TODAY}, or {DURATION_TEXT}")

    def today(self, name: str, midnight: datetime) -> datetime | None:
        """Return the start of today if it is the period of a parameter."""
        return midnight.astimezone(UTC) if _last(self._query, name) == TODAY else None

    def _read(
        self, name: str, values: Sequence[str], read: Callable[[str], _Value], expected: str
    ) -> Iterator[_Value]:
        for value in dict.fromkeys(filter(None, values)):
            try:
                yield read(value)
            except ValueError:
                self.ignored.append(Ignored(name, value, expected))


def _last(query: Query, name: str) -> str:
    return next(iter(query.get(name, ())[-1:]), "")


def _search_text(query: Query) -> str:
    text = _last(query, SEARCH).strip()[:MAX_SEARCH_LENGTH]
    return text.replace("\0", "\ufffd")  # NUL is in no id


def _status(text: str) -> Status:
    return Status(text.upper())


def _name(text: str) -> str:
    if len(text) > MAX_NAME:
        raise ValueError(text)
    return text


def _group(text: str) -> str:
    if not _GROUP.fullmatch(text):
        raise ValueError(text)
    return text


def _one(text: str) -> bool:
    if text != "1":
        raise ValueError(text)
    return True


def _is_cursor(text: str, sort: Sort) -> bool:
    try:
        Cursor.read(text, sort)
    except InvalidInput:
        return False
    return True


def local_minute(time: datetime, zone: tzinfo) -> datetime:
    """Return a time in a zone, without the zone and the seconds, as fields show it.

    It is between `EARLIEST` and `LATEST`, which the fields accept.
    """
    within = min(max(time, EARLIEST), LATEST)
    return within.astimezone(zone).replace(tzinfo=None, second=0, microsecond=0)
