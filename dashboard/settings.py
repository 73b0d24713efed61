"""The settings of the dashboard."""

from pydantic import Field

from operations.settings import Host, ServerSettings


class DashboardSettings(ServerSettings):
    """The address that the pages are served at, and whether they offer the form of orders."""

    page_host: Host = "127.0.0.1"
    page_port: int = Field(8501, ge=1, le=65535)
    orders: bool = True
