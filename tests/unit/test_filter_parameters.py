"""Filters as parameters of a query."""

from dataclasses import fields
from datetime import UTC, datetime, timedelta

import pytest

from api.schemas.audit import AuditFilterQuery
from api.schemas.list_query import FilterQuery
from operations.audit_filter import AuditFilter
from operations.errors import InvalidInput
from operations.filter_parameters import filter_of, parameters_of
from operations.model import Status
from operations.records import Attention, Filter, Outcome
from tests.unit.snapshots import at

FULL = Filter(
    statuses=frozenset({Status.FAILED, Status.RUNNING}),
    id_part="a&b=c",
    workflows=frozenset({"one", "two words"}),
    since=at(1),
    until=at(2.5),
    text="é",
    custom_status="#",
    waits_for="event x",
    parent_id="p",
    rerun_of="r",
    error_type="ValueError",
    failure_group="0123456789abcdef",
    attention=Attention.STUCK,
    ended_since=at(3),
    ended_until=at(4),
    last=timedelta(minutes=90),
    ended_last=timedelta(days=2),
    min_duration=timedelta(milliseconds=500),
    max_duration=timedelta(seconds=1, microseconds=5),
    top_level=True,
)
FULL_AUDIT = AuditFilter(
    actor="ann",
    actions=frozenset({"start", "pause"}),
    outcomes=frozenset({Outcome.DONE}),
    instance_id="order_A",
    since=at(1),
    until=at(2),
    reason="card",
    bulk_id="b1",
)


@pytest.mark.parametrize("wanted", [FULL, FULL_AUDIT])
def test_the_examples_set_every_field(wanted: Filter | AuditFilter) -> None:
    """Otherwise the tests below would not test a new field."""
    assert [
        each.name for each in fields(wanted) if getattr(wanted, each.name) == each.default
    ] == []


@pytest.mark.parametrize("wanted", [FULL, Filter(), Filter(text="x")])
def test_a_filter_is_read_as_it_was_written(wanted: Filter) -> None:
    """A field that is not set has no parameter."""
    assert filter_of(Filter, parameters_of(wanted)) == wanted


def test_a_filter_of_the_audit_log_is_read_as_it_was_written() -> None:
    """By the same functions."""
    assert filter_of(AuditFilter, parameters_of(FULL_AUDIT)) == FULL_AUDIT
    assert parameters_of(AuditFilter()) == []


def test_the_rest_api_reads_the_same_parameters() -> None:
    """A link of a page and a request of the API mean the same."""
    assert FilterQuery.model_validate(_grouped(parameters_of(FULL), FilterQuery)).filter == FULL
    sent = _grouped(parameters_of(FULL_AUDIT), AuditFilterQuery)
    assert AuditFilterQuery.model_validate(sent).filter == FULL_AUDIT


def _grouped(
    parameters: list[tuple[str, str]], model: type[FilterQuery] | type[AuditFilterQuery]
) -> dict[str, object]:
    """Return the parameters as FastAPI gives them to a model: lists where it has lists."""
    lists = [name for name, field in model.model_fields.items() if field.default == []]
    return {
        name: [value for each, value in parameters if each == name] if name in lists else last
        for name, last in parameters
    }


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ([("state", "FAILED")], "state: found 'FAILED', expected one of status, id, workflow"),
        ([("status", "failed")], "status: found 'failed', expected one of PENDING, RUNNING"),
        ([("attention", "")], "attention: found '', expected one of overdue"),
        ([("since", "yesterday")], "since: found 'yesterday'"),
        ([("since", "2026-01-11T12:00:00")], "expected a time with its zone"),
        ([("id", "a"), ("id", "b")], "id: found 'a, b', expected one value"),
    ],
)
def test_a_wrong_parameter_is_named(parameters: list[tuple[str, str]], message: str) -> None:
    """With the value found and the value expected."""
    with pytest.raises(InvalidInput) as refused:
        filter_of(Filter, parameters)
    assert message in str(refused.value)


def test_an_action_that_nothing_audits_is_refused() -> None:
    """An empty file would say that nobody did it; hundreds of actions would fail."""
    with pytest.raises(InvalidInput, match="action: found 'a1', expected one of start, pause"):
        filter_of(AuditFilter, [("action", "pause"), ("action", "a1")])


def test_a_time_of_another_zone_is_the_same_time() -> None:
    """It is compared in UTC."""
    found = filter_of(Filter, [("since", "2026-01-11T13:00:00+01:00")])
    assert found.since == datetime(2026, 1, 11, 12, tzinfo=UTC)
