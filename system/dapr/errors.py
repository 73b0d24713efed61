"""What can go wrong before Dapr runs, and how a build reports its progress."""

from collections.abc import Callable

Report = Callable[[str], None]
"""Takes a line for the person who waits."""


class DaprError(Exception):
    """Dapr cannot be found, built or started; the message says why and what to do."""
