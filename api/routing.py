"""Reads requests strictly: repeated, unknown or unreadable values are refused."""

import json
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping
from decimal import Decimal
from typing import Any, get_origin

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.types import Receive, Scope

from api.json_text import members
from operations.errors import InvalidInput
from operations.json_bodies import JsonText, render
from operations.json_texts import is_python_json
from operations.validation import listed

NO_POSITION = -1  # the position of an error that concerns the body as a whole
MAX_FIELDS = 100  # fields of a body; no model has nearly as many
MAX_INTEGER_DIGITS = 400  # longer integers become a `Decimal`: Python refuses more than 4300 digits


class InvalidRequest(Exception):
    """A request that does not match the models of its endpoint.

    `model` describes the part of the request, body or query, that the errors are about.
    """

    def __init__(self, error: RequestValidationError, model: type[BaseModel]) -> None:
        super().__init__(str(error))
        self.errors, self.body, self.model = error.errors(), error.body, model


class StrictRoute(APIRoute):
    """A route that refuses unknown and repeated parameters, and says what its models expect."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return FastAPI's handler, with the checks around it."""
        handle = super().get_route_handler()

        async def handle_strictly(request: Request) -> Response:
            self._check_parameters(request)
            try:
                return await handle(
                    StrictRequest(request.scope, request.receive, self._verbatim_fields)
                )
            except RequestValidationError as error:
                place = str(error.errors()[0]["loc"][0])
                raise InvalidRequest(error, self._models[place]) from error

        return handle_strictly

    @property
    def _models(self) -> Mapping[str, Any]:
        """The models of the body and of the query."""
        parts = {"body": self.dependant.body_params, "query": self.dependant.query_params}
        return {place: fields[0].field_info.annotation for place, fields in parts.items() if fields}

    @property
    def _verbatim_fields(self) -> frozenset[str]:
        """The fields of the body that hold any JSON value, which is kept as JSON text."""
        model = self._models.get("body")
        fields = model.model_fields.items() if model else ()
        return frozenset(name for name, field in fields if field.annotation is Any)

    def _check_parameters(self, request: Request) -> None:
        model = self._models.get("query")
        fields = model.model_fields if model else {}
        for name in request.query_params:
            values = request.query_params.getlist(name)
            if name not in fields:
                names = f"the parameters are {listed(list(fields))}" if fields else "there are none"
                raise InvalidInput(name, values[0], f"no such parameter; {names}")
            if len(values) > 1 and get_origin(fields[name].annotation) is not list:
                raise InvalidInput(name, ", ".join(values), "one value")


class StrictRequest(Request):
    """A request whose JSON body must not repeat a key of an object.

    `verbatim` are the fields of the body whose values become `JsonText`, in which keys may repeat.
    """

    def __init__(self, scope: Scope, receive: Receive, verbatim: frozenset[str]) -> None:
        super().__init__(scope, receive)
        self._verbatim = verbatim

    async def json(self) -> Any:  # noqa: ANN401 - any JSON value
        """Return the value of the body; a very long integer becomes a `Decimal`.

        Raises `JSONDecodeError`, which FastAPI turns into a validation error.
        """
        body = await self.body()
        try:
            value = _parsed_keeping(body, self._verbatim) if self._verbatim else _parsed(body)
            if not isinstance(value, dict) or len(value) <= MAX_FIELDS:
                return value
            # Pydantic would build an error for each unknown field, while all other requests wait.
            reason, position = f"more than {MAX_FIELDS} fields", NO_POSITION
        except _RepeatedKeyError as error:
            reason, position = f"{error.args[0]!r} occurs twice", NO_POSITION
        except UnicodeDecodeError as error:
            reason, position = f"not UTF-8: {error.reason}", error.start
        except RecursionError:
            reason, position = "nested too deeply", NO_POSITION
        raise json.JSONDecodeError(reason, body.decode(errors="replace"), position)


class AsciiResponse(JSONResponse):
    """JSON escaped to ASCII, except for each `JsonText`, which is sent as it is."""

    def render(self, content: object) -> bytes:
        """Return the body."""
        return render(content)


class _RepeatedKeyError(Exception):
    """An object has two values for one key."""


def _parsed(text: str | bytes) -> Any:  # noqa: ANN401 - any JSON value
    return json.loads(text, parse_int=_integer, object_pairs_hook=_object)


def _parsed_keeping(body: bytes, verbatim: frozenset[str]) -> Any:  # noqa: ANN401 - as above
    text = body.decode(json.detect_encoding(body))
    found = members(text, MAX_FIELDS)
    if found is None:
        return _parsed(text)
    kept = {name for name, value in found if name in verbatim and is_python_json(value)}
    return _object(
        [(name, JsonText(value) if name in kept else _parsed(value)) for name, value in found]
    )


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        counts = Counter(name for name, _ in pairs)
        raise _RepeatedKeyError(next(name for name, count in counts.items() if count > 1))
    return result


def _integer(digits: str) -> int | Decimal:
    return int(digits) if len(digits) <= MAX_INTEGER_DIGITS else Decimal(digits)
