"""Translates exceptions into responses: a status code, the kind of error, and a message."""

import json
import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from decimal import Decimal
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import Response
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from api.openapi import UNEXPECTED_ERROR
from api.routing import NO_POSITION, AsciiResponse, InvalidRequest
from operations.errors import (
    Conflict,
    DaprRefused,
    FlowdeckError,
    InvalidInput,
    LedgerRefused,
    LedgerReplaced,
    QueryTimeout,
    TooManyStarts,
    Unavailable,
    UnknownBulkJob,
    UnknownFailureGroup,
    UnknownInstance,
)
from operations.model import is_possible_id
from operations.validation import expected_value
from operations.web.guard import Policies

MAX_TEXT = 200  # characters of a refused value that the response repeats
MAX_VALUES = 100  # refused values of one request that the response lists
RETRY_AFTER = "2"  # seconds after which a start that was refused under load may succeed
_STATUS_CODES = {
    UnknownInstance: 404,
    UnknownBulkJob: 404,
    UnknownFailureGroup: 404,
    Conflict: 409,
    QueryTimeout: 400,
    LedgerRefused: 500,
    DaprRefused: 502,
    Unavailable: 503,
}


def add_error_handlers(app: FastAPI) -> None:
    """Register a handler for each kind of error; each body has the fields `error` and `detail`."""
    app.add_exception_handler(InvalidRequest, _invalid_request)
    app.add_exception_handler(InvalidInput, _invalid_input)
    app.add_exception_handler(FlowdeckError, _flowdeck_error)
    app.add_exception_handler(HTTPException, _http_exception)
    app.add_exception_handler(Exception, _unexpected_error)


async def _invalid_request(request: Request, error: Any) -> Response:  # noqa: ANN401 - see below
    if isinstance(error.body, bytes):  # FastAPI parses a body only if its Content-Type is JSON
        found = request.headers.get("content-type")
        values = [_invalid_value("Content-Type", found, "application/json", missing=not found)]
    else:
        values = [
            _validation_error(each, error.body, error.model) for each in error.errors[:MAX_VALUES]
        ]
    return AsciiResponse({"error": "InvalidInput", "detail": values}, 422)


async def _invalid_input(_: Request, error: Any) -> Response:  # noqa: ANN401 - see below
    value = _invalid_value(error.field, error.found, error.expected)
    return AsciiResponse({"error": "InvalidInput", "detail": [value]}, 422)


def _flowdeck_error(request: Request, error: Exception) -> Response:
    if isinstance(error, LedgerReplaced):
        request.app.state.services.discard_ledger()
    code = next(code for kind, code in _STATUS_CODES.items() if isinstance(error, kind))
    headers = {"Retry-After": RETRY_AFTER} if isinstance(error, TooManyStarts) else None
    detail = str(error)
    if isinstance(error, UnknownInstance) and is_possible_id(error.instance_id):
        detail = " ".join([detail, *_elsewhere(request, error.instance_id)])
    return AsciiResponse({"error": type(error).__name__, "detail": detail}, code, headers)


def _elsewhere(request: Request, instance_id: str) -> list[str]:
    """Return a sentence that names the instance's application, if the open ledger has it."""
    ledger = request.app.state.services.ledger_if_open  # a 404 does not wait for the ledger to open
    with suppress(Unavailable):
        child = ledger.runs.remote_child(instance_id) if ledger else None
        return [str(child)] if child else []
    return []


async def _http_exception(_: Request, error: Any) -> Response:  # noqa: ANN401 - Starlette's type
    body = {"error": str(error.detail).replace(" ", ""), "detail": str(error.detail)}
    return AsciiResponse(body, error.status_code, error.headers)


async def _unexpected_error(_: Request, error: Exception) -> Response:
    body = {"error": type(error).__name__, "detail": UNEXPECTED_ERROR}
    headers = Policies().headers("")  # this response does not pass the middleware
    return AsciiResponse(body, 500, headers)


def _validation_error(
    error: Mapping[str, Any], body: object, model: type[BaseModel]
) -> dict[str, Any]:
    location: tuple[int | str, ...] = error["loc"][1:]
    if error["type"] == "json_invalid":
        reason, position = error["ctx"]["error"], location[0]
        where = "" if position == NO_POSITION else f" at character {position}"
        return _invalid_value("body", body, f"a JSON object ({reason}{where})")
    missing = error["type"] == "missing"
    found = None if missing else error["input"]
    expected = expected_value(model, location)
    return _invalid_value(_field_name(location), found, expected, missing=missing)


def _invalid_value(
    field: str, found: object, expected: str, *, missing: bool = False
) -> dict[str, Any]:
    """Return the body of an `InvalidValue`; as a dict, because `found` may be any JSON value."""
    name, value = _shortened(field), _shortened(found)
    shown = "nothing" if missing else json.dumps(value)
    message = f"{name}: found {shown}, expected {expected}."
    return {"field": name, "found": value, "expected": expected, "message": message}


def _field_name(location: Sequence[int | str]) -> str:
    """Return a location as a path: ("items", 3) gives "items[3]"."""
    if not location:
        return "body"
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in location)[1:]


def _shortened(value: object) -> object:
    """Return a value that JSON can carry, or its description if the value is long."""
    if isinstance(value, float) and not math.isfinite(value):
        return json.dumps(value)
    if isinstance(value, int | Decimal) and len(str(value)) > MAX_TEXT:
        return f"a number of {len(str(value))} digits"
    if isinstance(value, str) and len(value) > MAX_TEXT:
        return f"{value[:MAX_TEXT]}… ({len(value)} characters)"
    if isinstance(value, list):
        return f"a list of length {len(value)}"
    if isinstance(value, dict):
        return "an object"
    return value
