"""Cursors of the audit log: the entry at which a page starts, as a short text for a URL."""

import binascii
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from typing import Self

from operations.errors import InvalidInput
from operations.ledger.micros import time_of

_FORMAT = struct.Struct(">cqq")
_OLDER, _NEWER = b"o", b"n"
_KEYS = range(-1, 2**63)  # from -1: a cursor may point right before the first key


@dataclass(frozen=True)
class AuditCursor:
    """Where a page starts: right after an entry, in the direction of older or of newer ones.

    `micros` is the time of the entry in microseconds since 1970, `key` its key.
    """

    is_older: bool
    micros: int
    key: int

    @classmethod
    def read(cls, text: str) -> Self:
        """Parse a cursor; raises `InvalidInput`."""
        try:
            direction, micros, key = _FORMAT.unpack(urlsafe_b64decode(text))
            cursor = cls(direction == _OLDER, micros, key)
            time_of(micros)
        except (binascii.Error, struct.error, ValueError, OverflowError) as error:
            raise _invalid(text) from error
        if str(cursor) != text or key not in _KEYS:
            raise _invalid(text)
        return cursor

    def __str__(self) -> str:
        direction = _OLDER if self.is_older else _NEWER
        return urlsafe_b64encode(_FORMAT.pack(direction, self.micros, self.key)).decode()


def _invalid(text: str) -> InvalidInput:
    return InvalidInput("cursor", text, "the cursor of a page of the audit log")
