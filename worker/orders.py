"""The contract of an order: its fields, the results of the activities, the output."""

import re
from decimal import ROUND_HALF_UP, Decimal
from typing import Annotated, Any
from unicodedata import category

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

WORKFLOW = "order_workflow"
SURCHARGE = Decimal("1.1")
CENT = Decimal("0.01")
_CONTROL = r"\x00-\x1f\x7f-\x9f"
# Blanks, and characters that take no place or show nothing.
_INVISIBLE = (
    rf"{_CONTROL} \xa0\xad\u1680\u180e\u2000-\u200f\u2028-\u202f\u205f-\u206f"
    r"\u2800\u3000\u3164\ufeff"
)
_VISIBLE = rf"^[^{_CONTROL}]*[^{_INVISIBLE}][^{_CONTROL}]*$"


def instance_id_of(order_id: str) -> str:
    """Return the instance id of an order."""
    return f"order_{order_id}"


def total_of(amount: float) -> Decimal:
    """Return the amount with the surcharge: 99.99 gives 109.989."""
    return Decimal(str(amount)) * SURCHARGE


def dollars(total: float) -> str:
    """Return a total in dollars, rounded half up to cents: 109.989 gives "109.99"."""
    return str(Decimal(str(total)).quantize(CENT, ROUND_HALF_UP))


def _is_number(value: object) -> object:
    """Refuse texts and booleans, which Python would accept as numbers."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("not a number")  # noqa: TRY004 - Pydantic collects ValueErrors
    return value


def _has_cents_at_most(value: float) -> float:
    if Decimal(str(value)) % CENT:
        raise ValueError("more than 2 decimals")
    return value


def _has_a_visible_character(value: str) -> str:
    if not re.search(f"[^{_INVISIBLE}]", value):
        raise ValueError("nothing visible")
    return value


def _has_no_control_characters(value: str) -> str:
    if any(category(character) == "Cc" for character in value):
        raise ValueError("a control character")
    return value


OrderId = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,57}$",
        description="1 to 58 letters, digits, _ or -, beginning with a letter or a digit",
        examples=["ORDER001"],
    ),
]
Amount = Annotated[
    float,
    Field(
        gt=0,
        le=1_000_000,
        allow_inf_nan=False,
        description="a number above 0 and up to 1000000, with at most 2 decimals",
        json_schema_extra={"multipleOf": 0.01},
        examples=[99.99],
    ),
    BeforeValidator(_is_number),
    AfterValidator(_has_cents_at_most),
]
Item = Annotated[
    str,
    Field(
        min_length=1,
        max_length=200,
        description="a text of 1 to 200 characters, not only blanks and without control characters",
        json_schema_extra={"pattern": _VISIBLE},
    ),
    AfterValidator(_has_no_control_characters),
    AfterValidator(_has_a_visible_character),
]
Items = Annotated[
    list[Item],
    Field(
        min_length=1,
        max_length=500,
        description="a list of 1 to 500 items",
        examples=[["laptop", "mouse"]],
    ),
]


class Order(BaseModel):
    """An order: the body of the start request, and the input of the workflow and its activities."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    order_id: OrderId
    amount: Amount
    items: Items


class ProcessResult(BaseModel):
    """The result of `process_order`; `processed_at` is in seconds since 1970, UTC."""

    order_id: str
    status: str
    total: float
    processed_at: float


class InventoryResult(BaseModel):
    """The result of `check_inventory`; `checked_at` is in seconds since 1970, UTC."""

    order_id: str
    inventory_status: str
    items_count: int
    checked_at: float


class ConfirmationRequest(BaseModel):
    """The input of `send_confirmation`."""

    order_id: str
    process_result: ProcessResult
    inventory_result: InventoryResult


class Confirmation(BaseModel):
    """The result of `send_confirmation`; `confirmed_at` is in seconds since 1970, UTC."""

    confirmation_sent: bool
    order_id: str
    message: str
    confirmed_at: float


def order_output(
    order: Order, process: dict[str, Any], inventory: dict[str, Any], confirmation: dict[str, Any]
) -> dict[str, Any]:
    """Return the output of a finished order."""
    parallel, sequential = ["process_order", "check_inventory"], ["send_confirmation"]
    return {
        "workflow_status": "completed",
        "order_id": order.order_id,
        "process_result": process,
        "inventory_result": inventory,
        "confirmation": confirmation,
        "execution_summary": {
            "parallel_activities": parallel,
            "sequential_activities": sequential,
            "total_activities": len(parallel) + len(sequential),
        },
    }
