"""The settings of the local Dapr: its data folder, its ports, its traces."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from operations.settings import BodySize, Host, ServerSettings

LOOPBACK = "127.0.0.1"
PROJECT = Path(__file__).resolve().parents[2]


class DaprSettings(ServerSettings):
    """Settings of the Dapr that `make run` starts.

    It uses ten consecutive ports on 127.0.0.1, not Dapr's defaults, so that it runs beside a
    `dapr init`. The ports are below the range that Linux uses for outgoing connections.
    """

    home: Path = Field(PROJECT, description="The folder that contains `data/`.")
    app_id: str = Field("workflow-app", description="The Dapr application's id.", min_length=1)
    resources: Path = Field(PROJECT / "components", description="The folder of Dapr's resources.")
    dapr_ports: int = Field(28000, description="The first of Dapr's ten ports.", ge=1024, le=65525)
    spans_host: Host = Field(LOOPBACK, description="Where the recorder listens for traces.")
    spans_port: int | None = Field(
        None, description="By default the port after Dapr's ten.", ge=1, le=65535
    )
    trace_rate: float = Field(
        1.0, description="The share of traces that daprd sends, 0 for none.", ge=0, le=1
    )
    dapr_max_body_size: BodySize = Field(
        "4Mi", description="The largest history of an instance, and the largest message."
    )
    dapr_log_level: Literal["debug", "info", "warn", "error", "fatal"] = "info"

    @property
    def data(self) -> Path:
        """The folder of all persistent data: Dapr's state, the scheduler's jobs, the ledger."""
        return self.home.resolve() / "data"

    @property
    def logs(self) -> Path:
        """The folder of the processes' full output, one file each."""
        return self.data / "logs"

    @property
    def trace_port(self) -> int:
        """The port on which the recorder listens for traces."""
        return self.spans_port or self.dapr_ports + len(_PORTS)

    @property
    def ports(self) -> dict[str, int]:
        """Each of Dapr's ten ports, by its use."""
        return {name: self.dapr_ports + offset for offset, name in enumerate(_PORTS)}


_PORTS = (
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
