"""The history table and the payloads of an instance page."""

import json
from datetime import UTC, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from dashboard.details.history_rows import PER_PAGE, page_count, page_of, rows_of
from dashboard.details.history_table import PREVIEW, _format, _frame, _preview
from dashboard.details.payloads import (
    MAX_LENGTH,
    MAX_MESSAGE,
    MAX_MESSAGE_LINES,
    MAX_STACK_TRACE,
    MAX_TREE,
)
from operations.history import HistoryEvent
from operations.model import Failure
from tests.unit.events import completed, event, failed, raised, scheduled, started, turn
from tests.unit.histories import RECORDED, recorded
from tests.unit.pages import texts, unscanned


def column(history: tuple[HistoryEvent, ...], name: str) -> list[Any]:
    """Return a column of the table."""
    return list(_frame(history, history)[name])


def kinds(history: tuple[HistoryEvent, ...], *, all_kinds: bool) -> list[str]:
    """Return the kinds of the events in the table."""
    return [each.kind for each in rows_of(history, all_kinds=all_kinds)]


def test_the_events_of_a_turn_are_ordered_by_time() -> None:
    """Dapr writes the start of a turn before the events that caused the turn."""
    history = (turn(1), started(0), scheduled(0, 2), turn(5), completed(0, 4), scheduled(1, 6))
    assert kinds(history, all_kinds=True) == [
        "executionStarted",
        "workflowStarted",
        "taskScheduled",
        "taskCompleted",
        "workflowStarted",
        "taskScheduled",
    ]


def test_a_turn_stays_before_the_next_one() -> None:
    """Whatever the clocks say: the order of turns is the order of processing."""
    history = (turn(9), scheduled(0, 9), turn(3), completed(0, 3))
    expected = ["workflowStarted", "taskScheduled", "workflowStarted", "taskCompleted"]
    assert kinds(history, all_kinds=True) == expected


def test_engine_events_are_hidden() -> None:
    """What remains is what the workflow did, and what it got."""
    history = (turn(1), started(0), scheduled(0, 2), turn(5), completed(0, 4))
    assert kinds(history, all_kinds=False) == ["executionStarted", "taskScheduled", "taskCompleted"]


def test_a_long_history_has_pages() -> None:
    """Each event is on one of them."""
    history = tuple(scheduled(number, number) for number in range(2 * PER_PAGE + 1))
    assert page_count(history) == 3
    pages = [page_of(history, number) for number in (1, 2, 3)]
    assert [len(page) for page in pages] == [PER_PAGE, PER_PAGE, 1]
    assert tuple(event for page in pages for event in page) == history
    assert page_count(()) == 1


def test_an_answer_has_the_name_of_a_call_on_another_page() -> None:
    """The names come from the whole history."""
    history = (scheduled(0, 1, "charge"), completed(0, 2))
    assert list(_frame(history[1:], history)["name"]) == ["charge"]


def test_a_completion_has_the_name_of_its_activity() -> None:
    """`taskCompleted` has no name of its own."""
    history = (scheduled(0, 1, "charge"), scheduled(1, 1, "ship"), completed(1, 2))
    assert column(history, "name") == ["charge", "ship", "ship"]


def test_an_event_without_a_name_has_none() -> None:
    """It does not get the name of another event with the same id."""
    assert column((raised("approval", 1), turn(2)), "name") == ["approval", ""]


def test_times_of_a_history_are_utc() -> None:
    """The table converts them to the zone of the viewer."""
    events = (event("timerFired", 1.25),)
    times = _frame(events, events)["time"]
    assert str(times.dtype) == "datetime64[ms, UTC]"
    assert times[0] == pd.Timestamp("2026-11-23T18:00:01.25", tz=UTC)


@pytest.mark.parametrize(
    ("last", "zone", "shown"),
    [
        (3600 * 5, UTC, "HH:mm:ss.SSS"),
        (3600 * 5, ZoneInfo("Europe/Berlin"), "YYYY-MM-DD HH:mm:ss.SSS"),
        (3600 * 30, UTC, "YYYY-MM-DD HH:mm:ss.SSS"),
    ],
)
def test_times_have_a_date_if_the_history_spans_two_days(
    last: float, zone: tzinfo, shown: str
) -> None:
    """In the time zone of the viewer."""
    assert _format((turn(0), turn(last)), zone) == shown


@pytest.mark.parametrize("name", RECORDED)
def test_each_recorded_history_is_a_table(name: str) -> None:
    """Each cell is a time or a text."""
    frame = _frame(recorded(name), recorded(name))
    assert len(frame) == len(recorded(name))
    assert list(frame.dtypes.astype(str)) == ["datetime64[ms, UTC]", "str", "str", "str"]
    assert not frame.isna().to_numpy().any()


def test_an_event_that_was_carried_over_stands_behind_its_start() -> None:
    """The table shows times without dates, because all events are of one day."""
    history = recorded("carried_over")
    assert kinds(history, all_kinds=False)[:3] == [
        "executionStarted",
        "eventRaised",
        "timerCreated",
    ]
    assert _format(history, UTC) == "HH:mm:ss.SSS"


def test_a_long_payload_is_cut_in_the_table() -> None:
    """The selected event shows all of it."""
    assert _preview(completed(0, 1, "x" * 1000)) == "x" * PREVIEW


def test_a_failed_event_shows_its_failure() -> None:
    """In place of a payload."""
    assert _preview(failed(0, 1)) == "CardError: The card was refused."


def test_an_event_without_a_payload_has_an_empty_cell() -> None:
    """Not the word None."""
    assert _preview(turn(1)) == ""


def show(command: str, value: object) -> AppTest:
    """Return a page that calls a function of the dashboard with a value."""
    script = f"import streamlit as st\nfrom dashboard.details import payloads\n{command}"
    page = unscanned(AppTest.from_string(script, default_timeout=30))
    page.session_state["value"] = value
    page.run()
    assert not page.exception
    return page


def show_payload(text: str | None) -> AppTest:
    """Return a page that shows a payload."""
    return show('payloads.show_payload(st.container(), "Input", st.session_state["value"])', text)


def show_tree(text: str) -> AppTest:
    """Return a page that shows a payload as a tree."""
    return show('payloads.show_tree(st.container(), "Input", st.session_state["value"])', text)


def show_failure(reason: Failure) -> AppTest:
    """Return a page that shows a failure."""
    return show('payloads.show_failure(st.session_state["value"], "order_A")', reason)


@pytest.mark.parametrize("text", ['{"a": [1, null]}', "[]", '["<b>"]'])
def test_json_is_shown_as_json(text: str) -> None:
    """Objects and lists are indented."""
    page = show_payload(text)
    assert json.loads(page.code[0].value) == json.loads(text)
    assert page.code[0].language == "json"


def test_numbers_are_not_rounded() -> None:
    """JavaScript would round them."""
    page = show_payload('{"id": 12345678901234567891, "d": 0.23456789012345678901, "e": 1e400}')
    assert page.code[0].value == (
        '{\n  "id": 12345678901234567891,\n  "d": 0.23456789012345678901,\n  "e": 1e400\n}'
    )


@pytest.mark.parametrize(
    "text", ["no json", "{", "NaN", '{"a": NaN}', '"text"', "12", "true", "", "<script>", "$x$"]
)
def test_any_other_payload_is_shown_unchanged(text: str) -> None:
    """As text, without markup."""
    page = show_payload(text)
    assert page.code[0].value == text
    assert page.code[0].language in {"", "plaintext"}


def test_a_missing_payload_differs_from_an_empty_one() -> None:
    """A caption says that there is none."""
    page = show_payload(None)
    assert (texts(page.caption), len(page.code)) == ("None.", 0)


def test_a_huge_payload_is_cut_and_says_so() -> None:
    """JSON that is cut is shown as text, and a caption has its length."""
    page = show_payload(json.dumps(["x" * MAX_LENGTH]))
    assert len(page.code[0].value) == MAX_LENGTH
    assert texts(page.caption) == "The first 100,000 of 100,004 characters."


@pytest.mark.parametrize("depth", [50, 900, 100_000])
def test_a_deep_payload_is_shown(depth: int) -> None:
    """A nested payload of any depth does not break the page."""
    page = show_payload("[" * depth + "]" * depth)
    assert len(page.code) == 1


def test_json_is_a_tree() -> None:
    """Which can be folded and copied."""
    page = show_tree('{"a": [1, {"b": null}]}')
    assert json.loads(page.json[0].value) == {"a": [1, {"b": None}]}
    assert not page.code


@pytest.mark.parametrize(
    "text",
    [
        '{"id": 12345678901234567891}',
        '{"a": 1, "a": 2}',
        '"text"',
        "no json",
        "[" * 100_000 + "]" * 100_000,
        json.dumps(["x" * MAX_TREE]),
    ],
)
def test_a_payload_that_a_tree_would_change_is_text(text: str) -> None:
    """A browser rounds numbers and drops doubled keys; a large tree is slow."""
    page = show_tree(text)
    assert not page.json
    assert len(page.code) == 1


def test_a_failure_has_its_type_and_its_message() -> None:
    """The type is in bold."""
    assert texts(show_failure(Failure("CardError", "refused")).error) == "**CardError**  \nrefused"


def test_a_failure_without_a_type_has_a_title() -> None:
    """Four asterisks would be a horizontal rule."""
    assert texts(show_failure(Failure("", "refused")).error) == "**Failed**  \nrefused"


def test_a_failure_is_shown_as_text() -> None:
    """Markup in it is escaped."""
    shown = show_failure(Failure("<b>", "[x](http://y) :red[z]")).error[0].value
    assert shown.startswith(r"**\<b\>**")
    assert "](" not in shown
    assert ":red" not in shown


def test_a_stack_trace_is_shown_as_text() -> None:
    """In an expander."""
    page = show_failure(Failure("E", "m", "<b>\n  line 1"))
    assert page.expander[0].label == "Stack trace"
    assert page.code[0].value == "<b>\n  line 1"


def test_a_failure_without_a_stack_trace_has_no_expander() -> None:
    """Not every failure in Dapr has a stack trace."""
    assert not show_failure(Failure("E", "m")).expander


def test_a_stack_trace_shows_the_own_frames_until_someone_asks() -> None:
    """The switch counts the frames of libraries."""
    own = '  File "/app/charge.py", line 1, in charge\n    refuse()'
    library = '  File "/venv/lib/python3.11/site-packages/dapr/x.py", line 2, in call\n    go()'
    page = show_failure(Failure("E", "m", f"{library}\n{own}"))
    assert page.code[0].value == own
    (toggle,) = page.expander[0].toggle
    assert toggle.label == "Whole stack trace (1 frame of libraries)"
    toggle.set_value(True).run()
    assert page.code[0].value == f"{library}\n{own}"


LOUD = "é" * 200_000


@pytest.mark.parametrize("message", [LOUD, "\n".join(["line"] * 10_000)])
def test_a_long_message_is_cut_until_someone_asks(message: str) -> None:
    """The whole message is shown then."""
    page = show_failure(Failure("RuntimeError", message))
    assert len(page.error[0].value) < 2 * MAX_MESSAGE
    assert page.error[0].value.count("\n") <= MAX_MESSAGE_LINES
    assert page.error[0].value.endswith("…")
    assert not page.code
    page.toggle[0].set_value(True).run()
    assert page.toggle[0].label == f"Show all {len(message):,} characters"
    assert page.code[0].value == message


def test_a_long_stack_trace_is_cut_until_someone_asks() -> None:
    """It is cut in the expander."""
    page = show_failure(Failure("RuntimeError", "no", LOUD))
    assert len(page.code[0].value) == MAX_STACK_TRACE
    page.expander[0].toggle[0].set_value(True).run()
    assert page.code[1].value == LOUD


def test_a_short_failure_offers_no_more() -> None:
    """Nothing is cut."""
    page = show_failure(Failure("E", "m" * MAX_MESSAGE, "s" * MAX_STACK_TRACE))
    assert not page.toggle
