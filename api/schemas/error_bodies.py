"""The bodies of errors."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class ErrorResponse(BaseModel):
    """Why a request failed."""

    error: str = Field(description="The kind of error, for programs.")
    detail: str = Field(description="What happened, for people.")


class InvalidValue(BaseModel):
    """One value that is refused."""

    field: str
    found: Any
    expected: str
    message: str


class InvalidInputResponse(BaseModel):
    """Every value of the request that is refused, up to 100."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "error": "InvalidInput",
                "detail": [
                    {
                        "field": "amount",
                        "found": -5,
                        "expected": "a number above 0 and up to 1000000, with at most 2 decimals",
                        "message": "amount: found -5, expected a number above 0 "
                        "and up to 1000000, with at most 2 decimals.",
                    }
                ],
            }
        }
    )

    error: Literal["InvalidInput"] = "InvalidInput"
    detail: list[InvalidValue]
