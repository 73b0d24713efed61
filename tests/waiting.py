"""How tests wait: for a condition, with a time limit, and never for a fixed time."""

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")

STARTUP = 60.0
"""Seconds for a process to start: 2 on a free machine, 10 beside two busy loops."""


def eventually(condition: Callable[[], Found | None], seconds: float, what: str) -> Found:
    """Call `condition` until it returns a true value, and return the value.

    Raises `AssertionError` with the text `what` after `seconds`.
    """
    deadline = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"Not within {seconds:.0f} s: {what}.")
        time.sleep(0.05)
