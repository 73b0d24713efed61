"""Instances of a real engine, recorded in `histories/`.

Each file has the state and the history events of an instance: the engine's messages as JSON.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

from google.protobuf.json_format import ParseDict

from operations.gateway.conversions import to_instance
from operations.gateway.history_events import to_history
from operations.gateway.stubs import pb
from operations.history import HistoryEvent
from operations.model import Instance

_FOLDER = Path(__file__).parent / "histories"
RECORDED = tuple(sorted(file.stem for file in _FOLDER.glob("*.json")))
"""The names of all recorded instances."""


@cache
def recorded(name: str) -> tuple[HistoryEvent, ...]:
    """Return the history events of a recorded instance."""
    events = _read(name)["events"]
    return to_history(ParseDict(event, pb.HistoryEvent()) for event in events)


@cache
def recorded_state(name: str) -> Instance:
    """Return the state of a recorded instance."""
    state = ParseDict(_read(name)["state"], pb.WorkflowState())
    return to_instance(state.instanceId, state)


def _read(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((_FOLDER / f"{name}.json").read_text())
    return content
