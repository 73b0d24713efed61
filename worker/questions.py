"""What is asked in a query: a model of its parameters, each given once unless it is a list."""

from typing import Any, get_origin

from fastapi import Depends, Request
from pydantic import BaseModel

from operations.errors import InvalidInput


def asked(model: type[BaseModel], name: object) -> str:
    """Return what is expected of a parameter, in the words of its contract."""
    fields = model.model_fields
    if not isinstance(name, str) or name not in fields:
        return f"no such parameter; there {_are(list(fields))}"
    return str(fields[name].description)


def once(model: type[BaseModel]) -> Any:  # noqa: ANN401 - what FastAPI makes of a dependency
    """Return a dependency that raises `InvalidInput` for a parameter that is there twice."""
    fields = model.model_fields.items()
    single = [name for name, field in fields if get_origin(field.annotation) is not list]

    def check(request: Request) -> None:
        for name in single:
            values = request.query_params.getlist(name)
            if len(values) > 1:
                raise InvalidInput(name, ", ".join(values), "one value")

    return Depends(check)


def _check_none(request: Request) -> None:
    for name, value in request.query_params.items():
        raise InvalidInput(name, value, "no such parameter; there is none")


NOTHING_ASKED = Depends(_check_none)
"""The dependency that raises `InvalidInput` for any parameter: `force` would be left unheard."""


def _are(names: list[str]) -> str:
    return f"are {', '.join(names)}" if len(names) > 1 else f"is {names[0]}"
