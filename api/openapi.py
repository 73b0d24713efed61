"""The error responses and the links of the OpenAPI document."""

from typing import Any

from api.middleware import BODY_TOO_LARGE
from api.schemas.error_bodies import ErrorResponse, InvalidInputResponse
from operations.errors import (
    ActionNotAllowed,
    DaprRefused,
    DaprUnavailable,
    QueryTimeout,
    UnknownBulkJob,
    UnknownFailureGroup,
    UnknownInstance,
)
from operations.model import Action, Status
from operations.web.access import foreign_page, host_not_allowed

Responses = dict[int | str, dict[str, Any]]

UNEXPECTED_ERROR = "An unexpected error occurred; the log of this process has the details."


def _response(description: str, error: str, detail: object) -> dict[str, Any]:
    example = {"error": error, "detail": str(detail)}
    return {
        "model": ErrorResponse,
        "description": description,
        "content": {"application/json": {"example": example}},
    }


_FOREIGN = foreign_page("Origin", "https://other.example")
_NOT_ALLOWED = host_not_allowed("other.example")
REFUSALS: Responses = {
    403: _response("A page of another site sends the request.", _FOREIGN.error, _FOREIGN.message),
    413: _response("The body is larger than 1 MiB.", *BODY_TOO_LARGE.values()),
    421: _response(
        "The request names a host that is not allowed.", _NOT_ALLOWED.error, _NOT_ALLOWED.message
    ),
}
"""What every endpoint answers before it reads the request."""

COMMON_ERRORS: Responses = {
    422: {"model": InvalidInputResponse, "description": "The request has invalid values."},
    500: _response("An error of the server.", "KeyError", UNEXPECTED_ERROR),
    503: _response(
        "The engine or the ledger is unavailable, or did not answer in time.",
        "DaprUnavailable",
        DaprUnavailable("no sidecar accepts the connection"),
    ),
}
"""The errors of every endpoint that reads or changes instances or the ledger."""

TOO_WIDE: Responses = {
    400: _response("The ledger cannot answer the query in time.", "QueryTimeout", QueryTimeout())
}
NOT_FOUND: Responses = {
    404: _response("No instance has this id.", "UnknownInstance", UnknownInstance("order_ORDER001"))
}
NO_GROUP: Responses = {
    404: _response(
        "No failure group has this id.",
        "UnknownFailureGroup",
        UnknownFailureGroup("0f3c9d2e51ab7788"),
    )
}
NO_BULK_JOB: Responses = {
    404: _response("No bulk job has this id.", "UnknownBulkJob", UnknownBulkJob("0f3c9d2e51ab7788"))
}
CONFLICT: Responses = {
    409: _response(
        "The state of the instance does not allow the request; nothing was changed.",
        "ActionNotAllowed",
        ActionNotAllowed(Action.PAUSE, "order_ORDER001", Status.COMPLETED),
    )
}
DAPR_REFUSED: Responses = {
    502: _response(
        "The engine answered with an error of its own.",
        "DaprRefused",
        DaprRefused("The Dapr engine refused: INTERNAL: the actor is not ready"),
    )
}
INSTANCE_LINKS: Responses = {
    200: {
        "links": {
            operation: {
                "operationId": operation,
                "parameters": {"instance_id": "$response.body#/instance_id"},
            }
            for operation in ("status", "history", "pause", "resume", "terminate", "purge")
        }
    }
}
"""Says that these operations accept the `instance_id` of the response."""
