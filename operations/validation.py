"""Describes in words which values a pydantic model accepts."""

from typing import Annotated, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo


def expected_value(model: type[BaseModel], location: tuple[int | str, ...]) -> str:
    """Return the value that the model expects at the location (`loc`) of a validation error.

    The text is the description of the field, or of the list's items if they have one.
    """
    names = list(model.model_fields)
    if not location:
        return f"a JSON object with {listed(names)}"
    field = model.model_fields.get(str(location[0]))
    if field is None:
        return f"no such field; the {'fields are' if names[1:] else 'field is'} {listed(names)}"
    return (_item_description(field) if location[1:] else None) or str(field.description)


def listed(names: list[str]) -> str:
    """Return the names as an enumeration, such as "a, b and c"."""
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def _item_description(field: FieldInfo) -> str | None:
    for item in get_args(field.annotation):
        if get_origin(item) is Annotated:
            return FieldInfo.from_annotation(item).description
    return None
