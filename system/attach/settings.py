"""The settings of an attached Flowdeck; its ports differ from those that applications use."""

from pathlib import Path

from pydantic import Field

from api.settings import ApiSettings
from dashboard.settings import DashboardSettings
from operations.settings import SPANS_PATH, OperationsSettings
from system.dapr.settings import PROJECT
from system.environment import http_url

_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - where to reach such a server
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
            "api": _url(self.api_host, self.api_port),
            "dashboard": _url(self.page_host, self.page_port),
        }

    @property
    def span_endpoint(self) -> str:
        """The address to which a sidecar on this machine sends its trace spans."""
        return f"{_url(self.spans_host, self.spans_port)}{SPANS_PATH}"

    @property
    def companion_ports(self) -> dict[str, int]:
        """The ports of a companion, by use."""
        return {name: self.dapr_ports + offset for offset, name in enumerate(_COMPANION)}


def _url(host: str, port: int) -> str:
    return http_url(_EVERYWHERE.get(host, host), port)
