"""gRPC's errors: which pass by themselves, which leave the outcome open, and what ours they are."""

import re
import time
from collections.abc import Callable
from typing import TypeVar

import grpc
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_exponential

from operations.errors import (
    DaprRefused,
    DaprUnavailable,
    FlowdeckError,
    InstanceExists,
    NotFinished,
    NotRerunnable,
    UnknownInstance,
)

_Answer = TypeVar("_Answer")
_UNREACHABLE = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)
_REFUSED = (
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.ALREADY_EXISTS,
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.PERMISSION_DENIED,
    grpc.StatusCode.UNAUTHENTICATED,
    grpc.StatusCode.UNIMPLEMENTED,
)
_NOT_DONE = re.compile(
    r"no such instance exists|job name is invalid|received message larger than max"
    r"|has not yet completed|(workflow|actor) is stalled"
)
_NOT_SENT = re.compile(
    r"failed to connect to (all addresses|remote host)|errors resolving|dns resolution failed",
    re.IGNORECASE,
)
_BROKEN_LIST = re.compile(r"invalid key format: .*?\.workflow\|\|(?P<id>.*)\|\|metadata", re.DOTALL)
_TAKEN = re.compile(r"workflow '(?P<id>.*)' has already been created", re.DOTALL)
_NOT_RERUNNABLE = {
    "does not have history event": "it has no event with this id",
    "is not an event that can be rerun": "that event is no activity, timer or child",
    "is not in a terminal state": "it has not ended",
    "cannot rerun from child-workflows": "it is a child; rerun its parent",
    "cannot write input to timer event": "a timer takes no input",
    "must be different from the original": "the new one needs an id of its own",
}
_TOO_LARGE = re.compile(r"message larger than max \((?P<size>\d+) vs\. (?P<max>\d+)\)")


def patiently(ask: Callable[[], _Answer]) -> _Answer:
    """Ask, and again while that fails with what passes by itself; raises `grpc.RpcError`.

    A read can fail for a moment while its instance is written.
    """
    try:
        return ask()
    except grpc.RpcError as error:
        if not _is_passing(error):
            raise
    time.sleep(_FIRST_WAIT)
    return _AGAIN(ask)


def _is_passing(error: BaseException) -> bool:
    return (
        isinstance(error, grpc.RpcError)
        and error.code() is grpc.StatusCode.UNKNOWN
        and "declared in metadata" in _details(error)
    )


_FIRST_WAIT = 0.01  # seconds
_AGAIN = Retrying(
    retry=retry_if_exception(_is_passing),
    stop=stop_after_attempt(4),
    wait=wait_exponential(multiplier=2 * _FIRST_WAIT, max=0.1),
    reraise=True,
)


def may_have_acted(error: grpc.RpcError) -> bool:
    """Whether a call that failed may have been carried out all the same.

    Dapr acts first and then waits for the effect, and any error of that wait is the call's.
    """
    details = _details(error)
    refused = error.code() in _REFUSED or _NOT_DONE.search(details)
    return not (refused or _NOT_SENT.search(details))


def translated(error: grpc.RpcError, instance_id: str = "") -> FlowdeckError:
    """Return the error of ours that one of gRPC's is, for a call about this instance."""
    code, details = error.code(), _details(error)
    if code in _UNREACHABLE:
        return DaprUnavailable(words(error))
    if refusal := _refusal(details, instance_id):
        return refusal
    if code is grpc.StatusCode.NOT_FOUND or "no such instance exists" in details:
        return UnknownInstance(instance_id)
    if code is grpc.StatusCode.ALREADY_EXISTS:
        return InstanceExists(instance_id, "by an instance that runs")
    return DaprRefused(_remedy(details) or f"The Dapr engine refused: {code.name}: {details}")


def _refusal(details: str, instance_id: str) -> FlowdeckError | None:
    """Return what the words of a refusal say, where the code alone does not tell."""
    if "has not yet completed" in details:
        return NotFinished(instance_id)
    if taken := _TAKEN.search(details):
        return InstanceExists(taken["id"], "by another instance")
    reason = next((reason for words, reason in _NOT_RERUNNABLE.items() if words in details), None)
    return NotRerunnable(instance_id, reason) if reason else None


def words(error: grpc.RpcError) -> str:
    """Return why the engine did not answer, in the words of the person who waits."""
    details = _details(error)
    if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
        return "no answer in time"
    if _NOT_SENT.search(details):
        return "no sidecar accepts the connection"
    return details or "the connection was lost"


def _remedy(details: str) -> str | None:
    """Return what to do about a refusal, if that is known."""
    if broken := _BROKEN_LIST.search(details):
        return (
            f"Dapr cannot list its instances while one has the id {broken['id']!r}: "
            "an id must not hold '||'. Terminate that instance and purge it."
        )
    if large := _TOO_LARGE.search(details):
        return (
            f"Too large for the sidecar: {large['size']} bytes, and it takes and sends at most "
            f"{large['max']}. Start daprd with a larger --max-body-size."
        )
    return None


def _details(error: grpc.RpcError) -> str:
    return error.details() or ""
