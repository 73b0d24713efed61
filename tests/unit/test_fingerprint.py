"""Fingerprints: the text that similar failure messages have in common."""

import weakref

import pytest

from operations.failure_groups import FailedKind, fingerprint, group_of, original_message
from operations.model import Failure

MESSAGES = [
    ("Failure 1 of 2.", "Failure … of …."),
    ("took 0.532 s, not 5", "took … s, not …"),
    ("No 6f9619ff-8b86-d011-b42d-00c04fc964ff", "No …"),
    ("object deadbeef is gone", "object … is gone"),
    ("address 0x7fffdeadbeef", "address …"),
    ("at 2026-01-11T12:00:00.123Z", "at …"),
    ("no route to 10.0.0.1:8080", "no route to …"),
    ("Order 'A-B' is \"very\" `odd`", "Order … is … …"),
    ("item #17 of order_ORDER-00017", "item #… of …"),
    ("it can't be, isn't it", "it can't be, isn't it"),
    ("No such item.", "No such item."),
    ("", ""),
]


@pytest.mark.parametrize(("message", "expected"), MESSAGES)
def test_variable_parts_are_replaced_by_an_ellipsis(message: str, expected: str) -> None:
    """Variable parts are numbers, times, ids, addresses and quoted values; words stay."""
    assert fingerprint(message) == expected


def test_the_id_of_the_instance_is_replaced() -> None:
    """The id may be a plain word."""
    message = "order_one: Activity task #3 failed: gone"
    assert fingerprint(message, "order_one") == "…: Activity task #… failed: gone"
    assert fingerprint("a cat has fled", "a") == "… cat has fled"


@pytest.mark.parametrize(
    ("message", "original"),
    [
        ("order_A: Activity task #3 failed: No card.", "No card."),
        ("Sub-orchestration task #1 failed: a:0001: Activity task #2 failed: No: card", "No: card"),
        ("order_A: Activity task #3 failed", "order_A: Activity task #3 failed"),
        ("the Activity task #3 failed: gone", "the Activity task #3 failed: gone"),
        ("", ""),
    ],
)
def test_the_original_message_is_without_the_sdks_prefixes(message: str, original: str) -> None:
    """Of a failed activity, and of a child whose activity failed."""
    assert original_message(message) == original


def test_a_long_message_is_processed_in_linear_time() -> None:
    """No message makes the regular expressions backtrack."""
    assert fingerprint("a" * 100_000 + "1") == "…"
    assert fingerprint("a" * 100_000) == "…"
    assert fingerprint("z" * 100_000) == "z" * 100_000


def test_the_cache_of_groups_keeps_no_stack_trace() -> None:
    """It may be very long."""
    failure = Failure("E", "gone", "at line 1")
    watched = weakref.ref(failure)
    group_of("app", FailedKind.WORKFLOW, "order", failure, "order_A")
    del failure
    assert watched() is None
