"""Where in a list a page begins, as a short text that fits into a URL."""

import binascii
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from enum import Enum
from typing import Self

from operations.errors import InvalidInput
from operations.ledger.search.sort_keys import Order, Place, time_of
from operations.records import Sort

_FORM = struct.Struct(">ccqq")
_LETTERS = {Sort.NEWEST: b"n", Sort.OLDEST: b"o", Sort.ENDED: b"e", Sort.LONGEST: b"l"}
_KEYS = range(-1, 2**31)  # what the databases keep, and the one beside the first


class Way(Enum):
    """Which way a page goes from its cursor."""

    NEWER = b"n"
    OLDER = b"o"


@dataclass(frozen=True)
class Cursor:
    """A page begins beyond a place of a list in some order, the way that is given."""

    sort: Sort
    way: Way
    place: Place

    @classmethod
    def read(cls, text: str, sort: Sort) -> Self:
        """Return the cursor that a text stands for in a list of this order.

        Raises `InvalidInput`, also for one of another order.
        """
        try:
            letter, way, micros, run_id = _FORM.unpack(urlsafe_b64decode(text))
            cursor = cls(sort, Way(way), Place(micros, run_id))
        except (binascii.Error, struct.error, ValueError) as error:
            raise _nonsense(text) from error
        if letter != _LETTERS[sort] or str(cursor) != text or not cursor._is_possible:
            raise _nonsense(text)
        return cursor

    @property
    def order(self) -> Order:
        """The order in which its page is read."""
        return Order(self.sort, is_reversed=self.way is Way.NEWER)

    @property
    def _is_possible(self) -> bool:
        try:
            time_of(self.place.micros)
        except OverflowError:
            return False
        return self.place.run_id in _KEYS

    def __str__(self) -> str:
        place = self.place.micros, self.place.run_id
        told = _FORM.pack(_LETTERS[self.sort], self.way.value, *place)
        return urlsafe_b64encode(told).decode()


def _nonsense(text: str) -> InvalidInput:
    return InvalidInput("cursor", text, "the cursor of a page of the list in this order")
