"""Statuses, what they allow, ids and payloads."""

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
    """Exactly the actions that an instance can be asked for are allowed."""
    assert allowed_actions(status) == actions


@pytest.mark.parametrize(("status", "actions"), ALLOWED.items())
def test_force_purges_in_every_status(status: Status, actions: AbstractSet[Action]) -> None:
    """Force adds the purge, and nothing else."""
    assert allowed_actions(status, forced=True) == {*actions, PURGE}


def test_every_status_is_in_the_table() -> None:
    """No status is left out of the table above."""
    assert set(ALLOWED) == set(Status)


@pytest.mark.parametrize(
    ("action", "goal"),
    [(PAUSE, Status.SUSPENDED), (RESUME, Status.RUNNING), (TERMINATE, Status.TERMINATED)],
)
def test_an_action_has_a_goal(action: Action, goal: Status) -> None:
    """Each action brings about one status."""
    assert action.goal is goal


def test_four_statuses_are_final() -> None:
    """An instance has ended when it completed, failed, or was terminated or cancelled."""
    final = {Status.COMPLETED, Status.FAILED, Status.TERMINATED, Status.CANCELED}
    assert {status for status in Status if status.is_finished} == final


@pytest.mark.parametrize("good", ["a", "0", "order_ORDER-001", "a_", "A" * 64])
def test_a_safe_id_is_accepted(good: str) -> None:
    """Letters, digits, _ and - make a safe id."""
    assert is_startable_id(good)


@pytest.mark.parametrize(
    "bad",
    ["", "_a", "-a", "a||b", "a::b", "a/b", "a b", "a.b", "a\n", "a\x00", "é", "aé", "٣", "A" * 65],
)
def test_an_unsafe_id_is_refused(bad: str) -> None:
    """Anything else could break Dapr's listing, or never complete."""
    assert not is_startable_id(bad)


@pytest.mark.parametrize("instance_id", ["a", "a||b", "parent:0001", "é", "a b", "A" * 255])
def test_other_applications_choose_their_own_ids(instance_id: str) -> None:
    """Any of them may be looked at and acted on."""
    assert is_possible_id(instance_id)


@pytest.mark.parametrize("instance_id", ["", "a\0", "a\n", "\ud800", "A" * 256])
def test_what_no_instance_has_for_its_id(instance_id: str) -> None:
    """It is neither asked for nor kept."""
    assert not is_possible_id(instance_id)


@pytest.mark.parametrize(
    ("payload", "value"),
    [(None, None), ("null", None), ('{"a": [1, 2.5]}', {"a": [1, 2.5]}), ("0", 0), ('""', "")],
)
def test_a_json_payload_is_parsed(payload: str | None, value: object) -> None:
    """JSON text becomes the value that it holds."""
    assert parse_payload(payload) == value


@pytest.mark.parametrize(
    "payload", ["", "hello", "{", "NaN", '{"a": -Infinity}', "1e400", "1" * 5000, "[" * 100_000]
)
def test_a_payload_that_no_answer_could_carry_stays_text(payload: str) -> None:
    """What is not JSON, or more than Python can hold, is shown as the text it is."""
    assert parse_payload(payload) == payload
