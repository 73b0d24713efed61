"""The port to a workflow engine, and its implementation for a Dapr sidecar."""

from operations.gateway.channel import open_channel
from operations.gateway.dapr import DaprGateway, open_gateway
from operations.gateway.port import Gateway, HistorySize, IdPage

__all__ = ["DaprGateway", "Gateway", "HistorySize", "IdPage", "open_channel", "open_gateway"]
