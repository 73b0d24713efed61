"""The one door to Dapr: the port that the rest knows, and its Dapr implementation."""

from operations.gateway.channel import open_channel
from operations.gateway.dapr import DaprGateway
from operations.gateway.port import Gateway, IdPage

__all__ = ["DaprGateway", "Gateway", "IdPage", "open_channel"]
