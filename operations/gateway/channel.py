"""Opens gRPC connections to a sidecar."""

import grpc
from dapr.conf.helpers import GrpcEndpoint

from operations.errors import InvalidInput

_OPTIONS = (
    # A history may be larger than gRPC's default of 4 MiB.
    ("grpc.max_receive_message_length", -1),
    # gRPC's default back-off grows to two minutes; a restarted sidecar must be found at once.
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.min_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 1000),
)


def open_channel(endpoint: str) -> grpc.Channel:
    """Return a channel that reconnects within a second; raise `InvalidInput`."""
    try:
        address = GrpcEndpoint(endpoint)
    except ValueError as error:
        raise InvalidInput(
            "DAPR_GRPC_ENDPOINT", endpoint, "host:port or host:port?tls=true"
        ) from error
    if address.tls:
        return grpc.secure_channel(address.endpoint, grpc.ssl_channel_credentials(), _OPTIONS)
    return grpc.insecure_channel(address.endpoint, _OPTIONS)
