"""Opens gRPC connections to a sidecar."""

import re
from dataclasses import dataclass

import grpc
from dapr.conf.helpers import GrpcEndpoint

from operations.errors import InvalidInput

EXPECTED = "host:port, [IPv6 address]:port, https://host:port or host:port?tls=true"
_OPTIONS = (
    # A history may be larger than gRPC's default of 4 MiB.
    ("grpc.max_receive_message_length", -1),
    # gRPC's default back-off grows to two minutes; a restarted sidecar must be found at once.
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.min_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 1000),
)
_HOST_AND_PORT = re.compile(
    r"((?P<scheme>https?)://)?(?P<host>\[[0-9A-Fa-f:.]+\]|[^\s:/?#@\[\]]+)(:(?P<port>[0-9]{1,5}))?"
    r"/?(\?tls=(?P<tls>true|false))?"
)
_OTHER_SCHEME = re.compile(r"(dns|unix|unix-abstract|vsock):\S+")


@dataclass(frozen=True)
class Address:
    """The target of a gRPC connection, and whether it uses TLS."""

    target: str
    tls: bool


def parse_address(endpoint: str) -> Address:
    """Return the address in the grammar of Dapr's SDK.

    The SDK's own parser breaks short IPv6 addresses, and connects without TLS if the value of
    `tls` is neither true nor false. Raise `InvalidInput`.
    """
    found = _HOST_AND_PORT.fullmatch(endpoint)
    if found and not (found["scheme"] and found["tls"]):
        port = int(found["port"] or 443)
        if 0 < port < 2**16:
            tls = found["scheme"] == "https" or found["tls"] == "true"
            return Address(f"dns:{found['host']}:{port}", tls)
    elif _OTHER_SCHEME.fullmatch(endpoint) and not re.search(
        r"[?&]tls=(?!(true|false)$)", endpoint
    ):
        try:
            other = GrpcEndpoint(endpoint)
        except ValueError as error:
            raise InvalidInput("DAPR_GRPC_ENDPOINT", endpoint, EXPECTED) from error
        return Address(other.endpoint, other.tls)
    raise InvalidInput("DAPR_GRPC_ENDPOINT", endpoint, EXPECTED)


def open_channel(endpoint: str) -> grpc.Channel:
    """Return a channel that reconnects within a second; raise `InvalidInput`."""
    address = parse_address(endpoint)
    if address.tls:
        return grpc.secure_channel(address.target, grpc.ssl_channel_credentials(), _OPTIONS)
    return grpc.insecure_channel(address.target, _OPTIONS)
