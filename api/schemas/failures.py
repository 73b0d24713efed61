"""The body of a failure: long texts are cut unless the request asks for all of them."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from operations.model import Failure

MAX_LENGTH = 4000  # characters of each text


class CutSchema(BaseModel):
    """The whole length, in characters, of each text that is cut."""

    error_type: int | None = None
    message: int | None = None
    stack_trace: int | None = None


class FailureSchema(BaseModel):
    """Why an instance or an attempt failed."""

    error_type: str
    message: str
    stack_trace: str | None
    cut: CutSchema | None = Field(
        None,
        description=f"Only if a text is longer than {MAX_LENGTH:,} characters and was cut: "
        "`full=true` returns all of it.",
    )


class FailureQuery(BaseModel):
    """Whether the texts of failures are returned whole."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    full: bool = Field(
        default=False,
        description=f"true or false; false cuts failures to {MAX_LENGTH:,} characters",
    )


def failure_body(failure: Failure, *, full: bool) -> dict[str, Any]:
    """Return the body for a failure; `full` returns texts of any length."""
    texts: dict[str, Any] = dict(vars(failure))
    cut = {name: len(text) for name, text in texts.items() if text and len(text) > MAX_LENGTH}
    if full or not cut:
        return texts
    return texts | {name: texts[name][:MAX_LENGTH] for name in cut} | {"cut": cut}
