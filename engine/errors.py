"""What can go wrong before the engine runs, and how that and all else is said."""

from collections.abc import Callable

Say = Callable[[str], None]
"""Takes a line that is meant for the person who waits."""


class EngineError(Exception):
    """The engine cannot be had; the message says why and what to do."""
