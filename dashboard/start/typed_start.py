"""The values of the fields of the page "Start": their mistakes, and the requested start."""

import re
import secrets
from dataclasses import dataclass
from datetime import datetime

from dashboard.orders.start_time import RequestedStart
from dashboard.orders.typed_numbers import quoted
from operations.actions import StartRequest, check_workflow
from operations.errors import InvalidInput
from operations.json_texts import JsonMistake, find_mistake
from operations.model import INSTANCE_ID, is_startable_id

_MAX_ID = 64  # characters
_SUFFIX_BYTES = 3
_NOT_IN_ID = re.compile("[^A-Za-z0-9_-]+")
_AROUND = 60  # characters of a line before and after a mistake that the page shows


@dataclass(frozen=True)
class TypedStart:
    """The values of the fields; `at` is a time in the viewer's zone, None for now."""

    workflow: str = ""
    text: str = ""
    instance_id: str = ""
    at: datetime | None = None
    reason: str = ""

    @property
    def payload(self) -> str:
        """The input as JSON text; an empty field is null."""
        return self.text.strip() or "null"

    @property
    def at_text(self) -> str:
        """The time as the text that `read_start` reads."""
        return self.at.isoformat(timespec="minutes") if self.at else ""

    def request(self, start: RequestedStart, *, is_new_id: bool) -> StartRequest:
        """Return the requested start; raise `InvalidInput`."""
        return StartRequest(
            self.workflow, self.instance_id, self.payload, start.at, is_new_id=is_new_id
        )


def suggested_id(workflow: str) -> str:
    """Return a new id that begins with the name of a workflow."""
    name = _NOT_IN_ID.sub("-", workflow).strip("-_") or "workflow"
    suffix = secrets.token_hex(_SUFFIX_BYTES)
    return f"{name[: _MAX_ID - len(suffix) - 1]}-{suffix}"


def why_no_workflow(workflow: str) -> str:
    """Return the mistake in the name of a workflow, empty if it has none."""
    if not workflow:
        return "Choose a workflow, or type its name."
    try:
        check_workflow(workflow)
    except InvalidInput as error:
        return f"Found {quoted(workflow)}, expected {error.expected}."
    return ""


def why_no_id(instance_id: str) -> str:
    """Return the mistake in the id of an instance, empty if it has none."""
    if is_startable_id(instance_id):
        return ""
    return f"Found {quoted(instance_id)}, expected {INSTANCE_ID}."


def input_mistake(text: str) -> JsonMistake | None:
    """Return the mistake in an input, None if it is JSON or empty."""
    return find_mistake(text) if text.strip() else None


def excerpt(text: str, mistake: JsonMistake) -> str:
    """Return the line with the mistake, cut if it is long, and a caret below the mistake."""
    line = text.split("\n")[mistake.line - 1].replace("\t", " ")
    start = max(0, mistake.column - 1 - _AROUND)
    shown = line[start : mistake.column - 1 + _AROUND]
    return f"{shown}\n{' ' * (mistake.column - 1 - start)}^"


def has_mistake(typed: TypedStart, start: RequestedStart) -> bool:
    """Return True if a field has a mistake."""
    return bool(
        why_no_workflow(typed.workflow)
        or why_no_id(typed.instance_id)
        or input_mistake(typed.text)
        or start.mistake
    )
