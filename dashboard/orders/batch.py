"""Starts the orders of a submission, and says what became of each."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby

from operations.actions import StartRequest, StartResult
from operations.errors import FlowdeckError, OutcomeUnknown, Unavailable

AT_ONCE = 8  # concurrent starts
NAMED = 5  # instances, or ranges of them, that a line names
SUBMITTED, UNKNOWN = "Submitted", "Not known to be submitted"
NOT_SUBMITTED, NOT_TRIED = "Not submitted", "Not tried"
OUTCOME_TEXTS = (SUBMITTED, UNKNOWN, NOT_SUBMITTED, NOT_TRIED)

Result = StartResult | FlowdeckError | None
"""The result of a start, or its error; None if the start was not tried."""


def start_batch(
    requests: list[StartRequest], start: Callable[[StartRequest], StartResult]
) -> list[Result]:
    """Start the requests; once a service is found away, no other request is tried."""
    is_away = threading.Event()

    def start_one(request: StartRequest) -> Result:
        if is_away.is_set():
            return None
        try:
            return start(request)
        except Unavailable as error:
            is_away.set()
            return error
        except FlowdeckError as error:
            return error

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(start_one, requests))


def can_be_retried(result: Result) -> bool:
    """Return True if the same start may succeed later; it is safe to repeat."""
    return result is None or isinstance(result, Unavailable)


def describe(requests: list[StartRequest], results: list[Result]) -> str:
    """Return which requests have which outcome, and the reason: a line for each outcome."""
    ids = [request.instance_id for request in requests]
    numbers: dict[str, list[int]] = {each: [] for each in OUTCOME_TEXTS}
    for number, result in enumerate(results):
        numbers[_outcome(result)].append(number)
    return "\n".join(
        _line(each, ids, numbers[each], results) for each in OUTCOME_TEXTS if numbers[each]
    )


def _outcome(result: Result) -> str:
    if result is None:
        return NOT_TRIED
    if isinstance(result, StartResult):
        return SUBMITTED
    return UNKNOWN if isinstance(result, OutcomeUnknown) else NOT_SUBMITTED


def _line(outcome: str, ids: list[str], numbers: list[int], results: list[Result]) -> str:
    count = f" ({len(numbers)} of {len(ids)})" if len(ids) > 1 else ""
    first = results[numbers[0]]
    reason = f" {first}" if isinstance(first, FlowdeckError) else ""
    return f"{outcome}{count}: {_named(ids, numbers)}.{reason}"


def _named(ids: list[str], numbers: list[int]) -> str:
    """Return the ids with these numbers; successive ids as a range."""
    ranges = [
        [number for _, number in group]
        for _, group in groupby(enumerate(numbers), lambda pair: pair[1] - pair[0])
    ]
    named = ", ".join(
        " … ".join(dict.fromkeys((ids[each[0]], ids[each[-1]]))) for each in ranges[:NAMED]
    )
    others = sum(len(each) for each in ranges[NAMED:])
    return f"{named} and {others} more" if others else named
