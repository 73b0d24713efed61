"""How JSON is read and written: whatever is in it, the answer is one that a person can use."""

import json
from collections.abc import Callable, Coroutine
from decimal import Decimal
from typing import Any

from fastapi import Request
from fastapi.responses import JSONResponse, Response
from fastapi.routing import APIRoute

NOWHERE = -1  # the place of what is wrong with a body as a whole
MOST_DIGITS = 400  # of an integer that Python is asked to make; beyond 4300 it refuses


class JsonRequest(Request):
    """A request whose body is JSON, or a `JSONDecodeError`: the framework knows what to do then."""

    async def json(self) -> Any:  # noqa: ANN401 - any JSON value
        """Return the body's value; an integer with very many digits as a `Decimal`."""
        body = await self.body()
        try:
            return json.loads(body, parse_int=_integer, object_pairs_hook=_object)
        except _Twice as error:
            wrong, place = f"{error.args[0]!r} is there twice", NOWHERE
        except UnicodeDecodeError as error:
            wrong, place = f"not UTF-8: {error.reason}", error.start
        except RecursionError:
            wrong, place = "nested too deeply", NOWHERE
        raise json.JSONDecodeError(wrong, body.decode(errors="replace"), place)


class JsonRoute(APIRoute):
    """A route that reads its body as a `JsonRequest`."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the framework's handler, given our kind of request."""
        handle = super().get_route_handler()

        async def handle_json(request: Request) -> Response:
            return await handle(JsonRequest(request.scope, request.receive))

        return handle_json


class AsciiResponse(JSONResponse):
    """JSON escaped to ASCII: a text may hold half a character, which UTF-8 cannot."""

    def render(self, content: object) -> bytes:
        """Return the body."""
        return json.dumps(content, allow_nan=False, separators=(",", ":")).encode()


class _Twice(Exception):
    """An object has two values of one name, of which nobody knows which one is meant."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        raise _Twice(next(name for name in names if names.count(name) > 1))
    return made


def _integer(digits: str) -> int | Decimal:
    return int(digits) if len(digits) <= MOST_DIGITS else Decimal(digits)
