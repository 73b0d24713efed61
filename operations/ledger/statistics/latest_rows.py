"""The latest rows of a query, as many as there is time to read."""

import time
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, Select

_AT_ONCE = 1000  # rows: the garbage collector looks at all that are there, again and again


class Latest:
    """The first rows of a query: `most` at most, and none after so many seconds.

    `cut` is the row after the last one that was read, None if all were read.
    """

    def __init__(
        self, connection: Connection, query: Select[Any], most: int, seconds: float
    ) -> None:
        self._connection, self._query, self._most = connection, query, most
        self._until = time.monotonic() + seconds
        self.cut: Any = None

    def __iter__(self) -> Iterator[Any]:
        """Read them, a portion at a time."""
        portions = self._connection.execution_options(yield_per=_AT_ONCE)
        with portions.execute(self._query.limit(self._most + 1)) as rows:
            for number, row in enumerate(rows):
                if self._is_enough(number):
                    self.cut = row
                    return
                yield row

    def _is_enough(self, number: int) -> bool:
        is_looked_at = number % _AT_ONCE == _AT_ONCE - 1
        return number == self._most or (is_looked_at and time.monotonic() > self._until)
