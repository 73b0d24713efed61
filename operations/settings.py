"""Where Dapr and the ledger are."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class OperationsSettings(BaseSettings):
    """Settings shared by every process that talks to Dapr or the ledger.

    `DAPR_GRPC_ENDPOINT`, `DAPR_GRPC_PORT` and `DAPR_API_TOKEN` are Dapr's own names, which
    `dapr run` and Kubernetes set; the rest are `FLOWDECK_*`. A `.env` file is read too.
    """

    model_config = SettingsConfigDict(
        env_file=".env",
        env_prefix="FLOWDECK_",  # else the fields' own names are read too, and HOME is everybody's
        extra="ignore",
        frozen=True,
        populate_by_name=True,
    )

    grpc_endpoint: str | None = Field(None, validation_alias="DAPR_GRPC_ENDPOINT")
    grpc_port: int = Field(28007, validation_alias="DAPR_GRPC_PORT", ge=1, le=65535)
    api_token: str | None = Field(None, validation_alias="DAPR_API_TOKEN", repr=False)
    ledger_url: str | None = Field(None, validation_alias="FLOWDECK_LEDGER_URL", repr=False)
    home: Path = Field(Path(), validation_alias="FLOWDECK_HOME")
    log_level: str = Field(
        "info", validation_alias="FLOWDECK_LOG_LEVEL", pattern="^(debug|info|warning|error)$"
    )
    log_format: str = Field("text", validation_alias="FLOWDECK_LOG_FORMAT", pattern="^(text|json)$")

    @property
    def endpoint(self) -> str:
        """The address of the sidecar's gRPC API."""
        return self.grpc_endpoint or f"127.0.0.1:{self.grpc_port}"

    @property
    def ledger(self) -> str:
        """The SQLAlchemy URL of the ledger; by default a SQLite file under `data/`."""
        return self.ledger_url or f"sqlite:///{self.home.resolve() / 'data' / 'ledger.db'}"
