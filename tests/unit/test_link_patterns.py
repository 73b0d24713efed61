"""Links to logs and traces, by patterns from the settings."""

from datetime import timedelta

import pytest

from dashboard.link_patterns import filled, link_pattern, values_of
from dashboard.settings import DashboardSettings
from operations.errors import InvalidInput
from tests.unit.pages import summary
from tests.unit.snapshots import NOON

LOGS = "https://logs.example/?app={app_id}&q={instance_id}&from={since}&to={until}"
TRACES = "http://localhost:16686/trace/{trace_id}"
PLACEHOLDERS = "{app_id}, {instance_id}, {trace_id}, {since}, {until}"


@pytest.mark.parametrize(
    "pattern", ["", LOGS, TRACES, "https://logs.example", "https://[::1]:3/#a"]
)
def test_a_pattern_is_an_address_with_placeholders(pattern: str) -> None:
    """An empty one means no link."""
    assert link_pattern(pattern) == pattern


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("https://logs.example/{instance}", "no placeholder {instance}: there are"),
        ("https://logs.example/{}", "no placeholder {}: there are"),
        ('https://logs.example/?left={"a":1}', 'no placeholder {"a":1}: there are'),
        ("javascript:alert({instance_id})", "an http or https URL"),
        ("ftp://logs.example/{instance_id}", "an http or https URL"),
        ("https://{app_id}.logs.example/", "an http or https URL"),
        ("https://ann@logs.example/", "an http or https URL"),
        ("https://logs.example/a b", "an http or https URL"),
        ("logs.example", "an http or https URL"),
    ],
)
@pytest.mark.parametrize("name", ["FLOWDECK_LOG_LINK", "FLOWDECK_TRACE_LINK"])
def test_a_wrong_pattern_stops_the_start(
    name: str, pattern: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message has the setting, the value and what is expected; it names the placeholders."""
    monkeypatch.setenv(name, pattern)
    with pytest.raises(InvalidInput) as caught:
        DashboardSettings.load()
    assert str(caught.value).startswith(f"{name}: found ")
    assert expected in str(caught.value)
    assert PLACEHOLDERS in str(caught.value)


def test_the_values_are_escaped() -> None:
    """An id of another application may have any character."""
    values = values_of(summary(instance_id="a/b?c=1&d #é", ended_at=NOON), None, NOON)
    assert filled("https://logs.example/{instance_id}?q={instance_id}", values) == (
        "https://logs.example/a%2Fb%3Fc%3D1%26d%20%23%C3%A9?q=a%2Fb%3Fc%3D1%26d%20%23%C3%A9"
    )


def test_the_period_is_the_run_with_a_margin() -> None:
    """The end of an unfinished run changes once an hour, and is always ahead."""
    ended = values_of(summary(started_at=NOON, ended_at=NOON + timedelta(hours=2)), None, NOON)
    assert (ended["since"], ended["until"]) == (
        (NOON - timedelta(minutes=1)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        (NOON + timedelta(hours=2, minutes=1)).strftime("%Y-%m-%dT%H:%M:%SZ"),
    )
    hour = NOON.replace(minute=0, second=0)
    ends = {values_of(summary(), None, hour + timedelta(minutes=m))["until"] for m in (0, 30, 59)}
    assert ends == {(hour + timedelta(hours=2)).strftime("%Y-%m-%dT%H:%M:%SZ")}


def test_a_link_without_its_value_is_left_out() -> None:
    """Dapr samples no trace, for example."""
    assert filled(TRACES, values_of(summary(), None, NOON)) is None
    assert filled("", values_of(summary(), "4bf9", NOON)) is None
    assert filled(TRACES, values_of(summary(), "4bf9", NOON)) == "http://localhost:16686/trace/4bf9"
