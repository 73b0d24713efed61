"""Translates gRPC errors into Flowdeck's, and decides which calls are retried."""

import re
from collections.abc import Callable
from typing import TypeVar

import grpc
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_exponential

from operations.errors import (
    DaprRefused,
    DaprUnavailable,
    FlowdeckError,
    HistoryLost,
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
_NOT_CONNECTED = {
    "CERTIFICATE_VERIFY_FAILED": (
        "the sidecar's certificate is not trusted, so GRPC_DEFAULT_SSL_ROOTS_FILE_PATH must name "
        "a file with the certificate of the authority that signed it"
    ),
    "Hostname Verification Check failed": "the sidecar's certificate is for another host name",
    "WRONG_VERSION_NUMBER": "the sidecar does not use TLS, so its address must be host:port",
    "missing selected ALPN": (
        "the server at this address uses TLS without HTTP/2 (ALPN h2), which the sidecar's gRPC "
        "API needs"
    ),
    "Socket closed": (
        "the connection is accepted and closed at once: either the address needs TLS "
        "(https://host:port), or a proxy does not reach the sidecar"
    ),
}
_BROKEN_LIST = re.compile(r"invalid key format: .*?\.workflow\|\|(?P<id>.*)\|\|metadata", re.DOTALL)
_TAKEN = re.compile(r"workflow '(?P<id>.*)' has already been created", re.DOTALL)
_LOST_HISTORY = re.compile(
    r"workflow '(?P<id>.*)': (?P<missing>\w+ key '[^']*') declared in metadata"
    r"|failed to unmarshal (?P<damaged>workflow metadata|.* key '[^']*')",
    re.DOTALL,
)
_NOT_RERUNNABLE = {
    "does not have history event": "it has no event with this id",
    "is not an event that can be rerun": "that event is not an activity, a timer or a child",
    "is not in a terminal state": "it has not ended",
    "cannot rerun from child-workflows": "it is a child; rerun its parent",
    "cannot write input to timer event": "a timer takes no input",
    "must be different from the original": "the new instance needs another id",
}
_TOO_LARGE = re.compile(r"message larger than max \((?P<size>\d+) vs\. (?P<max>\d+)\)")


def retry_transient(call: Callable[[], _Answer]) -> _Answer:
    """Return the result of a read; repeat the read while it fails with a transient error.

    Dapr fails a read for a moment while it writes the instance. Raise `grpc.RpcError`.
    """
    return _RETRYING(call)


def _is_transient(error: BaseException) -> bool:
    return (
        isinstance(error, grpc.RpcError)
        and error.code() is grpc.StatusCode.UNKNOWN
        and "declared in metadata" in _details(error)
    )


_RETRYING = Retrying(
    retry=retry_if_exception(_is_transient),
    stop=stop_after_attempt(5),
    wait=wait_exponential(multiplier=0.01, max=0.1),  # seconds
    reraise=True,
)


def may_have_acted(error: grpc.RpcError) -> bool:
    """Return True if a failed call may have been carried out.

    Dapr acts first and then waits for the effect; an error during the wait fails the call.
    """
    details = _details(error)
    refused = error.code() in _REFUSED or _NOT_DONE.search(details)
    return not (refused or _NOT_SENT.search(details))


def to_flowdeck_error(error: grpc.RpcError, instance_id: str = "") -> FlowdeckError:
    """Return the Flowdeck error for a gRPC error of a call about an instance."""
    code, details = error.code(), _details(error)
    if code in _UNREACHABLE or code is grpc.StatusCode.UNAUTHENTICATED:
        return DaprUnavailable(describe(error))
    if refusal := _refusal(details, instance_id):
        return refusal
    if code is grpc.StatusCode.NOT_FOUND or "no such instance exists" in details:
        return UnknownInstance(instance_id)
    if code is grpc.StatusCode.ALREADY_EXISTS:
        return InstanceExists(instance_id, "by a running instance")
    return DaprRefused(_remedy(details) or f"The Dapr engine refused: {code.name}: {details}")


def _refusal(details: str, instance_id: str) -> FlowdeckError | None:
    """Return the error that the text of a refusal names, None if only the code names one."""
    if "has not yet completed" in details:
        return NotFinished(instance_id)
    if taken := _TAKEN.search(details):
        return InstanceExists(taken["id"], "by another instance")
    if lost := _LOST_HISTORY.search(details):
        missing, damaged = lost["missing"], lost["damaged"]
        cause = f"The {missing} is missing" if missing else f"The {damaged} is damaged"
        return HistoryLost(lost["id"] or instance_id, cause)
    reason = next((reason for text, reason in _NOT_RERUNNABLE.items() if text in details), None)
    return NotRerunnable(instance_id, reason) if reason else None


def describe(error: grpc.RpcError) -> str:
    """Return the reason why the engine did not answer, in words for an operator."""
    details = _details(error)
    if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
        return "no answer in time"
    if error.code() is grpc.StatusCode.UNAUTHENTICATED:
        return "the sidecar refuses the API token, so DAPR_API_TOKEN must be the sidecar's own"
    if _NOT_SENT.search(details):
        known = (reason for text, reason in _NOT_CONNECTED.items() if text in details)
        return next(known, "no sidecar accepts the connection")
    return details or "the connection was lost"


def _remedy(details: str) -> str | None:
    """Return the cause and the remedy of a refusal, None if they are unknown."""
    if broken := _BROKEN_LIST.search(details):
        return (
            f"Dapr cannot list its instances while one has the id {broken['id']!r}: "
            "an id must not contain '||'. Terminate that instance and purge it."
        )
    if large := _TOO_LARGE.search(details):
        return (
            f"Too large for the sidecar: {large['size']} bytes; it accepts and sends at most "
            f"{large['max']}. Start daprd with a larger --max-body-size."
        )
    if "Received http2 header with status" in details:
        return (
            "An HTTP server answers at this address, but not with gRPC: use the sidecar's gRPC "
            "port, not its HTTP port. A proxy must pass gRPC through."
        )
    return None


def _details(error: grpc.RpcError) -> str:
    return error.details() or ""
