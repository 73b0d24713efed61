"""How the order application runs."""

from pydantic import AliasChoices, Field

from operations.settings import Settings


class WorkerSettings(Settings):
    """Settings of the worker. Durations are in seconds."""

    api_host: str = "127.0.0.1"
    # `dapr run --app-port` tells the application its port as APP_PORT.
    api_port: int = Field(
        8000, validation_alias=AliasChoices("FLOWDECK_API_PORT", "APP_PORT"), ge=1, le=65535
    )
    process_seconds: float = Field(2.0, ge=0, le=3600, allow_inf_nan=False)
    check_seconds: float = Field(2.0, ge=0, le=3600, allow_inf_nan=False)
    confirm_seconds: float = Field(1.0, ge=0, le=3600, allow_inf_nan=False)
    fault_rate: float = Field(0.0, ge=0, le=1)
