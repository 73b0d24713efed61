"""Cursors: the sort key at which a page starts, as a short text for a URL."""

import binascii
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from enum import Enum
from typing import Self

from operations.errors import InvalidInput
from operations.ledger.micros import time_of
from operations.ledger.search.sort_keys import SortKey, are_texts
from operations.ledger.tables import MAX_NAME_LENGTH
from operations.records import Sort

_HEAD, _NUMBER = struct.Struct(">cc"), struct.Struct(">q")
_LETTERS = {
    Sort.NEWEST: b"n",
    Sort.OLDEST: b"o",
    Sort.ENDED: b"e",
    Sort.LONGEST: b"l",
    Sort.SHORTEST: b"s",
    Sort.ID: b"i",
    Sort.ID_DESCENDING: b"d",
    Sort.STATUS: b"t",
    Sort.STATUS_ASCENDING: b"a",
}
_RUN_IDS = range(-1, 2**63)  # from -1: a cursor may point right before the first key
_ENCODING = ("utf-8", "surrogatepass")  # ids may have unpaired surrogates


class Direction(Enum):
    """The direction of a page from its cursor: to the start of the list, or to its end."""

    NEWER = b"n"
    OLDER = b"o"


@dataclass(frozen=True)
class Cursor:
    """Where a page of a sorted list starts: right after a key, in one direction.

    As a text it has the sort order, the direction, the values of the key that are numbers, the
    `run_id`, and the value that is a text, if there is one.
    """

    sort: Sort
    direction: Direction
    key: SortKey

    @classmethod
    def read(cls, text: str, sort: Sort) -> Self:
        """Parse the cursor of a list with this sort; raises `InvalidInput`."""
        try:
            packed = urlsafe_b64decode(text)
            letter, direction = _HEAD.unpack(packed[: _HEAD.size])
            cursor = cls(sort, Direction(direction), _unpack(packed[_HEAD.size :], sort))
        except (binascii.Error, struct.error, ValueError) as error:
            raise _invalid(text) from error
        if letter != _LETTERS[sort] or str(cursor) != text or not cursor._is_possible:
            raise _invalid(text)
        return cursor

    @property
    def _is_possible(self) -> bool:
        try:
            for value in self.key.values:
                if isinstance(value, int):
                    time_of(value)
                elif len(value) > MAX_NAME_LENGTH:
                    return False
        except OverflowError:
            return False
        return self.key.run_id in _RUN_IDS

    def __str__(self) -> str:
        head = _HEAD.pack(_LETTERS[self.sort], self.direction.value)
        return urlsafe_b64encode(head + _pack(self.key)).decode()


def _pack(key: SortKey) -> bytes:
    numbers = [each for each in (*key.values, key.run_id) if isinstance(each, int)]
    texts = [each for each in key.values if isinstance(each, str)]
    return b"".join(map(_NUMBER.pack, numbers)) + "".join(texts).encode(*_ENCODING)


def _unpack(packed: bytes, sort: Sort) -> SortKey:
    """Return the key of a list whose keys have at most one text."""
    have_text = are_texts(sort)
    size = _NUMBER.size * (have_text.count(False) + 1)
    if len(packed) < size:
        raise ValueError(packed)
    *numbers, run_id = (number for (number,) in _NUMBER.iter_unpack(packed[:size]))
    text = packed[size:].decode(*_ENCODING)
    left = iter(numbers)
    return SortKey(tuple(text if is_text else next(left) for is_text in have_text), run_id)


def _invalid(text: str) -> InvalidInput:
    return InvalidInput("cursor", text, "the cursor of a page of the list in this order")
