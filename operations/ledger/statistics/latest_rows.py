"""Reads the first rows of a query within limits of number and time."""

import time
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, Select

_BATCH_SIZE = 1000  # rows; more at once cost time, as the garbage collector visits all of them


class LatestRows:
    """The first rows of a query: `most` at most, and none after `seconds` have passed.

    `cut` is the first row that was not read, None if all rows were read.
    """

    def __init__(
        self, connection: Connection, query: Select[Any], most: int, seconds: float
    ) -> None:
        self._connection, self._query, self._most = connection, query, most
        self._until = time.monotonic() + seconds
        self.cut: Any = None

    def __iter__(self) -> Iterator[Any]:
        """Yield the rows; they are fetched in batches."""
        batched = self._connection.execution_options(yield_per=_BATCH_SIZE)
        with batched.execute(self._query.limit(self._most + 1)) as rows:
            for number, row in enumerate(rows):
                if self._is_enough(number):
                    self.cut = row
                    return
                yield row

    def _is_enough(self, number: int) -> bool:
        is_check_due = number % _BATCH_SIZE == _BATCH_SIZE - 1
        return number == self._most or (is_check_due and time.monotonic() > self._until)
