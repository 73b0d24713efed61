"""Cursors: the sort key at which a page starts, as a short text for a URL."""

import binascii
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from enum import Enum
from typing import Self

from operations.errors import InvalidInput
from operations.ledger.micros import time_of
from operations.ledger.search.sort_keys import SortKey
from operations.records import Sort

_FORMAT = struct.Struct(">ccqq")
_LETTERS = {Sort.NEWEST: b"n", Sort.OLDEST: b"o", Sort.ENDED: b"e", Sort.LONGEST: b"l"}
_RUN_IDS = range(-1, 2**63)  # from -1: a cursor may point right before the first key


class Direction(Enum):
    """The direction of a page from its cursor: to the start of the list, or to its end."""

    NEWER = b"n"
    OLDER = b"o"


@dataclass(frozen=True)
class Cursor:
    """Where a page of a sorted list starts: right after a key, in one direction."""

    sort: Sort
    direction: Direction
    key: SortKey

    @classmethod
    def read(cls, text: str, sort: Sort) -> Self:
        """Parse the cursor of a list with this sort; raises `InvalidInput`."""
        try:
            letter, direction, micros, run_id = _FORMAT.unpack(urlsafe_b64decode(text))
            cursor = cls(sort, Direction(direction), SortKey(micros, run_id))
        except (binascii.Error, struct.error, ValueError) as error:
            raise _invalid(text) from error
        if letter != _LETTERS[sort] or str(cursor) != text or not cursor._is_possible:
            raise _invalid(text)
        return cursor

    @property
    def _is_possible(self) -> bool:
        try:
            time_of(self.key.micros)
        except OverflowError:
            return False
        return self.key.run_id in _RUN_IDS

    def __str__(self) -> str:
        packed = _FORMAT.pack(
            _LETTERS[self.sort], self.direction.value, self.key.micros, self.key.run_id
        )
        return urlsafe_b64encode(packed).decode()


def _invalid(text: str) -> InvalidInput:
    return InvalidInput("cursor", text, "the cursor of a page of the list in this order")
