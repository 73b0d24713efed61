"""Where the embedded engine keeps its data and which ports it takes."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from operations.settings import Host, Settings

PROJECT = Path(__file__).resolve().parent.parent


class EngineSettings(Settings):
    """Settings of the embedded engine.

    The engine takes a block of ten consecutive ports on 127.0.0.1, not Dapr's own defaults, so
    that it runs beside a `dapr init`. The block lies below the range that Linux hands out to
    outgoing connections.
    """

    home: Path = Field(PROJECT, description="The folder that holds `data/`.")
    app_id: str = Field("workflow-app", description="The Dapr application's id.", min_length=1)
    resources: Path = Field(PROJECT / "components", description="The folder of Dapr's resources.")
    engine_ports: int = Field(
        28000, description="First of the ten ports that the engine takes.", ge=1024, le=65525
    )
    spans_host: Host = Field("127.0.0.1", description="Where the recorder takes traces.")
    spans_port: int | None = Field(
        None, description="By default the port after the block.", ge=1, le=65535
    )
    trace_rate: float = Field(
        1.0, description="The share of traces that daprd sends, 0 for none.", ge=0, le=1
    )
    engine_log_level: Literal["debug", "info", "warn", "error", "fatal"] = "info"

    @property
    def data(self) -> Path:
        """The folder of all that lasts: Dapr's state, the scheduler's jobs, the ledger."""
        return self.home.resolve() / "data"

    @property
    def spans(self) -> int:
        """The port on which the recorder takes traces."""
        return self.spans_port or self.engine_ports + len(_BLOCK)

    @property
    def ports(self) -> dict[str, int]:
        """Every port of the block, by what listens on it."""
        return {name: self.engine_ports + offset for offset, name in enumerate(_BLOCK)}


_BLOCK = (
    "placement",
    "placement raft",
    "placement healthz",
    "scheduler",
    "scheduler etcd client",
    "scheduler etcd peer",
    "scheduler healthz",
    "dapr gRPC",
    "dapr HTTP",
    "dapr internal gRPC",
)
