"""Explains failures that happen because workers of different programs share a sidecar."""

import re

from operations.model import Failure

_NOT_REGISTERED = re.compile(r"NotRegistered(Error|Exception)\b|\bnot registered\b")


def is_unregistered(failure: Failure | None) -> bool:
    """Return whether a worker did not know the workflow or the activity."""
    text = f"{failure.error_type}: {failure.message}" if failure else ""
    return _NOT_REGISTERED.search(text) is not None


def explain(failure: Failure | None, workers: int | None) -> str | None:
    """Return the likely cause of a failure and its remedy, None if it has another cause.

    `workers` is the number of workers that are connected to the sidecar, None if it is unknown.
    """
    if not is_unregistered(failure) or workers is None or workers < 2:  # noqa: PLR2004 - a mix
        return None
    return (
        f"{workers} workers are connected to this sidecar, and Dapr gives work to all of them. "
        "At least one does not know this workflow or activity: it is of another program or another "
        "version. Stop it, or give it an app id and a sidecar of its own; then rerun the instance."
    )
