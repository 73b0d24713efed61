"""The active filters of the list in words, for the buttons that remove them. Pure functions."""

from collections.abc import Iterator
from datetime import datetime, tzinfo

from dashboard.listing.filter_parameters import (
    CHILDREN,
    DURATIONS,
    PERIODS,
    SORT,
    TEXTS,
    TIMES,
    TODAY,
    Parsed,
    Query,
    may_match_children,
    sort_of,
)
from dashboard.overview.attention_texts import ATTENTION_TEXTS
from operations.failure_groups import GroupKey
from operations.records import Sort
from operations.time_texts import parse_time

ANY_TIME = ""
PERIOD_WORDS = {
    ANY_TIME: "any time",
    "15m": "last 15 minutes",
    "1h": "last hour",
    "1d": "last day",
    "7d": "last 7 days",
    TODAY: "today",
}
"""The periods until now that the panel offers, in words."""
_WORDS = {
    "text": "Text",
    "custom_status": "Custom status",
    "waits_for": "Waits for",
    "parent": "Parent",
    "rerun_of": "Rerun of",
    "failure": "Failure type",
    "last": "Created",
    "since": "Created from",
    "until": "Created before",
    "ended_last": "Ended",
    "ended_since": "Ended from",
    "ended_until": "Ended before",
    "min_duration": "Took at least",
    "max_duration": "Took at most",
}


def filter_labels(
    query: Query, parsed: Parsed, group: GroupKey | None, zone: tzinfo
) -> dict[str, str]:
    """Return the valid filters of an address by their parameters, except status and search.

    `group` is the failure group of the filter, None if the ledger does not know it.
    """
    return dict(_labels(query, parsed, group, zone))


def _labels(
    query: Query, parsed: Parsed, group: GroupKey | None, zone: tzinfo
) -> Iterator[tuple[str, str]]:
    wanted = parsed.filter
    ignored = {each.name for each in parsed.ignored}
    if wanted.workflows:
        yield "workflow", f"Workflow: {', '.join(sorted(wanted.workflows))}"
    if wanted.failure_group:
        yield "failure_group", f"Failure group: {_group_words(group)}"
    if wanted.attention:
        yield "attention", ": ".join(ATTENTION_TEXTS[wanted.attention])
    for name in (*TEXTS, *PERIODS, *TIMES, *DURATIONS):
        value = next(iter(query.get(name, ())[-1:]), "")
        if value and name not in ignored:
            yield name, f"{_WORDS[name]}: {_value_words(name, value, zone)}"
    if not wanted.top_level and not may_match_children(wanted):
        yield CHILDREN, "With children"
    if sort_of(query) is Sort.ENDED:  # the table has no column for it
        yield SORT, "Sorted by end"


def group_words(group: GroupKey) -> str:
    """Return what the failures of a group have in common."""
    return f"{group.name}: {group.error_type}: {group.fingerprint}"


def _group_words(group: GroupKey | None) -> str:
    return group_words(group) if group else "not in the ledger"


def _value_words(name: str, value: str, zone: tzinfo) -> str:
    if name in PERIODS:
        return PERIOD_WORDS.get(value, f"last {value}")
    if name in TIMES:
        return _time_words(parse_time(value), zone) or value
    return value


def _time_words(time: datetime, zone: tzinfo) -> str | None:
    """Return a time in a zone; None if it is before year 1 or after year 9999 there."""
    try:
        return f"{time.astimezone(zone):%Y-%m-%d %H:%M:%S}".removesuffix(":00")
    except OverflowError:
        return None
