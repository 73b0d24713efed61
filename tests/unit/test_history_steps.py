"""The search in a history, and its events by step."""

import json

import pytest

from dashboard.details.history_rows import Same, found_rows
from dashboard.details.history_steps import WORKFLOW, Step, found_steps
from dashboard.details.selected_bar import bar_of
from operations.history import HistoryEvent
from operations.timeline import timeline_of
from tests.unit.events import (
    back_off,
    child,
    child_completed,
    completed,
    ended,
    failed,
    fired,
    raised,
    resumed,
    scheduled,
    started,
    suspended,
    turn,
    wait,
)
from tests.unit.histories import RECORDED, recorded

HISTORY = (
    turn(0),
    started(0),
    scheduled(1, 1, "charge", "c", payload='{"card": "Visa"}'),
    wait(2, 1, "approval"),
    turn(2),
    failed(1, 2),
    back_off(3, 2, 3, "c"),
    turn(3),
    fired(3, 3),
    scheduled(4, 3, "charge", "c"),
    turn(4),
    raised("Approval", 4, json.dumps({"by": "Zoë"})),
    suspended(4),
    resumed(5),
    completed(4, 5, "true"),
    child(5, 5, "pay-7"),
    turn(6),
    child_completed(5, 6),
    ended(7),
)


def found(text: str) -> list[str]:
    """Return the kinds of the events that have a text."""
    return [each.kind for each in found_rows(Same(HISTORY), text, all_kinds=False)]


def steps(text: str = "", history: tuple[HistoryEvent, ...] = HISTORY) -> tuple[Step, ...]:
    """Return the steps that have a text."""
    return found_steps(Same(history), Same(timeline_of(history).spans), text)


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("visa", ["taskScheduled"]),
        ("CHARGE", ["taskScheduled", "taskFailed", "taskScheduled", "taskCompleted"]),
        ("executionSusp", ["executionSuspended"]),
        ("the card was refused", ["taskFailed"]),
        ("zoë", ["eventRaised"]),
        ("pay-7", ["childWorkflowInstanceCreated"]),
        ("nothing", []),
    ],
)
def test_the_search_finds_texts(text: str, kinds: list[str]) -> None:
    """In names, kinds, payloads (also escaped), failures and ids of children; in any case."""
    assert found(text) == kinds


def test_an_empty_search_finds_all() -> None:
    """In the order of the table."""
    assert len(found("")) == sum(each.kind != "workflowStarted" for each in HISTORY)


def test_the_rows_of_a_history_are_kept() -> None:
    """A page shows them again after each change; another history of equal events is another."""
    history = recorded("completed")
    one, again = (found_rows(Same(history), "", all_kinds=True) for _ in range(2))
    assert one is again
    copy = found_rows(Same((*history,)), "", all_kinds=True)
    assert copy is not found_rows(Same(history), "", all_kinds=True)


def test_the_events_of_a_call_are_one_step() -> None:
    """With all its attempts and the back-offs between them."""
    shown = {
        (each.name, each.kind): (each.attempts, each.outcome, len(each.events)) for each in steps()
    }
    assert shown == {
        (WORKFLOW, WORKFLOW): (0, "", 4),
        ("charge", "activity"): (2, "completed", 6),
        ("approval", "wait"): (1, "completed", 2),
        ("pay", "child"): (1, "completed", 2),
    }


def test_a_step_has_its_times_and_its_bar() -> None:
    """From the first attempt to the end of the last."""
    (charge,) = [each for each in steps() if each.name == "charge"]
    assert charge.ended_at
    assert (charge.ended_at - charge.started_at).total_seconds() == 4
    assert charge.bar == 1


def test_a_search_finds_steps() -> None:
    """One of whose events has the text."""
    assert [each.name for each in steps("refused")] == ["charge"]
    assert [each.name for each in steps("zoë")] == ["approval"]


@pytest.mark.parametrize("name", RECORDED)
def test_each_event_is_in_one_step(name: str) -> None:
    """Of every recorded instance."""
    rows = found_rows(Same(recorded(name)), "", all_kinds=False)
    of_steps = [id(event) for step in steps(history=recorded(name)) for event in step.events]
    assert sorted(of_steps) == sorted(id(event) for event in rows)


def test_an_event_has_the_bar_of_its_call() -> None:
    """An event of the workflow itself has none."""
    bars = [bar_of(scheduled(7, 1)), bar_of(completed(7, 2)), bar_of(turn(1)), bar_of(ended(3))]
    assert bars == [7, 7, None, None]
