"""Who asks for an action, and why."""

from dataclasses import dataclass

from operations.errors import InvalidInput
from operations.model import Actor

LONGEST = 500  # characters of a reason
REASON = f"a text of up to {LONGEST} characters, without NUL"


@dataclass(frozen=True)
class Request:
    """Who asks for an action, why, and as a part of which bulk.

    `life` is the key of the one life of the id that is meant, None for the latest whichever it is.
    Raises `InvalidInput` for a reason that no journal could keep.
    """

    actor: Actor
    reason: str = ""
    bulk: str | None = None
    run_id: int | None = None

    def __post_init__(self) -> None:
        if len(self.reason) > LONGEST or not is_text(self.reason):
            raise InvalidInput("reason", self.reason, REASON)


def check_name(field: str, name: str, longest: int) -> None:
    """Raise `InvalidInput` for a field whose value is no name of so many characters at most."""
    if not 1 <= len(name) <= longest or not is_text(name):
        expected = f"a text of 1 to {longest} characters, without NUL"
        raise InvalidInput(field, name, expected)


def is_text(text: str) -> bool:
    """Whether every database and gRPC take it: there is neither NUL in it nor half a character."""
    return "\0" not in text and not any("\ud800" <= each <= "\udfff" for each in text)
