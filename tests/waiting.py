"""The one way in which a test waits: for a condition, with a bound."""

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")


def eventually(look: Callable[[], Found | None], seconds: float, what: str) -> Found:
    """Look until something true is found, and return it; fail after `seconds`, saying `what`."""
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"Not within {seconds:.0f} s: {what}.")
        time.sleep(0.05)
