"""What messages of the same kind have in common."""

import pytest

from operations.fingerprint import fingerprint

ALIKE = [
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


@pytest.mark.parametrize(("message", "said"), ALIKE)
def test_what_tells_messages_apart_has_a_mark(message: str, said: str) -> None:
    """Numbers, times, ids, addresses and quoted values; words and their marks stay."""
    assert fingerprint(message) == said


def test_the_id_of_the_instance_has_a_mark() -> None:
    """Though nothing but the instance tells that it is one."""
    told = "order_one: Activity task #3 failed: gone"
    assert fingerprint(told, "order_one") == "…: Activity task #… failed: gone"


def test_a_long_message_is_no_more_work_than_its_length() -> None:
    """Whatever an application writes."""
    assert fingerprint("a" * 100_000 + "1") == "…"
    assert fingerprint("a" * 100_000) == "…"
    assert fingerprint("z" * 100_000) == "z" * 100_000
