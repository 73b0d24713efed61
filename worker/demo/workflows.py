"""The workflows of the demo; deterministic, as the order workflow."""

from collections.abc import Callable, Generator
from datetime import timedelta
from typing import Any

from dapr.ext.workflow import DaprWorkflowContext, RetryPolicy, when_all

APPROVAL = "approval"
"""The external event that a refund waits for."""
DAYS_TO_DECIDE = 3

RETRIES = RetryPolicy(
    first_retry_interval=timedelta(seconds=1),
    backoff_coefficient=2.0,
    max_number_of_attempts=3,
)

Data = dict[str, Any]
Steps = Generator[Any, Any, Any]


def shipment(context: DaprWorkflowContext, data: Data) -> Steps:
    """Pick the items, book a carrier in up to three attempts, and print the label."""
    context.set_custom_status("picking")
    picked = yield context.call_activity("pick_items", input=data)
    context.set_custom_status("booking a carrier")
    parcel = yield context.call_activity("book_carrier", input=data, retry_policy=RETRIES)
    label = yield context.call_activity("print_label", input=parcel)
    context.set_custom_status("ready")
    return {"parcel": parcel, "items": picked, "label": label}


def invoice(context: DaprWorkflowContext, data: Data) -> Steps:
    """Compute the tax, charge the card, and send the invoice."""
    tax = yield context.call_activity("compute_tax", input=data)
    receipt = yield context.call_activity("charge_card", input=data)
    sent_to = yield context.call_activity("send_invoice", input=data, retry_policy=RETRIES)
    return {"tax": tax, "receipt": receipt, "sent_to": sent_to}


def refund(context: DaprWorkflowContext, data: Data) -> Steps:
    """Wait for a person's approval, and pay back."""
    context.set_custom_status("waiting for an approval")
    deadline = timedelta(days=DAYS_TO_DECIDE)
    try:
        decision = yield context.wait_for_external_event(APPROVAL, timeout=deadline)
    except TimeoutError:
        return "nobody has decided"
    if not (isinstance(decision, dict) and decision.get("approved")):
        context.set_custom_status("rejected")
        return "rejected"
    context.set_custom_status("approved")
    return (yield context.call_activity("pay_back", input=data))


def import_catalogue(context: DaprWorkflowContext, data: Data) -> Steps:
    """Import the pages of a catalogue, each as a child, and return how many products they have."""
    numbers = range(1, data["pages"] + 1)
    products = yield when_all(
        [
            context.call_child_workflow(import_page, input={**data, "number": number})
            for number in numbers
        ]
    )
    return {"products": sum(products)}


def import_page(context: DaprWorkflowContext, data: Data) -> Steps:
    """Read one page."""
    return (yield context.call_activity("read_page", input=data))


def monthly_report(context: DaprWorkflowContext, data: Data) -> Steps:
    """Aggregate the sales of a month, which takes long."""
    context.set_custom_status(f"aggregating {data['month']}")
    return (yield context.call_activity("aggregate_sales", input=data["minutes"]))


WORKFLOWS: tuple[Callable[[DaprWorkflowContext, Any], Steps], ...] = (
    shipment,
    invoice,
    refund,
    import_catalogue,
    import_page,
    monthly_report,
)
