"""What a message holds that the SDK has no names for: numbered fields, in readable form."""

import json
from collections.abc import Iterator
from typing import Any

from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import DecodeError, Message
from google.protobuf.unknown_fields import UnknownFieldSet

LONGEST = 64 * 1024  # bytes of a message that are told: each field costs microseconds
DEEPEST = 20  # messages within messages


def unknown_numbers(message: Message) -> list[int]:
    """Return the numbers of the fields without a name, each once."""
    return sorted({field.field_number for field in _each(UnknownFieldSet(message))})


def readable(message: Message) -> str:
    """Return the fields without a name, one a line, as `protoc --decode_raw` tells them.

    Bytes do not say what they are: text where they can be text, else a message where they can be
    one. Of a message that is too long only its size is told.
    """
    size = message.ByteSize()
    if size > LONGEST:
        return f"{size:,} bytes, too many to be told one by one"
    return "\n".join(_lines(UnknownFieldSet(message), DEEPEST))


def _lines(fields: UnknownFieldSet, deeper: int) -> Iterator[str]:
    for field in _each(fields):
        inner = _inner(field.data, deeper)
        if inner is None:
            yield f"{field.field_number}: {_plain(field.data)}"
        else:
            yield f"{field.field_number} {{"
            yield from (f"  {line}" for line in _lines(inner, deeper - 1))
            yield "}"


def _each(fields: UnknownFieldSet) -> Iterator[Any]:
    return (fields[number] for number in range(len(fields)))


def _inner(data: object, deeper: int) -> UnknownFieldSet | None:
    """Return the fields within a field, None if it has none."""
    if isinstance(data, UnknownFieldSet):  # a group
        return data
    if not isinstance(data, bytes) or not data or not deeper or _text(data, printable=True):
        return None
    try:
        return UnknownFieldSet(Empty.FromString(data))
    except DecodeError:
        return None


def _plain(data: object) -> str:
    if not isinstance(data, bytes):
        return str(data)
    text = _text(data)
    return f"0x{data.hex()}" if text is None else json.dumps(text, ensure_ascii=False)


def _text(data: bytes, *, printable: bool = False) -> str | None:
    """Return bytes as text, None if they are none; lines are text, but nothing to print."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return None
    shown = text if printable else "".join(text.split())
    return text if shown.isprintable() else None
