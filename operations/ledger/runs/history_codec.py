"""A history as the ledger keeps it: compressed JSON.

What a later version adds to it is left out on reading; what this one does not know is None.
"""

import json
import zlib
from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar

from operations.history import HistoryEvent, TimerOrigin
from operations.model import Failure, Status

_VERSION = 1
_Named = TypeVar("_Named", bound=StrEnum)


def encode(history: Sequence[HistoryEvent]) -> bytes:
    """Return a history as bytes."""
    events = [_told(event) for event in history]
    told = {"version": _VERSION, "events": events}
    return zlib.compress(json.dumps(told, separators=(",", ":"), default=_plain).encode())


def decode(archived: bytes) -> tuple[HistoryEvent, ...]:
    """Return the history that `encode` made bytes of."""
    return tuple(_event(told) for told in json.loads(zlib.decompress(archived))["events"])


def _told(event: HistoryEvent) -> dict[str, object]:
    return {name: value for name, value in vars(event).items() if value is not None}


def _plain(value: object) -> object:
    """Return what JSON has no word for as something that it has."""
    return value.isoformat() if isinstance(value, datetime) else vars(value)


def _event(told: dict[str, Any]) -> HistoryEvent:
    known = _known(HistoryEvent, told)
    known["timestamp"] = datetime.fromisoformat(told["timestamp"])
    if "fire_at" in told:
        known["fire_at"] = datetime.fromisoformat(told["fire_at"])
    if "failure" in told:
        known["failure"] = Failure(**_known(Failure, told["failure"]))
    known["origin"] = _named(TimerOrigin, told.get("origin"))
    known["status"] = _named(Status, told.get("status"))
    return HistoryEvent(**known)


def _known(record: type, told: dict[str, Any]) -> dict[str, Any]:
    names = {field.name for field in fields(record)}
    return {name: value for name, value in told.items() if name in names}


def _named(names: type[_Named], told: str | None) -> _Named | None:
    return names(told) if told in set(names) else None
