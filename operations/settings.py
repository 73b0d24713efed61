"""Where settings come from, and those of every process that talks to Dapr or the ledger."""

import os
from pathlib import Path
from typing import Self

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from operations.errors import InvalidInput

PREFIX = "FLOWDECK_"


class Settings(BaseSettings):
    """Settings that a process reads once, from `FLOWDECK_*` variables."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, extra="ignore", frozen=True, populate_by_name=True
    )

    @classmethod
    def load(cls) -> Self:
        """Read the settings, what the environment lacks from `.env`.

        `FLOWDECK_ENV_FILE` names another file, or none if it is empty. Raises `InvalidInput` for
        the first setting that cannot be.
        """
        file = os.environ.get(f"{PREFIX}ENV_FILE", ".env")
        try:
            return cls(_env_file=file or None)
        except ValidationError as error:
            first = error.errors()[0]
            name = str(first["loc"][0])
            variable = name if name.isupper() else PREFIX + name.upper()
            wanted = first["msg"].removeprefix("Input should be ")
            raise InvalidInput(variable, first["input"], wanted) from error


class OperationsSettings(Settings):
    """Where Dapr and the ledger are, and what is logged.

    `DAPR_GRPC_ENDPOINT`, `DAPR_GRPC_PORT` and `DAPR_API_TOKEN` are Dapr's own names, which
    `dapr run` and Kubernetes set.
    """

    grpc_endpoint: str | None = Field(None, validation_alias="DAPR_GRPC_ENDPOINT")
    grpc_port: int = Field(28007, validation_alias="DAPR_GRPC_PORT", ge=1, le=65535)
    api_token: str | None = Field(None, validation_alias="DAPR_API_TOKEN", repr=False)
    ledger_url: str | None = Field(None, repr=False)
    home: Path = Field(Path(), description="The folder that holds `data/`.")
    log_level: str = Field("info", pattern="^(debug|info|warning|error)$")
    log_format: str = Field("text", pattern="^(text|json)$")

    @property
    def endpoint(self) -> str:
        """The address of the sidecar's gRPC API."""
        return self.grpc_endpoint or f"127.0.0.1:{self.grpc_port}"

    @property
    def ledger(self) -> str:
        """The SQLAlchemy URL of the ledger; by default a SQLite file under `data/`."""
        return self.ledger_url or f"sqlite:///{self.home.resolve() / 'data' / 'ledger.db'}"
