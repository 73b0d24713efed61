"""Reads the first rows of a query within limits of number and time."""

import time
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, Select


class LatestRows:
    """The first `max_rows` rows of a query, and none after `seconds` have passed.

    They are fetched in batches of `batch` rows, and the time is checked after each.
    `cut` is the first row that was not read, None if all rows were read.
    """

    def __init__(
        self, connection: Connection, query: Select[Any], max_rows: int, seconds: float, batch: int
    ) -> None:
        self._connection, self._query = connection, query
        self._max_rows, self._batch = max_rows, batch
        self._until = time.monotonic() + seconds
        self.cut: Any = None

    def __iter__(self) -> Iterator[Any]:
        """Yield the rows."""
        batched = self._connection.execution_options(yield_per=self._batch)
        with batched.execute(self._query.limit(self._max_rows + 1)) as rows:
            for number, row in enumerate(rows):
                if self._is_enough(number):
                    self.cut = row
                    return
                yield row

    def _is_enough(self, number: int) -> bool:
        is_check_due = number % self._batch == self._batch - 1
        return number == self._max_rows or (is_check_due and time.monotonic() > self._until)
