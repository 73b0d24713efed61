"""Values in the address of the list that are ignored are named near the filters."""

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.listing.filter_parameters import PARAMETERS as NAMES
from operations.model import Status
from tests.unit.pages import INSTANCE, Desk, ids, run, send, texts

PARAMETERS = ", ".join(NAMES)
STATUSES = ", ".join(status.lower() for status in Status)


def ignored(app: AppTest) -> list[str]:
    """Return the texts that name ignored values."""
    return [text for text in texts(app.markdown).split("\n") if "Ignored in the address" in text]


def remove(app: AppTest) -> AppTest:
    """Press the button that removes the ignored values."""
    next(each for each in app.button if each.label == "Remove").click()
    return send(app)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"status": "BOGUS"}, f"status 'BOGUS' (expected one of {STATUSES})"),
        ({"status": ["failed", "<b>"]}, f"status '<b>' (expected one of {STATUSES})"),
        ({"cursor": "xyz"}, f"'cursor' (expected {PARAMETERS})"),
        ({"since": "never", "sort": "up"}, "since 'never' (expected a time with its zone, such as"),
        ({"since": "never", "sort": "up"}, "); sort 'up' (expected one of newest, oldest"),
        ({"last": "1x", "min_duration": "x"}, "last '1x' (expected today, or a duration of at"),
        ({"last": "1x", "min_duration": "x"}, "; min_duration 'x' (expected a duration of at"),
        ({"children": "all"}, "children 'all' (expected 1)"),
        ({"failure_group": "xyz"}, "failure_group 'xyz' (expected the id of a failure group)"),
        ({"attention": "me"}, "attention 'me' (expected one of overdue, stuck, event, stalled)"),
        ({"workflow": "w" * 300}, f"workflow '{'w' * 50}… (expected a name of at most 255"),
        ({"at": "xyz"}, "at 'xyz' (expected the cursor of a page of the list)"),
        ({"at": "x" * 99}, f"at '{'x' * 56}… (expected the cursor"),
        ({"q": "x" * 300}, "the end of q, which has 300 characters (expected at most 256)"),
    ],
)
def test_an_ignored_value_is_named_with_what_is_expected(
    desk: Desk, query: dict[str, Any], message: str
) -> None:
    """Once, until it is removed."""
    desk.add("order_A")
    app = desk.open(**query)
    for _ in range(2):
        assert not app.exception
        (text,) = ignored(app)
        assert message in text
        run(app)


def test_the_rest_of_the_filter_applies(desk: Desk) -> None:
    """It also stays in the address when the ignored values are removed."""
    desk.add("order_A")
    desk.add("order_B", status=Status.FAILED)
    wrong: dict[str, Any] = {"cursor": "xyz", "at": "xyz", "last": "x", "sort": "up"}
    app = desk.open(status=["failed", "bogus"], q="order_", **wrong)
    assert ids(app) == ["order_B"]
    remove(app)
    assert not ignored(app)
    assert app.query_params == {"status": "failed", "q": "order_"}
    assert ids(app) == ["order_B"]


def test_the_address_of_an_instance_that_was_opened_right_before_is_no_mistake(desk: Desk) -> None:
    """A quick second click opens the list with the query of the first one."""
    app = desk.open(id="order_A", run_id="1", status="failed")
    assert not ignored(app)
    assert app.query_params == {"status": "failed"}


def test_a_parameter_that_the_page_of_an_instance_does_not_know_is_named(desk: Desk) -> None:
    """A misspelt `run_id` would show another run without a word."""
    desk.add("order_A")
    app = desk.open(INSTANCE, id="order_A", run="3")
    (text,) = ignored(app)
    assert "Ignored in the address: 'run' (expected id, run_id, span)" in text
    remove(app)
    assert not ignored(app)
    assert app.query_params == {"id": "order_A"}


def test_an_address_without_ignored_values_has_no_warning(desk: Desk) -> None:
    """Empty values are no values."""
    desk.add("order_A")
    assert not ignored(desk.open(status=["RUNNING", ""], at="", q=" order_a "))
