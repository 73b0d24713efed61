"""Explains failures that happen because workers of different programs share a sidecar."""

import re

from operations.model import Failure

_NOT_REGISTERED = re.compile(r"NotRegistered(Error|Exception)\b|\bnot registered\b")

_REMEDY = (
    "Stop that worker, or give it an app id and a sidecar of its own; then rerun the instance."
)


def is_unregistered(failure: Failure | None) -> bool:
    """Return whether a worker did not know the workflow or the activity."""
    text = f"{failure.error_type}: {failure.message}" if failure else ""
    return _NOT_REGISTERED.search(text) is not None


def explain(failure: Failure | None, workers: int | None) -> str | None:
    """Return the likely cause of a failure and its remedy, None if it has another cause.

    `workers` is the number of workers that are connected to the sidecar now, None if it is unknown.
    """
    if not is_unregistered(failure):
        return None
    if not may_be_mixed(workers):
        return (
            "The worker that received this work does not know this workflow or activity. Either "
            "this program does not register it, or a worker of another program or another version "
            "was connected to this sidecar then: Dapr gives work to every worker. Register it, or "
            "give each program an app id and a sidecar of its own; then rerun the instance."
        )
    return (
        f"{workers} workers are connected to this sidecar, and Dapr gives work to all of them. "
        "At least one does not know this workflow or activity: it is of another program or another "
        f"version. {_REMEDY}"
    )


def may_be_mixed(workers: int | None) -> bool:
    """Return whether so many workers may be of different programs."""
    return workers is not None and workers > 1
