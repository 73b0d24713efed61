"""The private modules of Dapr's SDK that the gateway needs; no other module imports them.

The SDK's public client sets no deadlines, drops falsy payloads and returns only some of the
history. These are the generated messages (`pb`) and the generated client (`service`) beneath it.
An update may move them: then `tests/unit/test_gateway_stubs.py` fails and names the remedy.
"""

try:
    from dapr.ext.workflow._durabletask.internal import orchestrator_service_pb2_grpc as service
    from dapr.ext.workflow._durabletask.internal import protos as pb
except ImportError as error:
    raise ImportError(
        "The installed `dapr` has moved its private modules. Install the version that "
        "requirements.txt names, or adapt operations/gateway/stubs.py to this one."
    ) from error

__all__ = ["pb", "service"]
