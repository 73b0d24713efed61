"""Rows of the table, and headers of instance pages."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from dashboard.listing.table_data import CONTINUES_WHEN_RESUMED, header, offered_actions, row
from dashboard.times import milliseconds
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
    """Pause or resume first, terminate last; a finished run has none."""
    assert row(summary(status=status))["actions"] == BUTTONS.get(status, [])


@pytest.mark.parametrize("status", list(Status))
def test_a_purged_run_has_no_buttons(status: Status) -> None:
    """Whatever its status, the engine no longer has the instance."""
    assert offered_actions(summary(status=status, purged_at=at(9))) == ()


def test_offered_actions_are_enum_members() -> None:
    """In the order of the buttons."""
    assert offered_actions(summary(status=Status.RUNNING)) == (Action.PAUSE, Action.TERMINATE)


@pytest.mark.parametrize("instance_id", ["a&id=b", "a b", "a/b?c#d", "100%", "ä|😀", "a+b", "'\"<"])
def test_a_link_leads_to_its_own_instance(instance_id: str) -> None:
    """The id is the only parameter of the address, whatever characters it has."""
    link = urlsplit(row(summary(instance_id=instance_id))["href"])
    assert link.path == "instance"
    assert not link.fragment
    assert parse_qs(link.query) == {"id": [instance_id]}


def test_a_failure_does_not_repeat_the_id_of_the_instance() -> None:
    """The row already shows the id."""
    failure = {
        "error_type": "TaskFailedError",
        "error_message": "order_A: Activity task #2 failed",
    }
    assert row(summary(instance_id="order_A", **failure))["failure"] == (
        "TaskFailedError: Activity task #2 failed"
    )
    assert row(summary(instance_id="order_B", **failure))["failure"] == (
        "TaskFailedError: order_A: Activity task #2 failed"
    )


def test_a_failure_names_the_step_that_failed() -> None:
    """With the error of the step, not with the number that the SDK gives it."""
    failure = {"failed_step": "charge", "error_type": "ValueError", "error_message": "No card."}
    assert row(summary(**failure))["failure"] == "charge failed: ValueError: No card."


def test_the_key_of_a_row_is_its_run_id() -> None:
    """Two runs of one id are two rows."""
    assert row(summary(run_id=3))["key"] == 3


def test_an_earlier_run_is_opened_by_its_run_id() -> None:
    """The id alone opens the latest run."""
    shown = row(summary(run_id=3, instance_id="a&b", is_latest=False))
    link = urlsplit(shown["href"])
    assert (link.path, parse_qs(link.query)) == ("instance", {"id": ["a&b"], "run_id": ["3"]})


def test_an_earlier_run_has_no_buttons() -> None:
    """An action on its id would act on the latest run."""
    assert offered_actions(summary(status=Status.RUNNING, is_latest=False)) == ()


def test_a_header_has_the_adjacent_runs() -> None:
    """It says whether its run is an earlier one, and links to the runs before and after it."""
    shown = header(summary(is_latest=False), None, earlier=3, later=9)
    assert shown["isEarlier"]
    assert shown["earlier"] == "instance?id=order_A&run_id=3"
    assert shown["later"] == "instance?id=order_A&run_id=9"
    shown = header(summary(), None)
    assert (shown["isEarlier"], shown["earlier"], shown["later"]) == (False, None, None)


def test_a_row_has_what_its_instance_waits_for() -> None:
    """And until when."""
    shown = row(summary(**WAITS))
    assert (shown["waits"], shown["until"]) == ("approval", milliseconds(at(60)))


def test_a_wait_without_a_deadline_has_no_time() -> None:
    """It never times out."""
    assert row(summary(waits_for="approval"))["until"] is None


@pytest.mark.parametrize(
    ("waits_for", "gives_up"),
    [("event approval", True), ("event approval and slow", True), ("timer", False), (None, False)],
)
def test_the_end_of_a_wait_for_an_event_is_its_deadline(
    waits_for: str | None, *, gives_up: bool
) -> None:
    """The page must not say when the event arrives; a timer fires at that time."""
    assert row(summary(waits_for=waits_for, waits_until=at(60)))["givesUp"] is gives_up


def test_a_suspended_instance_has_its_step_and_its_pause() -> None:
    """The row says what it waits for once it is resumed, since when it is suspended and by whom."""
    suspended = summary(status=Status.SUSPENDED, suspended_at=at(9), **WAITS)
    for shown in (row(suspended, "ann"), header(suspended, None, paused_by="ann")):
        assert (shown["waits"], shown["until"]) == ("approval", milliseconds(at(60)))
        assert (shown["suspended"], shown["pausedBy"]) == (milliseconds(at(9)), "ann")
    assert row(suspended)["pausedBy"] is None


def test_a_suspended_instance_whose_wait_is_over_continues_when_it_is_resumed() -> None:
    """Its step is not empty."""
    suspended = summary(status=Status.SUSPENDED, suspended_at=at(9))
    for shown in (row(suspended), header(suspended, None)):
        assert (shown["waits"], shown["until"]) == (CONTINUES_WHEN_RESUMED, None)


@pytest.mark.parametrize(
    "values",
    [
        {"status": Status.SUSPENDED},
        {"status": Status.SUSPENDED, "suspended_at": at(9), "repeats": "timer"},
        {"status": Status.RUNNING},
    ],
)
def test_a_step_that_is_unknown_is_empty(values: dict[str, Any]) -> None:
    """The history was not read, or an action is repeated, or the workflow executes a turn."""
    assert row(summary(**values))["waits"] is None


def test_an_instance_that_is_not_suspended_has_no_pause() -> None:
    """A run that was terminated while it was suspended is not suspended."""
    shown = row(summary(status=Status.TERMINATED, suspended_at=at(9)), "ann")
    assert (shown["suspended"], shown["pausedBy"]) == (None, None)


def test_an_instance_that_starts_later_waits_for_its_start() -> None:
    """A pending instance with a time waits until that time."""
    shown = row(summary(status=Status.PENDING, scheduled_for=at(60)))
    assert (shown["waits"], shown["until"]) == ("start", milliseconds(at(60)))


def test_a_pending_instance_without_a_time_waits_as_the_ledger_says() -> None:
    """It starts at once, so it has no time to wait for."""
    shown = row(summary(status=Status.PENDING))
    assert (shown["waits"], shown["until"]) == (None, None)


@pytest.mark.parametrize(
    ("times", "seconds"),
    [
        ({"started_at": at(5), "scheduled_for": at(3)}, 5),
        ({"scheduled_for": at(3)}, 3),
        ({}, 0),
    ],
)
def test_a_row_has_its_time(times: dict[str, Any], seconds: float) -> None:
    """The start, else the scheduled start, else the creation of the run."""
    assert row(summary(**times))["start"] == milliseconds(at(seconds))


def test_a_scheduled_start_is_no_start() -> None:
    """The duration counts from the actual start."""
    assert row(summary(status=Status.PENDING, scheduled_for=at(60)))["started"] is None


def test_a_failure_is_one_line() -> None:
    """A row says why its instance failed."""
    failed = summary(status=Status.FAILED, error_type="CardError", error_message="refused")
    assert row(failed)["failure"] == "CardError: refused"
    assert row(summary())["failure"] is None


def test_a_failure_without_a_message_is_shown() -> None:
    """The row has its type."""
    assert row(summary(error_type="CardError"))["failure"] == "CardError: "


def test_a_header_has_the_details_of_its_run() -> None:
    """Custom status, parent, and the source of a rerun."""
    shown = header(summary(parent_id="p", rerun_of="r", purged_at=at(9)), '"half done"')
    assert shown["custom"] == '"half done"'
    assert shown["parent"] == {"id": "p", "app": None, "href": "instance?id=p"}
    assert shown["rerunOf"] == {"id": "r", "app": None, "href": "instance?id=r"}
    assert shown["purged"] == milliseconds(at(9))


def test_a_run_that_was_purged_before_its_end_ends_at_the_purge() -> None:
    """Its duration in list and header does not grow; a known end is kept."""
    purged = summary(status=Status.UNKNOWN, started_at=at(0), ended_at=None, purged_at=at(9))
    for shown in (row(purged), header(purged, None)):
        assert shown["ended"] == milliseconds(at(9))
    assert row(summary(ended_at=at(5), purged_at=at(9)))["ended"] == milliseconds(at(5))


@pytest.mark.parametrize("shown", [row(summary()), header(summary(), None)])
def test_the_data_of_widgets_is_json(shown: dict[str, Any]) -> None:
    """Numbers, texts and lists: no enum and no time."""
    assert {type(value) for value in shown.values()} <= {int, bool, str, list, type(None)}


def test_the_summary_of_the_tests_has_all_fields() -> None:
    """The helper of these tests sets each field of `RunSummary`."""
    assert set(vars(summary())) == set(RunSummary.__annotations__)
