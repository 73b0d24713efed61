"""The filter of the list in an address."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from api.schemas.list_query import ListQuery
from dashboard.listing.filter_labels import PERIOD_WORDS, filter_labels
from dashboard.listing.filter_parameters import (
    DURATIONS,
    MORE_FILTERS,
    PARAMETERS,
    PERIODS,
    Query,
    ignored_values,
    is_filtered,
    local_minute,
    parse,
    sort_of,
)
from dashboard.listing.list_data import VIEWS, views
from operations.failure_groups import FailedKind, GroupKey
from operations.model import Status
from operations.records import Attention, Filter, Sort
from tests.unit.snapshots import at

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 7, 1, 10, 30, 17, tzinfo=UTC)
TODAY = datetime(2026, 6, 30, 22, tzinfo=UTC)  # midnight in Berlin


def filter_of(query: Query) -> Filter:
    """Return the filter of an address that has only valid values."""
    parsed = parse(query, NOW, BERLIN)
    assert parsed.ignored == ()
    return parsed.filter


@pytest.mark.parametrize(
    ("query", "field", "value"),
    [
        ({"status": ["failed", "RUNNING"]}, "statuses", {Status.FAILED, Status.RUNNING}),
        ({"workflow": ["a", "b"]}, "workflows", {"a", "b"}),
        ({"q": [" order "]}, "id_part", "order"),
        ({"text": ["lamp"]}, "text", "lamp"),
        ({"custom_status": ["paid"]}, "custom_status", "paid"),
        ({"waits_for": ["approval"]}, "waits_for", "approval"),
        ({"parent": ["up"]}, "parent_id", "up"),
        ({"rerun_of": ["before"]}, "rerun_of", "before"),
        ({"failure": ["ValueError"]}, "error_type", "ValueError"),
        ({"failure_group": ["0" * 16]}, "failure_group", "0" * 16),
        ({"attention": ["stuck"]}, "attention", Attention.STUCK),
        ({"since": ["2026-01-11T12:00:00Z"]}, "since", at(0)),
        ({"until": ["2026-01-11T13:00:00+01:00"]}, "until", at(0)),
        ({"ended_since": ["2026-01-11T12:00:00Z"]}, "ended_since", at(0)),
        ({"ended_until": ["2026-01-11T12:00:00Z"]}, "ended_until", at(0)),
        ({"last": ["1h"]}, "last", timedelta(hours=1)),
        ({"ended_last": ["90s"]}, "ended_last", timedelta(seconds=90)),
        ({"last": ["today"]}, "since", TODAY),
        ({"last": ["today"], "since": ["2026-01-11T12:00:00Z"]}, "since", TODAY),
        ({"min_duration": ["2m"]}, "min_duration", timedelta(minutes=2)),
        ({"max_duration": ["500ms"]}, "max_duration", timedelta(milliseconds=500)),
        ({"children": ["1"]}, "top_level", False),
    ],
)
def test_a_parameter_is_a_filter(query: Query, field: str, value: object) -> None:
    """Times that move stay relative: the query says when it is."""
    found = filter_of(query)
    assert getattr(found, field) == value
    unset: dict[str, Any] = {field: getattr(Filter(), field), "top_level": False}
    assert replace(found, **unset) == Filter()


@pytest.mark.parametrize(
    ("query", "folds"),
    [
        ({}, True),
        ({"status": ["failed"], "last": ["1h"], "ended_last": ["1d"]}, True),
        ({"until": ["2026-01-11T12:00:00Z"], "min_duration": ["1s"], "sort": ["id"]}, True),
        ({"children": ["1"]}, False),
        ({"q": ["order"]}, False),
        ({"workflow": ["order_workflow"]}, False),
        ({"text": ["lamp"], "status": ["failed"]}, False),
        ({"parent": ["up"]}, False),
        ({"attention": ["event"]}, False),
    ],
)
def test_children_are_folded_unless_they_may_be_what_is_sought(
    query: Query, *, folds: bool
) -> None:
    """Statuses, times and durations do not look for one run."""
    assert filter_of(query).top_level is folds


@pytest.mark.parametrize(
    ("query", "name", "expected"),
    [
        ({"last": ["tomorrow"]}, "last", "today, or a duration"),
        ({"since": ["yesterday"]}, "since", "a time with its zone"),
        ({"min_duration": ["long"]}, "min_duration", "a duration"),
        ({"text": ["x" * 256]}, "text", "a text of at most 255 characters"),
        ({"children": ["yes"]}, "children", "1"),
        ({"sort": ["sideways"]}, "sort", "one of newest, oldest"),
        ({"sort": ["oldest"], "at": ["bm8ABkvrJHiHIQAAAAAAABOH"]}, "at", "the cursor of a page"),
    ],
)
def test_a_wrong_value_is_named(query: Query, name: str, expected: str) -> None:
    """With what is expected; it filters nothing."""
    parsed = parse(query, NOW, BERLIN)
    (ignored,) = ignored_values(query, parsed)
    assert (ignored.name, ignored.value) == (name, query[name][0])
    assert ignored.expected.startswith(expected)
    assert parsed.filter == Filter(top_level=True)


def test_filters_have_the_same_names_as_in_the_rest_api() -> None:
    """Except the search field, and what only a page has."""
    assert set(PARAMETERS) - set(ListQuery.model_fields) == {"q", "children", "at"}


def test_an_active_filter_is_said_in_words() -> None:
    """Except statuses and the search field, which the page shows elsewhere."""
    query = {
        "status": ["failed"],
        "q": ["order"],
        "workflow": ["b", "a"],
        "failure_group": ["0" * 16],
        "attention": ["stuck"],
        "last": ["1h"],
        "ended_last": ["3h"],
        "since": ["2026-01-11T12:00:00Z"],
        "until": ["2026-01-11T12:00:30Z"],
        "min_duration": ["2m"],
        "children": ["1"],
        "sort": ["ended"],
    }
    group = GroupKey("orders", FailedKind.ACTIVITY, "charge", "CardError", "refused")
    assert filter_labels(query, parse(query, NOW, BERLIN), group, BERLIN) == {
        "workflow": "Workflow: a, b",
        "failure_group": "Failure group: charge: CardError: refused",
        "attention": "Stuck: an activity has not ended for 10 minutes",
        "last": "Created: last hour",
        "ended_last": "Ended: last 3h",
        "since": "Created from: 2026-01-11 13:00",
        "until": "Created before: 2026-01-11 13:00:30",
        "min_duration": "Took at least: 2m",
        "sort": "Sorted by end",
    }
    flat = {"children": ["1"]}
    assert filter_labels(flat, parse(flat, NOW, BERLIN), None, BERLIN) == {
        "children": "With children"
    }
    wrong = {"last": ["x"], "workflow": ["w" * 300]}
    assert filter_labels(wrong, parse(wrong, NOW, BERLIN), None, BERLIN) == {}


def test_each_filter_is_said_in_words() -> None:
    """No filter is hidden."""
    example: dict[str, Any] = {name: ["x"] for name in MORE_FILTERS}
    example |= {"failure_group": ["0" * 16], "attention": ["event"]}
    example |= {name: ["2026-01-11T12:00:00Z"] for name in MORE_FILTERS if "since" in name}
    example |= {name: ["2026-01-11T12:00:00Z"] for name in MORE_FILTERS if "until" in name}
    example |= {name: ["1h"] for name in (*PERIODS, *DURATIONS)}
    del example["children"]
    assert set(filter_labels(example, parse(example, NOW, BERLIN), None, BERLIN)) == set(example)


def test_the_offered_periods_are_valid() -> None:
    """They stay relative in the address."""
    for value in filter(None, PERIOD_WORDS):
        assert is_filtered(filter_of({"last": [value]}))


def test_the_built_in_views_are_addresses() -> None:
    """Each has only valid values; the one that is shown is marked."""
    for name, query in VIEWS:
        filter_of(query)
        assert sort_of(query) in Sort
        shown = [view for view, _, is_shown in views({**query, "at": ["x"]}) if is_shown]
        assert shown == [name]
    _, href, is_shown = views({})[0]
    assert (href, is_shown) == ("instances?status=failed&ended_last=today&sort=ended", False)


def test_a_time_of_any_year_fits_into_a_field() -> None:
    """Fields accept the years that people mean."""
    assert local_minute(at(30), BERLIN) == datetime(2026, 1, 11, 13, 0)  # noqa: DTZ001 - as a field
    for year in (1, 9999):
        assert 1970 < local_minute(datetime(year, 1, 1, tzinfo=UTC), BERLIN).year < 3000
