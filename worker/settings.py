"""How the order application runs."""

from pydantic import AliasChoices, Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class WorkerSettings(BaseSettings):
    """Settings of the worker, from the environment or `.env`. Durations are in seconds."""

    model_config = SettingsConfigDict(
        env_file=".env",
        env_prefix="FLOWDECK_",  # else the fields' own names are read too, and HOME is everybody's
        extra="ignore",
        frozen=True,
        populate_by_name=True,
    )

    api_host: str = Field("127.0.0.1", validation_alias="FLOWDECK_API_HOST")
    # `dapr run --app-port` tells the application its port as APP_PORT.
    api_port: int = Field(
        8000, validation_alias=AliasChoices("FLOWDECK_API_PORT", "APP_PORT"), ge=1, le=65535
    )
    process_seconds: float = Field(
        2.0, validation_alias="FLOWDECK_PROCESS_SECONDS", ge=0, le=3600, allow_inf_nan=False
    )
    check_seconds: float = Field(
        2.0, validation_alias="FLOWDECK_CHECK_SECONDS", ge=0, le=3600, allow_inf_nan=False
    )
    confirm_seconds: float = Field(
        1.0, validation_alias="FLOWDECK_CONFIRM_SECONDS", ge=0, le=3600, allow_inf_nan=False
    )
    fault_rate: float = Field(0.0, validation_alias="FLOWDECK_FAULT_RATE", ge=0, le=1)
