"""The settings of an attached Flowdeck; its ports differ from those that applications use."""

from pathlib import Path

from pydantic import Field

from api.settings import ApiSettings
from dashboard.settings import DashboardSettings
from operations.settings import OperationsSettings
from system.dapr.settings import PROJECT

_COMPANION = ("companion gRPC", "companion HTTP", "companion internal gRPC")


class AttachSettings(DashboardSettings, ApiSettings, OperationsSettings):
    """Where the processes of an attached Flowdeck listen, and where they keep their data."""

    home: Path = PROJECT
    spans_port: int = Field(28020, ge=1, le=65535)
    api_port: int = Field(28021, ge=1, le=65535)
    page_port: int = Field(28022, ge=1, le=65535)
    dapr_ports: int = Field(28023, ge=1024, le=65533)

    @property
    def ports(self) -> dict[str, int]:
        """The ports of Flowdeck's processes, by use."""
        return {"traces": self.spans_port, "REST API": self.api_port, "dashboard": self.page_port}

    @property
    def addresses(self) -> dict[str, str]:
        """The addresses of the REST API and of the dashboard, by process."""
        return {
            "api": f"http://{self.api_host}:{self.api_port}",
            "dashboard": f"http://{self.page_host}:{self.page_port}",
        }

    @property
    def companion_ports(self) -> dict[str, int]:
        """The ports of a companion, by use."""
        return {name: self.dapr_ports + offset for offset, name in enumerate(_COMPANION)}
