"""The settings of the order application."""

from pydantic import Field

from api.settings import ApiSettings


class WorkerSettings(ApiSettings):
    """Settings of the worker. Durations are in seconds."""

    app_port: int | None = Field(None, validation_alias="APP_PORT", ge=1, le=65535)
    process_seconds: float = Field(2.0, ge=0, le=3600, allow_inf_nan=False)
    check_seconds: float = Field(2.0, ge=0, le=3600, allow_inf_nan=False)
    confirm_seconds: float = Field(1.0, ge=0, le=3600, allow_inf_nan=False)
    fault_rate: float = Field(0.0, ge=0, le=1)
    demo: bool = False

    @property
    def port(self) -> int:
        """The port of the REST API: `api_port` if set, else the port of `dapr run --app-port`."""
        if self.app_port and "api_port" not in self.model_fields_set:
            return self.app_port
        return self.api_port
