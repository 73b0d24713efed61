"""Statuses and their actions, instance ids, and payloads."""

from collections.abc import Set as AbstractSet

import pytest

from operations.model import (
    STATUS_ACTIONS,
    Action,
    Status,
    allowed_actions,
    is_possible_id,
    is_startable_id,
    parse_payload,
)

PAUSE, RESUME, TERMINATE = STATUS_ACTIONS
PURGE, RERUN, RAISE = Action.PURGE, Action.RERUN, Action.RAISE
ALLOWED = {
    Status.PENDING: {TERMINATE},
    Status.RUNNING: {PAUSE, TERMINATE, RAISE},
    Status.SUSPENDED: {RESUME, TERMINATE, RAISE},
    Status.COMPLETED: {PURGE, RERUN},
    Status.FAILED: {PURGE, RERUN},
    Status.TERMINATED: {PURGE, RERUN},
    Status.CANCELED: {PURGE, RERUN},
    Status.CONTINUED_AS_NEW: set[Action](),
    Status.STALLED: set[Action](),
    Status.UNKNOWN: set[Action](),
}


@pytest.mark.parametrize(("status", "actions"), ALLOWED.items())
def test_a_status_allows_these_actions(status: Status, actions: AbstractSet[Action]) -> None:
    """No other action is allowed in the status."""
    assert allowed_actions(status) == actions


@pytest.mark.parametrize(("status", "actions"), ALLOWED.items())
def test_force_allows_a_purge_in_every_status(status: Status, actions: AbstractSet[Action]) -> None:
    """Force allows no other action."""
    assert allowed_actions(status, forced=True) == {*actions, PURGE}


def test_every_status_is_in_the_table() -> None:
    """`ALLOWED` has a row for each status."""
    assert set(ALLOWED) == set(Status)


@pytest.mark.parametrize(
    ("action", "goal"),
    [(PAUSE, Status.SUSPENDED), (RESUME, Status.RUNNING), (TERMINATE, Status.TERMINATED)],
)
def test_an_action_has_a_goal(action: Action, goal: Status) -> None:
    """The goal is the status that the action leads to."""
    assert action.goal is goal


def test_four_statuses_are_final() -> None:
    """A finished instance has completed, failed, or been terminated or cancelled."""
    final = {Status.COMPLETED, Status.FAILED, Status.TERMINATED, Status.CANCELED}
    assert {status for status in Status if status.is_finished} == final


@pytest.mark.parametrize("good", ["a", "0", "order_ORDER-001", "a_", "A" * 64])
def test_a_safe_id_is_accepted(good: str) -> None:
    """A safe id consists of letters, digits, _ and -."""
    assert is_startable_id(good)


@pytest.mark.parametrize(
    "bad",
    ["", "_a", "-a", "a||b", "a::b", "a/b", "a b", "a.b", "a\n", "a\x00", "é", "aé", "٣", "A" * 65],
)
def test_an_unsafe_id_is_refused(bad: str) -> None:
    """Other ids could break Dapr's listing, or their instances never complete."""
    assert not is_startable_id(bad)


@pytest.mark.parametrize("instance_id", ["a", "a||b", "parent:0001", "é", "a b", "A" * 255])
def test_instances_of_other_clients_may_have_unsafe_ids(instance_id: str) -> None:
    """Such instances are shown, and actions on them are allowed."""
    assert is_possible_id(instance_id)


@pytest.mark.parametrize("instance_id", ["", "a\0", "a\n", "\ud800", "A" * 256])
def test_an_id_that_no_instance_can_have_is_impossible(instance_id: str) -> None:
    """No read of the engine has such an id, and the ledger does not store it."""
    assert not is_possible_id(instance_id)


@pytest.mark.parametrize(
    ("payload", "value"),
    [(None, None), ("null", None), ('{"a": [1, 2.5]}', {"a": [1, 2.5]}), ("0", 0), ('""', "")],
)
def test_a_json_payload_is_parsed(payload: str | None, value: object) -> None:
    """JSON text is parsed into its value."""
    assert parse_payload(payload) == value


@pytest.mark.parametrize(
    "payload", ["", "hello", "{", "NaN", '{"a": -Infinity}', "1e400", "1" * 5000, "[" * 100_000]
)
def test_a_payload_that_is_not_valid_json_stays_text(payload: str) -> None:
    """So does JSON that Python cannot represent or that is nested too deeply."""
    assert parse_payload(payload) == payload
