"""The error of a Dapr that cannot run, and the callback for the progress of a build."""

from collections.abc import Callable

Report = Callable[[str], None]
"""Called with each line about the progress."""


class DaprError(Exception):
    """Dapr cannot be found, built or started; the message says why and what to do."""
