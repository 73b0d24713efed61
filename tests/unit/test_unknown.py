"""How fields without a name are told."""

import pytest
from google.protobuf.empty_pb2 import Empty
from hypothesis import given
from hypothesis import strategies as st

from operations.gateway.unknown_events import DEEPEST, LONGEST, readable, unknown_numbers
from tests.unit.protobuf import message, tag, varint

TEXT = "An apple, a pear, and a plum: more than thirty-two characters."


def told(data: bytes) -> str:
    """Return how a message of these bytes is told."""
    return readable(Empty.FromString(data))


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", ""),
        (tag(2, 0) + varint(300), "2: 300"),
        (tag(3, 5) + b"\x01\0\0\0", "3: 1"),
        (tag(4, 1) + b"\x02" + b"\0" * 7, "4: 2"),
        (message(1, b""), '1: ""'),
        (message(1, b"hello"), '1: "hello"'),
        (message(1, b'"\\'), '1: "\\"\\\\"'),
        (message(1, "\u2603".encode()), '1: "\u2603"'),
        (message(1, b"two\nlines"), '1: "two\\nlines"'),
        (message(1, b"\xff\x00"), "1: 0xff00"),
        (message(1, message(2, b"a")), '1 {\n  2: "a"\n}'),
        (message(1, message(1, TEXT.encode())), f'1 {{\n  1: "{TEXT}"\n}}'),
        (tag(5, 3) + message(1, b"a") + tag(5, 4), '5 {\n  1: "a"\n}'),
    ],
)
def test_each_kind_of_field_is_told(data: bytes, text: str) -> None:
    """By its number; texts as texts, messages by their fields, other bytes as digits."""
    assert told(data) == text


def test_fields_are_told_in_their_order() -> None:
    """Also those that are there twice; their numbers are given once."""
    data = message(9, b"a") + message(4, b"b") + message(9, b"c")
    assert told(data) == '9: "a"\n4: "b"\n9: "c"'
    assert unknown_numbers(Empty.FromString(data)) == [4, 9]


def test_messages_within_messages_without_end_are_told_so_far() -> None:
    """What is deeper is bytes."""
    data = b"\x08\x01"
    for _ in range(1000):
        data = message(1, data)
    lines = told(data).splitlines()
    assert sum(line.endswith("{") for line in lines) == DEEPEST
    assert lines[DEEPEST].strip().startswith("1: 0x")


def test_of_what_is_too_long_the_size_is_told() -> None:
    """No event takes seconds to be told."""
    data = b"\x08\x01" * (LONGEST // 2)
    assert told(data).count("\n") == LONGEST // 2 - 1
    assert told(data + b"\x08\x01") == "65,538 bytes, too many to be told one by one"


@given(st.binary(max_size=200))
def test_any_bytes_can_be_told(data: bytes) -> None:
    """Whatever a field holds."""
    assert told(message(1, data)).startswith("1")
