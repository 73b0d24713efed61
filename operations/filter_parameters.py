"""A `Filter` or an `AuditFilter` as the parameters of a query, with the names of the REST API.

The links of pages carry filters in this form. The fields and their types alone decide how they are
written and read, so that a new field needs at most a line in `_NAMES`. The REST API reads the same
parameters by models of its own, which also document them and say which value is wrong.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import fields
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from operations.audit_filter import AUDITED_ACTIONS, AuditFilter
from operations.errors import InvalidInput
from operations.records import Filter
from operations.time_texts import duration_text, parse_duration, parse_time, utc_text

_NAMES = {
    "actions": "action",
    "bulk_id": "bulk",
    "error_type": "failure",
    "id_part": "id",
    "instance_id": "instance",
    "outcomes": "outcome",
    "parent_id": "parent",
    "statuses": "status",
    "workflows": "workflow",
}
"""The parameters whose names differ from the names of the fields."""
_ONE_OF = {"action": AUDITED_ACTIONS}
"""The values of parameters whose fields have texts."""

_Wanted = TypeVar("_Wanted", Filter, AuditFilter)


def parameters_of(wanted: Filter | AuditFilter) -> list[tuple[str, str]]:
    """Return the names and values of the parameters; fields that are not set have none."""
    found = []
    for field in fields(wanted):
        value = getattr(wanted, field.name)
        if value == field.default:
            continue
        values = sorted(value) if isinstance(value, frozenset) else [value]
        found += [(_name(field.name), _text(each)) for each in values]
    return found


def filter_of(kind: type[_Wanted], parameters: Iterable[tuple[str, str]]) -> _Wanted:
    """Return the filter of this kind that the parameters describe.

    Raises `InvalidInput` for an unknown parameter, an invalid value, or several values of a
    parameter that takes one.
    """
    sent = defaultdict[str, list[str]](list)
    for name, value in parameters:
        sent[name].append(value)
    types = {_name(name): (name, hint) for name, hint in get_type_hints(kind).items()}
    values = dict[str, Any]()
    for name, texts in sent.items():
        if name not in types:
            raise InvalidInput(name, texts[0], f"one of {', '.join(types)}")
        if unknown := set(texts) - set(_ONE_OF.get(name, texts)):
            raise InvalidInput(name, min(unknown), f"one of {', '.join(_ONE_OF[name])}")
        field, hint = types[name]
        values[field] = _value(name, hint, texts)
    return kind(**values)


def _name(field: str) -> str:
    return _NAMES.get(field, field)


def _text(value: object) -> str:
    if isinstance(value, datetime):
        return utc_text(value) or ""
    if isinstance(value, timedelta):
        return duration_text(value)
    if isinstance(value, Enum):
        return str(value.value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _value(name: str, hint: Any, texts: list[str]) -> object:  # noqa: ANN401 - any type of a field
    if get_origin(hint) is frozenset:
        (of,) = get_args(hint)
        return frozenset(_parsed(name, of, each) for each in texts)
    if len(texts) > 1:
        raise InvalidInput(name, ", ".join(texts), "one value")
    (of,) = [each for each in get_args(hint) if each is not type(None)] or [hint]
    return _parsed(name, of, texts[0])


def _parsed(name: str, kind: type[Any], text: str) -> object:
    """Return the value of a text; `kind` is `str`, an enumeration or another type of a field."""
    try:
        return _PARSERS.get(kind, kind)(text)
    except ValueError as error:
        expected = str(error)
        if issubclass(kind, Enum):
            expected = f"one of {', '.join(str(each.value) for each in kind)}"
        raise InvalidInput(name, text, expected) from error


def _flag(text: str) -> bool:
    if text not in {"true", "false"}:
        raise ValueError("true or false")
    return text == "true"


_PARSERS: dict[type[Any], Callable[[str], object]] = {
    bool: _flag,
    datetime: parse_time,
    timedelta: parse_duration,
}
