"""What the OpenAPI document says beside the endpoints' own types: errors, examples, links."""

from typing import Any

from operations.errors import (
    ActionNotAllowed,
    DaprRefused,
    DaprUnavailable,
    FlowdeckError,
    QueryTimeout,
    UnknownInstance,
)
from operations.model import STATUS_ACTIONS, Action, Status
from worker.answers import ErrorAnswer, InvalidAnswer
from worker.limits import TOO_LARGE

Responses = dict[int | str, dict[str, Any]]

_ID = "order_ORDER001"
FOR_AN_ID = ("status", "history", *(action.value for action in STATUS_ACTIONS), Action.PURGE.value)
"""The operations that ask for an `instance_id` and nothing else."""

UNFORESEEN = "Something went wrong that was not foreseen; the worker's log says what."
_WORDS: dict[int, tuple[str, FlowdeckError]] = {
    400: ("The question is too wide: the ledger cannot answer it in time.", QueryTimeout()),
    404: ("No instance has this id.", UnknownInstance(_ID)),
    409: (
        "What is there does not allow it, and stays as it is.",
        ActionNotAllowed(Action.PAUSE, _ID, Status.COMPLETED),
    ),
    502: (
        "The engine answered with an error of its own.",
        DaprRefused("The Dapr engine refused: INTERNAL: the actor is not ready"),
    ),
    503: (
        "The engine or the ledger is not there, or did not answer in time.",
        DaprUnavailable("no sidecar accepts the connection"),
    ),
}


def errors(*codes: int) -> Responses:
    """Return the error responses of an endpoint, each with an example."""
    return {code: _error(code) for code in codes}


def links_to(*operations: str) -> Responses:
    """Say that the `instance_id` of an endpoint's answer is what these operations ask for."""
    return {
        200: {
            "links": {
                operation: {
                    "operationId": operation,
                    "parameters": {"instance_id": "$response.body#/instance_id"},
                }
                for operation in operations
            }
        }
    }


def _error(code: int) -> dict[str, Any]:
    if code == 422:  # noqa: PLR2004 - an HTTP status
        return {"model": InvalidAnswer, "description": "Values that cannot be accepted."}
    if code == 413:  # noqa: PLR2004 - an HTTP status
        return _with_example("The body is larger than 1 MiB.", *TOO_LARGE.values())
    if code == 500:  # noqa: PLR2004 - an HTTP status
        return _with_example("A mistake of ours.", "KeyError", UNFORESEEN)
    description, error = _WORDS[code]
    return _with_example(description, type(error).__name__, str(error))


def _with_example(description: str, kind: str, detail: str) -> dict[str, Any]:
    example = {"error": kind, "detail": detail}
    return {
        "model": ErrorAnswer,
        "description": description,
        "content": {"application/json": {"example": example}},
    }
