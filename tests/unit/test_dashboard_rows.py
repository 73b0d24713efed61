"""Entries of the ledger as the parts of a page show them."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from dashboard.durations import milliseconds
from dashboard.listing.rows import header, offered_actions, row
from operations.model import Action, Status
from operations.records import RunSummary
from tests.unit.pages import summary
from tests.unit.snapshots import at

WAITS: dict[str, Any] = {"waits_for": "approval", "waits_until": at(60)}
BUTTONS = {
    Status.PENDING: ["terminate"],
    Status.RUNNING: ["pause", "terminate"],
    Status.SUSPENDED: ["resume", "terminate"],
}


@pytest.mark.parametrize("status", list(Status))
def test_a_row_has_the_buttons_that_its_status_allows(status: Status) -> None:
    """Pause or resume stands first, terminate last; what has ended offers nothing."""
    assert row(summary(status=status))["actions"] == BUTTONS.get(status, [])


@pytest.mark.parametrize("status", list(Status))
def test_what_was_purged_has_no_buttons(status: Status) -> None:
    """The engine has it no more, whatever its status was."""
    assert offered_actions(summary(status=status, purged_at=at(9))) == ()


def test_an_offer_is_of_actions() -> None:
    """The buttons of the page ask by action, not by word."""
    assert offered_actions(summary(status=Status.RUNNING)) == (Action.PAUSE, Action.TERMINATE)


@pytest.mark.parametrize("instance_id", ["a&id=b", "a b", "a/b?c#d", "100%", "ä|😀", "a+b", "'\"<"])
def test_a_link_leads_to_its_own_instance(instance_id: str) -> None:
    """Whatever an id holds, the address of its page holds it as the one parameter."""
    link = urlsplit(row(summary(instance_id=instance_id))["href"])
    assert link.path == "instance"
    assert not link.fragment
    assert parse_qs(link.query) == {"id": [instance_id]}


def test_a_failure_does_not_begin_with_the_instances_own_id() -> None:
    """The row has it already, and the place is for what went wrong."""
    told = {
        "failure_type": "TaskFailedError",
        "failure_message": "order_A: Activity task #2 failed",
    }
    assert row(summary(instance_id="order_A", **told))["failure"] == (
        "TaskFailedError: Activity task #2 failed"
    )
    assert row(summary(instance_id="order_B", **told))["failure"] == (
        "TaskFailedError: order_A: Activity task #2 failed"
    )


def test_a_row_has_the_key_of_its_life() -> None:
    """Two lives of one id are two rows."""
    assert row(summary(run_id=3))["key"] == 3


def test_an_earlier_life_is_opened_by_its_key() -> None:
    """The id alone leads to the latest, which is not this one."""
    shown = row(summary(run_id=3, instance_id="a&b", is_latest=False))
    link = urlsplit(shown["href"])
    assert (link.path, parse_qs(link.query)) == ("instance", {"id": ["a&b"], "run_id": ["3"]})
    assert shown["run_id"] == 3
    assert row(summary(run_id=3))["run_id"] is None


def test_an_earlier_life_has_no_buttons() -> None:
    """An action on its id would be one on the latest."""
    assert offered_actions(summary(status=Status.RUNNING, is_latest=False)) == ()


def test_a_head_has_the_lives_beside_its_own() -> None:
    """It says whether the life is an earlier one, and which are before and after it."""
    shown = header(summary(is_latest=False), None, earlier=3, later=9)
    assert (shown["isEarlier"], shown["earlier"], shown["later"]) == (True, 3, 9)
    shown = header(summary(), None)
    assert (shown["isEarlier"], shown["earlier"], shown["later"]) == (False, None, None)


def test_what_an_instance_waits_for_is_told() -> None:
    """A row says what its instance is at, and until when."""
    shown = row(summary(**WAITS))
    assert (shown["waits"], shown["until"]) == ("approval", milliseconds(at(60)))


def test_a_wait_without_end_has_no_time() -> None:
    """What waits for ever waits until nothing."""
    assert row(summary(waits_for="approval"))["until"] is None


def test_a_suspended_instance_waits_for_nothing() -> None:
    """Its status says what it waits for: the operator."""
    shown = row(summary(status=Status.SUSPENDED, **WAITS))
    assert (shown["waits"], shown["until"]) == (None, None)


def test_an_instance_that_starts_later_waits_for_its_start() -> None:
    """A pending one with a time waits until then."""
    shown = row(summary(status=Status.PENDING, scheduled_for=at(60)))
    assert (shown["waits"], shown["until"]) == ("start", milliseconds(at(60)))


def test_a_pending_instance_without_a_time_waits_as_the_ledger_says() -> None:
    """One that begins at once has no time to wait for."""
    shown = row(summary(status=Status.PENDING))
    assert (shown["waits"], shown["until"]) == (None, None)


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        ({"started_at": at(5), "scheduled_for": at(3)}, 5),
        ({"scheduled_for": at(3)}, 3),
        ({}, 0),
    ],
)
def test_a_row_tells_when_its_instance_began(told: dict[str, Any], seconds: float) -> None:
    """That is when it started, else when it will, else when it was made."""
    assert row(summary(**told))["created"] == milliseconds(at(seconds))


def test_a_start_that_is_to_come_is_no_start() -> None:
    """The duration counts from the start alone, which there is none of yet."""
    assert row(summary(status=Status.PENDING, scheduled_for=at(60)))["started"] is None


def test_a_failure_is_told_in_one_line() -> None:
    """A row says why its instance failed."""
    failed = summary(status=Status.FAILED, failure_type="CardError", failure_message="refused")
    assert row(failed)["failure"] == "CardError: refused"
    assert row(summary())["failure"] is None


def test_a_failure_without_a_message_is_told() -> None:
    """Its type is told all the same."""
    assert row(summary(failure_type="CardError"))["failure"] == "CardError: "


def test_a_head_has_what_belongs_to_the_instance() -> None:
    """The head of a page tells the custom status, the parent and what it is a rerun of."""
    shown = header(summary(parent_id="p", rerun_of="r", purged_at=at(9)), '"half done"')
    assert (shown["custom"], shown["parent"], shown["rerunOf"]) == ('"half done"', "p", "r")
    assert shown["purged"] == milliseconds(at(9))


@pytest.mark.parametrize("shown", [row(summary()), header(summary(), None)])
def test_what_is_given_to_a_part_is_plain(shown: dict[str, Any]) -> None:
    """Parts are given numbers and texts, which are JSON as they are: no enum, no time."""
    assert {type(value) for value in shown.values()} <= {int, bool, str, list, type(None)}


def test_an_entry_of_the_tests_is_whole() -> None:
    """The entries of these tests have every field that the ledger's have."""
    assert set(vars(summary())) == set(RunSummary.__annotations__)
