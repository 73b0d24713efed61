"""Encodes histories for the ledger as compressed JSON.

Fields that only a later version writes are ignored on reading; missing fields are None.
"""

import json
import zlib
from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any, TypeVar

from operations.history import HistoryEvent, TimerOrigin
from operations.model import Failure, Status

_VERSION = 1
_Named = TypeVar("_Named", bound=StrEnum)


def encode(history: Sequence[HistoryEvent]) -> bytes:
    """Return a history as bytes."""
    events = [_fields_of(event) for event in history]
    archive = {"version": _VERSION, "events": events}
    return zlib.compress(json.dumps(archive, separators=(",", ":"), default=_plain).encode())


@lru_cache(maxsize=2)
def decode(archived: bytes) -> tuple[HistoryEvent, ...]:
    """Return the history that was encoded by `encode`.

    The last results are kept: an open page shows the same history again after each change.
    """
    return tuple(map(_event, json.loads(zlib.decompress(archived))["events"]))


def _fields_of(event: HistoryEvent) -> dict[str, object]:
    return {name: value for name, value in vars(event).items() if value is not None}


def _plain(value: object) -> object:
    """Return a time or a record as a value that JSON can encode."""
    return value.isoformat() if isinstance(value, datetime) else vars(value)


def _event(values: dict[str, Any]) -> HistoryEvent:
    known = _known(HistoryEvent, values)
    known["timestamp"] = datetime.fromisoformat(values["timestamp"])
    if "fire_at" in values:
        known["fire_at"] = datetime.fromisoformat(values["fire_at"])
    if "failure" in values:
        known["failure"] = Failure(**_known(Failure, values["failure"]))
    if "patches" in values:
        known["patches"] = tuple(values["patches"])
    known["origin"] = _named(TimerOrigin, values.get("origin"))
    known["status"] = _named(Status, values.get("status"))
    return HistoryEvent(**known)


def _known(record: type, values: dict[str, Any]) -> dict[str, Any]:
    names = {field.name for field in fields(record)}
    return {name: value for name, value in values.items() if name in names}


def _named(names: type[_Named], name: str | None) -> _Named | None:
    return names(name) if name in set(names) else None
