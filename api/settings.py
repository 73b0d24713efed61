"""The settings of the REST API."""

from pydantic import Field

from operations.settings import Host, ServerSettings


class ApiSettings(ServerSettings):
    """The address that the REST API is served at."""

    api_host: Host = "127.0.0.1"
    api_port: int = Field(8000, ge=1, le=65535)
