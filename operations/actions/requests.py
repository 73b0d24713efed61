"""Who asks for an action, and why."""

from dataclasses import dataclass

from operations.errors import InvalidInput
from operations.model import Actor

LONGEST = 500  # characters of a reason


@dataclass(frozen=True)
class Request:
    """Who asks for an action, why, and as a part of which bulk.

    `life` is the key of the one life of the id that is meant, None for the latest whichever it is.
    Raises `InvalidInput` for a reason that is too long.
    """

    actor: Actor
    why: str = ""
    bulk: str | None = None
    life: int | None = None

    def __post_init__(self) -> None:
        if len(self.why) > LONGEST:
            raise InvalidInput("why", self.why, f"a text of up to {LONGEST} characters")
