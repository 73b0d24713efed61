"""Where in a list a page begins, as a short text that fits into a URL."""

import binascii
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Self

from operations.errors import InvalidInput
from operations.records import Entry

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_FORM = struct.Struct(">cqq")


class Way(Enum):
    """Which way a page goes from its cursor."""

    NEWER = b"n"
    OLDER = b"o"


@dataclass(frozen=True)
class Cursor:
    """A page begins beyond the entry with this time and key, the way that is given."""

    way: Way
    created_at: datetime
    key: int

    @classmethod
    def beyond(cls, entry: Entry, way: Way) -> Self:
        """Return the cursor of the page beyond an entry."""
        return cls(way, entry.created_at, entry.key)

    @classmethod
    def read(cls, text: str) -> Self:
        """Return the cursor that a text stands for; raises `InvalidInput`."""
        try:
            way, created, key = _FORM.unpack(urlsafe_b64decode(text + "="))
            cursor = cls(Way(way), _EPOCH + created * _MICROSECOND, key)
            str(cursor.back())  # which a page may need
        except (binascii.Error, struct.error, ValueError, OverflowError) as error:
            raise _nonsense(text) from error
        if str(cursor) != text:
            raise _nonsense(text)
        return cursor

    def back(self) -> Self:
        """Return the cursor of the page from which this one leads to older entries."""
        return replace(self, way=Way.NEWER, key=self.key - 1)

    def __str__(self) -> str:
        created = (self.created_at - _EPOCH) // _MICROSECOND
        return urlsafe_b64encode(_FORM.pack(self.way.value, created, self.key)).decode()[:-1]


def _nonsense(text: str) -> InvalidInput:
    return InvalidInput("cursor", text, "the cursor of a page")
